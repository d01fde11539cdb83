"""Conversion between draglab's arrays and ComfyUI's tensors: IMAGE [B, H, W, C] and MASK [B, H, W], float32, 0 to 1."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from draglab.errors import DraglabError

MASK_TIP = (
    "Where the picture may move: painted (white, 1) = movable, black (0) = stays as it is. Without a mask, everything "
    "may move. A mask of another size is stretched to the picture."
)


def as_image(pixels: NDArray[np.uint8]) -> Tensor:
    """Convert an image, uint8 [H, W, 3], to IMAGE [1, H, W, 3]."""
    return torch.from_numpy(pixels.astype(np.float32) / 255)[None]


def as_movable(mask: Tensor | None, height: int, width: int) -> NDArray[np.float32] | None:
    """Convert a MASK to what a drag takes, [H, W] from 0 = frozen to 1 = movable; None = everything may move.

    Raises:
        DraglabError: there are several masks, or nothing may move.
    """
    if mask is None:
        return None
    single = mask[None] if mask.dim() == 2 else mask
    if single.dim() != 3 or len(single) != 1:
        raise DraglabError(f"the mask has shape {list(mask.shape)}: connect a single mask, [1, height, width]")
    stretched = torch.nn.functional.interpolate(single[None].float(), (height, width), mode="bilinear")[0, 0]
    movable = stretched.clamp(0, 1).cpu().numpy()
    if not movable.any():
        raise DraglabError("nothing may move: paint where the picture may move (white), or disconnect the mask")
    return None if (movable == 1).all() else movable


def as_latent(w_plus: Tensor, model: str) -> dict[str, Any]:
    """Make a DRAGLAB_LATENT: the latent [1, num_ws, w_dim], float32 on the CPU, with the name or file of its model."""
    return {"w_plus": w_plus.detach().float().cpu(), "model": model}
