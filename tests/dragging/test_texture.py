"""Texture: corners have it, plain areas and straight edges do not; regions get their points where it is."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

import draglab
from draglab.dragging import Features, Texture, region_points
from draglab.dragging.matching import patch_lattice
from draglab.dragging.texture import least_eigenvalues
from draglab.generators.windows import Windows
from tests.dragging.test_regions import least
from tests.reference import texture as slow
from tests.tiny import tiny_generator

SIDE = 64
OFFSETS = patch_lattice(3).astype(float)
HALF_STEP = 1.5


def picture() -> NDArray[np.float64]:
    """[2, 64, 64]: in the left half a soft chequerboard, on the right nothing but a straight edge at x = 48."""
    rows, columns = np.mgrid[:SIDE, :SIDE].astype(float)
    chequered = np.sin(rows * 0.8) * np.sin(columns * 0.8) * (columns < 32)
    edge = 1 / (1 + np.exp(-(columns - 48) * 2.0))
    return np.stack([chequered, edge])


class PictureTexture:
    """The texture of a picture [C, H, W] whose pixels are the image's."""

    def __init__(self, values: NDArray[np.float64]) -> None:
        top = torch.from_numpy(values)[None]
        window = Windows(top, np.zeros((1, 2), dtype=np.int64), (SIDE, SIDE), 0)
        self.features = Features(window, window)

    def __call__(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        return least_eigenvalues(self.features, points[:, None] + OFFSETS, HALF_STEP, (SIDE, SIDE))


def box(left: float, top: float, right: float, bottom: float) -> list[tuple[float, float]]:
    return [(left, top), (right, top), (right, bottom), (left, bottom)]


def test_it_equals_loops() -> None:
    points = np.array([(12.0, 20.0), (10.3, 33.7), (31.0, 30.0), (48.0, 30.0), (56.0, 10.0), (1.0, 2.0)])
    expected = [slow.least_eigenvalue(picture(), point, OFFSETS, HALF_STEP) for point in points]
    np.testing.assert_allclose(PictureTexture(picture())(points), expected, rtol=1e-3, atol=1e-6)


def test_corners_have_it_and_edges_and_plain_areas_do_not() -> None:
    corner, edge, plain = PictureTexture(picture())(np.array([(16.0, 30.0), (48.0, 30.0), (58.0, 30.0)]))
    assert corner > 1
    assert 0 <= plain < 1e-9 and 0 <= edge < 1e-6


def test_points_of_a_region_are_where_it_has_texture_and_still_cover_that() -> None:
    texture, region = PictureTexture(picture()), box(4, 4, 60, 60)
    evenly, points = region_points(region, 8), region_points(region, 8, texture)
    assert (evenly[:, 0] > 34).sum() >= 3
    assert len(points) == 8 and (points[:, 0] < 34).all()
    assert ((points > 4) & (points < 60)).all()
    # Spread over the chequered half: in each of its quarters, and not in heaps.
    assert {(x > 18, y > 32) for x, y in points.tolist()} == {(a, b) for a in (False, True) for b in (False, True)}
    assert least(points) > 5
    np.testing.assert_array_equal(points, region_points(region, 8, texture))


def test_each_point_has_more_texture_than_the_middle_of_its_surroundings() -> None:
    """Of spots on a plain ground, the points are on spots."""
    rows, columns = np.mgrid[:SIDE, :SIDE].astype(float)
    spots = [(12, 14), (40, 10), (52, 40), (20, 50), (30, 30)]
    ground = sum(np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / 8) for x, y in spots)
    points = region_points(box(2, 2, 62, 62), 5, PictureTexture(np.asarray(ground)[None]))
    away = np.linalg.norm(points[:, None] - np.array(spots), axis=-1)
    assert sorted(away.argmin(1).tolist()) == list(range(5))
    assert away.min(1).max() < 4


def test_a_plain_region_gets_them_as_without() -> None:
    plain = box(52, 20, 62, 40)
    np.testing.assert_array_equal(region_points(plain, 4, lambda at: np.zeros(len(at))), region_points(plain, 4))


def test_an_edit_of_a_region_takes_it() -> None:
    texture = PictureTexture(picture())
    edit = draglab.region_edit(box(4, 4, 60, 60), move=(2, 0), texture=texture)
    assert (np.asarray(edit.handles)[:, 0] < 34).all()
    np.testing.assert_allclose(np.asarray(edit.targets) - edit.handles, np.tile([2.0, 0.0], (8, 1)))


def test_of_a_model_it_is_that_of_the_features_that_are_dragged() -> None:
    generator = tiny_generator()
    texture = Texture(generator, generator.w_plus_from_seed(1))
    found = texture(np.array([(8.0, 9.0), (20.0, 4.0), (0.0, 31.0)]))
    assert found.shape == (3,) and (found > 0).all()
    # In units of the image's pixels: half a step of the features is two of 512.
    assert texture.half_step == pytest.approx(2 / 512 * 32)


def test_on_heads_points_of_a_face_avoid_cheeks_and_forehead() -> None:
    """A region about the lower face: the mouth and the nose get the points, and each can be tracked better."""
    heads = draglab.load_generator("heads", device="cpu")
    texture = Texture(heads, heads.w_plus_from_seed(9))
    region = box(92, 100, 152, 152)
    evenly, points = region_points(region, 8), region_points(region, 8, texture)
    assert len(points) >= 7 and least(points) > 5
    assert np.median(texture(points)) > 10 * np.median(texture(evenly))
    assert texture(points).min() > texture(evenly).min()
