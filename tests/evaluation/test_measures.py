"""Measures against values that are worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from draglab.evaluation.bootstrap import estimate
from draglab.evaluation.measures import (
    changed,
    for_lpips,
    frozen_region,
    lpips_distance,
    patch_difference,
    squared_difference,
)
from draglab.evaluation.naturalness import LatentDistribution
from draglab.evaluation.optical_flow import bilinear
from draglab.perception import LPIPS
from tests.tiny import tiny_generator


def points(*places: tuple[float, float]) -> np.ndarray:
    return np.array(places, np.float64)


def test_the_squared_difference_is_of_values_from_0_to_1() -> None:
    a, b = torch.full((1, 3, 4, 4), -1.0), torch.full((1, 3, 4, 4), 1.0)
    assert squared_difference(a, b) == 1
    b[:, :, :2] = -1
    assert squared_difference(a, b) == 0.5


def test_a_patch_that_moved_as_a_whole_has_no_difference() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (512, 512, 3), np.uint8)
    moved = np.roll(picture, (7, 40), (0, 1))
    where = points((100, 200), (300, 310))
    for radius in (1, 5, 10, 20):
        assert patch_difference(picture, moved, where, where + [40, 7], radius) == pytest.approx(0, abs=1e-12)
        assert patch_difference(picture, moved, where, where + [41, 7], radius) > 0.05


def test_the_patch_difference_by_hand() -> None:
    """Black before; after, one pixel of nine around the target is 255 in one of three channels."""
    before, after = np.zeros((512, 512, 3), np.uint8), np.zeros((512, 512, 3), np.uint8)
    after[101, 201, 0] = 255
    one = patch_difference(before, after, points((50, 50)), points((200, 100)), 1)
    assert one == pytest.approx(1 / 27)
    assert patch_difference(before, after, points((50, 50)), points((200, 100)), 5) == pytest.approx(1 / (121 * 3))
    # A second handle whose patch did not change: the mean over the handles, divided by their number once.
    both = patch_difference(before, after, points((50, 50), (60, 60)), points((200, 100), (300, 300)), 1)
    assert both == pytest.approx(1 / 54)


def test_patches_are_as_large_in_the_picture_whatever_its_size() -> None:
    """In a 1024-pixel picture the samples are two pixels apart."""
    before, after = np.zeros((1024, 1024, 3), np.uint8), np.zeros((1024, 1024, 3), np.uint8)
    after[102, 202] = 255
    assert patch_difference(before, after, points((50, 50)), points((200, 100)), 1) == pytest.approx(1 / 9)
    after[:] = 0
    after[101, 201] = 255  # between the samples
    assert patch_difference(before, after, points((50, 50)), points((200, 100)), 1) == 0


def test_patches_reach_over_no_border() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (512, 512, 3), np.uint8)
    corner = points((0, 0), (511, 511))
    assert patch_difference(picture, picture, corner, corner, 20) == 0


def test_what_is_frozen_without_a_mask_is_outside_the_box() -> None:
    frozen = frozen_region((40, 80), points((20, 20), (30, 10)), points((40, 20), (30, 12)), None)
    assert frozen is not None
    # x from 20 - 10 to 40 + 10, y from 10 - 10 to 20 + 10.
    assert (frozen[0:31, 10:51] == 0).all()
    assert frozen.sum() == 40 * 80 - 31 * 41
    assert frozen_region((40, 80), points((0, 0)), points((79, 39)), None) is None


def test_what_is_frozen_with_a_mask_is_what_it_says() -> None:
    mask = np.zeros((4, 4), bool)
    mask[:2] = True
    frozen = frozen_region((4, 4), points((0, 0)), points((1, 1)), mask)
    assert frozen is not None and frozen.tolist() == (1 - mask.astype(float)).tolist()
    soft = frozen_region((4, 4), points((0, 0)), points((1, 1)), np.full((4, 4), 0.25))
    assert soft is not None and (soft == 0.75).all()


def test_the_change_counts_what_is_frozen() -> None:
    before = np.zeros((4, 4, 3), np.uint8)
    after = before.copy()
    after[0, 0] = 200
    after[3, 3] = (30, 60, 90)
    frozen = np.ones((4, 4))
    frozen[0, 0] = 0
    assert changed(before, after, frozen) == pytest.approx(60 / 15)
    frozen[3, 3] = 0.5
    assert changed(before, after, frozen) == pytest.approx(30 / 14.5)


def test_lpips_is_that_of_256_pixels() -> None:
    lpips = LPIPS()
    a, b = (torch.rand(1, 3, 512, 512, generator=torch.Generator().manual_seed(i)) * 2 - 1 for i in (0, 1))
    small = [each.unflatten(2, (256, 2)).unflatten(4, (256, 2)).mean((3, 5)) for each in (a, b)]
    assert torch.allclose(for_lpips(a), small[0], atol=1e-6)
    assert lpips_distance(lpips, a, b) == pytest.approx(float(lpips(*small)), rel=1e-4)
    left = np.zeros((512, 512))
    left[:, :256] = 1
    weight = torch.zeros(1, 1, 256, 256)
    weight[..., :128] = 1
    assert lpips_distance(lpips, a, b, left) == pytest.approx(float(lpips(*small, weight=weight)), rel=1e-4)
    assert for_lpips(torch.zeros(1, 3, 32, 16)).shape == (1, 3, 256, 128)


def test_bilinear_by_hand() -> None:
    field = np.arange(12.0).reshape(3, 4, 1)
    found = bilinear(field, points((0, 0), (1.5, 0), (0, 0.5), (1.25, 1.5), (9, 9), (-3, 1)))
    assert found[:, 0].tolist() == [0, 1.5, 2, 7.25, 11, 4]


def test_estimates_are_means_with_intervals() -> None:
    found = estimate([1.0, None, 3.0, float("nan"), 8.0])
    assert found is not None
    assert (found.mean, found.median, found.count) == (4, 3, 3)
    assert 1 <= found.low < 4 < found.high <= 8
    assert estimate([1.0, 3.0, 8.0]) == found
    assert estimate([None]) is None
    one = estimate([2.0])
    assert one is not None and (one.low, one.mean, one.high) == (2, 2, 2)


def test_intervals_cover_as_often_as_they_say() -> None:
    """Of 200 samples of 40 from a known distribution, about 95 % of the intervals hold its mean."""
    random = np.random.default_rng(3)
    found = [estimate(random.normal(1, 2, 40)) for _ in range(200)]
    covered = sum(each.low <= 1 <= each.high for each in found if each is not None)
    assert 0.9 * 200 <= covered <= 0.985 * 200


def test_samples_of_the_model_are_at_distance_1() -> None:
    generator = tiny_generator()
    latents = LatentDistribution(generator)
    samples = [latents.distance(generator.w_plus_from_seed(seed)) ** 2 for seed in range(300)]
    assert np.mean(samples) == pytest.approx(1, rel=0.15)
    mean = latents.mean.float().expand(1, generator.num_ws, -1)
    assert latents.distance(mean) == pytest.approx(0, abs=1e-6)
    w_plus = generator.w_plus_from_seed(1)
    assert latents.distance(mean + 3 * (w_plus - mean)) == pytest.approx(3 * latents.distance(w_plus), rel=1e-4)
    # The length is that of the inverse covariance, with its floor.
    w = generator.mapping(torch.from_numpy(np.random.RandomState(0).randn(4000, 16)).float())[:, 0].double()
    covariance = torch.cov(w.t())
    covariance = covariance + 0.01 * covariance.trace() / 16 * torch.eye(16)
    inverse = torch.linalg.inv(covariance)

    def length(each: torch.Tensor) -> torch.Tensor:
        away = each.double() - w.mean(0)
        return torch.einsum("nd,de,ne->n", away, inverse, away).mean().sqrt()

    assert latents.distance(w_plus) == pytest.approx(float(length(w_plus[0]) / length(w)), rel=1e-5)
