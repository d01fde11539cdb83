"""Frames, and what is cut out of a photo by them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from draglab import DraglabError
from draglab.inversion import Frame, cut, face_frame, parse_box, whole_frame
from draglab.inversion.faces import find_frame
from draglab.inversion.framing import place_as
from draglab.perception import MULTI_PIE
from tests.inversion.pictures import own_image, smooth_picture
from tests.tiny import tiny_generator

frames = st.builds(Frame, st.floats(0, 99), st.floats(0, 79), st.floats(8, 300), st.floats(-180, 180))


def sampled(pixels: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Colours at points [n, 2], bilinear, one by one: the slow reference."""
    found = []
    for x, y in points:
        left, top = int(np.floor(x)), int(np.floor(y))
        total = np.zeros(3)
        for dx in (0, 1):
            for dy in (0, 1):
                share = (1 - abs(x - left - dx)) * (1 - abs(y - top - dy))
                row, column = np.clip(top + dy, 0, len(pixels) - 1), np.clip(left + dx, 0, pixels.shape[1] - 1)
                total += share * pixels[row, column]
        found.append(total)
    return np.array(found)


def landmarks(eyes: tuple[float, float], across: float, down: float) -> np.ndarray:
    """68 points of which the eyes lie around `eyes`, `across` apart, and the mouth `down` below."""
    points = np.zeros((68, 2))
    points[list(MULTI_PIE.parts["left eye"])] = (eyes[0] - across / 2, eyes[1])
    points[list(MULTI_PIE.parts["right eye"])] = (eyes[0] + across / 2, eyes[1])
    points[MULTI_PIE.index("left mouth corner")] = (eyes[0] - 9, eyes[1] + down)
    points[MULTI_PIE.index("right mouth corner")] = (eyes[0] + 9, eyes[1] + down)
    return points


@given(frames, st.tuples(st.integers(1, 64), st.integers(1, 64)))
def test_points_come_back(frame: Frame, shape: tuple[int, int]) -> None:
    points = np.array([[0.0, 0.0], [5.5, 3.25], [-2, 40]])
    assert np.allclose(frame.to_crop(frame.to_photo(points, shape), shape), points, atol=1e-6)


@settings(max_examples=40, deadline=None)
@given(frames)
def test_a_crop_shows_what_lies_in_the_frame(frame: Frame) -> None:
    """Against sampling one by one, where the frame is over the photo and the crop is no reduction."""
    pixels = smooth_picture(80, 100)
    size = max(8, int(np.ceil(frame.size)) + 8)
    crop = cut(pixels, frame, (size, size))
    places = np.stack(np.meshgrid(np.arange(0, size, 7), np.arange(0, size, 5)), -1).reshape(-1, 2)
    photo = frame.to_photo(places, (size, size))
    inside = ((photo >= 1) & (photo <= np.array([98, 78]))).all(1)
    found = crop[places[:, 1], places[:, 0]].astype(float)
    assert np.abs(found - sampled(pixels, photo))[inside].max(initial=0) < 4


def test_the_whole_photo_is_itself() -> None:
    pixels = smooth_picture(64, 64)
    assert (cut(pixels, whole_frame((64, 64), (64, 64)), (64, 64)) == pixels).all()
    assert whole_frame((60, 100), (32, 32)) == Frame(49.5, 29.5, 60)
    assert whole_frame((60, 100), (64, 32)) == Frame(49.5, 29.5, 60)
    assert whole_frame((100, 20), (64, 32)) == Frame(9.5, 49.5, 40)


def test_a_smaller_crop_is_averaged() -> None:
    """Stripes finer than the crop's pixels become grey, not stripes of another width."""
    pixels = np.zeros((256, 256, 3), np.uint8)
    pixels[:, ::2] = 255
    crop = cut(pixels, Frame(127.5, 127.5, 256), (32, 32))[2:-2, 2:-2]
    assert np.abs(crop.astype(int) - 127).max() < 12


def test_beyond_the_photo_it_is_reflected_and_blurred() -> None:
    pixels = smooth_picture(40, 40)
    pixels[::4] = 255  # fine stripes
    crop = cut(pixels, Frame(19.5, 19.5, 160), (160, 160))
    assert crop.shape == (160, 160, 3)
    inside = crop[60:100, 60:100].astype(int)
    assert np.abs(inside - pixels).max() <= 1
    far = crop[0:30, 60:100].astype(int)
    assert np.abs(np.diff(far, axis=0)).mean() < 0.2 * np.abs(np.diff(inside, axis=0)).mean()


def test_the_face_of_ffhq() -> None:
    """Side and centre by the formula: 4 |x'| or 3.6 |y'|, a tenth of y' above the eyes."""
    wide = face_frame(landmarks((50, 40), 30, 20))
    assert (wide.x, wide.y, wide.size, wide.angle) == pytest.approx((50, 42, 120, 0))
    assert face_frame(landmarks((50, 40), 20, 50)).size == pytest.approx(180)
    turn = np.array([[0, 1], [-1, 0]])  # (x, y) -> (-y, x): a quarter clockwise
    turned = face_frame(landmarks((50, 40), 30, 20) @ turn)
    assert (turned.x, turned.y, turned.size, turned.angle) == pytest.approx((-42, 50, 120, 90))


@given(frames, st.floats(-180, 180))
def test_a_face_is_placed_as_in_the_model(face: Frame, angle: float) -> None:
    """The corners of FFHQ's frame come to lie where they lie in the model's picture."""
    own, shape = Frame(70, 50, 90, angle), (128, 128)
    placed = place_as(face, own, shape)
    corners = [(-0.5, -0.5), (99.5, -0.5), (99.5, 99.5)]
    expected = own.to_photo(corners, (100, 100))
    assert np.allclose(placed.to_crop(face.to_photo(corners, (100, 100)), shape), expected, atol=1e-6)


class Finder:
    """A detector that finds given landmarks, in the model's images others."""

    layout = MULTI_PIE

    def __init__(self, *answers: np.ndarray):
        self.answers = list(answers)

    def __call__(self, images) -> np.ndarray:
        return np.stack([self.answers.pop(0) for _ in images])


def test_finding_a_frame() -> None:
    pixels, generator = smooth_picture(200, 160), tiny_generator()
    face, nothing = landmarks((80, 90), 25, 25), np.full((68, 2), np.nan)
    # FFHQ's frame is the whole of the model's image: centre 15.5, side 32.
    whole = landmarks((15.5, 15.5 - 0.8), 8, 8)
    assert find_frame(pixels, generator, Finder(face, whole)) == face_frame(face)
    half = find_frame(pixels, generator, Finder(face, landmarks((15.5, 15.5 - 0.4), 4, 4)))
    assert (half.x, half.y, half.size) == pytest.approx((80, 92.5, 200))
    with pytest.raises(DraglabError, match="no upright frontal face was found in the photo: place the frame by hand"):
        find_frame(pixels, generator, Finder(nothing))
    with pytest.raises(DraglabError, match="no face is found in what the model tiny makes"):
        find_frame(pixels, generator, Finder(face, nothing))


def test_a_large_photo_is_searched_at_a_smaller_size() -> None:
    face = landmarks((80, 90), 25, 25)
    found = find_frame(smooth_picture(3200, 1600), tiny_generator(), Finder(face, landmarks((15.5, 14.7), 8, 8)))
    assert (found.x, found.y, found.size) == pytest.approx((160.5, 185.5, 200), abs=0.1)


def test_heads_find_their_own_frame(monkeypatch: pytest.MonkeyPatch) -> None:
    """The bundled model and its own judge, without dlib: a picture of a head is framed as it is."""
    import draglab

    monkeypatch.setattr("draglab.inversion.faces.has_dlib", lambda: False)
    generator = draglab.load_generator("heads", device="cpu")
    frame = find_frame(own_image(generator, 64), generator)
    assert abs(frame.size - 256) < 40
    assert np.abs([frame.x - 127.5, frame.y - 127.5]).max() < 25
    with pytest.raises(DraglabError, match="pip install 'draglab"):
        find_frame(smooth_picture(64, 64), tiny_generator())


@pytest.mark.parametrize("text", ["", "1,2", "1,2,3,4,5", "a,b,c", "1,2,nan", "1,2,inf,0"])
def test_boxes_that_cannot_be_read(text: str) -> None:
    with pytest.raises(DraglabError, match="--box 320,240,400,0"):
        parse_box(text)


@pytest.mark.parametrize(
    ("box", "message"),
    [("200,10,50", "outside the photo of 100x80"), ("10,10,2", "give 8 to 400"), ("10,10,900", "give 8 to 400")],
)
def test_frames_that_do_not_fit(box: str, message: str) -> None:
    with pytest.raises(DraglabError, match=message):
        parse_box(box).checked((80, 100))
    assert parse_box("10,20,30").checked((80, 100)) == Frame(10, 20, 30)
