"""Operations that modulated convolutions are made of (Karras et al. 2020, "Analyzing and Improving the Image Quality of
StyleGAN").

All are written for editing: weights are fixed, so the style scales the activations instead of the weights. That is
the same function (section 2.2 of the paper: modulation and demodulation act on whole input and output channels), and
neither the forward nor the backward pass ever forms weights per sample. The slow reference is
`tests/reference/stylegan2.py`.

Convolutions compute in the dtype of the activations; styles and demodulation stay in that of the weights.
"""

from __future__ import annotations

import torch
from torch import Tensor

DEMODULATION_EPSILON = 1e-8


def normal(*shape: int, std: float = 1.0) -> Tensor:
    """Draw normal numbers; if a model is built without storage, return a tensor without values, to be loaded later."""
    # Arithmetic without storage would import PyTorch's compiler, a second of start-up.
    values = torch.empty(shape)
    return values if values.is_meta else values.normal_(0, std)


def demodulation(styles: Tensor, weight_square_sums: Tensor) -> Tensor:
    """Return the factors [N, O] that bring each output channel back to unit variance (equation 3 of the paper).

    Args:
        styles: [N, I].
        weight_square_sums: [O, I], the weight's squares summed over its taps.
    """
    return (styles.square() @ weight_square_sums.t() + DEMODULATION_EPSILON).rsqrt()


def modulate(x: Tensor, styles: Tensor) -> Tensor:
    """Scale the channels of x [N, C, H, W] by styles [N or 1, C]."""
    return x * styles.to(x.dtype)[:, :, None, None]
