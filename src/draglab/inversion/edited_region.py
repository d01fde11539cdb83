"""The region of a photo that an edit replaces.

Two things speak about each place: how much the edit changed there, and how far the inversion was from the photo. Where
the model shows a poor copy of the photo (a flag, letters, a hand) that an edit moves a little, the photo's own pixels
are the better picture, so an edit is taken where it changed more than the inversion errs.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from draglab.inversion.filters import blurred, closed, grown, opened, parts_of, resized

CHANGED = 6.0
"""Smallest change that counts as an edit, in steps of 255, beyond the inversion's error."""
POOR = 12.0
"""Error beyond the change from which nothing is taken, even amid the edit, in steps of 255; of larger spots only."""
_GRID = (96, 256)
"""Smallest and largest height at which pictures are compared; within, the photo's own resolution."""
_BLUR, _SPECK, _GAP, _REACH, _FEATHER, COLOUR = 0.012, 0.015, 0.04, 0.02, 0.012, 0.03
"""Lengths relative to the height: blur of changes and errors, size of specks that do not count, of gaps that are
closed, how far around changes is taken along and half the size of poor spots that do not count, standard deviations of
the soft edge and of the matching of colours."""
_TINT = 0.1
"""Standard deviation, relative to the height, of differences of colour that do not count as errors."""
BORDER = 0.06
"""Width of the fade towards the crop's border, relative to its height: the crop ends there."""


def edited_share(
    crop: NDArray[np.uint8], before: NDArray[np.uint8], after: NDArray[np.uint8], own: float
) -> NDArray[np.float32]:
    """Return how much of each pixel an edit replaces, [h, w] from 0 to 1, with soft edges.

    Args:
        crop: the photo's part that the model shows, uint8 [h, w, 3]. before, after: what the model shows before and
            after the edit. own: height of the crop in pixels of the photo.
    """
    height, width = before.shape[:2]
    rows = min(height, max(_GRID[0], min(_GRID[1], round(own))))
    size = (max(1, round(width * rows / height)), rows)
    photo, old, new = (
        np.asarray(Image.fromarray(one).resize(size, Image.Resampling.BOX), np.float32) for one in (crop, before, after)
    )
    off = photo - old
    error = _level(off - blurred(off, rows * _TINT))
    change = _level(new - old)
    region = _soft(change > CHANGED + error, rows * _SPECK) > 0.4
    region = _inner(closed(region, max(1, round(rows * _GAP))), round(rows * BORDER))
    poor = opened(error > change + POOR, max(1, round(rows * _REACH)))
    region = grown(region, max(1, round(rows * _REACH))) & ~poor
    # A blur leaves traces far away.
    soft = (_soft(region, rows * _FEATHER) * 1.04 - 0.02).clip(0, 1)
    return resized(soft, (width, height), Image.Resampling.BICUBIC).clip(0, 1)


def border_fade(height: int, width: int, fade: float = BORDER) -> NDArray[np.float32]:
    """Return a factor [h, w] that falls from 1 to 0 towards the border, over a share of the height."""
    part = (border_distance(height, width) / fade).clip(0, 1)
    return part * part * (3 - 2 * part)


def border_distance(height: int, width: int) -> NDArray[np.float32]:
    """Return how far each pixel [h, w] is from the border, relative to the height."""
    rows = np.minimum(np.arange(height), np.arange(height)[::-1])
    columns = np.minimum(np.arange(width), np.arange(width)[::-1])
    return (np.minimum(rows[:, None], columns[None]) / height).astype(np.float32)


def _inner(region: NDArray[np.bool_], border: int) -> NDArray[np.bool_]:
    """Leave out what reaches the border of the crop apart from the largest part: background that moved along."""
    largest, *others = parts_of(region) or [region]
    for part in others:
        if part.sum() == part[border : len(part) - border, border : part.shape[1] - border].sum():
            largest = largest | part
    return largest


def _soft(region: NDArray[np.bool_], deviation: float) -> NDArray[np.float32]:
    return blurred(region[..., None].astype(np.float32), deviation)[..., 0]


def _level(differences: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the size [h, w] of differences [h, w, 3], blurred."""
    return blurred(np.abs(differences).max(2)[..., None], len(differences) * _BLUR)[..., 0]
