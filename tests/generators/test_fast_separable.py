"""The fast separable convolution and wavelet transform equal their slow twins, with their gradients."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from draglab.generators.fast import haar, separable
from draglab.generators.mobile_stylegan.haar import inverse_haar_plain, low_band
from tests.reference.convolution import pointwise_activate as reference_pointwise
from tests.reference.mobile_stylegan import inverse_haar as reference_haar

SLOPE = 0.2


def numbers(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def gradients(output: Tensor, *inputs: Tensor) -> tuple[Tensor, ...]:
    """Of a sum in which every output counts differently."""
    weights = torch.linspace(-1, 1, output.numel(), dtype=output.dtype).view_as(output)
    return torch.autograd.grad((output * weights).sum(), inputs, retain_graph=True)


@pytest.mark.parametrize("samples", [1, 3])
@pytest.mark.parametrize("latents", ["one", "each"])
@pytest.mark.parametrize("noise", ["none", "shared", "each"])
@pytest.mark.parametrize("part_bytes", [1 << 20, 200])
def test_pointwise(samples: int, latents: str, noise: str, part_bytes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """For one latent or one for each sample, whole or in many parts, whatever the order in memory."""
    monkeypatch.setattr(separable, "PART_BYTES", part_bytes)
    x = numbers(samples, 5, 7, 6).requires_grad_(True)
    styles = numbers(1 if latents == "one" else samples, 5, seed=1).requires_grad_(True)
    weight, bias = numbers(4, 5, seed=2).requires_grad_(True), numbers(4, seed=3).requires_grad_(True)
    drawn = None if noise == "none" else numbers(1 if noise == "shared" else samples, 1, 7, 6, seed=4)
    expected = reference_pointwise(x, styles, weight, bias, drawn, SLOPE)
    fast = separable.pointwise_activate(x, styles, weight, bias, drawn, SLOPE)
    torch.testing.assert_close(fast, expected)
    leaves = x, styles, weight, bias
    for found, wanted in zip(gradients(fast, *leaves), gradients(expected, *leaves), strict=True):
        torch.testing.assert_close(found, wanted)
    weight, bias = weight.detach(), bias.detach()
    torch.testing.assert_close(
        separable.pointwise_activate(x.detach().contiguous(), styles, weight, bias, drawn, SLOPE), expected
    )
    only_styles = separable.pointwise_activate(x.detach(), styles, weight, bias, drawn, SLOPE)
    torch.testing.assert_close(gradients(only_styles, styles)[0], gradients(expected, styles)[0])


@pytest.mark.parametrize("samples", [1, 3])
@pytest.mark.parametrize("latents", ["one", "each"])
@pytest.mark.parametrize("part_bytes", [1 << 20, 200])
def test_inverse_haar(samples: int, latents: str, part_bytes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(haar, "PART_BYTES", part_bytes)
    x = numbers(samples, 12, 5, 4).requires_grad_(True)
    styles = numbers(1 if latents == "one" else samples, 12, seed=1).requires_grad_(True)
    each = (x * styles[:, :, None, None]).split(1)
    expected = torch.cat([reference_haar(one) for one in each])
    wanted = gradients(expected, x, styles)
    for fast in (haar.inverse_haar(x, styles), inverse_haar_plain(x, styles)):
        torch.testing.assert_close(fast, expected)
        for found, right in zip(gradients(fast, x, styles), wanted, strict=True):
            torch.testing.assert_close(found, right)
    torch.testing.assert_close(low_band(x * styles[:, :, None, None]), F.avg_pool2d(expected, 2))
