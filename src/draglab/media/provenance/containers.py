"""Places of XMP and of Content Credentials in files, without decoding a picture.

XMP Specification Part 3 (PNG: iTXt "XML:com.adobe.xmp"; JPEG: APP1; WebP: chunk "XMP "; GIF: application extension;
MP4: box uuid BE7ACFCB-...), C2PA Technical Specification, appendix on embedding (PNG: caBX; JPEG: APP11 with JUMBF;
WebP: chunk "C2PA"; GIF: application extension; MP4: box uuid D8FEC3D6-...).
"""

from __future__ import annotations

import os
import struct
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import BinaryIO, Literal

from draglab.media.png import SIGNATURE
from draglab.media.provenance.xmp import XMP_LIMIT

Kind = Literal["PNG", "JPEG", "WEBP", "GIF", "MP4"]
MIME: dict[Kind, str] = {
    "PNG": "image/png", "JPEG": "image/jpeg", "WEBP": "image/webp", "GIF": "image/gif", "MP4": "video/mp4",
}  # fmt: skip
HEAD_BYTES = 12
"""Number of bytes that :func:`kind_of` needs."""
MAX_PARTS = 1 << 22
"""Most chunks, segments, boxes or blocks of a file that are looked at; a GIF of 1 GB has as many blocks."""

_PNG_XMP = b"XML:com.adobe.xmp\0\0\0\0\0"
_JPEG_XMP = b"http://ns.adobe.com/xap/1.0/\0"
_GIF_XMP = b"XMP DataXMP"
_GIF_TRAILER = b"\x01" + bytes(range(255, -1, -1)) + b"\0"
_MP4_XMP = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
_MP4_C2PA = bytes.fromhex("d8fec3d61b0e483c92975828877ec481")


@dataclass
class Found:
    """What a file carries.

    Attributes:
        xmp: the XMP packet; None = there is none. credentials: whether there is a manifest of Content Credentials.
    """

    kind: Kind
    xmp: bytes | None = None
    credentials: bool = False


def kind_of(head: bytes) -> Kind | None:
    """Return the kind of a file by its first HEAD_BYTES bytes; None: it is of no kind that draglab writes."""
    if head.startswith(SIGNATURE):
        return "PNG"
    if head.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WEBP"
    if head[:6] in (b"GIF87a", b"GIF89a"):
        return "GIF"
    return "MP4" if head[4:8] == b"ftyp" else None


def find(file: BinaryIO) -> Found | None:
    """Look for XMP and Content Credentials in an open file; None: it is of no known kind.

    At most MAX_PARTS parts are looked at, their contents are skipped, and no packet over XMP_LIMIT is read. Whatever is
    damaged ends the search.
    """
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    kind = kind_of(file.read(HEAD_BYTES))
    if kind is None:
        return None
    found = Found(kind)
    for part in islice(_PARTS[kind](file, size), MAX_PARTS):
        if part is _CREDENTIALS:
            found.credentials = True
        elif part is not None and found.xmp is None:
            found.xmp = part
    return found


def add_xmp(data: bytes, packet: bytes) -> bytes:
    """Return a JPEG or GIF with an XMP packet. For PNG and WebP, Pillow writes it; for MP4, see :func:`xmp_box`."""
    if data.startswith(b"GIF"):
        block = b"\x21\xff\x0b" + _GIF_XMP + packet + _GIF_TRAILER
        # Before the trailer 0x3B. Where a loop is told, programs expect that right behind the header.
        return b"GIF89a" + data[6:-1] + block + data[-1:]
    at = 2
    while data[at : at + 1] == b"\xff" and data[at + 1] in (0xE0, 0xE1):  # JFIF and Exif come first
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    segment = _JPEG_XMP + packet
    return data[:at] + b"\xff\xe1" + struct.pack(">H", len(segment) + 2) + segment + data[at:]


def xmp_box(packet: bytes) -> bytes:
    """Return the box that is appended to an MP4; at its end, no offset in the file changes."""
    return struct.pack(">I4s", 24 + len(packet), b"uuid") + _MP4_XMP + packet


_CREDENTIALS = b"credentials"
Part = bytes | None
"""A part of a file: an XMP packet, _CREDENTIALS, or None for anything else."""


def _png(file: BinaryIO, size: int) -> Iterator[Part]:
    at = len(SIGNATURE)
    while at + 12 <= size:
        file.seek(at)
        length, kind = struct.unpack(">I4s", file.read(8))
        if kind == b"caBX":
            yield _CREDENTIALS
        elif kind == b"iTXt" and length <= XMP_LIMIT:
            body = file.read(length)
            if body.startswith(_PNG_XMP):
                yield body[len(_PNG_XMP) :]
            else:
                yield None
        else:
            yield None
        at += 12 + length


def _jpeg(file: BinaryIO, size: int) -> Iterator[Part]:
    at = 2
    while at + 4 <= size:
        file.seek(at)
        mark, marker, length = struct.unpack(">BBH", file.read(4))
        if mark != 0xFF or marker in (0xDA, 0xD9):  # the picture begins, or the file ends
            return
        body = file.read(length - 2) if marker in (0xE1, 0xEB) and length > 2 else b""
        if marker == 0xE1 and body.startswith(_JPEG_XMP):
            yield body[len(_JPEG_XMP) :]
        elif marker == 0xEB and body[:2] == b"JP" and b"jumb" in body[:32]:
            yield _CREDENTIALS
        else:
            yield None
        at += 2 + max(length, 2)


def _webp(file: BinaryIO, size: int) -> Iterator[Part]:
    at = 12
    while at + 8 <= size:
        file.seek(at)
        kind, length = struct.unpack("<4sI", file.read(8))
        if kind == b"C2PA":
            yield _CREDENTIALS
        elif kind == b"XMP " and length <= XMP_LIMIT:
            yield file.read(length)
        else:
            yield None
        at += 8 + length + length % 2


def _gif(file: BinaryIO, size: int) -> Iterator[Part]:
    file.seek(10)
    flags = file.read(3)[:1]
    file.seek(13 + _colours(flags))
    while (mark := file.read(1)) in (b"\x21", b"\x2c"):
        name = b""
        if mark == b"\x2c":
            file.seek(_colours(file.read(9)[8:]) + 1, os.SEEK_CUR)
        elif file.read(1) == b"\xff":
            name = file.read(12)[1:]
        body = yield from _sub_blocks(file, size, keep=name == _GIF_XMP)
        if name == _GIF_XMP and len(body) > len(_GIF_TRAILER):
            yield body[: -len(_GIF_TRAILER)]
        else:
            yield _CREDENTIALS if name.startswith(b"C2PA_GIF") else None


def _sub_blocks(file: BinaryIO, size: int, keep: bool) -> Generator[Part, None, bytes]:
    """Skip the blocks of at most 255 bytes that end with an empty one; return them, lengths included, if wanted."""
    start = file.tell()
    while (length := file.read(1)) not in (b"", b"\0"):
        file.seek(length[0], os.SEEK_CUR)
        yield None
    end = min(file.tell(), size)
    if not keep or end - start > XMP_LIMIT:
        return b""
    file.seek(start)
    return file.read(end - start)


def _colours(flags: bytes) -> int:
    """Return the bytes of a table of colours."""
    return 3 << ((flags[0] & 7) + 1) if flags and flags[0] & 0x80 else 0


def _mp4(file: BinaryIO, size: int) -> Iterator[Part]:
    at = 0
    while at + 8 <= size:
        file.seek(at)
        length, kind = struct.unpack(">I4s", file.read(8))
        head = 8
        if length == 1:
            length, head = int.from_bytes(file.read(8), "big"), 16
        if length == 0:
            length = size - at
        if length < head:
            return
        name = file.read(16) if kind == b"uuid" else b""
        if name == _MP4_C2PA:
            yield _CREDENTIALS
        elif name == _MP4_XMP and head + 16 < length <= XMP_LIMIT:
            yield file.read(length - head - 16)
        else:
            yield None
        at += length


_PARTS: dict[Kind, Callable[[BinaryIO, int], Iterator[Part]]] = {
    "PNG": _png, "JPEG": _jpeg, "WEBP": _webp, "GIF": _gif, "MP4": _mp4,
}  # fmt: skip
