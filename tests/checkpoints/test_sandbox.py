"""The process that reads foreign files, and what its answer can make the parent do."""

from __future__ import annotations

import copy
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from draglab.checkpoints import open_model, sandbox
from draglab.checkpoints.description import check_description
from draglab.checkpoints.foreign.recognise import read_plan
from draglab.checkpoints.materialize import read_tensors
from draglab.checkpoints.sandbox import read_description
from draglab.errors import DraglabError
from tests.checkpoints import writers
from tests.tiny import tiny_generator


@pytest.fixture(scope="module")
def honest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return writers.write(tmp_path_factory.mktemp("models") / "model.pkl", tiny_generator(), "rosinality")


@pytest.fixture(scope="module")
def plan(honest: Path) -> dict[str, Any]:
    """What the child answers about that file."""
    return json.loads(json.dumps(read_plan(memoryview(honest.read_bytes())).to_json()))


def run_instead(monkeypatch: pytest.MonkeyPatch, program: str) -> None:
    """Another program as the child."""
    monkeypatch.setattr(sandbox, "_COMMAND", [*sandbox._COMMAND[:-2], program, sandbox._COMMAND[-1]])


# What is not a file.
def test_a_folder(tmp_path: Path) -> None:
    with pytest.raises(DraglabError, match="is a folder, not a file"):
        read_description(tmp_path)


def test_a_path_that_does_not_exist(tmp_path: Path) -> None:
    for name in ("nothing", "zero\0byte", "nothing/at/all"):
        with pytest.raises(DraglabError, match="there is no model file"):
            read_description(tmp_path / name)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names on this system")
def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(DraglabError, match="is a device, not a file"):
        read_description(tmp_path / "pipe")


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="no /dev/zero on this system")
def test_a_device() -> None:
    with pytest.raises(DraglabError, match="is a device, not a file"):
        open_model("/dev/zero")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="everything is permitted to this user")
def test_a_file_that_may_not_be_read(tmp_path: Path) -> None:
    path = tmp_path / "model.pkl"
    path.write_bytes(b"x")
    path.chmod(0)
    with pytest.raises(DraglabError, match="cannot read .*: Permission denied"):
        read_description(path)


def test_a_link_to_a_file(honest: Path, tmp_path: Path) -> None:
    link = tmp_path / "link.pt"
    link.symlink_to(honest)
    assert read_description(link) == read_description(honest)


# What the child may do.
CHILD = "import sys; sys.path.append(sys.argv[1]); from foreign import child; "
ACTIONS = [
    "open('/etc/hostname')",
    "open('ran', 'w')",
    "__import__('ctypes')",
    "compile('1', 'x', 'eval')",
    "eval('1')",
    "__import__('os').listdir('.')",
    "__import__('os').system('touch ran')",
    "__import__('os').fork()",
    "__import__('os').remove('model.pkl')",
    "__import__('sys').addaudithook(print)",
]


@pytest.mark.parametrize("action", ACTIONS)
def test_the_child_can_do_nothing_else(
    action: str, honest: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    # What a file that took over the readers would do.
    run_instead(monkeypatch, f"{CHILD}child.read_plan = lambda _: {action}; child.main()")
    with pytest.raises(DraglabError, match="it tried to do something else than read"):
        read_description(honest)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="other systems do not limit memory")
def test_the_child_has_little_memory(honest: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run_instead(monkeypatch, f"{CHILD}child.read_plan = lambda _: bytes(1 << 31); child.main()")
    with pytest.raises(DraglabError, match="needs more memory"):
        read_description(honest)


@pytest.mark.parametrize("error", ["RecursionError", "KeyError", "OverflowError"])
def test_mistakes_of_the_readers_are_refusals(error: str, honest: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run_instead(monkeypatch, f"{CHILD}\ndef fail(_): raise {error}('x')\nchild.read_plan = fail; child.main()")
    with pytest.raises(DraglabError, match=f"damaged, or not what it seems to be \\({error}\\); get it again"):
        read_description(honest)


# What the child may answer.
def test_a_child_that_never_stops_talking(honest: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run_instead(monkeypatch, "import os\nwhile True: os.write(1, b'1' * 65536)")
    with pytest.raises(DraglabError, match="reading it was stopped"):
        read_description(honest)


def test_a_child_that_never_answers(honest: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "SECONDS", 0.2)
    run_instead(monkeypatch, "import time; time.sleep(60)")
    with pytest.raises(DraglabError, match="takes longer to read than any honest checkpoint"):
        read_description(honest)


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no timers on this system")
def test_an_interruption_ends_the_child(honest: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[subprocess.Popen[bytes]] = []

    class Noted(subprocess.Popen):  # pyright: ignore[reportMissingTypeArgument]
        def __init__(self, *args: Any, **options: Any):
            super().__init__(*args, **options)
            started.append(self)

    monkeypatch.setattr(sandbox.subprocess, "Popen", Noted)
    run_instead(monkeypatch, "import time; time.sleep(60)")
    before = signal.signal(signal.SIGALRM, signal.default_int_handler)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.3)
        with pytest.raises(KeyboardInterrupt):
            read_description(honest)
    finally:
        signal.signal(signal.SIGALRM, before)
    assert started[0].poll() is not None


@pytest.mark.parametrize(
    "answer",
    [b"", b"null", b"[]", b"7", b"{}", b'{"plan": 3}', b'{"plan": {}}', b"[" * 100_000, b"\xff", b'{"error": 3}'],
)
def test_nonsense(answer: bytes, honest: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run_instead(monkeypatch, f"import os; os.write(1, {answer[:9]!r} * {max(1, len(answer) // 9)})")
    if len(answer) <= 9:
        run_instead(monkeypatch, f"import os; os.write(1, {answer!r})")
    with pytest.raises(DraglabError, match=r"reading it was stopped|: 3$"):
        read_description(honest)


def change(*path: Any, to: Any) -> Any:
    def changed(plan: dict[str, Any]) -> dict[str, Any]:
        place: Any = plan
        for step in path[:-1]:
            place = place[step]
        place[path[-1]] = to
        return plan

    return changed


ROW = ("tensors", 0)


@pytest.mark.parametrize(
    "changed",
    [
        change(*ROW, "shape", to=[10**12]),
        change(*ROW, "shape", to=[-1, 4, 4, 1]),
        change(*ROW, "shape", to=[0, 4, 4, 1]),
        change(*ROW, "shape", to=[1.0, 4, 4, 1]),
        change(*ROW, "shape", to=[True, 16, 4, 4]),
        change(*ROW, "shape", 0, to="1"),
        change(*ROW, "strides", 1, to=10**12),
        change(*ROW, "strides", 1, to=float("nan")),
        change(*ROW, "offset", to=-1),
        change(*ROW, "offset", to=10**12),
        change(*ROW, "start", to=-8),
        change(*ROW, "start", to=10**12),
        change(*ROW, "surprise", to=1),
        change(*ROW, "source", to=1),
        change(*ROW, "source", to=-1),
        change(*ROW, "dtype", to="F128"),
        change(*ROW, "dtype", to=["F32"]),
        change(*ROW, "changes", to=["explode"]),
        change(*ROW, "name", to=None),
        change("sources", to=[{"text": [0, 10**12]}]),
        change("sources", to=[{"text": [5, 4]}]),
        change("sources", to=[{"hex": "zz"}]),
        change("sources", to=[{"hex": "00"}]),
        change("code", to={"place": [0, 10**12]}),
        change("code", to={"place": [-1, 4]}),
        change("code", to={"place": [4]}),
        change("code", to={"hex": "zz"}),
        change("code", to={}),
        change("layers", to=None),
        change("tensors", to=3),
        change("arguments", to=[]),
        change("warnings", to=[3]),
        change("format", to=None),
    ],
)
def test_answers_that_no_reader_gives(changed: Any, plan: dict[str, Any], honest: Path) -> None:
    size = honest.stat().st_size
    assert check_description({"plan": copy.deepcopy(plan)}, size) == read_description(honest)
    with pytest.raises((ValueError, KeyError, TypeError, IndexError)):
        check_description({"plan": changed(copy.deepcopy(plan))}, size)


def test_sources_larger_than_the_file(plan: dict[str, Any], honest: Path) -> None:
    size = honest.stat().st_size
    several = copy.deepcopy(plan)
    several["sources"] = [{}, *[{"text": [0, size]} for _ in range(2 + (1 << 20) // size)]]
    with pytest.raises(DraglabError, match="larger than the file"):
        check_description({"plan": several}, size)


def test_texts_of_a_file_cannot_write_to_the_terminal(plan: dict[str, Any], honest: Path) -> None:
    hostile = copy.deepcopy(plan)
    hostile["facts"] = {"class": "\x1b[2J\ud800\nsecond line" + "x" * 10_000}
    facts = check_description({"plan": hostile}, honest.stat().st_size).facts
    assert facts["class"].startswith("\\x1b[2J\\ud800\\nsecond line")
    assert len(json.dumps(facts)) < 2000


# A file that changes between its description and the reading of its tensors.
@pytest.mark.parametrize("format_name", ["rosinality", "ada, protocol 2"])
def test_a_file_that_changes_meanwhile(format_name: str, tmp_path: Path) -> None:
    path = writers.write(tmp_path / "model.pkl", tiny_generator(), format_name)
    described = read_description(path)
    data = path.read_bytes()
    for changed in (data[: len(data) // 2], b"", b"\xff" * len(data)):
        path.write_bytes(changed)
        try:
            tensors = read_tensors(path, described)
            assert len(changed) == len(data)  # other numbers, of the shapes that were described
            counts = {place.name: place.count for place in described.tensors}
            assert {name: tensor.numel() for name, tensor in tensors.items()} == counts
        except DraglabError as error:
            assert "is not what it was a moment ago" in str(error)
    path.unlink()
    with pytest.raises(DraglabError, match="cannot read"):
        read_tensors(path, described)
