"""Photos of all kinds, and files that are none."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms

from draglab import DraglabError
from draglab.inversion import decode_photo, read_photo
from tests.inversion.pictures import smooth_picture

PIXELS = smooth_picture(48, 64)


def file_of(image: Image.Image, kind: str = "PNG", **options) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def difference(data: bytes, expected: np.ndarray) -> float:
    found = decode_photo(data).pixels
    assert found.shape == expected.shape
    return float(np.abs(found.astype(int) - expected).mean())


@pytest.mark.parametrize(
    ("kind", "options"),
    [("PNG", {}), ("JPEG", {"quality": 95}), ("WEBP", {"lossless": True}), ("BMP", {}), ("TIFF", {}), ("PPM", {})],
)
def test_kinds_of_files(kind: str, options: dict) -> None:
    assert difference(file_of(Image.fromarray(PIXELS), kind, **options), PIXELS) < 3


def test_modes() -> None:
    image = Image.fromarray(PIXELS)
    assert difference(file_of(image.convert("CMYK"), "JPEG", quality=95), PIXELS) < 4
    assert difference(file_of(image.quantize(256)), PIXELS) < 6
    grey = np.asarray(image.convert("L"))
    assert difference(file_of(Image.fromarray(grey)), np.repeat(grey[..., None], 3, 2)) == 0
    deep = decode_photo(file_of(Image.fromarray(grey.astype(np.uint16) * 257)))
    assert np.abs(deep.pixels.astype(int) - grey[..., None]).max() == 0
    dark = decode_photo(file_of(Image.fromarray((grey // 2).astype(np.uint16))))
    assert dark.pixels.max() <= 1  # 16 bits, none of which is used
    assert deep.notes == ("Its 16 bits a colour are reduced to 8.",)


def test_transparency_is_laid_on_white() -> None:
    rgba = np.dstack([PIXELS, np.full(PIXELS.shape[:2], 255, np.uint8)])
    rgba[:10, :, 3] = 0
    picture = decode_photo(file_of(Image.fromarray(rgba)))
    assert (picture.pixels[:10] == 255).all()
    assert (picture.pixels[10:] == PIXELS[10:]).all()
    assert picture.notes == ("Its transparent parts are laid on white.",)


def test_the_first_picture_of_an_animation() -> None:
    frames = [Image.fromarray(smooth_picture(48, 64, seed)) for seed in (1, 2, 3)]
    picture = decode_photo(file_of(frames[0], "WEBP", save_all=True, append_images=frames[1:], lossless=True))
    assert (picture.pixels == smooth_picture(48, 64, 1)).all()
    assert picture.notes == ("It has 3 pictures; the first is taken.",)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_orientation_is_honoured(orientation: int) -> None:
    turned = {
        1: PIXELS, 2: PIXELS[:, ::-1], 3: PIXELS[::-1, ::-1], 4: PIXELS[::-1], 5: PIXELS.swapaxes(0, 1),
        6: np.rot90(PIXELS, -1), 7: PIXELS[::-1, ::-1].swapaxes(0, 1), 8: np.rot90(PIXELS),
    }[orientation]  # fmt: skip
    exif = Image.Exif()
    exif[0x0112] = orientation
    assert difference(file_of(Image.fromarray(PIXELS), exif=exif), turned) == 0


def test_colour_profiles_are_applied() -> None:
    """A picture whose numbers mean LAB's greys keeps them; one with a damaged profile is read as it is."""
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    assert difference(file_of(Image.fromarray(PIXELS), icc_profile=srgb), PIXELS) < 1
    assert difference(file_of(Image.fromarray(PIXELS), icc_profile=b"nothing" * 20), PIXELS) == 0
    swapped = _swapped_profile(srgb)
    found = decode_photo(file_of(Image.fromarray(PIXELS), icc_profile=swapped)).pixels
    assert np.abs(found.astype(int) - PIXELS[..., ::-1]).mean() < 2


def _swapped_profile(srgb: bytes) -> bytes:
    """sRGB with red and blue exchanged: the tags rXYZ and bXYZ have each other's names."""
    return srgb.replace(b"rXYZ", b"????").replace(b"bXYZ", b"rXYZ").replace(b"????", b"bXYZ")


def huge_png(width: int, height: int) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(b"\0" * 100)), (b"IEND", b"")]
    body = b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + body


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "not a picture that can be read"),
        (b"hello", "not a picture that can be read"),
        (huge_png(20_000, 20_000), "more than 80 million pixels"),
        (huge_png(10_000, 9_000), "more than 80 million pixels"),
        (huge_png(4, 400), "too small to show anything"),
        (huge_png(64, 64), "damaged"),
        (file_of(Image.fromarray(PIXELS))[:400], "damaged"),
        (file_of(Image.fromarray(np.ones((32, 32), np.float32)), "TIFF"), "floating-point colours"),
    ],
)
def test_what_cannot_be_read(data: bytes, message: str) -> None:
    with pytest.raises(DraglabError, match=message) as caught:
        decode_photo(data)
    assert "\n" not in str(caught.value)


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(["PNG", "JPEG", "WEBP", "GIF", "TIFF", "BMP"]), st.data())
def test_damaged_files_are_one_line(kind: str, data: st.DataObject) -> None:
    """Bytes are replaced or cut off, those of the EXIF among them: it decodes, or one line says why not."""
    exif = Image.Exif()
    exif[0x0112] = 6
    content = bytearray(file_of(Image.fromarray(PIXELS), kind, **({} if kind in ("GIF", "BMP") else {"exif": exif})))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, min(len(content) - 1, 400)))
        content[at] = data.draw(st.integers(0, 255))
    del content[data.draw(st.integers(len(content) // 2, len(content))) :]
    try:
        assert decode_photo(bytes(content)).pixels.dtype == np.uint8
    except DraglabError as error:
        assert "\n" not in str(error)


def test_heic_without_a_reader(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(DraglabError, match="pip install pillow-heif, or save it as JPEG"):
        decode_photo(b"\0\0\0\x18ftypheic" + b"\0" * 30)


def test_missing_files(tmp_path) -> None:
    with pytest.raises(DraglabError, match="there is no photo"):
        read_photo(tmp_path / "none.jpg")
    with pytest.raises(DraglabError, match="is a directory"):
        read_photo(tmp_path)
