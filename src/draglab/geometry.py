"""Points, masks and pixel conventions, in one place for all of draglab.

Points are (x, y) in float pixels of the image; (0, 0) is the centre of the top-left pixel, so an image of width W spans
x = -0.5 to W - 0.5 and its last pixel centre is W - 1. At the borders positions are clamped, never wrapped.

A mask is a bool array [H, W]; True = movable, False = frozen. Where its edges are soft it is a float array instead: 1 =
movable, 0 = frozen, and between them the share of movable.

Radii and distances that the paper gives for 512-pixel images are in "pixels of a 512-pixel image" and are scaled with
the image (see :func:`scale_from_512`).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from draglab.errors import DraglabError

Mask = NDArray[np.bool_] | NDArray[np.floating]

REFERENCE_SIZE = 512
"""Image size, in pixels, in which the paper states its radii."""

MIN_TRAVEL = 1e-3
"""Shortest way from a handle to its target, in pixels. A target that is closer counts as the same point."""


def scale_from_512(length: float, height: int, width: int) -> float:
    """Convert a length in pixels of a 512-pixel image to pixels of an image of `height` x `width` (longer side)."""
    return length * max(height, width) / REFERENCE_SIZE


def validate_points(points: ArrayLike, height: int, width: int, name: str = "points") -> NDArray[np.float64]:
    """Check points given from outside.

    Args:
        points: [n, 2] (x, y) in pixels, n >= 1, every point inside the image (0 <= x <= width - 1 and likewise y).
        height, width: the image's size in pixels.
        name: what the points are called in error messages ("handle", "target").

    Returns:
        float64 array [n, 2].

    Raises:
        DraglabError: no points, another shape, NaN or infinity, or a point outside the image.
    """
    try:
        array = np.asarray(points, dtype=np.float64)
    except (TypeError, ValueError):
        raise DraglabError(f"{name}s are not numbers: give them as [[x, y], ...] in pixels") from None
    if array.size == 0:
        raise DraglabError(f"no {name}s were given: give at least one pair, for instance 64,90:64,105")
    if array.ndim != 2 or array.shape[1] != 2:
        raise DraglabError(f"{name}s have shape {list(array.shape)}: give them as [n, 2], one (x, y) in pixels each")
    if not np.isfinite(array).all():
        raise DraglabError(f"a {name} is not a finite number: give x and y in pixels")
    inside = (array >= 0).all(1) & (array[:, 0] <= width - 1) & (array[:, 1] <= height - 1)
    if not inside.all():
        x, y = array[int(np.argmin(inside))]
        raise DraglabError(
            f"{name} ({x:g}, {y:g}) is outside the image: x must be 0 to {width - 1}, y 0 to {height - 1}"
        )
    return array


def validate_pairs(
    handles: ArrayLike, targets: ArrayLike, height: int, width: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Check handles and their targets, both [n, 2]; see :func:`validate_points`.

    Raises:
        DraglabError: as validate_points; also different numbers of handles and targets, no handle that is not on its
            own target (such a handle is a pin: it holds its place while others move), or two handles in one place.
    """
    handle_array = validate_points(handles, height, width, "handle")
    target_array = validate_points(targets, height, width, "target")
    if len(handle_array) != len(target_array):
        raise DraglabError(
            f"{len(handle_array)} handles but {len(target_array)} targets were given: every handle needs one target"
        )
    travel = np.linalg.norm(target_array - handle_array, axis=1)
    if (travel < MIN_TRAVEL).all():
        x, y = handle_array[0]
        raise DraglabError(
            f"handle ({x:g}, {y:g}) lies on its target, as all do: put a target where its point should move to"
        )
    for i, handle in enumerate(handle_array):
        if (np.linalg.norm(handle_array[:i] - handle, axis=1) < MIN_TRAVEL).any():
            raise DraglabError(f"two handles lie at ({handle[0]:g}, {handle[1]:g}): remove one of them")
    return handle_array, target_array


def validate_mask(mask: ArrayLike | None, height: int, width: int) -> Mask | None:
    """Check a mask given from outside: bool [H, W], True = movable; None means that everything is movable.

    A mask of floats from 0 to 1 has soft edges: 1 = movable, 0 = frozen, values between them in proportion.

    Raises:
        DraglabError: neither bool nor floats from 0 to 1, another size, everything frozen, or everything movable (then
            no mask is meant).
    """
    if mask is None:
        return None
    array = np.asarray(mask)
    if array.dtype != np.bool_ and not np.issubdtype(array.dtype, np.floating):
        raise DraglabError(
            f"the mask holds {array.dtype} values: give booleans, True where the image may move, or floats from 0 to 1"
        )
    if array.shape != (height, width):
        got = "x".join(str(side) for side in array.shape[::-1])
        raise DraglabError(f"the mask is {got} but the image is {width}x{height}: give a mask of the image's size")
    # Negated, so that NaN fails too.
    if not ((array >= 0) & (array <= 1)).all():
        raise DraglabError("the mask holds values beyond 0 and 1: give 1 where the image may move, 0 where it may not")
    if not array.any():
        raise DraglabError("the mask freezes the whole image: paint the region that may move")
    if (array == 1).all():
        raise DraglabError("the mask lets the whole image move: leave it out, or paint a smaller movable region")
    return array


def image_extent(feature_size: tuple[int, int], margin: int) -> tuple[int, int]:
    """Return the image's (height, width) in pixels of a feature map that extends `margin` pixels over each border."""
    return feature_size[0] - 2 * margin, feature_size[1] - 2 * margin


def feature_scale(image_size: tuple[int, int], feature_size: tuple[int, int], margin: int = 0) -> NDArray[np.float64]:
    """Return the number of pixels of a feature map for each pixel of the image, (x, y)."""
    height, width = image_extent(feature_size, margin)
    return np.array([width / image_size[1], height / image_size[0]])


def to_feature_coordinates(
    points: NDArray[np.float64], image_size: tuple[int, int], feature_size: tuple[int, int], margin: int = 0
) -> NDArray[np.float64]:
    """Convert image pixels to pixels of a feature map, both (x, y) with pixel centres at integers.

    Bilinear samples of a map without margin at these coordinates are the pixels of the map as resized bilinearly to the
    image (half-pixel centres, edges clamped).

    Args:
        points: [..., 2] (x, y) in image pixels.
        image_size, feature_size: (height, width); of the whole map.
        margin: pixels by which the map extends over each border of the image.
    """
    return (points + 0.5) * feature_scale(image_size, feature_size, margin) + (margin - 0.5)


def disc_offsets(radius: float) -> NDArray[np.float64]:
    """Return the integer offsets (x, y) closer than `radius` pixels to (0, 0), and (0, 0) itself: [k, 2], Omega_1."""
    reach = max(int(np.ceil(radius)) - 1, 0)
    axis = np.arange(-reach, reach + 1, dtype=np.float64)
    grid = np.stack(np.meshgrid(axis, axis, indexing="xy"), axis=-1).reshape(-1, 2)
    inside = (np.hypot(grid[:, 0], grid[:, 1]) < radius) | (grid == 0).all(1)
    return grid[inside]


def parse_point_pair(text: str) -> tuple[Sequence[float], Sequence[float]]:
    """Read "x,y:x,y" (handle:target, pixels), as the command line takes it.

    Raises:
        DraglabError: the text has another form.
    """
    try:
        handle, target = ([float(value) for value in part.split(",")] for part in text.split(":"))
        if len(handle) != 2 or len(target) != 2:
            raise ValueError
    except ValueError:
        raise DraglabError(
            f"'{text}' is not a pair of points: write handle:target in pixels, for instance 64,90:64,105"
        ) from None
    return handle, target


def parse_mask_shape(text: str, height: int, width: int) -> NDArray[np.bool_] | None:
    """Read "circle:x,y,r" or "rect:x0,y0,x1,y1" (pixels, borders included), as the command line takes it.

    Returns:
        bool [height, width], True = movable, inside the shape; None: the text does not begin like a shape.

    Raises:
        DraglabError: the numbers are not such a shape, or no pixel of the image is inside it.
    """
    kind, colon, numbers = text.partition(":")
    if not colon or kind not in ("circle", "rect"):
        return None
    try:
        values = [float(value) for value in numbers.split(",")]
        if not np.isfinite(values).all():
            raise ValueError
        rows, columns = np.mgrid[:height, :width]
        if kind == "circle":
            x, y, radius = values
            if radius <= 0:
                raise ValueError
            movable = np.hypot(columns - x, rows - y) <= radius
        else:
            x0, y0, x1, y1 = values
            if x1 < x0 or y1 < y0:
                raise ValueError
            movable = (columns >= x0) & (columns <= x1) & (rows >= y0) & (rows <= y1)
    except ValueError:
        raise DraglabError(
            f"{text!a} is not a shape: write circle:x,y,radius or rect:left,top,right,bottom in pixels, "
            "for instance circle:64,90,30"
        ) from None
    if not movable.any():
        raise DraglabError(f"no pixel is inside {text!a}: x goes from 0 to {width - 1}, y from 0 to {height - 1}")
    return movable
