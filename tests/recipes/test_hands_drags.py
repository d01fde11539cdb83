"""The fixed drags of hands and the script that proposes them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from recipes.hands.propose_drags import finger_tips, hand_mask

DRAGS = Path(__file__).resolve().parents[2] / "recipes" / "hands" / "drags.json"


def painted_hand(tips: list[tuple[int, int]]) -> np.ndarray:
    """A skin-coloured palm around (64, 88) on grey, with a wrist below and fingers that end at `tips`."""
    y, x = np.mgrid[:128, :128].astype(float)
    hand = np.hypot(x - 64, y - 88) < 20
    hand |= (np.abs(x - 64) < 13) & (y > 88)
    for u, v in tips:
        along = np.clip(((x - 64) * (u - 64) + (y - 88) * (v - 88)) / ((u - 64) ** 2 + (v - 88) ** 2), 0, 1)
        hand |= np.hypot(x - 64 - along * (u - 64), y - 88 - along * (v - 88)) < 4.5
    pixels = np.full((128, 128, 3), (190, 190, 200), np.uint8)
    pixels[hand] = (200, 150, 110)
    return pixels


def test_tips_of_a_painted_hand() -> None:
    wanted = [(38, 38), (64, 30), (92, 42), (108, 72)]
    mask = hand_mask(painted_hand(wanted))
    assert mask[88, 64] and not mask[5, 5]
    found = finger_tips(mask)
    assert len(found) == len(wanted)
    for tip, expected in zip(found, wanted, strict=True):
        assert np.hypot(tip[0] - expected[0], tip[1] - expected[1]) < 5
        assert mask[round(tip[1]), round(tip[0])]


def test_a_fist_has_no_tips() -> None:
    assert finger_tips(hand_mask(painted_hand([]))) == []


def test_an_empty_picture_has_no_tips() -> None:
    assert finger_tips(np.zeros((64, 64), bool)) == []


def test_the_list_of_drags() -> None:
    drags = json.loads(DRAGS.read_text())
    assert drags["model"] == "hands" and drags["image_size"] == 128
    assert len(drags["drags"]) == 40
    for drag in drags["drags"]:
        assert set(drag) == {"seed", "kind", "handle", "target"}
        points = np.array([drag["handle"], drag["target"]])
        assert points.min() >= 0 and points.max() <= 127
        assert 4 <= float(np.linalg.norm(points[1] - points[0])) <= 26
