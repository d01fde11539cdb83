"""Putting an edited crop back into its photo.

Only what the edit changed is taken from the model's picture, with soft edges: everything else keeps the photo's own
pixels. What is taken gets the colours of the photo: the difference of photo and inversion, blurred, is added.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from draglab.errors import DraglabError
from draglab.inversion.edited_region import COLOUR, border_fade, edited_share
from draglab.inversion.filters import blurred
from draglab.inversion.framing import Frame, cut


@dataclass(frozen=True)
class Patch:
    """What an edit puts over a photo.

    Attributes:
        crop: the photo's part that the model shows, uint8 [h, w, 3].
        picture: float32 [h, w, 3], in steps of 255. share: [h, w], how much of each pixel is taken from it.
    """

    crop: NDArray[np.uint8]
    picture: NDArray[np.float32]
    share: NDArray[np.float32]


def make_patch(photo: NDArray[np.uint8], frame: Frame, before: NDArray[np.uint8], after: NDArray[np.uint8]) -> Patch:
    """Return what an edit puts over a photo; the arguments are those of :func:`paste_back`.

    Raises:
        DraglabError: pictures of different sizes.
    """
    if before.shape != after.shape:
        raise DraglabError(f"the pictures before and after the edit differ in size: {before.shape} and {after.shape}")
    crop = cut(photo, frame, (before.shape[0], before.shape[1]))
    matched = after + blurred(np.subtract(crop, before, dtype=np.float32), len(crop) * COLOUR)
    return Patch(crop, matched.clip(0, 255), edited_share(crop, before, after, frame.size))


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
    patch = make_patch(photo, frame, before, after)
    return lay_over(photo, frame, patch.picture, patch.share * border_fade(*patch.share.shape))


def lay_over(
    photo: NDArray[np.uint8], frame: Frame, picture: NDArray[np.float32], share: NDArray[np.float32]
) -> NDArray[np.uint8]:
    """Return the photo with a picture [h, w, 3] laid over its frame, each pixel as much as `share` [h, w] says."""
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
