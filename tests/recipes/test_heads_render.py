"""The head renderer: a picture is a deterministic, continuous function of z, and its landmarks and labels agree."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("numba", reason="the head renderer needs numba")

from recipes.heads.render import LABELS, Z_DIM, HeadRenderer, normalize_z, scene_from_z

ASSETS = Path(os.environ.get("DRAGLAB_ASSETS", Path(__file__).resolve().parents[2] / ".." / "shared" / "assets"))

needs_assets = pytest.mark.skipif(
    not (ASSETS / "ict_facekit" / "ict_facekit.npz").exists(),
    reason=f"no ict_facekit/ict_facekit.npz under {ASSETS}; set DRAGLAB_ASSETS",
)


@pytest.fixture(scope="module")
def renderer() -> HeadRenderer:
    return HeadRenderer(ASSETS)


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
    for seed in range(200):
        s = scene_from_z(latent(seed))
        assert abs(s.yaw) <= 42 and abs(s.pitch) <= 16 and 0 <= s.hair_length <= 21
        assert all(0.0 <= v <= 1.0 for v in s.expression.values())
        for color in (s.skin, s.lips, s.iris, s.hair, s.brows, s.background, s.shirt):
            assert all(0.0 <= c <= 1.0 for c in color)


@needs_assets
def test_same_z_gives_the_same_picture(renderer):
    a, b = renderer.render(latent(5), 64), renderer.render(latent(5), 64)
    np.testing.assert_array_equal(a.image, b.image)
    np.testing.assert_array_equal(a.landmarks, b.landmarks)
    assert a.image.dtype == np.uint8 and a.image.shape == (64, 64, 3)
    assert a.landmarks.dtype == np.float32 and a.visible.dtype == bool and a.labels.dtype == np.uint8


@needs_assets
def test_landmarks_are_in_the_picture_and_follow_the_pose(renderer):
    neutral = replace(scene_from_z(latent(1)), yaw=0.0, pitch=0.0, roll=0.0, shift=(0.0, 0.0))
    straight = renderer.render(neutral).landmarks
    assert np.all((straight > 0) & (straight < 127))
    nose = straight[30]
    assert abs(nose[0] - 63.5) < 3 and abs(nose[1] - 63.5) < 8
    assert renderer.render(replace(neutral, yaw=25.0)).landmarks[30, 0] > nose[0] + 5
    assert renderer.render(replace(neutral, yaw=-25.0)).landmarks[30, 0] < nose[0] - 5
    assert renderer.render(replace(neutral, pitch=12.0)).landmarks[30, 1] < nose[1] - 2
    eyes = renderer.render(replace(neutral, roll=10.0)).landmarks
    assert eyes[45, 1] > eyes[36, 1] + 2


@needs_assets
def test_far_cheek_is_hidden_when_the_head_turns(renderer):
    turned = renderer.render(replace(scene_from_z(latent(1)), yaw=40.0, pitch=0.0, hair_density=0.0))
    assert turned.visible[2:6].sum() > turned.visible[11:15].sum()


@needs_assets
def test_small_steps_in_z_make_small_steps_in_the_picture(renderer):
    for seed in range(4):
        z = normalize_z(latent(seed))
        step = 0.002 * latent(seed + 50)
        a, b = renderer.render(z), renderer.render(z + step)
        assert np.mean(np.abs(a.image.astype(float) - b.image)) < 1.0
        assert np.max(np.abs(a.landmarks - b.landmarks)) < 0.5


@needs_assets
def test_labels_agree_with_landmarks(renderer):
    checked = 0
    for seed in range(8):
        r = renderer.render(latent(seed))
        assert r.labels.max() < len(LABELS)
        if r.visible[29]:
            x, y = np.round(r.landmarks[29]).astype(int)
            assert LABELS[r.labels[y, x]] == "skin"
            checked += 1
    assert checked >= 6


@needs_assets
def test_resolution_scales_the_picture_and_the_landmarks(renderer):
    small, large = renderer.render(latent(2), 64), renderer.render(latent(2), 128)
    assert large.image.shape == (128, 128, 3) and large.labels.shape == (128, 128)
    # Pixel centres are at integers, so edges (x + 0.5) are what scales.
    np.testing.assert_allclose((small.landmarks + 0.5) * 2, large.landmarks + 0.5, atol=1e-3)
    shrunk = large.image.reshape(64, 2, 64, 2, 3).mean(axis=(1, 3))
    assert np.mean(np.abs(shrunk - small.image)) < 4
