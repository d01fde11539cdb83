"""The four files of an IR: in a folder, or in a wheel."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from draglab.checkpoints.foreign.values import Refused
from draglab.checkpoints.openvino.wheel import Wheel, find_members
from draglab.errors import DraglabError
from draglab.files import read_bytes

NAMES = ("MappingNetwork.xml", "MappingNetwork.bin", "SynthesisNetwork.xml", "SynthesisNetwork.bin")
_BELOW = Path("random_face", "data")
"""Place of the files below the folder that a wheel is unpacked into."""


class IRFiles(Protocol):
    """The four files.

    Attributes:
        title: kind of their place, for people. bytes: size of all that was given.
    """

    title: str
    bytes: int

    def read(self, name: str, limit: int) -> bytes | bytearray:
        """Return the content of one of the files.

        Raises:
            Refused, DraglabError: it is missing, damaged, or larger than `limit` bytes.
        """
        ...


class Folder:
    """Files of an IR in a folder; see :class:`IRFiles`."""

    title = "OpenVINO IR in a folder"

    def __init__(self, path: Path) -> None:
        self.path = path
        for name in NAMES:
            if not (path / name).is_file():  # opening a pipe could block for ever
                raise Refused(f"there is no file {name} in {path}, which belongs to the model; get it, too")
        self.sizes = {name: (path / name).stat().st_size for name in NAMES}
        self.bytes = sum(self.sizes.values())

    def read(self, name: str, limit: int) -> bytes:
        """See :class:`IRFiles`."""
        # Not with the limit alone, as so much memory would be taken for any file.
        return read_bytes(self.path / name, "model file", min(self.sizes[name], limit))


def find_ir(path: Path) -> IRFiles | None:
    """Return the files of an IR at a path, which is a folder with them or a wheel; None if it is something else.

    Raises:
        DraglabError: some of the files are missing, or the wheel is not built as wheels are.
    """
    try:
        if path.is_dir():
            places = [place for place in (path, path / _BELOW) if any((place / name).exists() for name in NAMES)]
            return Folder(places[0]) if places else None
        if not path.is_file():
            return None
        members = find_members(path, NAMES)
        return None if members is None else Wheel(path, members)
    except Refused as error:
        raise DraglabError(f"cannot open {path}: {error}") from None
    except (OSError, ValueError):
        return None  # the next attempt to open it says why
