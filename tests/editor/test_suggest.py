"""The region that is proposed: what belongs to the handles, and where it goes."""

import json
from pathlib import Path

import numpy as np
import pytest

from draglab import DraglabError, DragSettings, load_generator
from draglab.editor.state import Point
from draglab.editor.suggest import fill_holes, reachable, suggest_mask, swept
from tests.editor.sessions import FAR, new_session

SEED = 9
FILE = Path(__file__).parents[2] / "benchmarks" / "drags_heads.json"
DRAGS = [drag for drag in json.loads(FILE.read_text())["drags"] if drag["seed"] == SEED]
NOSE = next(tuple(drag["handle"]) for drag in DRAGS if drag["landmark"] == 30)


def picture(*rows: str) -> np.ndarray:
    return np.array([[sign == "#" for sign in row] for row in rows])


def test_reachable():
    region = picture("##..#", "#...#", "..#.#")
    seeds = np.zeros_like(region)
    seeds[1, 0] = seeds[0, 2] = True
    assert (reachable(seeds, region) == picture("##...", "#....", ".....")).all()


def test_holes_are_filled_and_bays_are_not():
    region = picture("......", ".####.", ".#..#.", ".####.", ".#..#.")
    assert (fill_holes(region) == picture("......", ".####.", ".####.", ".####.", ".#..#.")).all()


def test_swept():
    region = picture("#....", "#....", ".....")
    ways = [np.array([3.0, 0.0]), np.array([0.0, 9.0])]
    assert (swept(region, ways) == picture("####.", "####.", "#....")).all()
    assert (swept(region, []) == region).all()


@pytest.fixture(scope="module")
def heads():
    return load_generator("heads", device="cpu")


def suggested(heads, point: Point) -> np.ndarray:
    return suggest_mask(heads, heads.w_plus_from_seed(SEED), [point], DragSettings())


def test_of_a_nose_it_is_the_face(heads):
    mask = suggested(heads, Point(1, NOSE, (NOSE[0] + 24, NOSE[1])))
    assert mask.shape == (256, 256) and mask.dtype == np.bool_
    for landmark in (8, 30, 48):
        x, y = np.round(next(drag["handle"] for drag in DRAGS if drag["landmark"] == landmark)).astype(int)
        assert mask[y, x]
    for x, y in ((12, 20), (240, 20), (12, 120), (244, 120), (12, 240)):
        assert not mask[y, x]
    assert 0.1 < mask.mean() < 0.5


def test_of_the_backdrop_it_is_not_the_face(heads):
    mask = suggested(heads, Point(1, (16, 60)))
    x, y = np.round(NOSE).astype(int)
    assert mask[40:80, 6:28].all()
    assert not mask[y - 10 : y + 11, x - 10 : x + 11].any()


def test_where_it_goes_may_move_too(heads):
    still, going = (suggested(heads, Point(1, NOSE, target)) for target in (None, (NOSE[0] - 40, NOSE[1])))
    assert not (still & ~going).any()
    row = round(NOSE[1])
    left = [np.nonzero(mask[row])[0].min() for mask in (still, going)]
    assert 30 <= left[0] - left[1] <= 50


def test_of_a_session(journal):
    session = new_session(journal)
    with pytest.raises(DraglabError, match="place one first"):
        session.suggest_mask()
    session.set_points([FAR])
    mask = session.suggest_mask()
    assert mask.shape == (32, 32) and mask[9, 8]
    assert session.view().mask is None
