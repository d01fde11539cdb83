"""Every command and every piece of code in the start and the tutorials, run as printed in an empty folder."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from draglab.cli.main import main
from tests.checkpoints.writers import write
from tests.site.blocks import DOCS, Block, blocks
from tests.tiny import tiny_generator

PAGES = [DOCS / "index.md", DOCS / "start.md", DOCS / "install.md", *sorted((DOCS / "tutorials").glob("*.md"))]
REPOSITORY = DOCS.parent
GIVEN: dict[str, Callable[[Path], object]] = {"network-snapshot.pkl": lambda path: write(path, tiny_generator())}
"""Files that pages take for granted -> what makes them."""
PORT = "8765"
RUN = {"bash", "python", "json"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(DOCS)))
def test_a_page_runs_as_printed(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(REPOSITORY))
    for folder in ("DATA", "MODELS", "STATISTICS"):
        monkeypatch.setenv(f"DRAGLAB_{folder}", str(tmp_path / folder.lower()))
    port = free_port()
    names: dict[str, object] = {"__name__": "tutorial"}
    with running_servers() as start:
        for block in blocks(page):
            if block.not_run or block.language not in RUN:
                continue
            where = f"{page.name}:{block.line}"
            code = block.code.replace(PORT, port)
            if block.given:
                GIVEN[block.given](tmp_path / block.given)
            if block.language == "bash":
                for command in block.commands:
                    run_command(command.replace(PORT, port), where, start)
            elif block.title and "--8<--" in code:
                for included in re.findall(r'--8<-- "([^"]+)"', code):
                    assert (REPOSITORY / included).is_file(), f"{where}: there is no {included}"
            elif block.title:
                Path(block.title).write_text(code)
            elif block.language == "python":
                exec(compile("\n" * block.line + code, page.name, "exec"), names)


def run_command(command: str, where: str, start: Callable[[list[str], dict[str, str]], None]) -> None:
    """Run a line of a shell: draglab in this process, everything else in one of its own."""
    words = shlex.split(command, comments=True)
    variables = {}
    while re.fullmatch(r"[A-Z_]+=.*", words[0]):
        name, _, value = words.pop(0).partition("=")
        variables[name] = value
    if words[:2] == ["draglab", "edit"]:
        start(words[1:], variables)
    elif words[0] == "draglab":
        assert main(words[1:]) == 0, f"{where}: {command}"
    elif words[0] == "python":
        ran = subprocess.run([sys.executable, *words[1:]], capture_output=True, text=True, timeout=120)
        assert ran.returncode == 0, f"{where}: {command}: {ran.stderr}"
    elif words[0] == "curl":
        if shutil.which("curl"):
            ran = subprocess.run([*words, "--fail"], capture_output=True, timeout=60)
            assert ran.returncode == 0, f"{where}: {command}: {ran.stderr!r}"
    else:
        raise AssertionError(f"{where}: nobody runs {words[0]}: mark the block <!-- not run: why -->")


@contextmanager
def running_servers() -> Iterator[Callable[[list[str], dict[str, str]], None]]:
    """Yield what starts `draglab edit`; the block's end ends it."""
    processes: list[subprocess.Popen[str]] = []

    def start(arguments: list[str], variables: dict[str, str]) -> None:
        process = subprocess.Popen(
            [sys.executable, "-m", "draglab", *arguments], env=os.environ | variables, stdout=subprocess.PIPE, text=True
        )
        processes.append(process)
        port = arguments[arguments.index("--port") + 1]
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and process.poll() is None:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5):
                    return
            except OSError:
                time.sleep(0.1)
        raise AssertionError(f"draglab {' '.join(arguments)} did not start")

    try:
        yield start
    finally:
        for process in processes:
            process.kill()
            process.wait()
            assert process.stdout is not None
            process.stdout.close()


def free_port() -> str:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return str(listener.getsockname()[1])


def test_what_is_not_run_says_why() -> None:
    reasons = [block.not_run for page in PAGES for block in blocks(page) if block.not_run]
    assert len(reasons) > 5
    assert all(len(reason.split()) >= 4 for reason in reasons)


def test_most_is_run() -> None:
    shown = [block for page in (DOCS / "tutorials").glob("*.md") for block in blocks(page) if block.language in RUN]
    run = [block for block in shown if not block.not_run]
    assert len(run) >= 0.85 * len(shown)


def test_blocks_are_read(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "a\n```bash\ndraglab a \\\n  b\n# no\n```\n"
        '<!-- not run: it is dark -->\n```python title="x.py"\n1\n```\n```\nplain\n```\n'
    )
    assert blocks(page) == [
        Block(2, "bash", "draglab a \\\n  b\n# no\n", "", "", ""),
        Block(8, "python", "1\n", "x.py", "it is dark", ""),
        Block(11, "", "plain\n", "", "", ""),
    ]
    assert blocks(page)[0].commands == ["draglab a    b"]
