"""Photos that no model was made for: an honest report, and no crash."""

from __future__ import annotations

import importlib.util
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

import draglab
from draglab import DraglabError
from draglab.inversion import InversionSettings, find_faces, find_frame, invert, whole_frame
from draglab.inversion.likeness import Likeness
from draglab.inversion.photo_file import QualityInfo
from draglab.inversion.report import QualityReport, measure_quality
from tests.inversion.pictures import own_image, smooth_picture
from tests.perception.assets import asset, portraits, rgb
from tests.tiny import tiny_generator

NO_FACE = "no upright frontal face was found in the photo: place the frame by hand with --box"
needs_dlib = pytest.mark.skipif(
    not all(importlib.util.find_spec(name) for name in ("dlib", "face_recognition_models")),
    reason="the extra dlib is not installed",
)
FEW = InversionSettings(projection_steps=2, tuning_steps=1)


@pytest.fixture(scope="module")
def heads():
    return draglab.load_generator("heads", device="cpu")


def same_size(pictures: list[np.ndarray], width: int, height: int) -> list[np.ndarray]:
    return [np.asarray(Image.fromarray(one).resize((width, height))) for one in pictures]


def noise() -> np.ndarray:
    return np.random.RandomState(0).randint(0, 256, (120, 160, 3), np.uint8)


def black() -> np.ndarray:
    return np.zeros((90, 90, 3), np.uint8)


def hand() -> np.ndarray:
    return rgb(next(iter(sorted(asset("sign_language_digits/5").iterdir()))))


def renders(heads) -> np.ndarray:
    """Three heads of the bundled model side by side on grey, of 200, 256 and 160 px, the middle one the largest."""
    wide = np.full((256, 616, 3), 120, np.uint8)
    for seed, side, left in ((12, 200, 0), (31, 256, 200), (7, 160, 456)):
        wide[256 - side :, left : left + side] = same_size([own_image(heads, seed)], side, side)[0]
    return wide


@needs_dlib
def test_all_faces_are_framed_the_largest_first(heads) -> None:
    faces = find_faces(renders(heads), heads)
    assert len(faces) == 3
    # The middles of the renders: each frame is about the whole of its render.
    for face, (x, y, side) in zip(faces, ((328, 128, 256), (100, 156, 200), (536, 176, 160)), strict=True):
        assert np.hypot(face.frame.x - x, face.frame.y - y) < 0.12 * side
        assert face.frame.size == pytest.approx(side, rel=0.2)
        # The square about the face is within, and has its eyes and chin in it.
        assert 0.25 * side < face.box.size < 0.6 * side
        assert np.hypot(face.box.x - x, face.box.y - y) < 0.2 * side
    assert find_frame(renders(heads), heads) == faces[0].frame


@needs_dlib
@pytest.mark.parametrize("angle", [-35, 20, 38])
def test_a_turned_face_is_framed_by_its_turn(heads, angle) -> None:
    """dlib's landmarks of a face that is turned by 35 degrees tell 20 of them."""
    picture = Image.fromarray(np.pad(own_image(heads, 31), ((100, 100), (100, 100), (0, 0)), mode="edge"))
    upright = find_frame(np.asarray(picture), heads)
    turned = find_frame(np.asarray(picture.rotate(-angle, Image.Resampling.BICUBIC)), heads)
    assert turned.angle - upright.angle == pytest.approx(angle, abs=4)
    assert turned.size == pytest.approx(upright.size, rel=0.1)


@needs_dlib
def test_a_face_upside_down_is_not_found(heads) -> None:
    with pytest.raises(DraglabError, match=NO_FACE):
        find_frame(own_image(heads, 31)[::-1], heads)


@needs_dlib
def test_of_two_faces_the_larger_is_taken(heads) -> None:
    small, large = same_size(portraits()[:2], 120, 150)[0], same_size(portraits()[:2], 240, 300)[1]
    both = np.full((300, 360, 3), 90, np.uint8)
    both[:150, :120], both[:, 120:] = small, large
    frame = find_frame(both, heads)
    alone = find_frame(large, heads)
    assert frame.x - 120 == pytest.approx(alone.x, abs=8)
    assert frame.size == pytest.approx(alone.size, rel=0.1)
    other = find_faces(both, heads)[1].frame
    assert other.x == pytest.approx(find_frame(small, heads).x, abs=6)


@needs_dlib
def test_a_face_in_a_crowd(heads) -> None:
    tiles = same_size(portraits()[:12], 120, 150)
    crowd = np.concatenate([np.concatenate(tiles[row * 4 : row * 4 + 4], 1) for row in range(3)])
    faces = find_faces(crowd, heads)
    assert 60 < faces[0].frame.size < 160
    assert len(faces) >= 10


@needs_dlib
def test_a_face_of_forty_pixels(heads) -> None:
    picture = np.asarray(Image.fromarray(rgb(asset("photos/astronaut.png"))).resize((170, 170)))
    frame = find_frame(picture, heads)
    assert 50 < frame.size < 100
    quality = invert(heads, picture, frame, FEW).quality
    assert f"has only about {quality.compared} pixels there" in quality.verdict
    assert "does not show the photo" in quality.verdict


@needs_dlib
@pytest.mark.parametrize(
    "picture", [noise, hand, lambda: np.zeros((90, 90, 3), np.uint8)], ids=["noise", "hand", "black"]
)
def test_no_face(heads, picture) -> None:
    with pytest.raises(DraglabError, match=NO_FACE):
        find_frame(picture(), heads)


@pytest.mark.parametrize(
    "picture",
    [noise, hand, black, lambda: np.full((16, 400, 3), 255, np.uint8)],
    ids=["noise", "hand", "black", "strip"],
)
def test_framed_by_hand_they_run_and_the_report_says_what_came_of_it(picture) -> None:
    generator = tiny_generator(img_resolution=64)
    pixels = picture()
    photo = invert(generator, pixels, whole_frame(pixels.shape[:2], (64, 64)), FEW)
    quality = photo.quality
    assert np.isfinite([quality.lpips, quality.mean_absolute_error, quality.spread]).all()
    if pixels.std() == 0:
        assert "of one colour in the frame: there is nothing to drag" in quality.verdict
    else:
        assert quality.lpips > 0.15
        assert "does not show the photo" in quality.verdict
    assert photo.paste(photo.image()).shape == pixels.shape


def test_what_the_model_has_never_seen_is_said_even_if_the_tuning_learned_it() -> None:
    generator = tiny_generator(img_resolution=64)
    quality = invert(generator, smooth_picture(64, 64), whole_frame((64, 64), (64, 64)), FEW).quality
    good = replace(quality, lpips=0.03, identity=None, spread=1.0, compared=256)
    assert "shows the photo" in replace(good, lpips_projection=0.3).verdict
    foreign = replace(good, lpips_projection=0.7).verdict
    assert "the model by itself makes nothing like it" in foreign
    assert "drags will tear it" in foreign
    assert "changes what you see in it" not in foreign


@needs_dlib
def test_without_a_face_in_the_frame_the_report_of_a_model_of_faces_says_so(heads) -> None:
    bars = np.repeat(np.kron(np.arange(8) % 2, np.ones(32))[None, :, None], 256, 0).repeat(3, 2) * 200
    likeness = Likeness(heads, bars.astype(np.uint8))
    w_plus = heads.w_plus_from_seed(31)
    quality = measure_quality(heads, w_plus, likeness, 0.3, (1, 1), 1.0)
    assert quality.face is False and quality.identity is None
    verdict = replace(quality, lpips=0.02).verdict
    assert "no frontal face is found in the frame" in verdict and "Place the frame on a face" in verdict
    assert "changes what you see in it" not in verdict

    own = measure_quality(heads, w_plus, Likeness(heads, own_image(heads, 31)), 0.0, (1, 1), 1.0)
    assert own.face is True and own.identity == pytest.approx(0, abs=0.01)
    assert "The inversion shows the photo" in own.verdict
    # A face in the photo and none in the inversion is not the same face.
    assert "the face is not quite the same" in replace(own, identity=None).verdict


@needs_dlib
def test_of_a_model_without_faces_no_face_is_asked_for() -> None:
    generator = tiny_generator(img_resolution=64)
    likeness = Likeness(generator, smooth_picture(64, 64))
    quality = measure_quality(generator, generator.w_plus_from_seed(1), likeness, 0.3, (1, 1), 1.0)
    assert quality.face is None


def test_a_file_of_before_opens_without_what_is_new_in_the_report() -> None:
    names = ("lpips", "lpips_projection", "lpips_enlarged", "mean_absolute_error", "spread", "seconds")
    old = dict.fromkeys(names, 0.5)
    quality = QualityReport(**QualityInfo(**old, compared=64, projection_steps=1, tuning_steps=1).model_dump())
    assert quality.face is None and not quality.plain
