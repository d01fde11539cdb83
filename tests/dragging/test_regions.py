"""Regions: points are inside and well spread; the map gives each its target."""

from __future__ import annotations

import numpy as np
import pytest

import draglab
from draglab import DraglabError
from draglab.dragging import region_points
from draglab.dragging.gauss_newton import MAX_HANDLES

SQUARE = [(10, 20), (50, 20), (50, 60), (10, 60)]
BENT = [(0, 0), (60, 0), (60, 12), (12, 12), (12, 60), (0, 60)]


def least(points: np.ndarray) -> float:
    """Smallest distance between two points."""
    apart = np.linalg.norm(points[:, None] - points, axis=-1)
    return float(apart[~np.eye(len(points), dtype=bool)].min())


def test_the_points_of_a_square_are_spread_evenly() -> None:
    points = region_points(SQUARE, 4)
    # Each in the middle of a quarter, or of a strip.
    assert points.shape == (4, 2) and least(points) >= 16
    np.testing.assert_allclose(points.mean(0), [30, 40], atol=2)
    points = region_points(SQUARE)
    assert len(points) == MAX_HANDLES and least(points) > 10
    assert (points > [12, 22]).all() and (points < [48, 58]).all()
    np.testing.assert_array_equal(points, region_points(SQUARE))
    np.testing.assert_array_equal(points, region_points(SQUARE[::-1]))


def test_the_points_of_a_bent_region_are_inside() -> None:
    points = region_points(BENT)
    assert len(points) == MAX_HANDLES and least(points) > 6
    assert ((points > 0) & (points < 60)).all() and (points.min(1) < 12).all()


def test_points_are_inside_any_outline() -> None:
    """Against winding numbers, by the angles to the corners."""
    random = np.random.RandomState(0)
    for _ in range(20):
        angles = np.sort(random.uniform(0, 2 * np.pi, 9))
        outline = 40 + np.stack([np.cos(angles), np.sin(angles)], 1) * random.uniform(5, 30, (9, 1))
        for point in region_points(outline, 6):
            ways = outline - point
            seen = np.unwrap(np.arctan2(*np.concatenate([ways, ways[:1]]).T[::-1]))
            assert abs(seen[-1] - seen[0]) == pytest.approx(2 * np.pi, abs=1e-6)


def test_a_tiny_region_has_as_many_points_as_there_is_room_for() -> None:
    assert len(region_points([(1, 1), (1.5, 1), (1, 1.5)], 1)) == 1
    assert 1 <= len(region_points([(0, 0), (100, 0), (100, 4)], 8)) <= 8


def test_every_point_gets_its_target() -> None:
    edit = draglab.region_edit(SQUARE, move=(3, -2), turn=90, scale=0.5)
    handles, targets, mask = edit.validated(128, 128)
    assert mask is None and len(handles) == MAX_HANDLES
    x, y = (handles - [30, 40]).T
    # Clockwise, as the y axis points down.
    np.testing.assert_allclose(targets, np.stack([30 - 0.5 * y + 3, 40 + 0.5 * x - 2], 1), atol=1e-9)


def test_pins_stay_and_count() -> None:
    pins = [(5, 5), (60, 5), (5, 70)]
    handles, targets, _ = draglab.region_edit(SQUARE, move=(4, 0), pins=pins).validated(128, 128)
    assert len(handles) == MAX_HANDLES
    np.testing.assert_array_equal(handles[-3:], pins)
    np.testing.assert_array_equal(targets[-3:], pins)
    np.testing.assert_allclose(targets[:-3] - handles[:-3], np.full((5, 2), [4, 0]), atol=1e-9)
    assert len(np.asarray(draglab.region_edit(SQUARE, turn=5, pins=pins * 3, count=None).handles)) == 3 + 9


@pytest.mark.parametrize(
    ("polygon", "changes", "says"),
    [
        ([(1, 1), (5, 5)], {}, "at least three corners"),
        ([(1, 1), (1, 1), (1, 1)], {}, "has no inside"),
        ([(1, 1), (9, 9), (5, 5)], {}, "has no inside"),
        ([(1, 1), (9, float("nan")), (5, 2)], {}, "at least three corners"),
        (SQUARE, {"scale": 0.0}, "a factor above 0"),
        (SQUARE, {"scale": float("inf")}, "a factor above 0"),
        (SQUARE, {"count": 0}, "at least one point"),
    ],
)
def test_what_is_no_region_is_refused(polygon, changes, says) -> None:
    with pytest.raises(DraglabError, match=says):
        draglab.region_edit(polygon, **changes)
