"""What every landmark detector shares: the order of points, the form of images, what a missing face looks like."""

from __future__ import annotations

import numpy as np
import pytest

from draglab.errors import DraglabError
from draglab.perception import FACE_MESH, HAND, MULTI_PIE, HeadLandmarks, Layout, found, identity_distance


@pytest.mark.parametrize("layout", [MULTI_PIE, FACE_MESH, HAND], ids=lambda layout: layout.name)
def test_points_have_names(layout: Layout) -> None:
    for name, indices in layout.parts.items():
        assert indices and all(0 <= index < layout.count for index in indices)
        if len(indices) == 1:
            assert layout.index(name) == indices[0]
    with pytest.raises(DraglabError, match="choose one of"):
        layout.index("elbow")
    part = next(name for name, indices in layout.parts.items() if len(indices) > 1)
    with pytest.raises(DraglabError, match="no single point"):
        layout.index(part)


def test_the_parts_are_all_of_the_face_or_hand() -> None:
    parts = {name: indices for name, indices in MULTI_PIE.parts.items() if len(indices) > 1}
    assert sorted(sum(parts.values(), ())) == list(range(68))
    assert (MULTI_PIE.index("chin"), MULTI_PIE.index("nose tip")) == (8, 30)
    fingers = [indices for indices in HAND.parts.values() if len(indices) > 1]
    assert sorted(sum(fingers, HAND.parts["wrist"])) == list(range(21))
    tips = [HAND.index(f"{name} tip") for name, indices in HAND.parts.items() if len(indices) > 1]
    assert tips == [indices[-1] for indices in fingers]


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (np.zeros((8, 8, 3), np.uint8), r"give \[N, H, W, 3\]"),
        (np.zeros((1, 8, 8, 3), np.float32), r"float32 \[8, 8, 3\]: give uint8"),
        (np.zeros((1, 8, 8, 1), np.uint8), "give uint8 RGB"),
        ([np.zeros((8, 8), np.uint8)], "give uint8 RGB"),
        ([np.zeros((0, 8, 3), np.uint8)], "give uint8 RGB"),
        (["face.png"], "give uint8 RGB"),
    ],
)
def test_other_images_are_refused(images: list[np.ndarray], message: str) -> None:
    with pytest.raises(DraglabError, match=message):
        HeadLandmarks()(images)


def test_no_images_have_no_landmarks() -> None:
    assert HeadLandmarks()([]).shape == (0, 68, 2)


def test_what_is_not_found_is_nan() -> None:
    landmarks = np.zeros((3, 68, 2))
    landmarks[1] = np.nan
    assert found(landmarks).tolist() == [True, False, True]
    assert found(np.full((2, 128), np.nan)).tolist() == [False, False]
    assert found(np.zeros((0, 68, 2))).tolist() == []


def test_identity_distance_broadcasts() -> None:
    people = np.eye(128)[:3]
    distances = identity_distance(people[:, None], people)
    np.testing.assert_allclose(distances, np.sqrt(2) * (1 - np.eye(3)))
    assert np.isnan(identity_distance(people[0], np.full(128, np.nan)))
