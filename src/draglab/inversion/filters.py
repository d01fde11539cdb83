"""Filters of pictures of floats: blurs, and the growing and closing of regions."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter


def blurred(values: NDArray[np.floating], deviation: float) -> NDArray[np.float32]:
    """Blur [h, w, c] by a Gaussian, in float; wide ones at a lower resolution."""
    height, width, _ = values.shape
    factor = max(1, int(deviation / 3))
    small = (max(1, width // factor), max(1, height // factor))
    planes = [resized(values[..., channel], small, Image.Resampling.BOX) for channel in range(values.shape[2])]
    narrow = deviation / factor
    radius = max(1, round(3 * narrow))
    taps = np.exp(-0.5 * (np.arange(-radius, radius + 1) / max(narrow, 1e-6)) ** 2)
    taps = (taps / taps.sum()).astype(np.float32)
    for axis in (0, 1):
        pads = [(radius, radius) if other == axis else (0, 0) for other in (0, 1)]
        padded = [np.pad(plane, pads, mode="edge") for plane in planes]
        length = planes[0].shape[axis]
        planes = [
            np.sum([tap * plane.take(range(i, i + length), axis) for i, tap in enumerate(taps)], axis=0)
            for plane in padded
        ]
    return np.stack([resized(plane, (width, height), Image.Resampling.BICUBIC) for plane in planes], axis=2)


def resized(plane: NDArray[np.floating], size: tuple[int, int], method: Image.Resampling) -> NDArray[np.float32]:
    """Resize [h, w] to (width, height)."""
    return np.asarray(Image.fromarray(np.ascontiguousarray(plane, np.float32)).resize(size, method))


def grown(region: NDArray[np.bool_], pixels: int) -> NDArray[np.bool_]:
    """Return a region [h, w] and what is within so many pixels of it, across, down or both."""
    image = Image.fromarray(region.astype(np.uint8))
    while pixels > 0:
        step = min(pixels, 4)
        image = image.filter(ImageFilter.MaxFilter(2 * step + 1))
        pixels -= step
    return np.asarray(image, bool)


def closed(region: NDArray[np.bool_], pixels: int) -> NDArray[np.bool_]:
    """Return a region [h, w] without gaps narrower than twice so many pixels, and without holes."""
    pad = pixels + 1
    wide = grown(np.pad(region, pad), pixels)
    image = Image.fromarray(wide.astype(np.uint8)).copy()  # of arrays, Pillow makes pictures that are only read
    ImageDraw.floodfill(image, (0, 0), 2)
    filled = np.asarray(image) != 2
    return ~grown(~filled, pixels)[pad:-pad, pad:-pad]


def opened(region: NDArray[np.bool_], pixels: int) -> NDArray[np.bool_]:
    """Return a region [h, w] without what is narrower than twice so many pixels."""
    return grown(~grown(~region, pixels), pixels)


def parts_of(region: NDArray[np.bool_]) -> list[NDArray[np.bool_]]:
    """Return the connected parts of a region [h, w], the largest first."""
    image = Image.fromarray(region.astype(np.uint8)).copy()
    parts = []
    while (left := np.asarray(image) == 1).any():
        row, column = np.unravel_index(left.argmax(), left.shape)
        ImageDraw.floodfill(image, (int(column), int(row)), 2)
        parts.append(left & (np.asarray(image) == 2))
    return sorted(parts, key=np.count_nonzero, reverse=True)
