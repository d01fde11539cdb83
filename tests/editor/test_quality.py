"""Handles that can be tracked are told from those that cannot, as tracking itself would find out."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch.nn.functional as F

from draglab import DraglabError, DragSettings, load_generator
from draglab.editor.quality import OFFERED, QualityMap
from tests.editor.sessions import new_session
from tests.tiny import tiny_generator

DRAGS = json.loads((Path(__file__).parents[2] / "benchmarks" / "drags_heads.json").read_text())["drags"]


@pytest.fixture(scope="module")
def heads():
    return load_generator("heads", device="cpu")


@pytest.fixture(scope="module")
def quality(heads):
    return QualityMap(heads, heads.w_plus_from_seed(1), DragSettings())


def test_nose_and_mouth_are_distinctive_and_the_backdrop_is_not(quality):
    handles = [drag["handle"] for drag in DRAGS if drag["seed"] == 1 and drag["landmark"] in (30, 48)]
    assert len(handles) == 2
    for handle in handles:
        found = quality.check(handle)
        assert found.distinctive and found.nearest is None and found.score > 3
    for place in ((12, 80), (242, 60), (200, 30)):
        found = quality.check(place)
        assert not found.distinctive and found.score < 0.1


@pytest.mark.parametrize("seed", [7, 9, 31, 37])
def test_nobody_is_warned_of_chins_that_arrive(heads, seed):
    """The four of 20 whose scores are lowest."""
    chin = next(drag["handle"] for drag in DRAGS if drag["seed"] == seed and drag["landmark"] == 8)
    found = QualityMap(heads, heads.w_plus_from_seed(seed), DragSettings()).check(chin)
    assert found.distinctive and found.score < 1


def test_the_nearest_good_place_is_offered(quality):
    """Beside the head, on the backdrop: no place nearer than the one that is offered would do."""
    beside = (44.0, 150.0)
    found = quality.check(beside)
    assert not found.distinctive and found.nearest is not None
    assert quality.check(found.nearest).score >= OFFERED
    away = np.hypot(*np.subtract(found.nearest, beside))
    for dx in range(-26, 27):
        for dy in range(-26, 27):
            if np.hypot(dx, dy) < away:
                # The score of check, without its search around a place that is bad, too.
                assert quality.scores(np.array([beside[0] + dx, beside[1] + dy]), 0) < OFFERED
    assert quality.check((242, 60)).nearest is None


def test_scores_are_what_the_docstring_says():
    """Against loops over whole maps resized to the image."""
    generator = tiny_generator(img_resolution=64)
    settings = DragSettings(r2=40, feature_resolution=64)
    w_plus = generator.w_plus_from_seed(2)
    quality = QualityMap(generator, w_plus, settings)
    features = F.interpolate(generator.features(w_plus, 64), (64, 64), mode="bilinear", align_corners=False)[0]
    scores = quality.scores(np.array([6.0, 30.0]), 8)
    for row, column in ((0, 8), (8, 8), (16, 2), (3, 14)):
        x, y = 6 + column - 8, 30 + row - 8
        if x < 0:
            assert scores[row, column] == -np.inf
            continue
        least = min(
            float((features[:, v, u] - features[:, y, x]).abs().sum())
            for v in range(max(y - 5, 0), min(y + 5, 63) + 1)
            for u in range(max(x - 5, 0), min(x + 5, 63) + 1)
            if np.hypot(u - x, v - y) >= 2.5
        )
        assert scores[row, column] * quality.noise == pytest.approx(least, rel=1e-5)
    assert scores.max() > 0


def test_of_a_session(journal):
    session = new_session(journal)
    first = session.help.check_handle((8, 9))()
    assert session.help.check_handle((8, 9))() == first
    session.set_settings({"r2": 60.0})
    assert session.help.check_handle((8, 9))() != first
    with pytest.raises(DraglabError, match="outside the image"):
        session.help.check_handle((50, 9))()
