"""Pictures as they go over the wire, and masks as they come."""

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
"""Stills up to this size are sent without loss; larger ones would take as long to send as to make."""


def encode(picture: Picture) -> bytes:
    """A binary frame of the protocol. What moves is JPEG; a still is lossless WebP, or good JPEG if large."""
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
        width=width,
        height=height,
        mime=mime,
    )
    return encode_picture(header, buffer.getvalue())


def read_mask(text: str, size: tuple[int, int], max_pixels: int) -> NDArray[np.bool_]:
    """A mask from the base64 text of a PNG, bool [H, W], True = movable. Takes a while: not for the worker's thread.

    Args:
        size: (height, width) of the image, which the mask must have.

    Raises:
        DraglabError: not base64, not a PNG, damaged, of another size, or of more pixels than the limit.
    """
    check_mask_size(text, max_pixels)
    return decode_mask(text, size)


def check_mask_size(text: str, max_pixels: int) -> int:
    """The number of a mask's pixels, which are not decoded.

    Raises:
        DraglabError: not base64, not a PNG, or of more pixels than the limit.
    """
    height, width = mask_size(text)
    if width * height > max_pixels:
        raise DraglabError(f"the mask is {width}x{height}: at most {max_pixels} pixels are taken (limit 'mask_pixels')")
    return width * height
