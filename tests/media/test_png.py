"""PNG files that try to be more than a picture of the size that their header says."""

import base64
import io
import time
import zlib

import numpy as np
import pytest
from PIL import Image

from draglab.errors import DraglabError
from draglab.media.images import decode_mask, mask_size
from draglab.media.png import MAX_CHUNKS, SIGNATURE, plain_png, png_size

MASK = np.arange(64).reshape(8, 8) % 3 == 0


def chunk(kind: bytes, body: bytes = b"") -> bytes:
    return len(body).to_bytes(4, "big") + kind + body + zlib.crc32(kind + body).to_bytes(4, "big")


def chunks(data: bytes) -> list[bytes]:
    found, at = [], len(SIGNATURE)
    while at < len(data):
        end = at + 12 + int.from_bytes(data[at : at + 4], "big")
        found.append(data[at:end])
        at = end
    return found


def png(mask: np.ndarray = MASK, mode: str = "L", **options) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(mask.astype(np.uint8) * 255).convert(mode).save(buffer, format="PNG", **options)
    return buffer.getvalue()


def text(*parts: bytes) -> str:
    return base64.b64encode(SIGNATURE + b"".join(parts)).decode()


HEADER, *PIXELS, END = chunks(png())
LARGE = chunks(png(np.zeros((9000, 9000), bool), "1"))
BOMB = zlib.compress(bytes(8 * 2**20), 9)


def test_a_header_is_the_first_chunk():
    """13 kB that became 81 million pixels."""
    with pytest.raises(DraglabError, match="not an image"):
        decode_mask(text(chunk(b"tEXt", b"a\0" + b"\0\0\0\x08" * 20), *LARGE), (8, 8))
    with pytest.raises(ValueError, match="begins"):
        png_size(SIGNATURE + chunk(b"IHDX") + HEADER)


@pytest.mark.parametrize("others", [[LARGE[0], *PIXELS], [*PIXELS, LARGE[0]], [*PIXELS, HEADER]])
def test_a_second_header_is_refused(others):
    with pytest.raises(DraglabError, match="damaged"):
        decode_mask(text(HEADER, *others, END))


@pytest.mark.parametrize(
    "extra",
    [
        [chunk(b"zTXt", b"a\0\0" + BOMB)] * 60,
        [chunk(b"iTXt", b"a\0\1\0\0\0" + BOMB)] * 60,
        [chunk(b"iCCP", b"a\0\0" + BOMB)],
        [chunk(b"acTL", (2**31 - 1).to_bytes(4, "big") + bytes(4)), chunk(b"fcTL", bytes(26))],
        [chunk(b"acTL", b""), chunk(b"fdAT", b"")],
        [chunk(b"tRNS", bytes(2)), chunk(b"gAMA", b""), chunk(b"eXIf", b"II"), chunk(b"abcd", b"x")],
    ],
)
@pytest.mark.parametrize("place", ["before", "after"])
def test_whatever_else_a_file_holds_is_not_read(extra, place):
    content = [HEADER, *extra, *PIXELS, END] if place == "before" else [HEADER, *PIXELS, *extra, END]
    began = time.process_time()
    assert (decode_mask(text(*content)) == MASK).all()
    assert time.process_time() - began < 0.3


def test_more_pixels_than_the_header_says_are_not_unpacked():
    began = time.process_time()
    row = zlib.compress(b"\0" + b"\xff" * 8)
    assert decode_mask(text(HEADER, chunk(b"IDAT", zlib.compress(b"\0" + bytes(8)) + row), END)).shape == (8, 8)
    bomb = zlib.compress((b"\0" + b"\xff" * 8) * (2**21), 9)
    assert decode_mask(text(HEADER, chunk(b"IDAT", bomb), END)).all()
    assert time.process_time() - began < 1


@pytest.mark.parametrize("mode", ["1", "L", "LA", "RGB", "RGBA", "P"])
def test_every_kind_of_png_is_read(mode):
    assert (decode_mask(base64.b64encode(png(mode=mode)).decode(), (8, 8)) == MASK).all()


def test_pixels_in_several_chunks_are_one_picture():
    body = PIXELS[0][8:-4]
    parts = [chunk(b"IDAT", body[at : at + 3]) for at in range(0, len(body), 3)]
    assert (decode_mask(text(HEADER, *parts, END)) == MASK).all()
    assert plain_png(SIGNATURE + b"".join([HEADER, *parts, END])) == SIGNATURE + HEADER + PIXELS[0] + END


def test_very_many_chunks_are_refused():
    content = HEADER + chunk(b"IDAT") * MAX_CHUNKS + PIXELS[0] + END
    with pytest.raises(ValueError, match="too many"):
        plain_png(SIGNATURE + content)


def test_a_chunk_that_is_cut_off_or_changed_is_damage():
    for content in (HEADER + PIXELS[0][:-1], HEADER + PIXELS[0][:-1] + b"\0" + END, HEADER + PIXELS[0]):
        with pytest.raises(ValueError, match="chunk"):
            plain_png(SIGNATURE + content)


def test_another_size_is_refused_before_the_pixels_are_looked_at():
    large = text(LARGE[0], chunk(b"IDAT", b"no pixels at all"), END)
    assert mask_size(large) == (9000, 9000)
    with pytest.raises(DraglabError, match="is 9000x9000, but the image is 64x32"):
        decode_mask(large, (32, 64))
