"""The folder of a batch: going on, damage, and what is refused."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from draglab.batch.executor import Answer
from draglab.batch.folder import DoneLines, open_folder
from draglab.batch.lists import Line
from draglab.errors import DraglabError

OPTIONS: Mapping[str, Any] = {"video": False, "model": "heads"}
ONE, TWO = Line(1, b"one"), Line(1002, b"two")


def begin(path: Path) -> bytes:
    """A batch of two lines, of which the second broke; the content of its report."""
    with open_folder(path, OPTIONS) as folder:
        folder.record(ONE, Answer({"steps": 3}, {".png": b"picture"}))
        folder.record(TWO, Answer(error="bad\nline"))
    return (path / "report.jsonl").read_bytes()


def test_what_is_recorded_is_known_again(tmp_path: Path) -> None:
    begin(tmp_path / "run")
    lines = [json.loads(line) for line in (tmp_path / "run" / "report.jsonl").read_text().splitlines()]
    assert lines[0] == {"line": 1, "digest": ONE.digest.hex(), "error": None, "steps": 3,
                        "files": {"png": "results/000/000001.png"}}  # fmt: skip
    assert (lines[1]["line"], lines[1]["error"], lines[1]["files"]) == (1002, "bad\\nline", {})
    assert (tmp_path / "run" / "results" / "000" / "000001.png").read_bytes() == b"picture"
    with open_folder(tmp_path / "run", OPTIONS, resume=True) as folder:
        assert (folder.done.count, folder.broken, folder.dropped) == (2, 1, 0)
        assert folder.check(ONE) and folder.check(TWO) and not folder.check(Line(2, b"one"))
        with pytest.raises(DraglabError, match="line 1 of the list is not what it was"):
            folder.check(Line(1, b"another"))


def test_retry_forgets_what_broke(tmp_path: Path) -> None:
    begin(tmp_path)
    with open_folder(tmp_path, OPTIONS, resume=True, retry=True) as folder:
        assert (folder.done.count, folder.broken, folder.check(TWO)) == (1, 0, False)
    assert len((tmp_path / "report.jsonl").read_text().splitlines()) == 1


@pytest.mark.parametrize("cut", range(1, 60, 7))
def test_a_line_that_a_kill_cut_off_is_dropped(tmp_path: Path, cut: int) -> None:
    report = begin(tmp_path)
    (tmp_path / "report.jsonl").write_bytes(report[:-cut])
    with open_folder(tmp_path, OPTIONS, resume=True) as folder:
        # Without its line break alone, the line is still whole.
        assert (folder.done.count, folder.dropped) == ((2, 0) if cut == 1 else (1, 1))
        folder.record(Line(5, b"five"), Answer())
    lines = [json.loads(line) for line in (tmp_path / "report.jsonl").read_text().splitlines()]
    assert [line["line"] for line in lines] == ([1, 1002, 5] if cut == 1 else [1, 5])


@pytest.mark.parametrize(
    "damaged",
    [b"{not json", b"[]", b'{"line": 2}', b'{"line": true, "digest": "0011223344556677", "error": null}',
     b'{"line": 2, "digest": "00", "error": null}', b'{"line": 2, "digest": "zz11223344556677", "error": null}',
     b'{"line": 99999999999, "digest": "0011223344556677", "error": null}', b"\x00\xff", b"x" * (2**20 + 1)],
)  # fmt: skip
def test_damaged_lines_are_dropped(tmp_path: Path, damaged: bytes) -> None:
    report = begin(tmp_path)
    (tmp_path / "report.jsonl").write_bytes(damaged + b"\n" + report)
    with open_folder(tmp_path, OPTIONS, resume=True) as folder:
        assert (folder.done.count, folder.dropped) == (2, 1)
    assert (tmp_path / "report.jsonl").read_bytes() == report


def test_what_a_kill_left_is_removed(tmp_path: Path) -> None:
    begin(tmp_path)
    for place in (tmp_path, tmp_path / "results" / "000"):
        (place / ".draglab-0123.part").write_bytes(b"half")
    (tmp_path / ".scratch").mkdir()
    (tmp_path / ".scratch" / "film.mp4").touch()
    with open_folder(tmp_path, OPTIONS, resume=True) as folder:
        assert list(folder.scratch.iterdir()) == []
    names = {path.name for path in tmp_path.rglob("*")}
    assert names == {".lock", "config.json", "report.jsonl", "results", "000", "000001.png"}


def refusal(path: Path, options: Mapping[str, Any] = OPTIONS, resume: bool = True) -> str:
    with pytest.raises(DraglabError) as refused, open_folder(path, options, resume):
        pass
    return str(refused.value)


def test_what_is_refused(tmp_path: Path) -> None:
    begin(tmp_path / "run")
    assert "add --resume to go on with it" in refusal(tmp_path / "run", resume=False)
    assert "was begun with video false, not true" in refusal(tmp_path / "run", {**OPTIONS, "video": True})
    with open_folder(tmp_path / "run", OPTIONS, resume=True):
        assert "another process is working on it" in refusal(tmp_path / "run").replace(str(tmp_path / "run"), "it")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.txt").touch()
    assert "holds other files ('thesis.txt')" in refusal(tmp_path / "other")
    assert "it is a file, not a directory" in refusal(tmp_path / "other" / "thesis.txt")
    assert "a part of the path is a file" in refusal(tmp_path / "other" / "thesis.txt" / "run")
    for text in ("{", "[]", '{"format": "draglab-run", "version": 1}', '{"format": "draglab-batch", "version": 1}'):
        (tmp_path / "run" / "config.json").write_text(text)
        assert "is damaged, or not of draglab batch" in refusal(tmp_path / "run")
    newer = {"format": "draglab-batch", "version": 2, "options": {}, "models": {}}
    (tmp_path / "run" / "config.json").write_text(json.dumps(newer))
    assert "written by a newer draglab" in refusal(tmp_path / "run")


def test_another_model_of_the_same_name_is_refused(tmp_path: Path) -> None:
    with open_folder(tmp_path, OPTIONS) as folder:
        folder.check_model("heads", "a" * 64)
    with open_folder(tmp_path, OPTIONS, resume=True) as folder:
        folder.check_model("heads", "a" * 64)
        folder.check_model("hands", "b" * 64)
        with pytest.raises(DraglabError, match="another model under the name 'heads'"):
            folder.check_model("heads", "b" * 64)


def test_a_full_disk_is_told_and_what_is_done_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    begin(tmp_path)
    true = os.write

    def half(descriptor: int, data: bytes) -> int:
        if len(data) < 20:
            raise OSError(errno.ENOSPC, "full")
        return true(descriptor, data[: len(data) // 2])

    with open_folder(tmp_path, OPTIONS, resume=True) as folder:
        monkeypatch.setattr(os, "write", half)
        with pytest.raises(DraglabError, match="the disk is full; free some space"):
            folder.record(Line(7, b"seven"), Answer({"steps": 1}))
        monkeypatch.undo()
    with open_folder(tmp_path, OPTIONS, resume=True) as folder:
        assert (folder.done.count, folder.dropped) == (2, 1)


def test_done_lines_take_eight_bytes_each() -> None:
    done = DoneLines()
    for number in (1, 3, 1_000_000, 3):
        done.add(number, number.to_bytes(8, "big"))
    assert done.count == 3
    assert [done.digest(n) is None for n in (0, 1, 2, 3, 4, 1_000_000, 1_000_001)] == [
        True, False, True, False, True, False, True]  # fmt: skip
    assert done.digest(3) == (3).to_bytes(8, "big")
    assert len(done._digests) == 8 * 1_000_001
