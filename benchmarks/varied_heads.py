"""Places and directions of varied drags of `heads`, from the 68 landmarks and the picture alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

COUNTS = {
    "nose up": 2, "nose down": 2, "nose sideways": 4,
    "chin down": 3, "chin up": 2, "chin sideways": 2,
    "mouth corner outwards": 3, "mouth corner up": 4, "mouth corner down": 1,
    "upper lip up": 4, "upper lip down": 2, "lower lip down": 4, "lower lip up": 3,
    "brow up": 5, "brow down": 4,
    "eye corner outwards": 3, "eye corner up": 3, "lid up": 3, "lid down": 4,
    "jaw outwards": 4, "jaw inwards": 3,
    "ear outwards": 4, "ear up": 2,
    "hairline up": 4, "hairline down": 3, "crown up": 4, "crown down": 2,
    "shoulder up": 2, "shoulder down": 2, "shoulder outwards": 2,
}  # fmt: skip
"""Number of drags of each kind, 90 in all."""
NOSE_BRIDGE, NOSE_TIP, CHIN, UPPER_LIP, LOWER_LIP = 27, 30, 8, 51, 57
INNER_LIPS = (62, 66)
SIDES = {"brow": (19, 24), "eye corner": (36, 45), "lid": (37, 44), "jaw": (4, 12), "mouth corner": (48, 54)}
"""Landmarks on the picture's left and right."""
LOWER_LIDS = (41, 46)
JAW_ENDS = (0, 16)
SKIN = (2, 14, 28, 29, 30, 31, 35)
"""Landmarks whose surroundings give the colour of the skin; the cheeks' are moved towards the nose."""
EAR_LEVEL = (1, 15)
"""Landmarks of the jaw line at the height of the middle of the ears."""
EAR = 0.14
"""Largest distance of an ear's rim from the end of the jaw line, as a share of the width."""
FIGURE = 14.0
"""Difference from the background, of 255, from which on a pixel belongs to the person."""
SAME_COLOUR = 0.035
"""Largest difference of chromaticities, and SAME_LIGHT of the logarithms of brightness, within the skin."""
SAME_LIGHT = 0.5
HAIR_STEP = 40.0
"""Least difference of colour between forehead and hair, of 255."""


@dataclass(frozen=True)
class Place:
    """One drag that could be asked of an image.

    Attributes:
        handle: (x, y) in pixels. direction: (x, y) of length 1. shares: shortest and longest distance as shares of the
            width. landmark: index of the handle among the detector's points; None = it is none of them.
    """

    handle: NDArray[np.float64]
    direction: NDArray[np.float64]
    shares: tuple[float, float]
    landmark: int | None = None


def unit(vector: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the vector with length 1."""
    return vector / np.linalg.norm(vector)


class Picture:
    """Measurements of a head's picture that the rules use.

    Args:
        image: uint8 [H, W, 3]. points: the 68 landmarks [68, 2].
    """

    def __init__(self, image: NDArray[np.uint8], points: NDArray[np.float64]):
        self.points, self.size = points, image.shape[1]
        self.pixels = image.astype(np.float64)
        self.figure = np.abs(self.pixels - _background(self.pixels)).max(axis=2) > FIGURE
        self.across = unit(points[45] - points[36])
        self.up = unit(points[NOSE_BRIDGE] - points[CHIN])
        samples = [points[index] + 0.25 * (points[NOSE_TIP] - points[index]) for index in SKIN]
        self.skin = np.median([self.colour(sample) for sample in samples], axis=0)

    def colour(self, at: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the median colour [3] of 3 x 3 pixels."""
        x, y = self._pixel(at)
        near = self.pixels[max(y - 1, 0) : y + 2, max(x - 1, 0) : x + 2]
        return np.asarray(np.median(near.reshape(-1, 3), axis=0), np.float64)

    def is_skin(self, at: NDArray[np.float64]) -> bool:
        """Whether the colour there is that of the face, in more or less light."""
        own, skin = self.colour(at) + 1, self.skin + 1
        chroma = np.abs(own / own.sum() - skin / skin.sum()).max()
        return bool(chroma < SAME_COLOUR and abs(np.log(own.sum() / skin.sum())) < SAME_LIGHT)

    def is_person(self, at: NDArray[np.float64]) -> bool:
        """Whether the pixel differs from the background."""
        x, y = self._pixel(at)
        return bool(self.figure[y, x])

    def inside(self, at: NDArray[np.float64], margin: float = 0.02) -> bool:
        """Whether a point lies in the image, this share of the width away from its borders."""
        return bool((at >= margin * self.size).all() and (at <= (1 - margin) * self.size - 1).all())

    def _pixel(self, at: NDArray[np.float64]) -> tuple[int, int]:
        x, y = np.clip(np.round(at), 0, self.size - 1).astype(int)
        return int(x), int(y)


def _background(pixels: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return a smooth background [H, W, 3]: a polynomial of degree 2 through the upper borders of the picture."""
    height, width = pixels.shape[:2]
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    basis = np.stack([np.ones_like(x), x, y, x * y, x * x, y * y], axis=-1)
    edge, low = max(width // 20, 1), int(0.55 * height)
    known = np.zeros((height, width), bool)
    known[: max(edge // 3, 1)] = known[:low, :edge] = known[:low, -edge:] = True
    solved = np.linalg.lstsq(basis[known], pixels[known], rcond=None)[0]
    return np.asarray(basis @ solved, np.float64)


def places_of(random: np.random.RandomState, picture: Picture) -> dict[str, Place]:
    """Return the drags that can be asked of a head, by kind; kinds of which a head has two sides are on one of them."""
    found = {**_middle(random, picture), **_sides(random, picture), **_outline(random, picture)}
    shown = {kind: place for kind, place in found.items() if picture.inside(place.handle)}
    return {
        kind: place
        for kind, place in shown.items()
        if picture.inside(place.handle + place.shares[1] * picture.size * place.direction, 0.004)
    }


def _middle(random: np.random.RandomState, picture: Picture) -> dict[str, Place]:
    """Return drags of nose, chin and lips."""
    points, up, size = picture.points, picture.up, picture.size
    side = picture.across * random.choice([-1.0, 1.0])
    places = {
        "nose up": Place(points[NOSE_TIP], up, (0.03, 0.06), NOSE_TIP),
        "nose down": Place(points[NOSE_TIP], -up, (0.03, 0.06), NOSE_TIP),
        "nose sideways": Place(points[NOSE_TIP], side, (0.04, 0.09), NOSE_TIP),
        "chin down": Place(points[CHIN], -up, (0.04, 0.09), CHIN),
        "chin up": Place(points[CHIN], up, (0.03, 0.06), CHIN),
        "chin sideways": Place(points[CHIN], side, (0.03, 0.07), CHIN),
        "upper lip up": Place(points[UPPER_LIP], up, (0.03, 0.05), UPPER_LIP),
    }
    gap = np.linalg.norm(points[INNER_LIPS[0]] - points[INNER_LIPS[1]]) / size
    if gap > 0.035:  # an open mouth can be closed
        places["upper lip down"] = Place(points[UPPER_LIP], -up, (0.03, 0.04), UPPER_LIP)
        places["lower lip up"] = Place(points[LOWER_LIP], up, (0.03, min(0.08, float(gap) + 0.01)), LOWER_LIP)
    else:
        places["lower lip down"] = Place(points[LOWER_LIP], -up, (0.03, 0.07), LOWER_LIP)
    return places


def _sides(random: np.random.RandomState, picture: Picture) -> dict[str, Place]:
    """Return drags of mouth corner, brow, eye and jaw, each on a side that shows."""
    points, up, size = picture.points, picture.up, picture.size
    places: dict[str, Place] = {}
    landmarks = {part: pair[_shown_side(random, picture)] for part, pair in SIDES.items()}
    for part, index in landmarks.items():
        at, other = points[index], points[SIDES[part][1 - SIDES[part].index(index)]]
        outwards = unit(at - other)
        if part == "mouth corner":
            places["mouth corner outwards"] = Place(at, outwards, (0.03, 0.07), index)
            places["mouth corner up"] = Place(at, unit(up + 0.3 * outwards), (0.03, 0.06), index)
            places["mouth corner down"] = Place(at, -up, (0.03, 0.05), index)
        elif part == "brow" and picture.is_skin(at + 0.03 * size * up):  # else hair hides it
            places["brow up"] = Place(at, up, (0.03, 0.06), index)
            places["brow down"] = Place(at, -up, (0.03, 0.04), index)
        elif part == "eye corner" and picture.is_skin(at + 0.02 * size * outwards):
            places["eye corner outwards"] = Place(at, outwards, (0.03, 0.05), index)
            places["eye corner up"] = Place(at, up, (0.03, 0.05), index)
        elif part == "lid" and picture.is_skin(at + 0.02 * size * up):
            opening = np.linalg.norm(at - points[LOWER_LIDS[SIDES[part].index(index)]]) / size
            if opening > 0.018:  # the way is that of closing it
                places["lid down"] = Place(at, -up, (float(opening), float(opening)), index)
            places["lid up"] = Place(at, up, (0.03, 0.04), index)
        elif part == "jaw" and picture.is_skin(at - 0.03 * size * outwards):
            places["jaw outwards"] = Place(at, outwards, (0.03, 0.07), index)
            places["jaw inwards"] = Place(at, -outwards, (0.03, 0.06), index)
    return places


def _shown_side(random: np.random.RandomState, picture: Picture) -> int:
    """Return a random side, 0 or 1, or the nearer one if the head is turned."""
    ends = picture.points[list(JAW_ENDS)]
    left, right = np.linalg.norm(ends - picture.points[NOSE_BRIDGE], axis=1)
    if min(left, right) < 0.6 * max(left, right):
        return int(right > left)
    return int(random.randint(2))


def _outline(random: np.random.RandomState, picture: Picture) -> dict[str, Place]:
    """Return drags of crown, hairline, ear and shoulder, where the picture shows them."""
    places: dict[str, Place] = {}
    size, up, points = picture.size, picture.up, picture.points
    brows = (points[21] + points[22]) / 2
    crown = _last_before(picture, brows, up, picture.is_person)
    places["crown up"] = Place(crown - 0.015 * size * up, up, (0.04, 0.08))
    places["crown down"] = Place(crown - 0.015 * size * up, -up, (0.04, 0.08))
    if (hairline := _hairline(picture, brows, crown)) is not None:
        forehead, hair = np.linalg.norm(hairline - brows) / size, np.linalg.norm(crown - hairline) / size
        places["hairline up"] = Place(hairline, up, (0.03, min(0.08, float(hair) - 0.02)))
        places["hairline down"] = Place(hairline, -up, (0.03, min(0.07, float(forehead) - 0.02)))
    side = _shown_side(random, picture)
    end, other = points[EAR_LEVEL[side]], points[EAR_LEVEL[1 - side]]
    outwards = unit(end - other)
    rim = _last_before(picture, end, outwards, picture.is_person)
    ear = rim - 0.012 * size * outwards
    if 0.02 * size < np.linalg.norm(rim - end) < EAR * size and picture.is_skin(ear):
        places["ear outwards"] = Place(ear, outwards, (0.03, 0.06))
        places["ear up"] = Place(ear, up, (0.03, 0.06))
    side = int(random.randint(2))
    column = (0.82 if side else 0.18) * size
    low = np.array([column, 0.99 * size - 1])
    shoulder = _last_before(picture, low, np.array([0.0, -1.0]), picture.is_person)
    handle = shoulder + np.array([0.0, 0.015 * size])
    if picture.is_person(low):
        places["shoulder up"] = Place(handle, np.array([0.0, -1.0]), (0.04, 0.10))
        places["shoulder down"] = Place(handle, np.array([0.0, 1.0]), (0.04, 0.07))
        places["shoulder outwards"] = Place(handle, np.array([1.0 if side else -1.0, 0.0]), (0.04, 0.09))
    return places


def _hairline(picture: Picture, brows: NDArray[np.float64], crown: NDArray[np.float64]) -> NDArray[np.float64] | None:
    """Return where the colour changes most between brows and crown; None for a fringe and a bald head."""
    step = 0.02 * picture.size * picture.up
    ways = np.linspace(0, 1, 60)[:, None] * (crown - brows) + brows
    changes = [float(np.linalg.norm(picture.colour(at + step) - picture.colour(at - step))) for at in ways]
    best = int(np.argmax(changes[:-6]))
    forehead, hair = (np.linalg.norm(ways[best] - end) / picture.size for end in (brows, crown))
    return ways[best] if changes[best] > HAIR_STEP and forehead > 0.05 and hair > 0.05 else None


def _last_before(
    picture: Picture,
    start: NDArray[np.float64],
    direction: NDArray[np.float64],
    holds: Callable[[NDArray[np.float64]], bool],
) -> NDArray[np.float64]:
    """Return the last point on the way from `start` at which `holds`, before it fails over 1.5 % of the width."""
    last, run = start, 0.0
    at = start
    while picture.inside(at, 0.0) and run <= 0.015 * picture.size:
        last, run = (at, 0.0) if holds(at) else (last, run + 0.5)
        at = at + 0.5 * direction
    return last
