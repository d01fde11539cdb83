"""Pictures of latents, in the size in which they are shown."""

from __future__ import annotations

import io

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from draglab.generators import Generator, to_uint8

THUMBNAIL = 96
"""Height of the pictures in lists, pixels."""


def preview_resolution(generator: Generator, height: int | None) -> int | None:
    """Return the height of the smallest preview of at least this height; None = only the whole image is as high."""
    if height is None:
        return None
    return min(
        (each for each in generator.feature_resolutions if height <= each < generator.img_resolution), default=None
    )


@torch.no_grad()
def render(generator: Generator, w_plus: Tensor, height: int | None = None) -> NDArray[np.uint8]:
    """Render the image of one latent [1, num_ws, w_dim]: uint8 [H, W, 3].

    Args:
        height: height in which it is shown, pixels; a smaller, quicker picture is made if it suffices. None = whole.
    """
    return to_uint8(generator.image(w_plus, preview_resolution=preview_resolution(generator, height)))[0]


def encode_thumbnail(picture: NDArray[np.uint8]) -> bytes:
    """Scale a picture down to the height of thumbnails and encode it as a PNG."""
    height, width = picture.shape[:2]
    size = (max(round(width * THUMBNAIL / height), 1), THUMBNAIL)
    buffer = io.BytesIO()
    Image.fromarray(picture).resize(size, Image.Resampling.LANCZOS).save(buffer, format="PNG")
    return buffer.getvalue()


def decode_thumbnail(data: bytes) -> NDArray[np.uint8] | None:
    """Decode the bytes from :func:`encode_thumbnail` to uint8 [H, W, 3]; None if they are damaged."""
    try:
        picture = Image.open(io.BytesIO(data), formats=["PNG"])
        if picture.height != THUMBNAIL or picture.width > 100 * THUMBNAIL or picture.mode != "RGB":
            return None
        return np.asarray(picture)
    except (OSError, ValueError, SyntaxError, EOFError, KeyError, IndexError, TypeError, OverflowError):
        return None
