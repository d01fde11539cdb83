"""Contact sheets: many labelled images in one picture."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from draglab.media.images import as_rgb

_PAPER = (255, 255, 255)
_INK = (70, 70, 70)
_GAP = 6
_LABEL = 20


def contact_sheet(
    images: Sequence[NDArray[np.uint8]], labels: Sequence[str], columns: int | None = None
) -> NDArray[np.uint8]:
    """Lay images out in rows, labels below them.

    Args:
        images: at least one, uint8 [H, W, 3], all of one size.
        labels: one for each image.
        columns: number of images in a row; None = as many as make the sheet nearly square.

    Returns:
        uint8 [height, width, 3].
    """
    height, width = as_rgb(images[0]).shape[:2]
    columns = columns or math.ceil(math.sqrt(len(images)))
    rows = math.ceil(len(images) / columns)
    cell = (width + _GAP, height + _LABEL + _GAP)
    sheet = Image.new("RGB", (columns * cell[0] + _GAP, rows * cell[1] + _GAP), _PAPER)
    draw = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(size=13)
    for i, (image, label) in enumerate(zip(images, labels, strict=True)):
        left, top = _GAP + (i % columns) * cell[0], _GAP + (i // columns) * cell[1]
        sheet.paste(Image.fromarray(as_rgb(image)), (left, top))
        draw.text((left + width / 2, top + height + _LABEL / 2), label, fill=_INK, font=font, anchor="mm")
    return np.asarray(sheet)
