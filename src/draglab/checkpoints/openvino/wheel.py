"""Members of a wheel, which is a zip file. Nothing is unpacked onto the disk, installed or run.

Only zip files of the plain kind that tools for wheels write are read: one directory at the very end, without a comment,
of at most MAX_ENTRIES entries. The sizes in it are checked before anything is decompressed, and held to.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from draglab.checkpoints.foreign.values import Refused
from draglab.errors import DraglabError

MAX_ENTRIES = 1_000
MAX_DIRECTORY = 1 << 20
_END = struct.Struct("<4s4H2LH")
_ENTRY = struct.Struct("<4s6H3L5H2L")
_LOCAL = struct.Struct("<4s5H3L2H")
_STORED, _DEFLATED = 0, 8
_AT_ONCE = 1 << 18


@dataclass(frozen=True)
class Member:
    """Entry of a zip file's directory.

    Attributes:
        packed, size: bytes in the zip file and after decompression. start: place of its own header.
    """

    name: bytes
    flags: int
    method: int
    crc: int
    packed: int
    size: int
    start: int


class Wheel:
    """Files of an IR in a wheel; see files.IRFiles."""

    title = "OpenVINO IR in a Python wheel"

    def __init__(self, path: Path, members: dict[str, Member]) -> None:
        self.path, self.members = path, members
        self.bytes = path.stat().st_size

    def read(self, name: str, limit: int) -> bytearray:
        """See files.IRFiles."""
        member = self.members[name]
        if member.size > limit:
            raise Refused(f"{name} would be larger than {limit >> 20} MiB, which none is")
        try:
            with self.path.open("rb") as file:
                _seek_content(file, member)
                content = _content(file, member)
        except OSError as error:
            raise DraglabError(f"cannot read {self.path}: {error.strerror}") from None
        except (struct.error, zlib.error):
            raise Refused(f"{name} is damaged in the wheel; get it again") from None
        if len(content) != member.size or zlib.crc32(content) != member.crc:
            raise Refused(f"{name} in the wheel is not what the wheel's directory says; get it again")
        return content


def find_members(path: Path, names: tuple[str, ...]) -> dict[str, Member] | None:
    """Find the members of some names in one folder of a zip file.

    Returns:
        None if it is no zip file of the plain kind, or has none of them.

    Raises:
        Refused: some of them are missing, or the directory is one that two programs could read differently.
        OSError: the file cannot be read.
    """
    with path.open("rb") as file:
        entries, start = _directory(file, path.stat().st_size)
        found = [entry for entry in entries if _last_part(entry) in names]
        if not found:
            return None
        _check(file, entries, start)
    members = {_last_part(entry): entry for entry in found}
    if len(members) != len(found) or len({entry.name.rpartition(b"/")[0] for entry in found}) != 1:
        raise Refused("the wheel holds the model's files more than once; get it again")
    missing = [name for name in names if name not in members]
    if missing:
        raise Refused(f"the wheel lacks {missing[0]}, which belongs to the model; get it again")
    return members


def _last_part(entry: Member) -> str:
    return entry.name.rpartition(b"/")[2].decode("ascii", "replace")


def _directory(file: BinaryIO, size: int) -> tuple[list[Member], int]:
    """Return the entries of a zip file's directory, and where it starts; no entries if it is not of the plain kind."""
    nothing: tuple[list[Member], int] = ([], 0)
    if size < _END.size:
        return nothing
    file.seek(size - _END.size)
    mark, disk, first, here, count, length, start, comment = _END.unpack(file.read(_END.size))
    plain = mark == b"PK\x05\x06" and disk == first == comment == 0 and here == count <= MAX_ENTRIES
    if not plain or length > MAX_DIRECTORY or start + length + _END.size != size:
        return nothing
    file.seek(start)
    data = file.read(length)
    entries, at = [], 0
    try:
        while at < length:
            mark, _, _, flags, method, _, _, crc, packed, full, *rest = _ENTRY.unpack_from(data, at)
            name_length, extra, comment, _, _, _, place = rest
            name = data[at + _ENTRY.size :][:name_length]
            entries.append(Member(name, flags, method, crc, packed, full, place))
            at += _ENTRY.size + name_length + extra + comment
            if mark != b"PK\x01\x02" or len(entries) > MAX_ENTRIES:
                return nothing
    except struct.error:
        return nothing
    return (entries, start) if at == length and len(entries) == count else nothing


def _check(file: BinaryIO, entries: list[Member], directory: int) -> None:
    """Check that no two entries share a name or bytes, and that none is encrypted or lies outside its folder."""
    names = {entry.name for entry in entries}
    if len(names) != len(entries):
        raise Refused("the wheel holds two files of one name; get it again")
    for name in names:
        if name.startswith(b"/") or b"\\" in name or b"\0" in name or b".." in name.split(b"/"):
            raise Refused(f"the wheel has an entry outside its folder, {name[:80]!r}; not opened")
    if any(entry.flags & 1 or entry.method not in (_STORED, _DEFLATED) for entry in entries):
        raise Refused("the wheel is encrypted, or compressed in a way that no wheel is; not opened")
    end = 0
    for entry in sorted(entries, key=lambda entry: entry.start):
        if entry.start < end:
            raise Refused("the wheel's files lie in each other; not opened")
        try:
            end = _seek_content(file, entry) + entry.packed
        except struct.error:
            raise Refused("the wheel is damaged: a file is not where it should be; get it again") from None
    if end > directory:
        raise Refused("the wheel's files lie in each other; not opened")


def _seek_content(file: BinaryIO, member: Member) -> int:
    """Go to the place of a member's bytes, after a check of its own header, and return it.

    Raises:
        struct.error: the file ends before.
    """
    file.seek(member.start)
    mark, _, flags, method, _, _, _, packed, size, name_length, extra = _LOCAL.unpack(file.read(_LOCAL.size))
    later = flags & 8  # sizes follow the content, and may be zero here
    agrees = (packed, size) in ((member.packed, member.size), (0, 0) if later else (member.packed, member.size))
    same = method == member.method and flags & 1 == member.flags & 1 and agrees
    if mark != b"PK\x03\x04" or not same or file.read(name_length) != member.name:
        raise Refused("the wheel says two things about one file; not opened")
    return file.seek(extra, 1)


def _content(file: BinaryIO, member: Member) -> bytearray:
    """Read a member, at most one byte more than its stated size, from its place on."""
    engine = zlib.decompressobj(-zlib.MAX_WBITS) if member.method == _DEFLATED else None
    content, left = bytearray(), member.packed
    while left and len(content) <= member.size:
        part = file.read(min(left, _AT_ONCE))
        if not part:
            raise zlib.error
        left -= len(part)
        content += part if engine is None else engine.decompress(part, member.size + 1 - len(content))
    if engine is not None and not (engine.eof and not engine.unused_data and not left):
        raise zlib.error
    return content
