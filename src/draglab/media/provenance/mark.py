"""The visible mark: a small label in a corner of the picture."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from draglab.media.provenance.origin import Origin

_SHARE = 24
"""The label's letters are this part of the picture's shorter side, and at least 9 pixels high."""


def marked(image: NDArray[np.uint8], origin: Origin) -> NDArray[np.uint8]:
    """Return a picture [H, W, 3] with a label at its bottom right, if its origin says that it bears one.

    The label is "AI", or "AI edit" on a photo that was edited.
    """
    if not origin.marked:
        return image
    text = "AI edit" if origin.source == "compositeWithTrainedAlgorithmicMedia" else "AI"
    height, width = image.shape[:2]
    size = max(min(height, width) // _SHARE, 9)
    picture = Image.fromarray(image)
    draw = ImageDraw.Draw(picture, "RGBA")
    font = ImageFont.load_default(size=size)
    gap = max(size // 3, 2)
    left, top, right, bottom = draw.textbbox((width - 2 * gap, height - 2 * gap), text, font=font, anchor="rb")
    draw.rounded_rectangle((left - gap, top - gap, right + gap, bottom + gap), radius=gap, fill=(0, 0, 0, 150))
    draw.text((width - 2 * gap, height - 2 * gap), text, fill=(255, 255, 255, 255), font=font, anchor="rb")
    return np.asarray(picture)
