"""Reduction of untrusted PNG files to the chunks that are needed to draw them.

A PNG is a list of chunks. Pillow reads all of them, in any order, and decompresses texts and colour profiles. Here only
the header, the palette and the pixels are kept.
"""

from __future__ import annotations

import zlib

SIGNATURE = b"\x89PNG\r\n\x1a\n"
HEADER_BYTES = 33
"""Length of the signature and the chunk IHDR."""
MAX_CHUNKS = 100_000
_NEEDED = (b"IHDR", b"PLTE", b"IDAT", b"IEND")


def png_size(data: bytes) -> tuple[int, int]:
    """Return (width, height) in pixels of a PNG; its first HEADER_BYTES are enough.

    Raises:
        ValueError: it is no PNG, or does not begin with its header.
    """
    if len(data) < HEADER_BYTES or data[:8] != SIGNATURE or data[8:16] != b"\x00\x00\x00\x0dIHDR":
        raise ValueError("not a PNG that begins with its header")
    return int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big")


def plain_png(data: bytes) -> bytes:
    """Return the same picture as a PNG of nothing but header, palette and pixels, in this order and once each.

    Animations become their still picture; texts, profiles, transparency and all other chunks are left out unread.

    Raises:
        ValueError: it is no PNG, or damaged.
    """
    png_size(data)
    found: dict[bytes, list[memoryview]] = {kind: [] for kind in _NEEDED}
    view, at = memoryview(data), len(SIGNATURE)
    for _ in range(MAX_CHUNKS):
        if found[b"IEND"]:
            break
        length, kind = int.from_bytes(view[at : at + 4], "big"), bytes(view[at + 4 : at + 8])
        body, at = view[at + 8 : at + 8 + length], at + 12 + length
        if at > len(data):
            raise ValueError("a chunk is cut off")
        if kind in found:
            if zlib.crc32(body, zlib.crc32(kind)) != int.from_bytes(view[at - 4 : at], "big"):
                raise ValueError("a chunk is damaged")
            found[kind].append(body)
    else:
        raise ValueError("there are too many chunks")
    if len(found[b"IHDR"]) != 1 or len(found[b"PLTE"]) > 1:
        raise ValueError("there are two headers or palettes")
    return SIGNATURE + b"".join(_chunk(kind, b"".join(bodies)) for kind, bodies in found.items() if bodies)


def _chunk(kind: bytes, body: bytes) -> bytes:
    return len(body).to_bytes(4, "big") + kind + body + zlib.crc32(body, zlib.crc32(kind)).to_bytes(4, "big")
