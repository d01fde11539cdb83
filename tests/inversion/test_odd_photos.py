"""Photos that no model was made for: an honest report, and no crash."""

from __future__ import annotations

import importlib.util
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

import draglab
from draglab import DraglabError
from draglab.inversion import InversionSettings, find_frame, invert, whole_frame
from draglab.inversion.faces import other_faces
from tests.inversion.pictures import smooth_picture
from tests.perception.assets import asset, portraits, rgb
from tests.tiny import tiny_generator

NO_FACE = "no face was found in the photo: place the frame by hand with --box"
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


@needs_dlib
def test_of_two_faces_the_larger_is_taken(heads) -> None:
    small, large = same_size(portraits()[:2], 120, 150)[0], same_size(portraits()[:2], 240, 300)[1]
    both = np.full((300, 360, 3), 90, np.uint8)
    both[:150, :120], both[:, 120:] = small, large
    frame = find_frame(both, heads)
    alone = find_frame(large, heads)
    assert frame.x - 120 == pytest.approx(alone.x, abs=8)
    assert frame.size == pytest.approx(alone.size, rel=0.1)
    assert other_faces(both) == "It shows 2 faces; the largest is taken. For another, give --box."
    assert other_faces(large) is None


@needs_dlib
def test_a_face_in_a_crowd(heads) -> None:
    tiles = same_size(portraits()[:12], 120, 150)
    crowd = np.concatenate([np.concatenate(tiles[row * 4 : row * 4 + 4], 1) for row in range(3)])
    assert 60 < find_frame(crowd, heads).size < 160
    found = other_faces(crowd)
    assert found is not None
    assert int(found.split()[2]) >= 10


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
    assert other_faces(picture()) is None


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
