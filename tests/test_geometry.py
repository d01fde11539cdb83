"""Properties of points, masks and pixel conventions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from draglab.errors import DraglabError
from draglab.geometry import (
    disc_offsets,
    parse_point_pair,
    scale_from_512,
    to_feature_coordinates,
    validate_mask,
    validate_pairs,
    validate_points,
)

coordinate = st.floats(allow_nan=True, allow_infinity=True)
points = st.lists(st.tuples(coordinate, coordinate), min_size=0, max_size=4)


@given(points)
def test_points_are_inside_or_refused(given_points: list[tuple[float, float]]) -> None:
    try:
        array = validate_points(given_points, 20, 30)
    except DraglabError as error:
        assert "\n" not in str(error)
    else:
        assert array.shape == (len(given_points), 2)
        assert (array >= 0).all()
        assert (array[:, 0] <= 29).all()
        assert (array[:, 1] <= 19).all()


@given(points, points)
def test_pairs_fit_or_are_refused(handles: list[tuple[float, float]], targets: list[tuple[float, float]]) -> None:
    try:
        handle_array, target_array = validate_pairs(handles, targets, 20, 30)
    except DraglabError:
        return
    assert len(handle_array) == len(target_array) > 0
    # Some may hold their places, not all.
    assert (np.linalg.norm(target_array - handle_array, axis=1) > 0).any()


@given(st.integers(0, 5), st.integers(0, 5), st.integers(1, 5), st.integers(1, 5), st.booleans())
def test_masks_fit_or_are_refused(height: int, width: int, image_height: int, image_width: int, first: bool) -> None:
    mask = np.zeros((height, width), bool)
    if mask.size:
        mask[0, 0] = first
    try:
        checked = validate_mask(mask, image_height, image_width)
    except DraglabError:
        return
    assert checked is not None
    assert checked.shape == (image_height, image_width)
    assert 0 < checked.sum() < checked.size


def test_the_corners_of_image_and_features_are_the_same_place() -> None:
    """Pixel edges, not centres, coincide: the image spans -0.5 to S - 0.5, the map -0.5 to R - 0.5."""
    edges = np.array([[-0.5, -0.5], [127.5, 63.5]])
    np.testing.assert_allclose(to_feature_coordinates(edges, (64, 128), (16, 32)), [[-0.5, -0.5], [31.5, 15.5]])


@given(st.floats(0.01, 30))
def test_disc_is_what_is_closer_than_the_radius(radius: float) -> None:
    found = {tuple(offset) for offset in disc_offsets(radius).tolist()}
    reach = range(-31, 32)
    expected = {(float(x), float(y)) for x in reach for y in reach if np.hypot(x, y) < radius} | {(0.0, 0.0)}
    assert found == expected


def test_radii_scale_with_the_longer_side() -> None:
    assert scale_from_512(12, 1024, 512) == 24
    assert scale_from_512(3, 128, 128) == 0.75


@given(*[st.floats(-1e6, 1e6)] * 4)
def test_point_pairs_are_read_as_written(a: float, b: float, c: float, d: float) -> None:
    assert parse_point_pair(f"{a!r},{b!r}:{c!r},{d!r}") == ([a, b], [c, d])


@pytest.mark.parametrize("text", ["", "1,2", "1,2:3", "1,2:3,4:5,6", "a,b:c,d", "1,2:3,4,5", "1;2:3,4"])
def test_other_texts_are_refused_with_an_example(text: str) -> None:
    with pytest.raises(DraglabError, match="64,90:64,105"):
        parse_point_pair(text)


def test_a_handle_may_stay_where_it_is_while_another_moves() -> None:
    handles, targets = validate_pairs([[1, 2], [5, 5]], [[1, 2], [9, 5]], 20, 30)
    assert (handles[0] == targets[0]).all()
    with pytest.raises(DraglabError, match="lies on its target"):
        validate_pairs([[1, 2], [5, 5]], [[1, 2], [5, 5]], 20, 30)
