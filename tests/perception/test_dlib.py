"""dlib's landmarks and descriptor. All but the errors need the extra; faces are those of the assets."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from draglab.errors import DraglabError
from draglab.perception import MULTI_PIE, DlibLandmarks, FaceDescriptor, dlib_faces, found, identity_distance
from draglab.perception.dlib_faces import SAME_PERSON
from tests.perception.assets import asset, portraits, rgb

MISSING = [name for name in ("dlib", "face_recognition_models") if importlib.util.find_spec(name) is None]
needs_dlib = pytest.mark.skipif(bool(MISSING), reason=f"the extra dlib is not installed: {', '.join(MISSING)}")


@pytest.fixture(scope="module")
def detector() -> DlibLandmarks:
    return DlibLandmarks()


@pytest.fixture(scope="module")
def descriptor() -> FaceDescriptor:
    return FaceDescriptor()


def resized(picture: np.ndarray, factor: float) -> np.ndarray:
    size = round(picture.shape[1] * factor), round(picture.shape[0] * factor)
    return np.array(Image.fromarray(picture).resize(size, Image.Resampling.BICUBIC))


@needs_dlib
def test_every_portrait_has_a_face(detector: DlibLandmarks) -> None:
    pictures = portraits()
    landmarks = detector(pictures)
    assert landmarks.shape == (14, 68, 2) and found(landmarks).all()
    for picture, face in zip(pictures, landmarks, strict=True):
        height, width = picture.shape[:2]
        assert (face > 0).all() and (face < [width, height]).all()
        x = {name: face[list(indices), 0].mean() for name, indices in MULTI_PIE.parts.items()}
        y = {name: face[list(indices), 1].mean() for name, indices in MULTI_PIE.parts.items()}
        for name in ("brow", "eye", "mouth corner"):
            assert x[f"left {name}"] < x["nose tip"] < x[f"right {name}"]
        downwards = ("left brow", "left eye", "nose tip", "upper lip", "lower lip", "chin")
        assert sorted(downwards, key=y.__getitem__) == list(downwards)


@needs_dlib
def test_dlib_itself_agrees(detector: DlibLandmarks) -> None:
    """On a picture that is large enough not to be enlarged, the points are dlib's own."""
    import dlib  # pyright: ignore[reportMissingImports]

    (largest,) = (picture for picture in portraits() if picture.shape[0] > 1000)
    predictor = dlib.shape_predictor(str(dlib_faces._model_file(dlib_faces._PREDICTOR_68)))
    (box,) = dlib.get_frontal_face_detector()(largest, 0)
    shape = predictor(largest, box)
    expected = [(shape.part(i).x, shape.part(i).y) for i in range(68)]
    np.testing.assert_array_equal(detector([largest])[0], expected)


@needs_dlib
def test_points_are_in_pixels_of_each_image(detector: DlibLandmarks) -> None:
    (large,) = (picture for picture in portraits() if picture.shape[0] > 1000)
    face, small = detector([large, resized(large, 0.25)])
    width = np.ptp(face[:, 0])
    # The detector's box may differ, and with it the points, by a few percent of the face.
    assert np.abs((small + 0.5) * 4 - 0.5 - face).mean() < 0.03 * width
    moved = detector([np.pad(large, ((40, 0), (24, 0), (0, 0)), mode="edge")])[0]
    assert np.abs(moved - [24, 40] - face).mean() < 0.03 * width


@needs_dlib
def test_the_largest_of_two_faces_is_taken(detector: DlibLandmarks) -> None:
    (large,) = (picture for picture in portraits() if picture.shape[0] > 1000)
    height, width = large.shape[:2]
    both = np.full((height, 2 * width, 3), 128, np.uint8)
    small = resized(large, 0.6)
    both[: small.shape[0], : small.shape[1]] = small
    both[:, width:] = large
    x = detector(both[None])[0, :, 0]
    assert (x > width).all()


@needs_dlib
def test_a_pattern_that_is_no_face_is_not_preferred(detector: DlibLandmarks) -> None:
    """In the astronaut's suit dlib sees a face as large as hers, with a tenth of the score."""
    picture = rgb(asset("photos/astronaut.png"))
    face = detector(picture[None])[0]
    for shift in range(1, 25, 4):
        moved = detector([np.pad(picture, ((shift, 0), (shift, 0), (0, 0)), mode="edge")])[0]
        assert np.abs(moved - shift - face).mean() < 3


@needs_dlib
def test_a_small_face_needs_upsampling() -> None:
    (large,) = (picture for picture in portraits() if picture.shape[0] > 1000)
    scene = np.full((768, 768, 3), 128, np.uint8)
    small = resized(large, 0.2)
    scene[300 : 300 + small.shape[0], 300 : 300 + small.shape[1]] = small
    assert not found(DlibLandmarks(upsample=0)(scene[None])).any()
    face = DlibLandmarks(upsample=1)(scene[None])[0]
    assert (face > 300).all() and (face < 300 + np.array(small.shape[1::-1])).all()


@needs_dlib
def test_no_face_is_nan(detector: DlibLandmarks, descriptor: FaceDescriptor) -> None:
    empty = np.random.default_rng(0).integers(0, 256, (200, 300, 3), np.uint8)
    assert np.isnan(detector([empty])).all()
    assert np.isnan(descriptor([empty])).all()
    face, nothing = detector([portraits()[0], empty])
    assert np.isfinite(face).all() and np.isnan(nothing).all()


@needs_dlib
def test_people_are_told_apart(descriptor: FaceDescriptor) -> None:
    people = portraits()
    same = [resized(person[:, ::-1], 1.5) for person in people]
    first, second = descriptor(people), descriptor(same)
    assert first.shape == (14, 128) and found(first).all() and found(second).all()
    distances = identity_distance(first[:, None], second)
    assert distances.argmin(1).tolist() == list(range(14))
    assert np.diag(distances).max() < SAME_PERSON
    others = distances[~np.eye(14, dtype=bool)]
    assert np.mean(others > SAME_PERSON) > 0.9


@needs_dlib
@pytest.mark.parametrize("upsample", [-1, 5])
def test_upsampling_has_limits(upsample: int) -> None:
    with pytest.raises(DraglabError, match="give 0 to 4"):
        DlibLandmarks(upsample=upsample)


@needs_dlib
def test_other_files_are_refused(tmp_path: Path) -> None:
    other = tmp_path / "predictor.dat"
    with pytest.raises(DraglabError, match="there is no shape predictor"):
        DlibLandmarks(other)
    other.write_bytes(b"no predictor at all")
    with pytest.raises(DraglabError, match="is not a shape predictor of dlib, or damaged"):
        DlibLandmarks(other)
    five = dlib_faces._model_file(dlib_faces._PREDICTOR_5)
    with pytest.raises(DraglabError, match="finds 5 points instead of 68"):
        DlibLandmarks(five)
    with pytest.raises(DraglabError, match="there is no shape predictor"):
        FaceDescriptor(tmp_path)
    (tmp_path / five.name).write_bytes(five.read_bytes())
    (tmp_path / dlib_faces._DESCRIPTOR).write_bytes(b"no network")
    with pytest.raises(DraglabError, match="is not a face descriptor of dlib, or damaged"):
        FaceDescriptor(tmp_path)


@pytest.mark.parametrize("kind", [DlibLandmarks, FaceDescriptor])
def test_missing_packages_are_named(monkeypatch: pytest.MonkeyPatch, kind: Callable[..., object]) -> None:
    monkeypatch.setitem(sys.modules, "dlib", None)
    with pytest.raises(DraglabError, match=r"pip install 'draglab\[faces\]'"):
        kind(Path(__file__).parent)
    monkeypatch.setattr(dlib_faces.importlib.util, "find_spec", lambda _: None)
    with pytest.raises(DraglabError, match=r"face-recognition-models, which has .*: install it with"):
        kind()
