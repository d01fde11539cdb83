"""The gradient by w_plus of a generator and of its slow twin."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor


def check_gradients(image_of: Callable[[Tensor], Tensor], twin: Callable[[Tensor], Tensor], w_plus: Tensor) -> None:
    """Both, of the same weighted sum of pixels, must be equal and not vanish."""
    gradients = []
    for compute in (image_of, twin):
        start = w_plus.clone().requires_grad_(True)
        image = compute(start)
        weights = torch.linspace(-1, 1, image.numel(), dtype=image.dtype).view_as(image)
        (gradient,) = torch.autograd.grad((image * weights).sum(), start)
        gradients.append(gradient)
    assert gradients[1].abs().max() > 1e-3
    torch.testing.assert_close(gradients[0], gradients[1], rtol=1e-8, atol=1e-8)
