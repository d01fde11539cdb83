import base64
import io
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from draglab import DraglabError
from draglab.media.images import MAX_SIDE, decode_mask, encode_mask, enlarge, feathered, load_mask, save_image
from draglab.media.provenance.origin import edited

ORIGIN = edited([], "heads", None)
MASKS = hnp.arrays(np.bool_, hnp.array_shapes(min_dims=2, max_dims=2, max_side=40))


def picture(height: int = 20, width: int = 30) -> np.ndarray:
    return np.random.RandomState(0).randint(0, 255, (height, width, 3)).astype(np.uint8)


def test_png_keeps_the_pixels_and_says_that_it_was_edited(tmp_path):
    save_image(tmp_path / "a.png", picture(), ORIGIN)
    with Image.open(tmp_path / "a.png") as image:
        assert (np.asarray(image) == picture()).all()
        assert "dragged" in image.info["Description"]
        assert image.info["Software"].startswith("draglab ")
        assert "draglab" in image.getexif()[0x010E]


@pytest.mark.parametrize("name", ["a.jpg", "a.JPEG", "a.webp"])
def test_lossy_formats_say_that_it_was_edited(tmp_path, name):
    save_image(tmp_path / name, picture(), ORIGIN)
    with Image.open(tmp_path / name) as image:
        assert image.size == (30, 20)
        assert "draglab" in image.getexif()[0x010E]
        assert image.getexif()[0x0131].startswith("draglab ")


@pytest.mark.parametrize("name", ["a.xyz", "a"])
def test_unknown_suffix(tmp_path, name):
    with pytest.raises(DraglabError, match=r"use \.png"):
        save_image(tmp_path / name, picture(), ORIGIN)
    assert list(tmp_path.iterdir()) == []


def test_wrong_arrays_are_a_mistake_of_the_program():
    wrongs: list[np.ndarray] = [
        np.zeros((4, 4), np.uint8),
        np.zeros((4, 4, 3), np.float32),
        np.zeros((4, 4, 4), np.uint8),
    ]
    for wrong in wrongs:
        with pytest.raises(ValueError, match="expected a uint8 image"):
            enlarge(wrong)


@pytest.mark.parametrize(("side", "expected"), [(128, 512), (100, 600), (512, 512), (1024, 1024)])
def test_enlarge_by_whole_factors(side, expected):
    assert enlarge(np.zeros((side, side, 3), np.uint8)).shape == (expected, expected, 3)


@given(MASKS)
def test_masks_survive_base64(mask):
    assert (decode_mask(encode_mask(mask)) == mask).all()


@given(mask=MASKS, mode=st.sampled_from(["1", "L", "RGB", "RGBA", "LA", "P"]))
def test_masks_survive_files_of_any_mode(tmp_path_factory, mask, mode):
    path = tmp_path_factory.mktemp("mask") / "m.png"
    image = Image.fromarray(mask.astype(np.uint8) * 255).convert(mode)
    if mode.endswith("A"):
        image.putalpha(0)
    image.save(path)
    read = load_mask(path, (mask.shape[0], mask.shape[1]))
    assert read.dtype == np.bool_
    assert (read == mask).all()


def test_grey_counts_as_movable_from_the_middle(tmp_path):
    grey = np.array([[0, 127, 128, 255]], np.uint8)
    Image.fromarray(grey).save(tmp_path / "8.png")
    Image.fromarray(grey.astype(np.uint16) * 257).save(tmp_path / "16.png")
    for name in ("8.png", "16.png"):
        assert load_mask(tmp_path / name, (1, 4)).tolist() == [[False, False, True, True]]


def test_wrong_size_says_both(tmp_path):
    Image.new("1", (30, 20)).save(tmp_path / "m.png")
    with pytest.raises(DraglabError, match=r"is 30x20, but the image is 128x64; make a mask of 128x64"):
        load_mask(tmp_path / "m.png", (64, 128))


def bomb(side: int) -> bytes:
    """A few bytes that claim to be a huge picture."""
    data = io.BytesIO()
    Image.new("1", (8, 8)).save(data, "PNG")
    content = bytearray(data.getvalue())
    content[16:24] = side.to_bytes(4, "big") * 2
    content[29:33] = zlib.crc32(content[12:29]).to_bytes(4, "big")
    return bytes(content)


@pytest.mark.parametrize("side", [MAX_SIDE + 1, 200_000])
def test_a_huge_claim_is_refused_unread(tmp_path, side):
    (tmp_path / "m.png").write_bytes(bomb(side))
    with pytest.raises(DraglabError):
        load_mask(tmp_path / "m.png", (128, 128))
    with pytest.raises(DraglabError, match="far too large|pixels a side"):
        decode_mask(base64.b64encode(bomb(side)).decode())


def test_not_a_mask(tmp_path):
    (tmp_path / "m.png").write_text("not an image")
    with pytest.raises(DraglabError, match="not an image"):
        load_mask(tmp_path / "m.png", (8, 8))
    with pytest.raises(DraglabError, match="there is no mask"):
        load_mask(tmp_path / "missing.png", (8, 8))
    # A format that would start another program to be read.
    (tmp_path / "m.eps").write_text("%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n")
    with pytest.raises(DraglabError, match="not an image"):
        load_mask(tmp_path / "m.eps", (8, 8))


@given(mask=MASKS, data=st.data())
def test_damaged_masks_only_give_draglab_errors(mask, data):
    content = bytearray(base64.b64decode(encode_mask(mask)))
    for _ in range(data.draw(st.integers(1, 8))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    content = content[: data.draw(st.integers(0, len(content)))]
    try:
        decode_mask(base64.b64encode(content).decode())
    except DraglabError as error:
        assert "\n" not in str(error)


@given(st.text())
def test_any_text_as_a_mask_only_gives_draglab_errors(text):
    with pytest.raises(DraglabError):
        decode_mask(text)


def test_feathered_masks_are_soft_on_both_sides_of_the_edge():
    mask = np.zeros((40, 60), bool)
    mask[:, :30] = True
    soft = feathered(mask, 8)
    assert soft.dtype == np.float32 and soft.shape == mask.shape
    row = soft[20]
    assert (np.diff(row) <= 0).all() and (soft == row).all()
    np.testing.assert_allclose(row + row[::-1], 1, atol=0.01)
    # The edge lies between pixels 29 and 30; a Gaussian of standard deviation 4 has 2.3 % beyond two of them.
    np.testing.assert_allclose([row[21], row[38]], [0.98, 0.02], atol=0.02)
    assert row[10] == 1 and row[50] == 0
    assert feathered(mask, 0) is mask
