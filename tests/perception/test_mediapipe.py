"""mediapipe's detectors. All but the errors need mediapipe; hands are of the bundled model, faces of the assets."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pytest
import torch

import draglab
from draglab.errors import DraglabError
from draglab.perception import FACE_MESH, HAND, MediapipeFace, MediapipeHands, found
from draglab.perception.mediapipe_landmarks import _squared
from tests.perception.assets import portraits

needs_mediapipe = pytest.mark.skipif(
    importlib.util.find_spec("mediapipe") is None, reason="mediapipe is not installed (docs/perception.md)"
)


@pytest.fixture(scope="module")
def hands() -> np.ndarray:
    """Samples of the bundled model, uint8 [8, 128, 128, 3]."""
    generator = draglab.load_generator("hands", device="cpu")
    with torch.no_grad():
        w_plus = torch.cat([generator.w_plus_from_seed(seed) for seed in (2, 3, 6, 7, 8, 9, 12, 14)])
        return draglab.to_uint8(generator.image(w_plus))


@needs_mediapipe
def test_hands_are_found(hands: np.ndarray) -> None:
    landmarks = MediapipeHands()(hands)
    assert landmarks.shape == (8, 21, 2) and found(landmarks).all()
    wrist = landmarks[:, HAND.index("wrist")]
    # The model's hands stand upright: all tips are above the wrist.
    for name in ("thumb", "index finger", "middle finger", "ring finger", "little finger"):
        assert (landmarks[:, HAND.index(f"{name} tip"), 1] < wrist[:, 1]).all()


@needs_mediapipe
def test_tips_are_where_handles_were_picked_by_eye(hands: np.ndarray) -> None:
    """Seeds 2, 3 and 8 of recipes/hands/drags.json: each handle lies on the tip of a finger."""
    picked = {0: [(34.6, 40.5), (88.2, 29.4)], 1: [(37.6, 28.9), (57.7, 13.0)], 4: [(81.2, 25.9)]}
    landmarks = MediapipeHands()(hands)
    tips = landmarks[:, [index for name in HAND.parts if name.endswith("tip") for index in HAND.parts[name]]]
    for image, handles in picked.items():
        for handle in handles:
            assert np.linalg.norm(tips[image] - handle, axis=1).min() < 6


@needs_mediapipe
def test_a_shifted_hand_has_shifted_points(hands: np.ndarray) -> None:
    detector = MediapipeHands()
    before = detector(hands[:1])[0]
    wide = np.pad(hands[0], ((10, 30), (60, 20), (0, 0)), mode="edge")
    assert np.abs(detector([wide])[0] - [60, 10] - before).mean() < 3


@needs_mediapipe
def test_faces_are_found() -> None:
    landmarks = MediapipeFace()(portraits())
    assert landmarks.shape == (14, 478, 2) and found(landmarks).all()
    face = dict(
        zip(FACE_MESH.parts, (landmarks[:, list(part)].mean(1) for part in FACE_MESH.parts.values()), strict=True)
    )
    x = {name: points[:, 0] for name, points in face.items()}
    y = {name: points[:, 1] for name, points in face.items()}
    assert (x["left mouth corner"] < x["nose tip"]).all() and (x["nose tip"] < x["right mouth corner"]).all()
    row = ["left outer eye corner", "left iris", "left inner eye corner"]
    row += ["right inner eye corner", "right iris", "right outer eye corner"]
    for left, right in pairwise(row):
        assert (x[left] < x[right]).all()
    for upper, lower in (("left iris", "nose tip"), ("nose tip", "upper lip"), ("upper lip", "lower lip")):
        assert (y[upper] < y[lower]).all()
    assert (y["lower lip"] < y["chin"]).all()


@needs_mediapipe
def test_nothing_found_is_nan() -> None:
    empty = np.full((90, 120, 3), 90, np.uint8)
    assert np.isnan(MediapipeHands()([empty])).all()
    assert np.isnan(MediapipeFace()([empty])).all()


def test_the_border_repeats_the_edge() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (20, 40, 3), np.uint8)
    square, left, top = _squared(picture, 0.25)
    assert square.shape == (60, 60, 3) and (left, top) == (10, 20)
    np.testing.assert_array_equal(square[20:40, 10:50], picture)
    assert (square[20:40, :10] == picture[:, :1]).all() and (square[:20, 10:50] == picture[:1]).all()


@pytest.mark.parametrize("kind", [MediapipeHands, MediapipeFace])
def test_missing_or_new_versions_are_explained(monkeypatch: pytest.MonkeyPatch, kind: Callable[..., object]) -> None:
    with pytest.raises(DraglabError, match="confidence is 2: give 0 to 1"):
        kind(2)
    monkeypatch.setitem(sys.modules, "mediapipe", None)
    with pytest.raises(DraglabError, match=r"mediapipe is not there .* docs/perception.md"):
        kind()
    monkeypatch.setitem(sys.modules, "mediapipe", SimpleNamespace())
    with pytest.raises(DraglabError, match="this version of mediapipe brings no models"):
        kind()
