"""Pages of drags for the eye: before and after, large enough to judge."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

SIDE, SMALL = 256, 192
"""Side of the pictures on a page, pixels."""
CROP = 0.34
"""Least side of the enlarged part, as a share of the width."""
CAPTION, GAP = 22, 4
HANDLE, TARGET, FOUND = (232, 62, 56), (48, 116, 236), (255, 214, 0)
INK = {"right": (20, 120, 50), "": (60, 60, 60)}
"""Colours of captions; those of other verdicts are red."""
Point = tuple[float, float]


@dataclass(frozen=True)
class Row:
    """One drag on a page.

    Attributes:
        key: kind and seed. caption: text below. measures: the part of it that was measured in the pictures.
        handle, target: (x, y) in pixels of the pictures. found: where the judge sees the landmark in the picture after;
            None = not judged. verdict: what the eye said.
    """

    key: tuple[str, int]
    caption: str
    measures: str
    handle: Point
    target: Point
    found: Point | None
    before: NDArray[np.uint8]
    after: NDArray[np.uint8]
    verdict: str = ""

    def blind(self, number: int) -> Row:
        """Return the drag without what would betray how it was made."""
        return replace(self, caption=f"#{number}, {self.key[0]} {self.key[1]}{self.measures}")

    def judged(self, verdict: str) -> Row:
        """Return the drag with its verdict."""
        return replace(self, verdict=verdict)


def draw_page(rows: Sequence[Row]) -> NDArray[np.uint8]:
    """Return a page: for each drag before with the arrow, after with the target, and the part around both enlarged."""
    lines = []
    for row in rows:
        box = crop_box(row)
        marked = [_marked(row, row.before, SIDE, True), _marked(row, row.after, SIDE, False)]
        parts = [_scaled(picture, SIDE, box) for picture in (row.before, row.after)]
        lines.append(_captioned([*marked, *parts], row.caption, row.verdict))
    return _stacked(lines, 1)


def draw_small_page(rows: Sequence[Row]) -> NDArray[np.uint8]:
    """Return a page of three columns: before with the arrow, and after."""
    cells = []
    for row in rows:
        pair = [_marked(row, row.before, SMALL, True), np.asarray(_scaled(row.after, SMALL, None))]
        text = f"{row.key[0]}, {row.key[1]}" + (f": {row.verdict}" if row.verdict else "")
        cells.append(_captioned(pair, text, row.verdict))
    return _stacked(cells, 3)


def crop_box(row: Row) -> tuple[float, float, float, float]:
    """Return left, top, right, bottom of the square around handle and target that is shown enlarged."""
    width, height = row.before.shape[1], row.before.shape[0]
    ends = np.array([row.handle, row.target])
    side = min(max(CROP * width, 2.5 * float(np.abs(ends[0] - ends[1]).max())), width, height)
    left, top = np.clip(ends.mean(0) + 0.5 - side / 2, 0, [width - side, height - side])
    return float(left), float(top), float(left + side), float(top + side)


def _scaled(picture: NDArray[np.uint8], side: int, box: tuple[float, float, float, float] | None) -> NDArray[np.uint8]:
    return np.asarray(Image.fromarray(picture).resize((side, side), Image.Resampling.BICUBIC, box=box))


def _marked(row: Row, picture: NDArray[np.uint8], side: int, before: bool) -> NDArray[np.uint8]:
    """Return a picture with thin marks that hide little: the arrow before; target and judge's place after."""
    scale = 3 * side / picture.shape[1]
    canvas = Image.fromarray(_scaled(picture, 3 * side, None))
    draw = ImageDraw.Draw(canvas)
    handle, target = ((np.array(point) + 0.5) * scale for point in (row.handle, row.target))
    if before:
        draw.line([*handle, *target], fill=(255, 255, 255), width=5)
        draw.ellipse([*(handle - 8), *(handle + 8)], fill=HANDLE, outline=(255, 255, 255), width=2)
        draw.ellipse([*(target - 8), *(target + 8)], fill=TARGET, outline=(255, 255, 255), width=2)
    else:
        draw.ellipse([*(target - 14), *(target + 14)], outline=TARGET, width=4)
        if row.found is not None:
            found = (np.array(row.found) + 0.5) * scale
            for way in (np.array([9, 9]), np.array([9, -9])):
                draw.line([*(found - way), *(found + way)], fill=FOUND, width=3)
    return np.asarray(canvas.resize((side, side), Image.Resampling.LANCZOS))


def _captioned(pictures: Sequence[NDArray[np.uint8]], caption: str, verdict: str) -> NDArray[np.uint8]:
    side = pictures[0].shape[0]
    width = len(pictures) * (side + GAP)
    cell = Image.new("RGB", (width, side + CAPTION + GAP), (255, 255, 255))
    for index, picture in enumerate(pictures):
        cell.paste(Image.fromarray(picture), (index * (side + GAP), 0))
    ink = INK.get(verdict, (176, 32, 32))
    ImageDraw.Draw(cell).text((2, side + 3), caption, fill=ink, font=ImageFont.load_default(size=14))
    return np.asarray(cell)


def _stacked(cells: Sequence[NDArray[np.uint8]], columns: int) -> NDArray[np.uint8]:
    filled = [*cells, *[np.full_like(cells[0], 255)] * (-len(cells) % columns)]
    rows = [np.concatenate(filled[start : start + columns], axis=1) for start in range(0, len(filled), columns)]
    return np.concatenate(rows)
