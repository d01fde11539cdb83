"""Putting an edited crop back into its photo.

Only what the edit changed is taken from the model's picture, with soft edges: everything else keeps the photo's own
pixels. What is taken gets the colours of the photo: the difference of photo and inversion, blurred, is added.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from draglab.errors import DraglabError
from draglab.inversion.framing import Frame, cut

CHANGED = 6.0
"""Smallest change of a pixel that counts as an edit, in steps of 255, after a blur."""
_NOISE_BLUR = 0.004
_REACH = 0.03
_FEATHER = 0.012
_COLOUR_BLUR = 0.03
"""Lengths relative to the crop's height: the blur before changes are looked for, how far around them is taken along,
the standard deviation of the soft edge, and that of the colours that are matched."""
_BORDER = 0.06
"""Width of the fade towards the crop's border, relative to its height."""


def paste_back(
    photo: NDArray[np.uint8], frame: Frame, before: NDArray[np.uint8], after: NDArray[np.uint8]
) -> NDArray[np.uint8]:
    """Put an edit back into its photo.

    Args:
        photo: uint8 [H, W, 3]. frame: the crop's place in it.
        before, after: the model's pictures before and after the edit, uint8 [h, w, 3].

    Returns:
        uint8 [H, W, 3]; equal to the photo wherever the edit changed nothing, and everywhere outside the frame.

    Raises:
        DraglabError: pictures of different sizes.
    """
    if before.shape != after.shape:
        raise DraglabError(f"the pictures before and after the edit differ in size: {before.shape} and {after.shape}")
    shape = (before.shape[0], before.shape[1])
    share = changed_share(before, after)
    if not share.any():
        return photo.copy()
    crop = cut(photo, frame, shape)
    matched = after + _blurred(np.subtract(crop, before, dtype=np.float32), shape[0] * _COLOUR_BLUR)
    return _laid_over(photo, frame, matched.clip(0, 255), share)


def changed_share(before: NDArray[np.uint8], after: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return how much of each pixel an edit replaces, [h, w] from 0 to 1, with soft edges; 0 at the border."""
    height, width = before.shape[:2]
    change = np.abs(np.subtract(after, before, dtype=np.float32)).max(2)
    region = Image.fromarray(
        (_blurred(change[..., None], height * _NOISE_BLUR)[..., 0] > CHANGED).astype(np.uint8) * 255
    )
    # Dilation by a square, then a blur whose middle lies on its border.
    side = 2 * max(1, round(height * _REACH)) + 1
    while side > 1:
        step = min(side, 9)
        region = region.filter(ImageFilter.MaxFilter(step))
        side -= step - 1
    soft = _blurred(np.asarray(region, np.float32)[..., None] / 255, height * _FEATHER)[..., 0]
    # A Gaussian blur of bytes leaves traces far away.
    soft = ((soft - 0.02) / 0.96).clip(0, 1)
    rows = np.minimum(np.arange(height), np.arange(height)[::-1])
    columns = np.minimum(np.arange(width), np.arange(width)[::-1])
    inside = np.minimum(rows[:, None], columns[None]) / (height * _BORDER)
    fade = inside.clip(0, 1)
    return (soft * fade * fade * (3 - 2 * fade)).astype(np.float32)


def _laid_over(
    photo: NDArray[np.uint8], frame: Frame, picture: NDArray[np.float32], share: NDArray[np.float32]
) -> NDArray[np.uint8]:
    """Lay a picture [h, w, 3] over the photo, each pixel as much as `share` [h, w] says."""
    height, width = share.shape
    corners = frame.corners((height, width))
    low = np.maximum(np.floor(corners.min(0)).astype(int), 0)
    high = np.minimum(np.ceil(corners.max(0)).astype(int) + 1, [photo.shape[1], photo.shape[0]])
    size = (int(high[0] - low[0]), int(high[1] - low[1]))
    # From pixels of the result, counted from the corner of the first, to those of the crop.
    scale = height / frame.size
    smaller = min(1.0, 1 / scale)
    shrunk = (max(1, round(width * smaller)), max(1, round(height * smaller)))
    per_pixel = np.array([width, height]) / shrunk
    axes = frame.axes.T * scale
    start = frame.to_crop(low - 0.5, (height, width)) + 0.5
    (a, d), (b, e), (c, f) = (row / per_pixel for row in (*axes, start))
    warp = (a, b, c, d, e, f)

    def warped(values: NDArray[np.float32]) -> NDArray[np.float32]:
        plane = Image.fromarray(np.ascontiguousarray(values, np.float32))
        if smaller < 1:  # the photo's pixels are larger than the crop's
            plane = plane.resize(shrunk, Image.Resampling.LANCZOS)
        return np.asarray(plane.transform(size, Image.Transform.AFFINE, warp, Image.Resampling.BICUBIC))

    weight = warped(share).clip(0, 1)
    # Bicubic samples near the crop's edge read nothing beyond it; the share is 0 there.
    result = photo.copy()
    part = result[low[1] : high[1], low[0] : high[0]]
    for channel in range(3):
        own = part[..., channel].astype(np.float32)
        mixed = own + (warped(picture[..., channel]) - own) * weight
        part[..., channel] = mixed.round().clip(0, 255)
    return result


def _blurred(values: NDArray[np.floating], deviation: float) -> NDArray[np.float32]:
    """Blur [h, w, c] by a Gaussian, in float; wide ones at a lower resolution."""
    height, width, _ = values.shape
    factor = max(1, int(deviation / 3))
    small = (max(1, width // factor), max(1, height // factor))
    planes = [_resized(values[..., channel], small, Image.Resampling.BOX) for channel in range(values.shape[2])]
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
    return np.stack([_resized(plane, (width, height), Image.Resampling.BICUBIC) for plane in planes], axis=2)


def _resized(plane: NDArray[np.float32], size: tuple[int, int], method: Image.Resampling) -> NDArray[np.float32]:
    return np.asarray(Image.fromarray(np.ascontiguousarray(plane, np.float32)).resize(size, method))
