"""StyleGAN3's filters and filtered nonlinearity."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from draglab.generators.stylegan3 import StyleGAN3Config, fast_filtered_leaky_relu
from draglab.generators.stylegan3.config import LayerSpec
from draglab.generators.stylegan3.fast_filtered_leaky_relu import filtered_leaky_relu
from draglab.generators.stylegan3.filters import Resampling, low_pass_filter
from tests.reference.stylegan3 import filtered_activation

SPECS = {
    name: StyleGAN3Config(16, first_cutoff=1, first_stopband=3, num_layers=3, num_critical=1, **changes).layers
    for name, changes in {
        "published": {"margin_size": 3},
        "radial": {"margin_size": 3, "conv_kernel": 1, "use_radial_filters": True},
        "finer": {"margin_size": 2, "filter_size": 3, "lrelu_upsampling": 4},
        "short": {"margin_size": 2, "filter_size": 1, "conv_kernel": 1},
    }.items()
}
LAYERS = [pytest.param(spec, id=f"{name} {spec.name}") for name, specs in SPECS.items() for spec in specs[:-1]]


def response(taps: torch.Tensor, frequency: float, rate: float) -> float:
    """Magnitude of a filter's frequency response along the x axis."""
    line = (taps.sum(0) if taps.ndim == 2 else taps).double().numpy()
    return abs(np.sum(line * np.exp(-2j * math.pi * frequency / rate * np.arange(len(line)))))


@pytest.mark.parametrize("radial", [False, True])
def test_low_pass_filters_pass_what_is_low(radial: bool) -> None:
    taps = low_pass_filter(64, cutoff=8, half_width=4, rate=64, radial=radial)
    assert taps.shape == ((64, 64) if radial else (64,))
    assert taps.sum().item() == pytest.approx(1, abs=1e-6)
    assert torch.equal(taps, taps.flip(0))
    assert response(taps, 2, 64) == pytest.approx(1, abs=0.01)
    assert response(taps, 8, 64) == pytest.approx(0.5, abs=0.1)
    assert response(taps, 14, 64) < 0.01


def test_radial_filters_are_as_narrow_along_the_diagonal() -> None:
    """The separable filter passes sqrt(2) higher frequencies there."""
    diagonal = 7.5 * math.sqrt(2) / 2
    positions = np.arange(64)
    wave = np.exp(-2j * math.pi * diagonal / 64 * (positions[:, None] + positions))
    line = low_pass_filter(64, 6, 2, 64).double().numpy()
    disc = low_pass_filter(64, 6, 2, 64, radial=True).double().numpy()
    assert abs((np.outer(line, line) * wave).sum()) > 0.5
    assert abs((disc * wave).sum()) < 0.3


def random_inputs(spec: LayerSpec, channels: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """What comes out of a layer's convolution, and its filters."""
    source = torch.Generator().manual_seed(0)
    size = spec.inputs.size + spec.kernel - 1
    x = torch.randn(1, channels, size, size, generator=source, dtype=torch.float64)
    fine = spec.inputs.rate * spec.up
    up = low_pass_filter(spec.up_taps, spec.inputs.cutoff, spec.inputs.half_width, fine)
    down = low_pass_filter(spec.down_taps, spec.outputs.cutoff, spec.outputs.half_width, fine, spec.radial)
    return x, up.double(), down.double()


@pytest.mark.parametrize("spec", LAYERS)
@pytest.mark.parametrize("clamp", [None, 0.2])
def test_values_and_gradients_equal_the_slow_twin(spec: LayerSpec, clamp: float | None) -> None:
    x, up, down = random_inputs(spec, 2)
    how = Resampling.of(spec)
    results = []
    for compute in (
        lambda x: filtered_leaky_relu(x[..., *[slice(how.unused, x.shape[2] - how.unused)] * 2], up, down, how, clamp),
        lambda x: filtered_activation(x, up, down, spec, 1.0, clamp),
    ):
        leaf = x.clone().requires_grad_(True)
        found = compute(leaf)
        weights = torch.linspace(-1, 1, found.numel(), dtype=found.dtype).view_as(found)
        (gradient,) = torch.autograd.grad((found * weights).sum(), leaf)
        results.append((found.detach(), gradient))
    assert tuple(results[0][0].shape[2:]) == (spec.outputs.size, spec.outputs.size)
    torch.testing.assert_close(results[0], results[1], rtol=1e-10, atol=1e-10)


def test_the_cases_cover_all_ways_of_cutting() -> None:
    ways = [Resampling.of(spec) for specs in SPECS.values() for spec in specs[:-1]]
    assert any(how.cut == 0 for how in ways)
    assert any(how.cut > 0 and how.unused == 0 for how in ways)
    assert any(how.unused > 0 for how in ways)


def test_channels_in_parts_give_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    spec = SPECS["published"][1]
    x, up, down = random_inputs(spec, 40)
    how = Resampling.of(spec)
    results = []
    for size in (1, 1 << 30):
        monkeypatch.setattr(fast_filtered_leaky_relu, "PART_BYTES", size)
        leaf = x.clone().requires_grad_(True)
        found = filtered_leaky_relu(leaf, up, down, how, 1.0)
        (gradient,) = torch.autograd.grad(found.square().sum(), leaf)
        results.append((len(fast_filtered_leaky_relu._parts(x, how)), found.detach(), gradient))
    assert [result[0] for result in results] == [3, 1]
    torch.testing.assert_close(results[0][1:], results[1][1:], rtol=1e-12, atol=1e-12)
