"""Lists of jobs in files, one a line; read as streams."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from draglab.errors import DraglabError
from draglab.media.edit_line import LINE_LIMIT
from draglab.run_files import bounded_lines

MOST_LINES = 10_000_000
DIGEST_BYTES = 8


@dataclass(frozen=True)
class Line:
    """A line of a list.

    Attributes:
        number: its number in the file, from 1. data: its content; of one that is too long, the first LINE_LIMIT + 1
            bytes.
    """

    number: int
    data: bytes

    @property
    def digest(self) -> bytes:
        """Return the first DIGEST_BYTES bytes of the data's SHA-256."""
        return hashlib.sha256(self.data).digest()[:DIGEST_BYTES]


def read_list(path: str | Path) -> Iterator[Line]:
    """Yield the lines of a list; those that are empty are left out.

    Raises:
        DraglabError: there is no such file, it cannot be read, or it has more than MOST_LINES lines.
    """
    path = Path(path)
    try:
        if path.is_dir() or (path.exists() and not path.is_file()):
            raise DraglabError(f"{path} is not a file: give one with an edit on each line, as JSON")
        with path.open("rb") as file:
            for number, data in enumerate(bounded_lines(file, LINE_LIMIT), 1):
                if number > MOST_LINES:
                    raise DraglabError(f"{path} has more than {MOST_LINES} lines: split it")
                data = data.removeprefix(b"\xef\xbb\xbf") if number == 1 else data
                if data and not data.isspace():
                    yield Line(number, data)
    except FileNotFoundError:
        raise DraglabError(f"there is no list of edits {path}; check the name") from None
    except (OSError, ValueError) as error:
        reason = (getattr(error, "strerror", None) or str(error)).splitlines()[0]
        raise DraglabError(f"cannot read the list of edits {path}: {reason}") from None
