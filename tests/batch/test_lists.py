"""Lists are read as streams, within limits."""

from __future__ import annotations

import hashlib
import tracemalloc
from pathlib import Path

import pytest

from draglab.batch import lists
from draglab.batch.lists import read_list
from draglab.errors import DraglabError


def test_lines_have_the_numbers_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "list"
    path.write_bytes(b"\xef\xbb\xbfone\r\n\n \t\nfour\nfive")
    found = list(read_list(path))
    assert [(line.number, line.data) for line in found] == [(1, b"one"), (4, b"four"), (5, b"five")]
    assert found[0].digest == hashlib.sha256(b"one").digest()[:8]


@pytest.mark.parametrize("length", [8, 9, 10, 11, 200_000])
@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_long_lines_are_cut_and_the_next_one_is_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, length: int, end: bytes
) -> None:
    monkeypatch.setattr(lists, "LINE_LIMIT", 10)
    path = tmp_path / "list"
    path.write_bytes(b"x" * length + end + b"next" + end)
    assert [line.data for line in read_list(path)] == [b"x" * min(length, 11), b"next"]


def test_a_huge_line_takes_little_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lists, "LINE_LIMIT", 2**20)
    path = tmp_path / "list"
    with path.open("wb") as file:
        for _ in range(64):
            file.write(b"[" * 2**20)
        file.write(b"\nlast\n")
    tracemalloc.start()
    found = [len(line.data) for line in read_list(path)]
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert found == [2**20 + 1, 4]
    assert peak < 2**23


def test_what_is_no_list_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DraglabError, match="there is no list of edits"):
        list(read_list(tmp_path / "absent"))
    with pytest.raises(DraglabError, match="is not a file"):
        list(read_list(tmp_path))
    with pytest.raises(DraglabError, match="is not a file"):
        list(read_list("/dev/zero"))
    with pytest.raises(DraglabError, match="cannot read the list"):
        list(read_list("a\0b"))
    monkeypatch.setattr(lists, "MOST_LINES", 2)
    (tmp_path / "long").write_text("1\n2\n3\n")
    with pytest.raises(DraglabError, match="more than 2 lines: split it"):
        list(read_list(tmp_path / "long"))
