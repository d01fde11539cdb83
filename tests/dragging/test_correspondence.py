import numpy as np
import pytest
import torch

from draglab.checkpoints import load_generator
from draglab.dragging.correspondence import ImageFeatures, _peaks
from draglab.dragging.similarity import fit_similarity
from draglab.generators import to_uint8
from draglab.perception import MULTI_PIE, HeadLandmarks


@pytest.fixture(scope="module")
def heads():
    return load_generator("heads", device="cpu")


def test_it_agrees_with_patches_compared_one_by_one(heads):
    own, other = (ImageFeatures(heads, heads.w_plus_from_seed(seed)) for seed in (700, 701))
    points = np.array([[100.0, 165.0], [128.0, 140.0]])
    matches = own.match(points, other)
    for point, place, score in zip(points, matches.places, matches.scores, strict=True):
        near = np.stack(np.meshgrid(np.arange(-12, 13, 2.0), np.arange(-12, 13, 2.0)), -1).reshape(-1, 2) + place
        cosines = np.zeros(len(near))
        for mine, theirs in zip(own.blocks, other.blocks, strict=True):
            patch = mine.patches(point[None])[0].flatten()
            cosines += (theirs.patches(near).flatten(1) @ patch).numpy() / len(own.blocks)
        assert np.linalg.norm(near[cosines.argmax()] - place) <= 4
        assert cosines.max() == pytest.approx(score, abs=0.06)  # interpolated cosines, not cosines of the interpolated


def test_points_of_an_image_are_found_in_itself(heads):
    features = ImageFeatures(heads, heads.w_plus_from_seed(700))
    points = np.array([[100.0, 165.0], [128.0, 140.0], [90.3, 110.7]])
    matches = features.match(points, features)
    assert np.abs(matches.places - points).max() < 1.5
    assert matches.scores.min() > 0.9 and matches.margins.min() > 0 and matches.returns.max() < 3


def test_landmarks_of_other_heads_are_found(heads):
    seeds = (700, 701, 702, 703)
    latents = [heads.w_plus_from_seed(seed) for seed in seeds]
    with torch.no_grad():
        images = np.concatenate([to_uint8(heads.image(each)) for each in latents])
    landmarks = HeadLandmarks()(images)
    chosen = [MULTI_PIE.index(name) for name in ("nose tip", "left mouth corner", "right outer eye corner")]
    own = ImageFeatures(heads, latents[0])
    for latent, truth in zip(latents[1:], landmarks[1:], strict=True):
        places = own.match(landmarks[0][chosen], ImageFeatures(heads, latent)).places
        assert np.linalg.norm(places - truth[chosen], axis=1).max() < 0.05 * 256


def test_peaks_between_the_places_of_a_grid():
    xs, ys = np.arange(20.0) * 2, np.arange(16.0) * 2
    top, second = np.array([13.4, 9.2]), np.array([33.0, 25.0])
    away = (xs - top[0]) ** 2 + (ys[:, None] - top[1]) ** 2
    other = (xs - second[0]) ** 2 + (ys[:, None] - second[1]) ** 2
    scores = np.maximum(0.9 - away / 100, 0.7 - other / 100)[None].astype(np.float32)
    places, highest, margins = _peaks(scores, xs, ys, 8)
    assert places[0] == pytest.approx(top, abs=0.1)
    assert highest[0] == pytest.approx(0.9, abs=0.02)
    assert margins[0] == pytest.approx(0.2, abs=0.04)


@pytest.mark.parametrize("wrong", [0, 6])
def test_similarities_are_found_in_spite_of_wrong_points(wrong):
    random = np.random.RandomState(0)
    points = random.rand(30, 2) * 100
    angle, scale = np.radians(20), 1.3
    matrix = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    places = points @ matrix.T + [5, -7]
    places[:wrong] += 60 * random.randn(wrong, 2)
    found = fit_similarity(points, places, np.ones(30), 2.0)
    assert (found.scale, found.turn) == (pytest.approx(1.3, abs=0.01), pytest.approx(20, abs=0.5))
    assert found(points[wrong:]) == pytest.approx(places[wrong:], abs=0.8)
