"""Places and directions of varied drags of `hands`, from mediapipe's 21 landmarks and the picture alone."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from benchmarks.varied_heads import Place, unit
from recipes.hands.propose_drags import hand_mask

COUNTS = {
    "spread finger": 8, "close finger": 6, "lengthen finger": 5, "bend finger": 8,
    "thumb outwards": 3, "thumb inwards": 3, "wrist sideways": 4, "palm side outwards": 3,
}  # fmt: skip
"""Number of drags of each kind, 40 in all."""
WRIST, THUMB_TIP, MIDDLE_KNUCKLE = 0, 4, 9
FINGERS = {"index": (5, 8), "middle": (9, 12), "ring": (13, 16), "little": (17, 20)}
"""Knuckle and tip."""
AGREED = 0.04
"""Largest difference, as a share of the width, between points that are found in an image and in its mirror image."""


def places_of(
    random: np.random.RandomState, image: NDArray[np.uint8], points: NDArray[np.float64], mirrored: NDArray[np.float64]
) -> dict[str, Place]:
    """Return the drags that can be asked of a hand, by kind; none if its landmarks are not clear.

    Args:
        image: uint8 [H, W, 3]. points: its 21 landmarks [21, 2]. mirrored: those found in its mirror image.
    """
    size = image.shape[1]
    back = np.array([size - 1, 0]) + mirrored * np.array([-1, 1])
    same = np.linalg.norm(points - back, axis=1) < AGREED * size  # False for NaN
    mask = hand_mask(image)

    def is_hand(at: NDArray[np.float64]) -> bool:
        x, y = np.clip(np.round(at), 0, size - 1).astype(int)
        return bool(mask[y, x])

    def is_tip(knuckle: NDArray[np.float64], tip: NDArray[np.float64]) -> bool:
        """Whether the hand ends there."""
        return is_hand(tip) and not is_hand(tip + 0.1 * size * unit(tip - knuckle))

    if not same[[WRIST, *(knuckle for knuckle, _ in FINGERS.values())]].all():
        return {}
    palm = float(np.linalg.norm(points[MIDDLE_KNUCKLE] - points[WRIST]))
    up = unit(points[MIDDLE_KNUCKLE] - points[WRIST])
    to_little = unit(points[17] - points[5])
    straight = [
        (name, knuckle, tip)
        for name, (knuckle, tip) in FINGERS.items()
        if same[tip]
        and is_tip(points[knuckle], points[tip])
        and np.linalg.norm(points[tip] - points[knuckle]) > 0.6 * palm
    ]
    if len(straight) < 2:
        return {}
    places: dict[str, Place] = {}
    for name, knuckle, tip in [straight[index] for index in random.permutation(len(straight))]:
        along = unit(points[tip] - points[knuckle])
        sideways = unit(np.array([-along[1], along[0]]))
        # The outer fingers spread away from the others, the inner ones to either side.
        sign = {"index": -1.0, "little": 1.0}.get(name, random.choice([-1.0, 1.0]))
        sideways *= sign * np.sign(sideways @ to_little)
        places.setdefault("lengthen finger", Place(points[tip], along, (0.04, 0.08)))
        places.setdefault("bend finger", Place(points[tip], -along, (0.05, 0.10)))
        free, near = (not is_hand(points[tip] + sign * 0.06 * size * sideways) for sign in (1, -1))
        if free:
            places.setdefault("spread finger", Place(points[tip], sideways, (0.04, 0.09)))
        if near and name in ("index", "little"):
            places.setdefault("close finger", Place(points[tip], -sideways, (0.04, 0.08)))
    thumb = points[THUMB_TIP]
    away = -to_little
    if same[THUMB_TIP] and is_hand(thumb) and (thumb - points[5]) @ away > 0.25 * palm:  # else it lies on the palm
        places["thumb outwards"] = Place(thumb, unit(away + 0.3 * up), (0.04, 0.08))
        places["thumb inwards"] = Place(thumb, unit(0.5 * up - away), (0.04, 0.08))
    side = random.choice([-1.0, 1.0])
    places["wrist sideways"] = Place(points[WRIST], side * to_little, (0.04, 0.08))
    middle = (points[17] + points[WRIST]) / 2
    rim = middle
    while is_hand(rim) and 0 < rim[0] < size - 1:
        rim = rim + 0.5 * to_little
    if np.linalg.norm(rim - middle) < 0.6 * palm:
        places["palm side outwards"] = Place(rim - 0.02 * size * to_little, to_little, (0.03, 0.06))
    margins = {
        kind: (place.handle, place.handle + place.shares[1] * size * place.direction) for kind, place in places.items()
    }
    return {
        kind: places[kind]
        for kind, ends in margins.items()
        if all((end >= 0.015 * size).all() and (end <= 0.985 * size - 1).all() for end in ends)
    }
