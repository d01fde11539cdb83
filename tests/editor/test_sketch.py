"""Sketches: equal to an obvious fit, exact where they begin, and close to the picture where a drag leads."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

import draglab
from draglab.checkpoints import load_generator
from draglab.dragging import DragEdit, DragSettings
from draglab.editor import sketch
from draglab.editor.pictures import Shot
from draglab.editor.sketch import RIDGE, Sketch, can_be_sketched
from draglab.generators import Generator, to_uint8
from draglab.generators.stylegan2 import StyleGAN2
from tests.dragging.test_stylegan3 import tiny_stylegan3
from tests.generators.mobile_configs import make_mobile
from tests.reference.sketch import fitted_colours
from tests.tiny import tiny_generator


def small(monkeypatch: pytest.MonkeyPatch, resolution: int) -> None:
    monkeypatch.setattr(sketch, "RESOLUTION", resolution)


@torch.no_grad()
def inputs(generator: Generator, w_plus: Tensor, resolution: int) -> Tensor:
    """Return the inputs of a sketch: the features, and the small image where the model is a StyleGAN2."""
    features = generator.features(w_plus, generator.feature_level(resolution))
    if not isinstance(generator, StyleGAN2):
        return features
    return torch.cat([features, generator.image(w_plus, preview_resolution=resolution)], dim=1)


@pytest.fixture
def in_bfloat16(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sketch, "quick_bfloat16", lambda device: True)


@pytest.fixture
def in_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sketch, "quick_bfloat16", lambda device: False)


@pytest.mark.parametrize("kind", ["2", "mobile"])
def test_the_fit_is_the_obvious_one(kind: str, monkeypatch: pytest.MonkeyPatch):
    generator = tiny_generator().double() if kind == "2" else make_mobile()
    resolution = generator.img_resolution // sketch.SCALE
    small(monkeypatch, resolution)
    w_plus, other = (generator.w_plus_from_seed(seed).double() for seed in (1, 2))
    known, others = (inputs(generator, each, resolution) for each in (w_plus, other))
    image = generator.image(w_plus)[0].detach().numpy()
    expected = fitted_colours(known[0].numpy(), image, others[0].numpy(), RIDGE)
    fit = Sketch.fit(generator, w_plus)
    found = sketch._colours(others, fit.weight, fit.bias)[0]
    assert np.abs(found.numpy() - expected).max() < 1e-5 * np.abs(expected).max()
    assert torch.allclose(fit.colours + fit.lack, generator.image(w_plus).detach().float(), atol=1e-5)


@pytest.mark.usefixtures("in_bfloat16")
def test_a_sketch_begins_with_the_picture(monkeypatch: pytest.MonkeyPatch):
    generator = load_generator("heads", device="cpu")
    small(monkeypatch, 32)
    w_plus = generator.w_plus_from_seed(3, 0.9)
    begun = Sketch.fit(generator, w_plus).picture(generator, w_plus)
    image = F.interpolate(generator.image(w_plus).detach(), (128, 128), mode="area")
    assert np.abs(begun.astype(int) - to_uint8(image)[0]).mean() < 0.5


@pytest.mark.usefixtures("in_bfloat16")
def test_it_follows_a_drag(monkeypatch: pytest.MonkeyPatch):
    """Where a drag leads, a sketch is much closer to the picture than the picture at its start is."""
    generator = load_generator("heads", device="cpu")
    small(monkeypatch, 64)
    w_plus = generator.w_plus_from_seed(78)
    fit = Sketch.fit(generator, w_plus)
    edit = DragEdit([(114, 124)], [(132, 128)])
    led = draglab.drag(generator, w_plus, edit, DragSettings.for_model(generator, max_steps=30)).w_plus
    start, end = (Shot(generator, each).image().astype(int) for each in (w_plus, led))
    moved = Shot(generator, led, sketch=fit).image(moving=True)
    assert (Shot(generator, led, sketch=fit).image() == end).all()
    assert np.abs(moved - end).mean() < 0.3 * np.abs(start - end).mean()


@pytest.mark.usefixtures("in_float32")
def test_what_has_hardly_changed_stays_exact(monkeypatch: pytest.MonkeyPatch):
    """Pixels whose features are the start's are the start's, though the fit alone does not give them."""
    generator = tiny_generator()
    small(monkeypatch, 8)
    w_plus = generator.w_plus_from_seed(1)
    fit = Sketch.fit(generator, w_plus)
    assert fit.lack.abs().mean() > 0.01
    assert np.abs(fit.picture(generator, w_plus).astype(int) - Shot(generator, w_plus).image()).max() <= 1


@pytest.mark.usefixtures("in_float32")
def test_what_has_changed_is_the_fit_alone(monkeypatch: pytest.MonkeyPatch):
    generator = tiny_generator()
    small(monkeypatch, 8)
    monkeypatch.setattr(sketch, "CHANGED", 1e-3)
    fit = Sketch.fit(generator, generator.w_plus_from_seed(1))
    other = generator.w_plus_from_seed(2)
    alone = to_uint8(sketch._colours(inputs(generator, other, 8), fit.weight, fit.bias))[0]
    assert (fit.picture(generator, other) == alone).all()


@pytest.mark.parametrize(
    ("make", "resolution", "can"),
    [(tiny_generator, 8, True), (tiny_generator, 16, False), (tiny_generator, 7, False), (tiny_stylegan3, 8, False)],
    ids=["yes", "too small", "no such features", "margins"],
)
def test_which_models_can_be_sketched(make, resolution: int, can: bool, monkeypatch: pytest.MonkeyPatch):
    generator: Generator = make()
    assert not can_be_sketched(generator)
    small(monkeypatch, resolution)
    assert can_be_sketched(generator) == can
