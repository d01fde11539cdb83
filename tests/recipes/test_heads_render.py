"""The head renderer: a picture is a deterministic, continuous function of z, and its landmarks and labels agree."""

from __future__ import annotations

import os
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("numba", reason="the head renderer needs numba")
pytest.importorskip("scipy", reason="the head renderer needs scipy")

from draglab.evaluation import load_drags
from recipes.heads import dataset, make_drags
from recipes.heads.hair import presence
from recipes.heads.render import LABELS, Z_DIM, HeadRenderer, normalize_z, scene_from_z

ASSETS = Path(os.environ.get("DRAGLAB_ASSETS", Path(__file__).resolve().parents[2] / ".." / "shared" / "assets"))
NEEDED = ("ict_facekit/ict_facekit.npz", "makehuman/long01.obj", "makehuman/long01.png")

pytestmark = pytest.mark.skipif(
    not all((ASSETS / name).exists() for name in NEEDED),
    reason=f"not all of {', '.join(NEEDED)} are under {ASSETS}; set DRAGLAB_ASSETS",
)


@pytest.fixture(scope="module")
def renderer() -> HeadRenderer:
    return HeadRenderer(ASSETS)


@pytest.fixture
def neutral():
    """Straight ahead, no expression, bald."""
    scene = scene_from_z(latent(1))
    still = dict.fromkeys(scene.expression, 0.0)
    return replace(scene, yaw=0.0, pitch=0.0, roll=0.0, shift=(0.0, 0.0), hair_mass=0.0, expression=still)


def latent(seed: int) -> np.ndarray:
    return np.random.RandomState(seed).randn(Z_DIM).astype(np.float32)


def share(render, part: str) -> float:
    """Share of the picture that carries this label."""
    return float(np.mean(render.labels == LABELS.index(part)))


def test_same_z_gives_the_same_picture(renderer):
    a, b = renderer.render(latent(5), 64), renderer.render(latent(5), 64)
    np.testing.assert_array_equal(a.image, b.image)
    np.testing.assert_array_equal(a.landmarks, b.landmarks)
    assert a.image.dtype == np.uint8 and a.image.shape == (64, 64, 3)
    assert a.landmarks.dtype == np.float32 and a.visible.dtype == bool and a.labels.dtype == np.uint8


def test_landmarks_are_in_the_picture_and_follow_the_pose(renderer, neutral):
    straight = renderer.render(neutral).landmarks
    assert np.all((straight > 0) & (straight < 127))
    nose = straight[30]
    assert abs(nose[0] - 63.5) < 3 and abs(nose[1] - 63.5) < 8
    assert renderer.render(replace(neutral, yaw=25.0)).landmarks[30, 0] > nose[0] + 5
    assert renderer.render(replace(neutral, yaw=-25.0)).landmarks[30, 0] < nose[0] - 5
    assert renderer.render(replace(neutral, pitch=12.0)).landmarks[30, 1] < nose[1] - 2
    eyes = renderer.render(replace(neutral, roll=10.0)).landmarks
    assert eyes[45, 1] > eyes[36, 1] + 2


def test_far_cheek_is_hidden_when_the_head_turns(renderer, neutral):
    turned = renderer.render(replace(neutral, yaw=40.0))
    assert turned.visible[2:6].sum() > turned.visible[11:15].sum()


def test_small_steps_in_z_make_small_steps_in_the_picture(renderer):
    for seed in range(4):
        z = normalize_z(latent(seed))
        step = 0.002 * latent(seed + 50)
        a, b = renderer.render(z), renderer.render(z + step)
        assert np.mean(np.abs(a.image.astype(float) - b.image)) < 1.0
        assert np.max(np.abs(a.landmarks - b.landmarks)) < 0.5


def test_walk_around_the_circle_of_styles_has_no_jump(renderer, neutral):
    scene = replace(neutral, hair_mass=1.0, hair_density=1.0, hair_length=0.6)
    # Across the border of the first two styles, where they change the fastest.
    ends = np.cumsum([s.fit.share for s in renderer.hair.styles])
    at = ends[0] / ends[-1]
    walk = [renderer.render(replace(scene, hair_style=at + 0.0005 * k), 64).image.astype(float) for k in range(-4, 5)]
    steps = [np.mean(np.abs(a - b)) for a, b in pairwise(walk)]
    assert 0.0 < max(steps) < 1.5


def test_at_most_two_styles_share_a_head_and_together_they_are_whole(renderer, neutral):
    for style in np.linspace(0.0, 1.0, 97):
        shares = presence(replace(neutral, hair_mass=1.0, hair_style=float(style)))
        assert 1 <= len(shares) <= 2
        assert sum(shares.values()) == pytest.approx(1.0, abs=1e-6)


def test_hair_shows_and_hides_what_is_below(renderer, neutral):
    bald = renderer.render(replace(neutral, hair_density=0.0))
    ends = np.cumsum([s.fit.share for s in renderer.hair.styles])
    long = next(i for i, s in enumerate(renderer.hair.styles) if s.fit.name == "long01")
    style = float((ends[long] - 0.5 * renderer.hair.styles[long].fit.share) / ends[-1])
    hairy = renderer.render(replace(neutral, hair_density=1.0, hair_mass=1.0, hair_style=style, hair_length=1.0))
    assert share(bald, "hair") == 0.0 and share(hairy, "hair") > 0.1
    assert share(bald, "ears") > share(hairy, "ears") + 0.001
    # The landmarks of a face do not move when its hair changes.
    np.testing.assert_allclose(bald.landmarks[17:], hairy.landmarks[17:], atol=1e-3)


def test_expressions_open_the_mouth_and_close_the_eyes(renderer, neutral):
    still = renderer.render(neutral, 256)
    wide = {**neutral.expression, "jawOpen": 0.8}
    mouth = renderer.render(replace(neutral, expression=wide), 256)
    assert share(mouth, "mouth") + share(mouth, "teeth") > share(still, "mouth") + share(still, "teeth") + 0.004
    shut = {**neutral.expression, "eyeBlink_L": 1.0, "eyeBlink_R": 1.0}
    eyes = renderer.render(replace(neutral, expression=shut), 256)
    assert share(eyes, "eyes") < 0.2 * share(still, "eyes")
    # Closed lids show a line of lashes: something much darker than the skin around.
    x, y = np.round(eyes.landmarks[[42, 43, 44, 45, 46, 47]].mean(0)).astype(int)
    patch = eyes.image[y - 6 : y + 9, x - 5 : x + 6].mean(-1)
    assert patch.min() < 0.6 * np.median(patch)


def test_paint_changes_colours_and_not_shapes(renderer, neutral):
    plain = replace(neutral, beard=0.0, freckles=0.0, makeup=0.0)
    base = renderer.render(plain)
    for change in ({"beard": 1.0}, {"freckles": 1.0}, {"makeup": 1.0}):
        other = renderer.render(replace(plain, **change))
        assert np.abs(base.image.astype(int) - other.image).max() > 15, change
        np.testing.assert_array_equal(base.landmarks, other.landmarks)


def test_head_casts_a_shadow_on_the_neck(renderer, neutral):
    """Key light from above: below the chin it is darker than with the same light from the front."""
    a = renderer.anatomy
    below = np.flatnonzero(
        (a.neutral[:, 1] < -8.5) & (a.neutral[:, 1] > -10.0) & (np.abs(a.neutral[:, 0]) < 2) & a.skin
    )
    below = below[a.neutral[below, 2] > 3.0]
    assert len(below) > 5
    render = renderer.render(replace(neutral, key_dir=np.array([0.0, 0.8, 0.6])), 128)
    front = renderer.render(replace(neutral, key_dir=np.array([0.0, 0.0, 1.0])), 128)
    x, y = 64, int(render.landmarks[8, 1]) + 8
    assert render.image[y, x].mean() < 0.8 * front.image[y, x].mean()


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


def test_resolution_scales_the_picture_and_the_landmarks(renderer):
    small, large = renderer.render(latent(2), 64), renderer.render(latent(2), 128)
    assert large.image.shape == (128, 128, 3) and large.labels.shape == (128, 128)
    # Pixel centres are at integers, so edges (x + 0.5) are what scales.
    np.testing.assert_allclose((small.landmarks + 0.5) * 2, large.landmarks + 0.5, atol=1e-3)
    shrunk = large.image.reshape(64, 2, 64, 2, 3).mean(axis=(1, 3))
    assert np.mean(np.abs(shrunk - small.image)) < 4


def test_a_shard_holds_what_the_renderer_makes(renderer, tmp_path, monkeypatch):
    monkeypatch.setattr(dataset, "_renderer", renderer)
    path = tmp_path / "shard.npz"
    assert dataset.render_shard((path, 7, 2, 64)) == 2
    with np.load(path) as shard:
        again = renderer.render(dataset.latent(8), 64)
        np.testing.assert_array_equal(shard["images"][1], again.image)
        np.testing.assert_array_equal(shard["landmarks"][1], again.landmarks)
        assert shard["z"].shape == (2, Z_DIM)
    assert [p.name for p in tmp_path.iterdir()] == ["shard.npz"]


def test_shards_are_joined_in_order(tmp_path, monkeypatch):
    monkeypatch.setattr(dataset, "SHARD", 2)
    for first, count in ((7, 2), (9, 1)):
        numbers = np.arange(first, first + count)
        parts = {name: numbers.astype(np.float32) for name in ("z", "images", "landmarks", "visible")}
        (tmp_path / "shards").mkdir(exist_ok=True)
        np.savez(tmp_path / "shards" / f"{first:09d}_{count}_64.npz", **parts)  # pyright: ignore[reportArgumentType]
    dataset.write_dataset("", tmp_path, 3, seed=7, workers=1, resolution=64)
    assert np.load(tmp_path / "images.npy").tolist() == [7, 8, 9]


def test_drags_of_features_pull_at_landmarks_that_show(renderer, tmp_path, monkeypatch):
    monkeypatch.setattr(make_drags, "HeadRenderer", lambda _: renderer)
    path, size = tmp_path / "drags.json", 64
    make_drags.main(["--assets", "", "--out", str(path), "--size", str(size), "--seeds", "2", "--features"])
    drags = load_drags(path, size)
    assert [drag.kind for drag in drags[:3]] == ["brow up", "eye corner outwards", "jaw outwards"] and len(drags) == 6
    for drag in drags:
        render = renderer.render(latent(drag.seed), size)
        assert drag.landmark is not None
        assert render.visible[drag.landmark]
        np.testing.assert_allclose(drag.handle, render.landmarks[drag.landmark], atol=0.01)
        travel = np.subtract(drag.target, drag.handle)
        assert 0.0295 * size <= np.hypot(*travel) <= 0.0605 * size
        if drag.kind == "brow up":
            assert travel[1] < 0
        else:
            # Away from the middle of the face.
            nose = render.landmarks[make_drags.NOSE_TIP]
            assert travel @ (np.array(drag.handle) - nose) > 0


@pytest.mark.parametrize("size", [64, 128])
def test_drags_are_chosen_in_pixels_of_the_size_asked_for(renderer, tmp_path, monkeypatch, size):
    monkeypatch.setattr(make_drags, "HeadRenderer", lambda _: renderer)
    path = tmp_path / "drags.json"
    make_drags.main(["--assets", "", "--out", str(path), "--size", str(size), "--seeds", "2"])
    drags = load_drags(path, size)
    assert len(drags) == 6 and len({drag.seed for drag in drags}) == 2
    for drag in drags:
        landmarks = renderer.render(latent(drag.seed), size).landmarks
        assert drag.landmark is not None
        np.testing.assert_allclose(drag.handle, landmarks[drag.landmark], atol=0.01)
        assert 0.0595 * size <= np.hypot(*np.subtract(drag.target, drag.handle)) <= 0.1205 * size
