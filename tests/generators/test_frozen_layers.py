"""What frozen layers compute faster equals the slow twins, and so do gradients."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from draglab.generators.fast import frozen_convolution, tiled_passes, winograd
from draglab.generators.fast.frozen_convolution import FrozenForms
from draglab.generators.fast.winograd import WinogradKernel
from tests.reference.convolution import activation, correlate, correlate_doubling


def random_inputs(
    shape: tuple[int, ...], outputs: int, shared: bool, dtype: torch.dtype = torch.float64
) -> list[Tensor]:
    """x, styles, weight."""
    generator = torch.Generator().manual_seed(sum(shape) + outputs)
    sizes = [shape, (1 if shared else shape[0], shape[1]), (outputs, shape[1], 3, 3)]
    return [torch.randn(size, generator=generator, dtype=dtype) for size in sizes]


def assert_same(fast: Callable[..., Tensor], slow: Callable[..., Tensor], inputs: list[Tensor]) -> None:
    """Values, and gradients with respect to all inputs."""
    results = []
    for function in (fast, slow):
        leaves = [one.clone().requires_grad_(True) for one in inputs]
        # Written into by some functions, which a leaf does not allow.
        value = function(leaves[0] * 1, *leaves[1:])
        weights = torch.linspace(-1, 2, value.numel(), dtype=value.dtype).view_as(value)
        results.append([value, *torch.autograd.grad((value * weights).sum(), leaves)])
    for ours, expected in zip(*results, strict=True):
        torch.testing.assert_close(ours, expected, rtol=1e-9, atol=1e-9)


@given(
    tile=st.sampled_from([2, 4]),
    count=st.integers(1, 3),
    size=st.tuples(st.integers(3, 13), st.integers(3, 13)),
    channels=st.tuples(st.integers(1, 5), st.integers(1, 5)),
    padding=st.sampled_from([0, 1, 2]),
    shared=st.booleans(),
    chunk_bytes=st.sampled_from([1, 4096, 12 << 20]),
)
@settings(max_examples=150, deadline=None)
def test_winograd_equals_the_sum_over_taps(
    tile: int,
    count: int,
    size: tuple[int, int],
    channels: tuple[int, int],
    padding: int,
    shared: bool,
    chunk_bytes: int,
) -> None:
    x, styles, weight = random_inputs((count, channels[0], *size), channels[1], shared)
    kernel = WinogradKernel.of(weight, tile)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(winograd, "CHUNK_BYTES", chunk_bytes)
        patch.setattr(tiled_passes, "PART_BYTES", chunk_bytes)
        assert_same(
            lambda x, styles: winograd.convolve(x, styles, kernel, padding),
            lambda x, styles: correlate(x, styles, weight, padding),
            [x, styles],
        )


@pytest.mark.parametrize(("tile", "factor"), [(2, 1.0), (4, 2.0)])
def test_winograd_in_float32_is_about_as_exact_as_pytorch(tile: int, factor: float) -> None:
    """Error beside that of PyTorch's own float32 convolution, root mean squares against float64."""
    x, styles, weight = random_inputs((1, 256, 18, 18), 256, shared=True, dtype=torch.float32)
    exact = correlate(x.double(), styles.double(), weight.double(), 1)
    last = torch.channels_last
    modulated = (x * styles[:, :, None, None]).contiguous(memory_format=last)
    theirs = torch.nn.functional.conv2d(modulated, weight.contiguous(memory_format=last), padding=1)
    ours = winograd.convolve(x, styles, WinogradKernel.of(weight, tile), 1)
    assert (ours - exact).square().mean() < factor**2 * (theirs - exact).square().mean()


def test_large_frozen_weights_take_the_winograd_path_and_others_do_not() -> None:
    x, styles, weight = random_inputs((1, 128, 40, 40), 128, shared=True, dtype=torch.float32)
    assert frozen_convolution.winograd_tile(x, weight, 1600) == 4
    assert frozen_convolution.winograd_tile(x, weight, 100) == 2
    assert frozen_convolution.winograd_tile(x, weight, 16) is None
    assert frozen_convolution.winograd_tile(x, weight.clone().requires_grad_(True), 1600) is None
    assert frozen_convolution.winograd_tile(x.bfloat16(), weight, 1600) is None
    assert frozen_convolution.winograd_tile(x, weight[:64], 1600) is None
    ours = frozen_convolution.convolve(x, styles, weight, FrozenForms(), 1)
    torch.testing.assert_close(ours, correlate(x, styles, weight, 1), rtol=1e-4, atol=1e-2)


@pytest.mark.parametrize("padding", [0, 1])
@pytest.mark.parametrize("shared", [True, False])
def test_small_and_doubling_convolutions_equal_their_twins(padding: int, shared: bool) -> None:
    x, styles, weight = random_inputs((2, 3, 5, 6), 4, shared)
    forms = FrozenForms()
    for fast, slow in (
        (frozen_convolution.convolve, correlate),
        (frozen_convolution.convolve_doubling, correlate_doubling),
    ):
        assert_same(
            lambda x, styles, fast=fast: fast(x, styles, weight, forms, padding),
            lambda x, styles, slow=slow: slow(x, styles, weight, padding),
            [x, styles],
        )


@given(
    count=st.integers(1, 3),
    size=st.tuples(st.integers(1, 9), st.integers(1, 9)),
    shared=st.booleans(),
    noisy=st.booleans(),
    limit=st.sampled_from([None, 0.7]),
    part_bytes=st.sampled_from([1, 1 << 20]),
)
@settings(max_examples=60, deadline=None)
def test_activation_equals_one_operation_after_the_other(
    count: int, size: tuple[int, int], shared: bool, noisy: bool, limit: float | None, part_bytes: int
) -> None:
    generator = torch.Generator().manual_seed(count)
    x = torch.randn((count, 5, *size), generator=generator, dtype=torch.float64)
    scale = torch.randn((1 if shared else count, 5), generator=generator, dtype=torch.float64).exp()
    shift = torch.randn(5, generator=generator, dtype=torch.float64)
    noise = torch.randn((1, 1, *size), generator=generator, dtype=torch.float64) if noisy else None
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tiled_passes, "PART_BYTES", part_bytes)
        assert_same(
            lambda x, scale: tiled_passes.activate_(x, scale, shift, noise, 0.2, limit),
            lambda x, scale: activation(x, scale, shift, noise, 0.2, limit),
            [x, scale],
        )


def test_forms_follow_the_weight() -> None:
    """Changed in place, replaced, or trained: never a stale form."""
    weight = torch.ones(2, 2, 3, 3)
    forms = FrozenForms()
    assert frozen_convolution.square_sums(weight, forms).tolist() == [[9, 9], [9, 9]]
    assert frozen_convolution.square_sums(weight, forms) is frozen_convolution.square_sums(weight, forms)
    weight.mul_(2)
    assert frozen_convolution.square_sums(weight, forms).tolist() == [[36, 36], [36, 36]]
    assert frozen_convolution.square_sums(torch.zeros(2, 2, 3, 3), forms).sum() == 0
    trained = torch.ones(2, 2, 3, 3, requires_grad=True)
    assert frozen_convolution.square_sums(trained, forms).requires_grad
