"""The choice of varied drags, and the lists that came of it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks import varied_hands, varied_heads
from benchmarks.make_varied_drags import choose, row_of
from benchmarks.varied_heads import Picture, Place
from draglab.evaluation import load_drags

LISTS = Path(__file__).resolve().parents[2] / "benchmarks"
BACKGROUND, SKIN, HAIR, SHIRT = (60, 70, 90), (200, 150, 120), (60, 40, 25), (150, 60, 60)


def place(direction: tuple[float, float] = (1.0, 0.0), landmark: int | None = None) -> Place:
    return Place(np.array([10.0, 20.0]), np.array(direction), (0.03, 0.1), landmark)


def test_scarce_kinds_choose_first_and_images_take_turns() -> None:
    options = {seed: {"nose": place(), "chin": place()} for seed in range(4)}
    options[0]["ear"] = place()
    chosen = choose(options, {"nose": 2, "chin": 1, "ear": 1})
    assert chosen == [("nose", 1), ("nose", 2), ("chin", 3), ("ear", 0)]
    with pytest.raises(ValueError, match="ear: 2 images are needed, 1 allow it"):
        choose(options, {"ear": 2})


def test_a_row_goes_the_way_of_its_place() -> None:
    row = row_of("ear", 7, place((0.0, 1.0), 3), 100)
    (x, y), end = row["handle"], np.array(row["target"])
    assert (row["seed"], row["kind"], row["landmark"], x, y) == (7, "ear", 3, 10, 20)
    assert end[0] == 10
    assert 3 <= end[1] - 20 <= 10
    assert row_of("ear", 7, place((0.0, 1.0), 3), 100) == row
    assert row_of("ear", 8, place((0.0, 1.0), 3), 100)["target"] != row["target"]


@pytest.mark.parametrize(("name", "counts"), [("heads", varied_heads.COUNTS), ("hands", varied_hands.COUNTS)])
def test_the_lists_are_what_they_say(name: str, counts: dict[str, int]) -> None:
    path = LISTS / f"drags_{name}_varied.json"
    drags, size = load_drags(path), json.loads(path.read_text())["image_size"]
    assert {kind: sum(one.kind == kind for one in drags) for kind in counts} == counts
    assert len(drags) == {"heads": 90, "hands": 40}[name]
    assert len({(one.kind, one.seed) for one in drags}) == len(drags)
    for one in drags:
        travel = np.hypot(*np.subtract(one.target, one.handle)) / size
        assert (0.018 if one.kind == "lid down" else 0.028) <= travel <= 0.102, one
        assert min(*one.handle, *one.target) >= 0 and max(*one.handle, *one.target) <= size - 1
    fixed = load_drags(LISTS / "drags_heads.json")
    assert not {one.seed for one in drags} & {one.seed for one in fixed}


def head() -> tuple[np.ndarray, np.ndarray]:
    """Return a drawn head with hair and ears, and its 68 landmarks."""
    y, x = np.mgrid[:256, :256]
    image = np.empty((256, 256, 3), np.uint8)
    image[:] = BACKGROUND
    image[y > 215] = SHIRT
    image[np.hypot((x - 128) / 60, (y - 120) / 85) < 1] = SKIN
    for side in (62, 194):
        image[np.hypot((x - side) / 10, (y - 128) / 18) < 1] = SKIN
    image[(np.hypot((x - 128) / 62, (y - 120) / 87) < 1) & (y < 62)] = HAIR
    points = np.full((68, 2), 128.0)
    angles = np.linspace(0.15, np.pi - 0.15, 17)
    points[:17] = np.stack([128 - 55 * np.cos(angles), 95 + 108 * np.sin(angles)], axis=1)
    points[17:27] = np.stack([np.linspace(88, 168, 10), np.full(10, 88.0)], axis=1)
    points[27:36] = [(128, 100), (128, 110), (128, 120), (128, 130), *[(118 + 5 * i, 136) for i in range(5)]]
    for first, left in ((36, 92), (42, 146)):
        eye = [(left, 100), (left + 6, 96), (left + 12, 96), (left + 18, 100), (left + 12, 103), (left + 6, 103)]
        points[first : first + 6] = eye
    points[48:] = [(128, 160)] * 20
    points[[48, 54, 51, 57, 62, 66]] = [(106, 160), (150, 160), (128, 154), (128, 172), (128, 157), (128, 168)]
    return image, points


def test_parts_of_a_head_that_are_no_landmarks_are_found_in_the_picture() -> None:
    image, points = head()
    places = varied_heads.places_of(np.random.RandomState(0), Picture(image, points))
    assert abs(places["crown up"].handle[1] - (33 + 0.015 * 256)) < 2
    assert abs(places["hairline up"].handle[1] - 62) < 0.02 * 256 + 1
    assert places["hairline down"].direction[1] > 0.9
    ear = places["ear outwards"]
    assert min(abs(ear.handle[0] - rim) for rim in (52, 204)) < 8
    assert ear.direction[0] * (ear.handle[0] - 128) > 0
    assert abs(places["shoulder up"].handle[1] - (216 + 0.015 * 256)) < 2
    assert places["chin down"].landmark == 8
    assert set(places) >= {"lower lip up", "upper lip down", "lid down", "brow up", "jaw inwards"}


def test_what_is_hidden_is_not_dragged() -> None:
    image, points = head()
    image[33:96, 60:196][np.abs(image[33:96, 60:196].astype(int) - SKIN).max(2) < 5] = HAIR
    points[[62, 66]] = [(128, 160), (128, 161)]
    places = varied_heads.places_of(np.random.RandomState(0), Picture(image, points))
    assert not set(places) & {"brow up", "brow down", "hairline up", "hairline down", "lower lip up", "upper lip down"}
    assert "lower lip down" in places
    bald = image.copy()
    bald[(image == HAIR).all(2)] = SKIN
    assert "hairline up" not in varied_heads.places_of(np.random.RandomState(0), Picture(bald, points))


def hand() -> tuple[np.ndarray, np.ndarray]:
    """Return a drawn hand of four straight fingers and a thumb, and its 21 landmarks."""
    image = np.full((128, 128, 3), 200, np.uint8)
    points = np.zeros((21, 2))
    image[70:120, 35:95] = (210, 150, 110)
    points[0] = (65, 118)
    for finger, x in enumerate((88, 73, 58, 43)):
        image[25:75, x - 4 : x + 5] = (210, 150, 110)
        points[5 + 4 * finger : 9 + 4 * finger] = [(x, y) for y in (75, 60, 45, 29)]
    image[88:98, 95:112] = (210, 150, 110)
    points[1:5] = [(85, 100), (92, 95), (100, 93), (108, 93)]
    return image, points


def test_fingers_spread_away_from_their_neighbours() -> None:
    image, points = hand()
    mirrored = np.array([127, 0]) + points * np.array([-1, 1])
    for seed in range(8):
        places = varied_hands.places_of(np.random.RandomState(seed), image, points, mirrored)
        assert set(places) >= {"lengthen finger", "bend finger", "spread finger", "thumb outwards", "wrist sideways"}
        tip, way = places["spread finger"].handle, places["spread finger"].direction
        if tip[0] in (88, 43):
            assert way[0] * (tip[0] - 65) > 0
        assert places["close finger"].direction[0] * (places["close finger"].handle[0] - 65) < 0
        assert places["lengthen finger"].direction[1] < -0.9 and places["bend finger"].direction[1] > 0.9
        assert places["thumb outwards"].direction[0] > 0.5


def test_a_hand_that_its_mirror_image_contradicts_is_left_out() -> None:
    image, points = hand()
    assert varied_hands.places_of(np.random.RandomState(0), image, points, points) == {}
    assert varied_hands.places_of(np.random.RandomState(0), image, points * np.nan, points) == {}
