"""Pictures in two precisions: those that move may be in bfloat16, those that stay never are."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch

from draglab.checkpoints import load_generator
from draglab.editor import sketch
from draglab.editor.pictures import Shot
from draglab.generators import Generator, to_uint8
from tests.dragging.test_stylegan3 import tiny_stylegan3
from tests.generators.mobile_configs import make_mobile
from tests.tiny import tiny_generator


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sketch, "quick_bfloat16", lambda device: True)


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("name", ["heads", "hands"])
@pytest.mark.parametrize("height", [None, 64])
def test_moving_pictures_look_the_same(name: str, height: int | None):
    shot = Shot(load_generator(name, device="cpu"), load_generator(name, device="cpu").w_plus_from_seed(3, 0.9))
    still, moving = shot.image(height).astype(int), shot.image(height, moving=True).astype(int)
    assert still.shape == moving.shape
    difference = np.abs(still - moving)
    assert 0 < difference.mean() < 0.3  # not 0: it is computed in another precision
    assert np.percentile(difference, 99) <= 2


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(
    "make", [tiny_generator, tiny_stylegan3, lambda: make_mobile(dtype=torch.float32)], ids=["2", "3", "mobile"]
)
def test_every_architecture_has_moving_pictures(make: Callable[[], Generator]):
    generator = make()
    w_plus = generator.w_plus_from_seed(1)
    exact = to_uint8(generator.image(w_plus))[0].astype(int)
    assert np.abs(Shot(generator, w_plus).image().astype(int) - exact).max() == 0
    assert np.abs(Shot(generator, w_plus).image(moving=True).astype(int) - exact).mean() < 2


@pytest.mark.usefixtures("quick")
def test_features_that_are_there_are_used():
    generator = tiny_generator()
    w_plus = generator.w_plus_from_seed(1)
    features = generator.feature_maps(w_plus, generator.feature_level(generator.feature_resolutions[-1]))
    shot = Shot(generator, w_plus, features)
    assert (shot.image(moving=True) == shot.image()).all()


def test_only_processors_with_instructions_for_it(monkeypatch: pytest.MonkeyPatch):
    assert not sketch.quick_bfloat16(torch.device("cuda"))
    monkeypatch.delattr(torch.cpu, "_is_avx512_bf16_supported", raising=False)
    assert not sketch.quick_bfloat16(torch.device("cpu"))
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: True, raising=False)
    assert sketch.quick_bfloat16(torch.device("cpu"))
