"""torch.save's layout since torch 1.6: a zip file with one pickle and a file for each storage, none compressed."""

from __future__ import annotations

import io
import zipfile

from .inert_pickle import InertUnpickler
from .storages import ITEM_SIZES, Storage, storage_key
from .values import PersistentId, Refused, Region

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .storages import StorageLookup

_LOCAL_HEADER = 30
_MAX_ENTRIES = 100_000


def read_zip(region: Region) -> tuple[Any, StorageLookup]:
    """Return the inert value of such a file and the places of its storages."""
    places = entry_places(region.view)
    pickles = [name for name in places if name.count("/") == 1 and name.endswith("/data.pkl")]
    if len(pickles) != 1:
        raise Refused("the zip file is not one that PyTorch wrote: it does not hold one data.pkl")
    folder = pickles[0].removesuffix("data.pkl")
    if f"{folder}byteorder" in places:
        start, stop = places[f"{folder}byteorder"]
        if bytes(region.view[start:stop]) != b"little":
            raise Refused("the file was written on a big-endian machine, which draglab does not read")

    def storage_of(reference: PersistentId) -> Storage:
        key, dtype, count = storage_key(reference)
        name = f"{folder}data/{key}"
        if name not in places:
            raise Refused(f"a tensor refers to the storage {key[:40]!r}, which the file does not hold; not opened")
        start, stop = places[name]
        if count * ITEM_SIZES[dtype] > stop - start:
            raise Refused("a tensor reaches beyond the numbers that the file holds for it; draglab does not open it")
        return Storage(dtype, region, start, count)

    start, stop = places[pickles[0]]
    return InertUnpickler(region, start, stop).load(), storage_of


def entry_places(view: memoryview) -> dict[str, tuple[int, int]]:
    """Return (start, stop) of every entry's bytes, by its name.

    Raises:
        Refused: damage, compression, encryption, or names that two readers could interpret differently.
    """
    places: dict[str, tuple[int, int]] = {}
    try:
        entries = zipfile.ZipFile(_Reader(view)).infolist()
    except (zipfile.BadZipFile, NotImplementedError, ValueError, OverflowError, UnicodeDecodeError, OSError):
        raise Refused("the file is damaged: its zip directory is not readable; get it again") from None
    if len(entries) > _MAX_ENTRIES:
        raise Refused(f"the zip file has more than {_MAX_ENTRIES:,} entries, more than any checkpoint")
    for entry in entries:
        name, codec = entry.orig_filename, "utf-8" if entry.flag_bits & 0x800 else "cp437"
        if name in places or name.startswith("/") or "\\" in name or "\0" in name or ".." in name.split("/"):
            raise Refused(f"the zip file has the entry {name[:80]!r} twice or outside its folder; not opened")
        if entry.flag_bits & 1 or entry.compress_type != zipfile.ZIP_STORED or entry.file_size != entry.compress_size:
            raise Refused("the zip file is compressed or encrypted, which PyTorch's are not; save it with torch.save")
        head = entry.header_offset
        header = bytes(view[head : head + _LOCAL_HEADER])
        if head < 0 or len(header) < _LOCAL_HEADER or header[:4] != b"PK\x03\x04":
            raise Refused("the file is damaged: its zip directory is not readable; get it again")
        start = head + _LOCAL_HEADER + int.from_bytes(header[26:28], "little") + int.from_bytes(header[28:30], "little")
        if bytes(view[head + _LOCAL_HEADER :][: int.from_bytes(header[26:28], "little")]) != name.encode(codec):
            raise Refused(f"the zip file calls the entry {name[:80]!r} by two names; draglab does not open it")
        if start + entry.file_size > len(view):
            raise Refused("the file is damaged: it ends too early; get it again")
        places[name] = (start, start + entry.file_size)
    return places


class _Reader(io.RawIOBase):
    """A seekable file over bytes, without a copy of them."""

    def __init__(self, view: memoryview):
        self.bytes = view
        self.at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self.at

    def seek(self, offset: int, whence: int = 0) -> int:
        place = offset + (0, self.at, len(self.bytes))[whence]
        if place < 0:
            raise ValueError("a place before the file")
        self.at = place
        return place

    def read(self, size: int = -1) -> bytes:
        # Not readinto: the length that a directory states would be allocated before it is known to be true.
        part = bytes(self.bytes[self.at :] if size < 0 else self.bytes[self.at : self.at + size])
        self.at += len(part)
        return part
