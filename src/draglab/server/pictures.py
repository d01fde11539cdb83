"""Encoding of pictures that are sent, and decoding of masks that are received."""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from draglab.errors import DraglabError
from draglab.media.images import decode_mask, mask_size
from draglab.server.messages import PictureHeader, encode_picture
from draglab.server.outbox import Picture

LOSSLESS_PIXELS = 512 * 512
"""Largest still that is sent without loss; encoding a larger one would take as long as computing it."""


def encode(picture: Picture) -> bytes:
    """Encode a picture as a binary frame: moving pictures as JPEG, stills as lossless WebP, large ones as good JPEG."""
    height, width = picture.pixels.shape[:2]
    still = picture.kind in ("current", "original")
    buffer = io.BytesIO()
    image = Image.fromarray(np.ascontiguousarray(picture.pixels))
    if still and height * width <= LOSSLESS_PIXELS:
        mime = "image/webp"
        image.save(buffer, format="WEBP", lossless=True, method=0, quality=0)
    else:
        mime = "image/jpeg"
        image.save(buffer, format="JPEG", quality=95 if still else 85, subsampling=0 if still else 2)
    header = PictureHeader(
        kind=picture.kind,
        stamp=picture.stamp,
        node=picture.node,
        frame=picture.frame,
        seed=picture.seed,
        photo=picture.photo,
        width=width,
        height=height,
        mime=mime,
    )
    return encode_picture(header, buffer.getvalue())


def read_mask(text: str, size: tuple[int, int], max_pixels: int) -> NDArray[np.bool_]:
    """Decode the base64 text of a PNG to a mask, bool [H, W], True = movable; too slow for the worker's thread.

    Args:
        size: (height, width) of the image, which the mask must have.

    Raises:
        DraglabError: the text is not base64 or not a PNG, is damaged, or has another size or too many pixels.
    """
    check_mask_size(text, max_pixels)
    return decode_mask(text, size)


def check_mask_size(text: str, max_pixels: int) -> int:
    """Return the number of a mask's pixels without decoding them.

    Raises:
        DraglabError: the text is not base64 or not a PNG, or has too many pixels.
    """
    height, width = mask_size(text)
    if width * height > max_pixels:
        raise DraglabError(f"the mask is {width}x{height}: at most {max_pixels} pixels are taken (limit 'mask_pixels')")
    return width * height
