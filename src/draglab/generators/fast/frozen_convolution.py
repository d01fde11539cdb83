"""Convolutions with frozen weights: values that depend only on a weight are computed once and kept."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from draglab.generators.fast import winograd
from draglab.generators.ops import modulate

MIN_CHANNELS = 128
"""Smallest number of channels for a Winograd algorithm; with fewer, its transforms cost more than it saves."""

TILES = {2: 49, 4: 1024}
"""Smallest number of outputs for which F(m x m, 3 x 3) is fastest, by m; measured with 512 channels on two cores."""


class FrozenForms:
    """Cache of values computed from one weight, valid as long as it is frozen and unchanged."""

    def __init__(self) -> None:
        self._kept: tuple[tuple[Any, ...], dict[str, Any]] = ((), {})

    def get(self, weight: Tensor, name: str, compute: Callable[[], Any]) -> Any:
        """Return compute(), or its result from an earlier call."""
        if weight.requires_grad:
            return compute()
        version = (weight.data_ptr(), weight._version, weight.dtype, weight.device)
        if self._kept[0] != version:
            self._kept = (version, {})
        forms = self._kept[1]
        if name not in forms:
            forms[name] = compute()
        return forms[name]


def square_sums(weight: Tensor, forms: FrozenForms) -> Tensor:
    """Return the squares of a weight [O, I, k, k] summed over its taps: [O, I]."""
    return forms.get(weight, "square_sums", lambda: weight.square().sum(dim=(2, 3)))


def convolve(x: Tensor, styles: Tensor, weight: Tensor, forms: FrozenForms, padding: int) -> Tensor:
    """Correlate x * styles with a weight, in x's dtype.

    Args:
        x: [N, I, H, W]. styles: [N or 1, I]. weight: [O, I, 3, 3]. padding: zeros around x, 0 to 2.

    Returns:
        [N, O, H - 2 + 2 padding, W - 2 + 2 padding].
    """
    shrink = 2 - 2 * padding
    tile = winograd_tile(x, weight, len(x) * (x.shape[2] - shrink) * (x.shape[3] - shrink))
    if tile is not None:
        kernel = forms.get(weight, f"winograd{tile}", lambda: winograd.WinogradKernel.of(weight, tile))
        return winograd.convolve(x, styles, kernel, padding)
    cast = forms.get(weight, f"{x.dtype}", lambda: weight.to(x.dtype))
    return F.conv2d(modulate(x, styles), cast, padding=padding)


def convolve_doubling(x: Tensor, styles: Tensor, weight: Tensor, forms: FrozenForms, padding: int) -> Tensor:
    """Apply a transposed convolution with stride 2 to x * styles, in x's dtype.

    Args:
        x: [N, I, H, W]. styles: [N or 1, I]. weight: [O, I, 3, 3]. padding: rows left out on each side of the result.

    Returns:
        [N, O, 2H + 1 - 2 padding, 2W + 1 - 2 padding].
    """

    def swap() -> Tensor:
        # PyTorch would reorder the weight like this in every call.
        return weight.to(x.dtype).transpose(0, 1).contiguous(memory_format=torch.channels_last)

    swapped = forms.get(weight, f"swapped {x.dtype}", swap)
    return F.conv_transpose2d(modulate(x, styles), swapped, stride=2, padding=padding)


def share_of_multiplications(weight: Tensor) -> float:
    """Return the approximate time of :func:`convolve` relative to a direct convolution, for planning."""
    return 0.5 if weight.device.type == "cpu" and min(weight.shape[:2]) >= MIN_CHANNELS else 1.0


def winograd_tile(x: Tensor, weight: Tensor, outputs: int) -> int | None:
    """Return m of the F(m x m, 3 x 3) that computes `outputs` positions fastest; None for PyTorch's own convolution.

    It is None for everything but frozen weights on the CPU: the libraries of other devices choose for themselves.
    """
    exact = x.dtype == weight.dtype and x.dtype in (torch.float32, torch.float64)
    if weight.requires_grad or x.device.type != "cpu" or not exact or min(weight.shape[:2]) < MIN_CHANNELS:
        return None
    fitting = [tile for tile, least in TILES.items() if outputs >= least]
    return max(fitting, default=None)
