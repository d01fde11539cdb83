"""Named edits: what the handles and targets of `smile` and others are, by the 68 landmarks of a face.

An edit of strength s moves each of its landmarks by s times what its definition says, along the axes of the face, in
shares of its size: the side of FFHQ's frame (inversion/framing.py), which is about that of the image in FFHQ's models.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from draglab.errors import DraglabError
from draglab.inversion.framing import face_frame

MOST_STRENGTH = 3.0
"""Largest strength, either way."""


@dataclass(frozen=True)
class NamedEdit:
    """The definition of a named edit.

    Attributes:
        title: for a button. moves: landmark -> (right, down) in the picture of an upright face, shares of its size.
        pins: landmarks that hold their places. whole: the head moves as a whole, so nothing of it should stay.
    """

    title: str
    moves: Mapping[int, tuple[float, float]]
    pins: tuple[int, ...] = ()
    whole: bool = False


_EYES = (36, 45)
"""Outer corners of the eyes."""


def _nod(way: int) -> dict[int, tuple[float, float]]:
    """Return the moves of a nod upwards (-1) or downwards (1): what is in front of the head's axis goes farthest."""
    far = {30: 0.06, 8: 0.05, 48: 0.05, 54: 0.05, 27: 0.03}
    return {mark: (0, way * share) for mark, share in far.items()}


NAMED_EDITS: dict[str, NamedEdit] = {
    "smile": NamedEdit("Smile", {48: (-0.03, -0.03), 54: (0.03, -0.03)}, (30, 8)),
    "open-mouth": NamedEdit("Open mouth", {8: (0, 0.06), 57: (0, 0.055)}, (30, *_EYES)),
    "turn-left": NamedEdit("Turn left", {30: (-0.1, 0), 8: (-0.06, 0)}, whole=True),
    "turn-right": NamedEdit("Turn right", {30: (0.1, 0), 8: (0.06, 0)}, whole=True),
    "look-up": NamedEdit("Look up", _nod(-1)),
    "look-down": NamedEdit("Look down", _nod(1)),
    "slim-face": NamedEdit("Slim face", {3: (0.05, 0), 13: (-0.05, 0), 5: (0.04, 0), 11: (-0.04, 0)}, (30, *_EYES)),
    "open-eyes": NamedEdit("Open eyes", {37: (0, -0.012), 44: (0, -0.012), 41: (0, 0.008), 46: (0, 0.008)}, _EYES),
    "raise-brows": NamedEdit("Raise brows", {19: (0, -0.03), 24: (0, -0.03)}, _EYES),
}
"""Name -> definition. Left and right are those of the picture. A negative strength is the opposite."""


def parse_named(texts: Iterable[str]) -> dict[str, float]:
    """Read named edits as "smile", "smile:0.5" or "smile:0.5,turn-left"; several of one name add up.

    Raises:
        DraglabError: an unknown name, or a strength that is no number, 0, or beyond MOST_STRENGTH.
    """
    strengths: dict[str, float] = {}
    for text in texts:
        for part in text.split(","):
            name, colon, number = part.strip().partition(":")
            strength = 1.0
            if colon:
                # float() also takes "nan", "1_0" and digits of other scripts.
                if not re.fullmatch(r"[+-]?([0-9]{1,4}(\.[0-9]{0,9})?|\.[0-9]{1,9})", number.strip(), re.ASCII):
                    raise DraglabError(
                        f"{part.strip()!a:.80} has no strength: write {name!a:.40}:0.5, or the name alone"
                    )
                strength = float(number)
            strengths[name] = strengths.get(name, 0.0) + strength
    return checked_named(strengths)


def checked_named(strengths: Mapping[str, float]) -> dict[str, float]:
    """Check names and strengths.

    Raises:
        DraglabError: see :func:`parse_named`; also if there are none.
    """
    if not strengths:
        raise DraglabError(f"no named edit was given: choose from {', '.join(NAMED_EDITS)}")
    for name, strength in strengths.items():
        if name not in NAMED_EDITS:
            raise DraglabError(f"there is no named edit {name!a:.80}: choose from {', '.join(NAMED_EDITS)}")
        if not (math.isfinite(strength) and 0 < abs(strength) <= MOST_STRENGTH):
            raise DraglabError(
                f"the strength of {name} is {strength:g}: give up to {MOST_STRENGTH:g}, or below 0 for the opposite"
            )
    return dict(strengths)


def named_settings(strengths: Mapping[str, float]) -> dict[str, float]:
    """Return the settings that suit named edits better than a model's own: a head that turns holds nothing back."""
    return {"locality": 0.0} if strengths and all(NAMED_EDITS[name].whole for name in strengths) else {}


@dataclass(frozen=True)
class NamedPoints:
    """Handles and targets of named edits, [n, 2] (x, y) image pixels; pins are on their targets."""

    handles: NDArray[np.float64]
    targets: NDArray[np.float64]


def named_points(landmarks: NDArray[np.float64], strengths: Mapping[str, float], shape: tuple[int, int]) -> NamedPoints:
    """Return the handles and targets of named edits on one face; where several move a landmark, their moves add up.

    Landmarks outside of the image are left out, and targets kept inside.

    Args:
        landmarks: [68, 2], Multi-PIE's, image pixels. strengths: by name. shape: (height, width) of the image.

    Raises:
        DraglabError: see :func:`checked_named`; also if none of the landmarks that move is in the image.
    """
    frame = face_frame(landmarks)
    moves: dict[int, NDArray[np.float64]] = {}
    pins: dict[int, None] = {}
    for name, strength in checked_named(strengths).items():
        for mark, way in NAMED_EDITS[name].moves.items():
            step = strength * frame.size * (np.array(way, np.float64) @ frame.axes)
            moves[mark] = moves.get(mark, np.zeros(2)) + step
        pins.update(dict.fromkeys(NAMED_EDITS[name].pins))
    last = np.array([shape[1] - 1, shape[0] - 1], np.float64)
    moving = [mark for mark in moves if ((landmarks[mark] >= 0) & (landmarks[mark] <= last)).all()]
    if not moving:
        raise DraglabError(f"what {' and '.join(strengths)} would move is outside of the image: place handles by hand")
    holding = [
        mark for mark in pins if mark not in moves and ((landmarks[mark] >= 0) & (landmarks[mark] <= last)).all()
    ]
    handles = landmarks[[*moving, *holding]]
    ways = np.array([*(moves[mark] for mark in moving), *(np.zeros(2) for _ in holding)])
    return NamedPoints(handles, np.clip(handles + ways, 0, last))
