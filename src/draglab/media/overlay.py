"""Drawing of handles, targets and the frozen region on a frame."""

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image, ImageDraw

from draglab.media.images import enlarge

HANDLE_COLOUR = (232, 62, 56)
TARGET_COLOUR = (48, 116, 236)
_WHITE = (255, 255, 255)
_SHADOW = (0, 0, 0, 110)
_FROZEN = np.array([38, 44, 58], dtype=np.float32)
_FROZEN_OPACITY = 0.5

# Lengths as fractions of the picture's shorter side.
_DISC = 0.0125
_RIM = 0.0045
_SHAFT = 0.0065
_HEAD = 0.026

_SUPERSAMPLING = 4


def draw_edit(
    image: NDArray[np.uint8],
    handles: ArrayLike,
    targets: ArrayLike,
    movable: NDArray[np.bool_] | NDArray[np.floating] | None = None,
    at_least: int = 512,
) -> NDArray[np.uint8]:
    """Draw handles (red), targets (blue), arrows from one to the other and the frozen region (darkened).

    Args:
        image: uint8 [H, W, 3].
        handles, targets: [n, 2] (x, y) in pixels of ``image``; (0, 0) is the centre of its top-left pixel.
        movable: bool [H, W], True = movable, or floats, 1 = movable; None darkens nothing.
        at_least: the picture is enlarged by a whole factor until its shorter side has this many pixels.

    Returns:
        uint8 [H * factor, W * factor, 3].
    """
    picture = enlarge(image, at_least)
    factor = picture.shape[0] / image.shape[0]
    if movable is not None:
        picture = _darken(picture, 1 - np.asarray(movable, dtype=np.float32))
    # Pixel centres are integers in the image; on the enlarged canvas positions count from its top-left corner.
    handle_points = (np.asarray(handles, dtype=np.float64).reshape(-1, 2) + 0.5) * factor
    target_points = (np.asarray(targets, dtype=np.float64).reshape(-1, 2) + 0.5) * factor
    if not len(handle_points):
        return picture
    return _draw_marks(picture, handle_points, target_points)


def _darken(picture: NDArray[np.uint8], frozen: NDArray[np.float32]) -> NDArray[np.uint8]:
    height, width = picture.shape[:2]
    layer = Image.fromarray((frozen * 255 + 0.5).astype(np.uint8)).resize((width, height), Image.Resampling.BILINEAR)
    opacity = np.asarray(layer, dtype=np.float32)[..., None] * (_FROZEN_OPACITY / 255)
    return (picture * (1 - opacity) + _FROZEN * opacity + 0.5).astype(np.uint8)


def _draw_marks(
    picture: NDArray[np.uint8], handles: NDArray[np.float64], targets: NDArray[np.float64]
) -> NDArray[np.uint8]:
    height, width = picture.shape[:2]
    side = min(height, width)
    # Pillow draws without antialiasing: draw larger, on a layer that covers only the marks, and scale down.
    margin = 2 * _HEAD * side + 2
    points = np.concatenate([handles, targets])
    left, top = np.maximum(np.floor(points.min(0) - margin), 0).astype(int).tolist()
    right, bottom = np.minimum(np.ceil(points.max(0) + margin), [width, height]).astype(int).tolist()
    if right <= left or bottom <= top:
        return picture
    size = (right - left, bottom - top)
    layer = Image.new("RGBA", (size[0] * _SUPERSAMPLING, size[1] * _SUPERSAMPLING), (0, 0, 0, 0))
    pen = _Pen(ImageDraw.Draw(layer), np.array([left, top]), side * _SUPERSAMPLING)
    for handle, target in zip(handles, targets, strict=True):
        pen.arrow(handle, target)
    for target in targets:
        pen.disc(target, TARGET_COLOUR)
    for handle in handles:
        pen.disc(handle, HANDLE_COLOUR)
    # Averaged with premultiplied alpha; otherwise the layer's black background would darken the edges.
    small = layer.convert("RGBa").resize(size, Image.Resampling.BOX).convert("RGBA")
    canvas = Image.fromarray(picture).convert("RGBA")
    canvas.alpha_composite(small, (left, top))
    return np.asarray(canvas.convert("RGB"))


class _Pen:
    """A pen for the supersampled layer, in coordinates of the canvas."""

    def __init__(self, draw: ImageDraw.ImageDraw, origin: NDArray[np.int64], side: int) -> None:
        self._draw = draw
        self._origin = origin
        self._side = side

    def _place(self, point: NDArray[np.float64]) -> NDArray[np.float64]:
        return (point - self._origin) * _SUPERSAMPLING - 0.5

    def disc(self, point: NDArray[np.float64], colour: tuple[int, int, int]) -> None:
        centre = self._place(point)
        radius = _DISC * self._side
        rim = _RIM * self._side
        for grown, fill in ((rim * 1.5, _SHADOW), (rim, _WHITE), (0.0, colour)):
            self._draw.ellipse([*(centre - radius - grown), *(centre + radius + grown)], fill=fill)

    def arrow(self, start: NDArray[np.float64], end: NDArray[np.float64]) -> None:
        a, b = self._place(start), self._place(end)
        length = float(np.linalg.norm(b - a))
        clearance = (_DISC + _RIM) * self._side
        head = _HEAD * self._side
        if length <= 2 * clearance:
            return  # The discs touch: there is no room, and nothing left to show.
        along = (b - a) / length
        across = np.array([-along[1], along[0]])
        tip = b - along * clearance
        head = min(head, length - 2 * clearance)
        base = tip - along * head
        shadow = _RIM * self._side / 2
        for grown, fill in ((shadow, _SHADOW), (0.0, _WHITE)):
            half = _SHAFT * self._side / 2 + grown
            wing = head * 0.5 + grown
            outline = [
                a + across * half,
                base + across * half,
                base + across * wing,
                tip + along * grown,
                base - across * wing,
                base - across * half,
                a - across * half,
            ]
            self._draw.polygon([tuple(point) for point in outline], fill=fill)
