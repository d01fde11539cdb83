"""Frames: the square of a photo that a model is to show, upright and placed as in the model's own pictures.

FFHQ's frame follows from the eyes and the mouth (Karras et al. 2018, "Progressive Growing of GANs", appendix C). With
e0, e1 the centres of the eyes and m0, m1 the corners of the mouth, x' = e1 - e0 and y' = (e0 + e1) / 2 - (m0 + m1) / 2,
the square is centred at (e0 + e1) / 2 - 0.1 y', has the side max(4 |x'|, 3.6 |y'|), and its x axis runs along
x' - Rotate90(y'). In coordinates with y downwards, as here, y' points from the mouth to the eyes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image, ImageFilter

from draglab.errors import DraglabError
from draglab.perception import MULTI_PIE

MIN_SIZE = 8.0
"""Smallest side of a frame, in pixels of the photo."""
LARGEST = 4.0
"""Largest side of a frame, relative to the photo's longer side."""
_BLUR = 0.02
"""Standard deviation of the blur far outside the photo, relative to the crop's height."""


@dataclass(frozen=True)
class Frame:
    """A square in a photo.

    Attributes:
        x, y: centre, in pixels of the photo; (0, 0) is the centre of the top-left pixel.
        size: side in pixels of the photo; of crops that are not square, the height.
        angle: degrees by which the square is turned clockwise.
    """

    x: float
    y: float
    size: float
    angle: float = 0.0

    @property
    def axes(self) -> NDArray[np.float64]:
        """[2, 2], rows: the unit vectors to the crop's right and bottom, in the photo."""
        cos, sin = math.cos(math.radians(self.angle)), math.sin(math.radians(self.angle))
        return np.array([[cos, sin], [-sin, cos]])

    def to_photo(self, points: ArrayLike, shape: tuple[int, int]) -> NDArray[np.float64]:
        """Convert points [..., 2] (x, y) in pixels of a crop of `shape` (height, width) to pixels of the photo."""
        height, width = shape
        offsets = (np.asarray(points, np.float64) - [(width - 1) / 2, (height - 1) / 2]) * (self.size / height)
        return offsets @ self.axes + [self.x, self.y]

    def to_crop(self, points: ArrayLike, shape: tuple[int, int]) -> NDArray[np.float64]:
        """Convert points of the photo to a crop; the inverse of :meth:`to_photo`."""
        height, width = shape
        offsets = (np.asarray(points, np.float64) - [self.x, self.y]) @ self.axes.T
        return offsets * (height / self.size) + [(width - 1) / 2, (height - 1) / 2]

    def corners(self, shape: tuple[int, int]) -> NDArray[np.float64]:
        """Return the crop's outer corners [4, 2] in pixels of the photo."""
        height, width = shape
        left, top, right, bottom = -0.5, -0.5, width - 0.5, height - 0.5
        return self.to_photo([(left, top), (right, top), (right, bottom), (left, bottom)], shape)

    def checked(self, photo: tuple[int, int]) -> Frame:
        """Return the frame if it fits a photo of (height, width).

        Raises:
            DraglabError: its centre is outside the photo, or it is too small or too large, or not finite.
        """
        height, width = photo
        if not all(map(math.isfinite, (self.x, self.y, self.size, self.angle))):
            raise DraglabError("the frame holds numbers that are not finite: give x,y,size,angle")
        if not (-0.5 <= self.x <= width - 0.5 and -0.5 <= self.y <= height - 0.5):
            raise DraglabError(
                f"the frame's centre ({self.x:g}, {self.y:g}) is outside the photo of {width}x{height} pixels"
            )
        if not MIN_SIZE <= self.size <= LARGEST * max(photo):
            raise DraglabError(
                f"the frame's side of {self.size:g} px does not fit: give {MIN_SIZE:g} to {LARGEST * max(photo):g}"
            )
        return self


def parse_box(text: str) -> Frame:
    """Read a frame from "x,y,size" or "x,y,size,angle".

    Raises:
        DraglabError: another form.
    """
    try:
        numbers = [float(part) for part in text.split(",")]
    except ValueError:
        numbers = []
    if len(numbers) not in (3, 4) or not all(map(math.isfinite, numbers)):
        raise DraglabError(
            f"box {text!r} cannot be read: give the centre, the side in pixels and the angle in degrees, as in "
            "--box 320,240,400,0"
        )
    return Frame(*numbers)


def whole_frame(photo: tuple[int, int], shape: tuple[int, int]) -> Frame:
    """Return the largest upright frame within a photo of (height, width), centred, for crops of `shape`."""
    height, width = photo
    return Frame((width - 1) / 2, (height - 1) / 2, min(height, width * shape[0] / shape[1]))


def face_frame(landmarks: NDArray[np.float64]) -> Frame:
    """Return FFHQ's frame of a face, from its 68 landmarks [68, 2]."""
    left, right = (landmarks[list(MULTI_PIE.parts[name])].mean(0) for name in ("left eye", "right eye"))
    corners = [landmarks[MULTI_PIE.index(name)] for name in ("left mouth corner", "right mouth corner")]
    eyes, mouth = (left + right) / 2, (corners[0] + corners[1]) / 2
    across, up = right - left, eyes - mouth
    # Rotate90(y'), with y downwards: (x, y) -> (y, -x) turns "up" to the left.
    direction = across - np.array([up[1], -up[0]])
    centre = eyes - 0.1 * up
    size = max(4.0 * np.linalg.norm(across), 3.6 * np.linalg.norm(up))
    return Frame(float(centre[0]), float(centre[1]), float(size), math.degrees(math.atan2(direction[1], direction[0])))


def place_as(face: Frame, own: Frame, shape: tuple[int, int]) -> Frame:
    """Return the frame in which a face lies as one does in a model's picture.

    Args:
        face: FFHQ's frame of the face in the photo.
        own: FFHQ's frame of a face in a picture of the model, of `shape` (height, width).
    """
    height, width = shape
    size = face.size * height / own.size
    angle = face.angle - own.angle
    offset = (np.array([own.x, own.y]) - [(width - 1) / 2, (height - 1) / 2]) * (size / height)
    centre = np.array([face.x, face.y]) - offset @ Frame(0, 0, 1, angle).axes
    return Frame(float(centre[0]), float(centre[1]), size, angle)


def cut(pixels: NDArray[np.uint8], frame: Frame, shape: tuple[int, int]) -> NDArray[np.uint8]:
    """Cut a frame out of a photo; where the photo ends, it is reflected and blurred.

    Args:
        pixels: the photo, uint8 [H, W, 3]. frame: fits the photo (:meth:`Frame.checked`). shape: (height, width) of
            the crop.

    Returns:
        uint8 [height, width, 3].
    """
    scale = max(1.0, frame.size / shape[0])
    corners = frame.corners(shape)
    margin = 4 * scale
    low = np.floor(corners.min(0) - margin).astype(int)
    high = np.ceil(corners.max(0) + margin).astype(int) + 1
    size = np.array([pixels.shape[1], pixels.shape[0]])
    inside = np.maximum(low, 0), np.minimum(high, size)
    part = Image.fromarray(pixels[inside[0][1] : inside[1][1], inside[0][0] : inside[1][0]])
    shrunk = [max(1, round(side / scale)) for side in part.size]
    if scale > 1:
        part = part.resize((shrunk[0], shrunk[1]), Image.Resampling.LANCZOS)
    per_pixel = (inside[1] - inside[0]) / shrunk
    before = np.ceil((inside[0] - low) / per_pixel).astype(int)
    after = np.ceil((high - inside[1]) / per_pixel).astype(int)
    patch = _reflected(np.asarray(part), before, after, shape[0] * _BLUR)
    # The patch's corner in pixels of the photo, counted from the corner of a pixel as Pillow does.
    origin = inside[0] - before * per_pixel
    steps = frame.axes * (frame.size / shape[0])
    start = corners[0] + 0.5 - origin
    (a, d), (b, e), (c, f) = (row / per_pixel for row in (*steps, start))
    turned = Image.fromarray(patch).transform(
        (shape[1], shape[0]), Image.Transform.AFFINE, (a, b, c, d, e, f), Image.Resampling.BICUBIC
    )
    return np.asarray(turned)


def _reflected(
    part: NDArray[np.uint8], before: NDArray[np.int_], after: NDArray[np.int_], blur: float
) -> NDArray[np.uint8]:
    """Extend a picture by reflection, blurred more and more from its border on.

    Args:
        before, after: [2] columns and rows to add on the left and top, and on the right and bottom.
        blur: standard deviation, pixels.
    """
    if not (before.any() or after.any()):
        return part
    pads = ((before[1], after[1]), (before[0], after[0]), (0, 0))
    padded = np.pad(part, pads, mode="reflect" if min(part.shape[:2]) > 1 else "edge")
    blurred = np.asarray(Image.fromarray(padded).filter(ImageFilter.GaussianBlur(blur)), np.float32)
    across, down = (
        np.maximum(np.maximum(first - np.arange(total), np.arange(total) - (total - 1 - last)), 0)
        for first, last, total in zip(before, after, (padded.shape[1], padded.shape[0]), strict=True)
    )
    share = np.minimum(np.maximum(down[:, None], across[None]) / (3 * blur), 1)[..., None]
    mixed = padded + (blurred - padded) * share
    return mixed.round().clip(0, 255).astype(np.uint8)
