"""Attributes of scenes, and coverage where the answer is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

pytest.importorskip("numba", reason="the head renderer needs numba")
pytest.importorskip("scipy", reason="the head renderer needs scipy")

from recipes.heads.attributes import NAMES, attributes_of, attributes_of_all
from recipes.heads.coverage import correlation, coverage, coverage_table
from recipes.heads.hairstyles import FITS
from recipes.heads.scene import Z_DIM, scene_from_z


def latents(count: int) -> torch.Tensor:
    return torch.from_numpy(np.random.RandomState(0).randn(count, Z_DIM).astype(np.float32))


def test_attributes_come_from_the_scene() -> None:
    scene = scene_from_z(latents(1)[0].numpy())
    found = dict(zip(NAMES, attributes_of(scene), strict=True))
    assert found["yaw"] == pytest.approx(scene.yaw) and found["pitch"] == pytest.approx(scene.pitch)
    turned = replace(scene, yaw=10.0, skin=(1.0, 1.0, 1.0), hair_mass=0.0)
    shapes = dict.fromkeys(scene.expression, 0.0) | {"jawOpen": 0.5, "mouthSmile_L": 0.7, "eyeBlink_R": 1.0}
    found = dict(zip(NAMES, attributes_of(replace(turned, expression=shapes)), strict=True))
    assert found["yaw"] == 10 and found["skin"] == pytest.approx(1) and found["hair_length"] == 0
    assert found["jaw"] == 0.5 and found["smile"] == pytest.approx(0.7) and found["blink"] == 0.5


def test_hair_is_as_long_as_its_style_is_cut() -> None:
    scene = replace(scene_from_z(latents(1)[0].numpy()), hair_mass=1.0)
    index = NAMES.index("hair_length")
    ends = np.cumsum([fit.share for fit in FITS])
    for number, fit in enumerate(FITS):
        middle = (ends[number] - 0.5 * fit.share) / ends[-1]
        for share, wanted in ((0.0, fit.shortest), (1.0, fit.longest)):
            styled = replace(scene, hair_style=float(middle), hair_length=share)
            assert attributes_of(styled)[index] == pytest.approx(wanted, rel=1e-3)


def test_latents_of_other_scenes_are_refused() -> None:
    with pytest.raises(SystemExit, match="render them anew"):
        attributes_of_all(torch.zeros(2, Z_DIM - 10))


def test_coverage_of_a_model_that_narrows_one_attribute() -> None:
    scenes = attributes_of_all(latents(400))
    random = torch.Generator().manual_seed(1)
    # A regressor that shrinks everything by a half and errs a little.
    noise = 0.1 * scenes.std(0) * torch.randn(scenes.shape, generator=random)
    of_renders = 0.5 * scenes + noise
    of_samples = of_renders.clone()
    yaw, skin, jaw = (NAMES.index(name) for name in ("yaw", "skin", "jaw"))
    of_samples[:, yaw] *= 0.6
    of_samples[:, skin] = of_samples[torch.randperm(400, generator=random), skin]
    of_samples[:, jaw] = 0.3
    found = coverage(scenes, of_renders, of_samples)
    assert found["pitch"]["deviation"] == found["pitch"]["range"] == pytest.approx(1)
    assert found["yaw"]["deviation"] == pytest.approx(0.6, rel=1e-4) == found["yaw"]["range"]
    assert found["yaw"]["following"] == pytest.approx(found["yaw"]["reading"], rel=1e-4)
    assert found["yaw"]["reading"] > 0.95
    # As varied as the renders, and nothing to do with z.
    assert found["skin"]["deviation"] == pytest.approx(1) and abs(found["skin"]["following"]) < 0.2
    assert found["jaw"]["deviation"] == pytest.approx(0, abs=1e-6) and found["jaw"]["following"] == 0
    rows = coverage_table(found).splitlines()
    assert len(rows) == len(NAMES)
    assert rows[0].startswith("| yaw | 60 % | 60 % | ")


def test_correlation_is_pearsons() -> None:
    a, b = torch.randn(2, 50, 3, generator=torch.Generator().manual_seed(0))
    b = b + 0.5 * a
    expected = [np.corrcoef(a[:, i], b[:, i])[0, 1] for i in range(3)]
    assert correlation(a, b).tolist() == pytest.approx(expected, abs=1e-5)
