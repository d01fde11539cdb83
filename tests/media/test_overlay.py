import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from draglab.media.overlay import HANDLE_COLOUR, TARGET_COLOUR, draw_edit

GREY = np.full((128, 128, 3), 90, np.uint8)


def at(picture, point):
    """The colour at an image point of a picture of a 128-pixel image."""
    factor = picture.shape[0] / 128
    column, row = ((np.asarray(point) + 0.5) * factor).astype(int)
    return tuple(picture[row, column])


def test_discs_lie_on_their_points():
    picture = draw_edit(GREY, [[20, 30]], [[100.25, 90.5]])
    assert picture.shape == (512, 512, 3)
    assert at(picture, (20, 30)) == HANDLE_COLOUR
    assert at(picture, (100.25, 90.5)) == TARGET_COLOUR
    assert at(picture, (60, 60)) == (255, 255, 255)  # the arrow
    assert at(picture, (20, 90)) == (90, 90, 90)


@pytest.mark.parametrize("point", [[64, 64], [40.5, 70.25]])
def test_the_centre_of_the_handle_is_exact(point):
    """The centre of mass of the red disc is the point: no half-pixel shift in enlarging."""
    picture = draw_edit(GREY, [point], [[127, 127]]).astype(int)
    red = (picture[..., 0] > 200) & (picture[..., 2] < 90)
    rows, columns = np.nonzero(red)
    centre = (np.array([columns.mean(), rows.mean()]) + 0.5) / 4 - 0.5
    assert np.abs(centre - point).max() < 0.1


def test_only_the_frozen_region_is_darkened():
    movable = np.zeros((128, 128), bool)
    movable[32:96, 32:96] = True
    picture = draw_edit(GREY, [[64, 64]], [[70, 64]], movable)
    assert at(picture, (40, 40)) == (90, 90, 90)
    assert max(at(picture, (10, 10))) < 80


def test_what_is_frozen_in_part_is_darkened_in_part():
    image = np.full((4, 512, 3), 200, np.uint8)
    movable = np.repeat(np.linspace(0, 1, 512)[None], 4, axis=0)
    row = draw_edit(image, [], [], movable, at_least=1)[2, :, 0].astype(int)
    assert (np.diff(row) >= 0).all()
    frozen = int(draw_edit(image, [], [], movable < 0, at_least=1)[2, 0, 0])
    assert row[0] == frozen and row[-1] == 200
    assert abs(row[256] - (frozen + 200) / 2) <= 2


def test_edges_do_not_darken():
    """On white, nothing of a mark without its shadow may be darker than the shadow allows."""
    picture = draw_edit(np.full((128, 128, 3), 255, np.uint8), [[30, 64]], [[90, 64]])
    assert picture.sum(-1).min() > 200


coordinates = st.floats(-20, 147, allow_nan=False)
points = st.lists(st.tuples(coordinates, coordinates, coordinates, coordinates), max_size=5)


@given(points)
def test_any_points_can_be_drawn(pairs):
    array = np.array(pairs, float).reshape(-1, 4)
    picture = draw_edit(GREY, array[:, :2], array[:, 2:], at_least=128)
    assert picture.shape == GREY.shape
    assert picture.dtype == np.uint8
    assert (GREY == 90).all()
