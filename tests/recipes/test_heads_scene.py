"""From z to the scene, and the parts of the renderer that need no assets."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("numba", reason="the head renderer needs numba")
pytest.importorskip("scipy", reason="the head renderer needs scipy")

from recipes.heads.filters import blur
from recipes.heads.geometry import polyline_distance, rotation
from recipes.heads.hair import lay_down
from recipes.heads.lights import lit, shadow_map
from recipes.heads.meshes import load_obj
from recipes.heads.raster import resolve, turned
from recipes.heads.scene import LONGEST_GAZE, SHAPE_COUNT, Z_DIM, normalize_z, scene_from_z
from recipes.heads.torso import Torso


def latent(seed: int) -> np.ndarray:
    return np.random.RandomState(seed).randn(Z_DIM).astype(np.float32)


def test_normalize_z_gives_mean_square_one():
    z = normalize_z(np.stack([latent(0), 7.0 * latent(1)]))
    np.testing.assert_allclose(np.mean(z * z, axis=1), 1.0, rtol=1e-5)


def test_scene_does_not_depend_on_the_length_of_z():
    a, b = scene_from_z(latent(3)), scene_from_z(5.0 * latent(3))
    assert a.yaw == pytest.approx(b.yaw, abs=1e-3)
    assert a.skin == pytest.approx(b.skin, abs=1e-4)


def test_scene_stays_in_its_documented_ranges():
    assert Z_DIM <= 80
    for seed in range(200):
        s = scene_from_z(latent(seed))
        assert abs(s.yaw) <= 42 and abs(s.pitch) <= 16 and s.shape.shape == (SHAPE_COUNT,)
        shares = (s.child, s.aged, s.freckles, s.makeup, s.beard, s.hair_density, s.hair_mass, s.hair_length, s.fringe)
        assert all(0.0 <= v <= 1.0 for v in shares)
        assert 0.0 <= s.hair_style < 1.0
        assert all(0.0 <= v <= 1.0 for v in s.expression.values())
        for color in (s.skin, s.lips, s.iris, s.hair, s.brows, s.background, s.glow, s.shirt):
            assert all(0.0 <= c <= 1.0 for c in color)


def test_nobody_is_two_ages_and_children_have_no_beards():
    for seed in range(300):
        s = scene_from_z(latent(seed))
        assert s.child * s.aged == 0.0
        assert s.makeup * s.beard == 0.0
        if s.child > 0.5:
            assert s.beard == 0.0 and s.makeup == 0.0


def test_eyes_turn_back_towards_the_camera():
    out = [
        (s.yaw, s.expression["eyeLookOut_L"] - s.expression["eyeLookIn_L"])
        for s in map(scene_from_z, map(latent, range(200)))
    ]
    yaw, gaze = np.array(out).T
    assert np.corrcoef(yaw, gaze)[0, 1] < -0.5
    assert np.abs(gaze).max() <= LONGEST_GAZE / 32.0


def test_scene_moves_smoothly_with_every_coordinate():
    z = normalize_z(latent(4))
    base = scene_from_z(z)
    for i in range(Z_DIM):
        moved = scene_from_z(z + 1e-3 * np.eye(Z_DIM, dtype=np.float32)[i])
        assert abs(moved.yaw - base.yaw) < 0.2
        for a, b in zip(
            base.skin + base.hair + base.background, moved.skin + moved.hair + moved.background, strict=True
        ):
            assert abs(a - b) < 0.01


def test_blur_keeps_the_sum_away_from_the_edges_and_spreads_as_a_gaussian():
    image = np.zeros((41, 41), np.float32)
    image[20, 20] = 1.0
    out = blur(image, 3.0)
    assert out.sum() == pytest.approx(1.0, abs=1e-3)
    x = np.arange(41) - 20
    assert np.sqrt((out.sum(0) * x * x).sum()) == pytest.approx(3.0, rel=0.08)


def test_polyline_distance_and_place():
    line = np.array([[0.0, 0.0], [2.0, 0.0], [2.0, 2.0]])
    distance, along = polyline_distance(np.array([[1.0, 1.0], [3.0, 2.0], [-1.0, 0.0]]), line)
    np.testing.assert_allclose(distance, [1.0, 1.0, 1.0])
    np.testing.assert_allclose(along, [0.25, 1.0, 0.0])


def test_turned_is_the_rotation_matrix():
    v = np.random.RandomState(0).randn(20, 3).astype(np.float32)
    pivot = np.array([0.5, -1.0, 2.0])
    whole = turned(v, np.ones(20, np.float32), pivot, 0.4, -0.2, 0.1)
    np.testing.assert_allclose(whole, (v - pivot) @ rotation(0.4, -0.2, 0.1).T + pivot, atol=1e-5)
    np.testing.assert_allclose(turned(v, np.zeros(20, np.float32), pivot, 0.4, -0.2, 0.1), v, atol=1e-6)


def test_shadow_falls_behind_a_plate_and_nowhere_else():
    # A plate of 10 cm in front of the light, facing it.
    plate = np.array([[-5, -5, 5], [5, -5, 5], [5, 5, 5], [-5, 5, 5]], np.float32)
    tris = np.array([[0, 1, 2], [0, 2, 3]], np.int32)
    shadow = shadow_map(np.array([0.0, 0.0, 1.0]), plate, tris, [], 0.6)

    def light_at(*point: float) -> float:
        u, v, depth = shadow.frame[:, :3] @ np.array(point) + shadow.frame[:, 3]
        return lit(shadow.moments, u, v, depth, 0.3)

    assert light_at(0, 0, 5) == 1.0 and light_at(0, 0, 8) == 1.0
    assert light_at(0, 0, 0) < 0.05
    assert light_at(12, 0, 0) == 1.0
    assert light_at(5.0, 0, 0) > light_at(4.0, 0, 0)


def test_hair_lies_on_the_shoulders():
    torso = Torso()
    cloth, _ = torso.build(scene_from_z(latent(1)))
    heights = torso.heights(cloth)
    # A curtain of hair that hangs straight through both shoulders.
    x, y = np.meshgrid(np.linspace(-13, 13, 40), np.linspace(-6, -30, 40))
    curtain = np.stack([x, y, np.full_like(x, 2.0)], -1).reshape(-1, 3).astype(np.float32)
    laid = lay_down(curtain, heights, 26.0)

    def under(points: np.ndarray) -> float:
        """Share of points that lie clearly below the cloth, wherever in the cells around one looks."""
        at = np.clip(((points[:, [0, 2]] + 26.0) / 52.0 * len(heights)).astype(int), 1, len(heights) - 2)
        around = [heights[at[:, 1] + j, at[:, 0] + i] for i in (-1, 0, 1) for j in (-1, 0, 1)]
        return float(np.mean(points[:, 1] < np.min(around, axis=0) - 0.3))

    assert under(curtain) > 0.3
    assert under(laid) < 0.01


def test_obj_becomes_triangles_with_a_vertex_per_texel(tmp_path):
    path = tmp_path / "quad.obj"
    path.write_text("v 0 0 0\nv 1 0 0\nv 1 1 0\nv 0 1 0\nvt 0 0\nvt 1 0\nvt 1 1\nvt 0 1\nf 1/1 2/2 3/3 4/4\n")
    verts, uv, tris = load_obj(path)
    assert verts.shape == (4, 3) and tris.shape == (2, 3)
    # The picture's rows run downwards.
    np.testing.assert_allclose(uv[np.all(verts == [1, 1, 0], axis=1)], [[1.0, 0.0]])


def test_resolve_encodes_srgb():
    linear = np.array([0.0, 0.002, 0.05, 0.2, 0.6])
    image = np.repeat(linear[:, None], 3, axis=1)[None].astype(np.float32)
    wanted = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055) * 255
    np.testing.assert_allclose(resolve(image, 1)[0, :, 0], wanted, atol=1.0)
