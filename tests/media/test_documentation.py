"""The edit files and lines of lists that docs/edit-files.md and docs/evaluation.md show are read as they are."""

from __future__ import annotations

import re
from pathlib import Path

from draglab.media.edit_file import EditFile, parse_edit_file
from draglab.media.edit_line import EditLine, parse_edit_line

DOCS = Path(__file__).resolve().parents[2] / "docs"


def shown(page: str) -> list[str]:
    """JSON on a page."""
    return re.findall(r"^```json\n(.*?)^```", (DOCS / page).read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


def test_the_edit_file_and_the_list_can_be_read():
    file, lines = shown("edit-files.md")
    edit = parse_edit_file(file.replace("64 hexadecimal digits", "0" * 64).encode())
    assert isinstance(edit, EditFile) and len(edit.rounds) == 1
    read = [parse_edit_line(line.encode()) for line in lines.splitlines()]
    assert [line.seed for line in read if isinstance(line, EditLine)] == [7, 8]


def test_the_line_to_measure_can_be_read():
    (line,) = shown("evaluation.md")
    read = parse_edit_line(line.encode())
    assert isinstance(read, EditLine) and read.landmarks == [30]
