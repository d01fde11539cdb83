"""Locality: its step equals the whole system of equations; how it gives way; what it leaves free."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from draglab.dragging import locality
from draglab.dragging.locality import FREE, Locality, damped, held_places
from draglab.dragging.metric import LatentMetric
from draglab.generators.statistics import LatentStatistics
from tests.reference import gauss_newton as slow

random = np.random.RandomState(0)
LAYERS, WIDTH, PULLS, RANK = 3, 6, 20, 10


def statistics() -> LatentStatistics:
    root = random.randn(WIDTH, WIDTH) + 2 * np.eye(WIDTH)
    pulls, places = random.randn(RANK, LAYERS + 1, WIDTH), random.rand(PULLS, 2)
    shares = np.linalg.qr(random.randn(PULLS, RANK))[0]
    return LatentStatistics(*map(torch.from_numpy, (root @ root.T, pulls, shares, places)))


def setting(shared: bool = False) -> tuple[LatentMetric, np.ndarray, np.ndarray, np.ndarray]:
    """A metric, W, Sigma' as a matrix, and how all places change with the latent, [places, latent]."""
    known, held = statistics(), random.rand(PULLS)
    metric = LatentMetric(known, LAYERS, shared)
    shape = (1 if shared else LAYERS, WIDTH)
    sigma = metric(torch.eye(int(np.prod(shape)), dtype=torch.float64).view(-1, *shape)).flatten(1).numpy()
    pulls = metric.edited(torch.einsum("kr,rld->kld", known.shares, known.pulls)).flatten(1).numpy()
    scale = metric.rows.norm() / metric.edited(known.pulls).norm()
    return metric, held, sigma, pulls * float(scale)


@pytest.mark.parametrize("shared", [False, True])
def test_places_see_what_their_pulls_say(shared: bool) -> None:
    metric, _, sigma, pulls = setting(shared)
    seen = metric.seen
    basis = seen.basis.flatten(1).numpy()
    np.testing.assert_allclose(basis @ sigma @ basis.T, np.eye(len(basis)), atol=1e-8)
    np.testing.assert_allclose(seen.moves.flatten(1).numpy(), basis @ sigma, rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(seen.pulls @ basis, pulls, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("ease", [1.0, 0.25])
@pytest.mark.parametrize("shared", [False, True])
def test_the_step_solves_the_whole_system(shared: bool, ease: float) -> None:
    metric, held, sigma, pulls = setting(shared)
    shape = metric.rows.shape[1:]
    inverse = np.linalg.inv(sigma)
    rows, wanted = torch.from_numpy(random.randn(2, *shape)), np.array([2.0, -1.0])
    offset = sigma @ random.randn(len(sigma))
    force = torch.from_numpy(inverse @ offset).view(shape)
    change, own = Locality(metric, held, 30.0).step(force, rows, wanted, 0.02, np.inf, ease)

    altered = held[:, None] ** 0.5 * pulls
    altered *= (30.0 / np.trace(altered @ sigma @ altered.T)) ** 0.5
    j = rows.flatten(1).numpy()
    mu = 0.02 * np.trace(j @ np.linalg.inv(2 * inverse + altered.T @ altered) @ j.T) / 2
    expected = slow.held_step(sigma, ease * offset, (altered, ease * altered @ offset), (j, wanted), mu, 2.0)
    np.testing.assert_allclose(change.flatten().numpy(), expected, rtol=1e-6, atol=1e-8 * np.abs(expected).max())
    np.testing.assert_allclose(sigma @ own.flatten().numpy(), change.flatten().numpy(), rtol=1e-6, atol=1e-8)


def test_distances_are_those_of_the_change_that_best_keeps_what_is_far() -> None:
    metric, held, sigma, pulls = setting()
    rows, way = torch.from_numpy(random.randn(2, LAYERS, WIDTH)), np.array([1.0, -3.0])
    local = Locality(metric, held, 100.0)
    inverse, j = np.linalg.inv(sigma), rows.flatten(1).numpy()
    for strength in (0.0, 10.0):
        altered = held[:, None] ** 0.5 * pulls
        altered *= (strength / np.trace(altered @ sigma @ altered.T)) ** 0.5
        expected = slow.held_step(sigma, np.zeros(len(sigma)), (altered, np.zeros(PULLS)), (j, way), 1e-9, 1.0)
        found = local.distance(local.forces(rows), way, strength)
        assert found == pytest.approx((expected @ inverse @ expected) ** 0.5, rel=1e-4)


def test_what_is_held_changes_less_the_stronger_it_is_held() -> None:
    metric, held, _, pulls = setting()
    row = torch.from_numpy(random.randn(1, LAYERS, WIDTH))
    changes = []
    for strength in (0.0, 1.0, 100.0):
        local = Locality(metric, held, strength)
        step, _ = local.step(torch.zeros_like(row[0]), row, np.array([1.0]), 1e-6, np.inf, 1.0)
        assert float((row[0] * step).sum()) == pytest.approx(1, rel=1e-3)
        changes.append(held @ (pulls @ step.flatten().numpy()) ** 2)
    assert changes[0] > 1.02 * changes[1] > 1.02 * changes[2]


def test_it_gives_way_as_far_as_the_targets_are(monkeypatch: pytest.MonkeyPatch) -> None:
    metric, held, _, _ = setting()
    jacobian = torch.from_numpy(random.randn(1, LAYERS, WIDTH))
    whole = Locality(metric, held, 100.0)
    forces = whole.forces(jacobian)

    def strength_of(far: float) -> float:
        local = Locality(metric, held, 100.0)
        local.give_way(jacobian, np.array([far]))
        return local.strength

    free, stiff = (whole.distance(forces, np.array([1.0]), each) for each in (0.0, 100.0))
    assert free < 0.9 * stiff
    monkeypatch.setattr(locality, "NEAR", 4.0)
    assert strength_of(3.9 / stiff) == 100
    way = np.array([8 / (free + stiff)])
    between = strength_of(float(way[0]))
    assert 0 < between < 100
    assert whole.distance(forces, way, between) == pytest.approx(4, rel=0.05)
    assert strength_of(4.1 / free) == 0


def test_the_largest_step_is_one_in_the_metric() -> None:
    metric, held, _, _ = setting()
    row = torch.from_numpy(random.randn(1, LAYERS, WIDTH))
    local = Locality(metric, held, 100.0)
    for largest in (0.5, 0.1):
        step, force = local.step(torch.zeros_like(row[0]), row, np.array([1e6]), 0.02, largest, 1.0)
        assert float((step * force).sum()) ** 0.5 == pytest.approx(largest, rel=1e-3)


def test_another_length_limits_damping() -> None:
    gram, lengths = np.array([[2.0, 0.5], [0.5, 1.0]]), np.array([[1.0, 0.2], [0.2, 3.0]])
    found = damped(gram, np.array([1.0, -2.0]), 0.02, 0.5, lengths)
    assert (found @ lengths @ found) ** 0.5 == pytest.approx(0.5, rel=1e-6)


def test_the_ways_are_free_and_what_is_far_is_not() -> None:
    ways = [((8.0, 9.0), (14.0, 9.0)), ((20.0, 20.0), (20.0, 20.0))]
    handles, targets = (np.array([way[i] for way in ways]) for i in (0, 1))
    ys, xs = np.mgrid[:16, :16]
    found = held_places((np.stack([xs, ys], -1) + 0.5) / 16, handles, targets, (32, 32))
    np.testing.assert_allclose(found, slow.held_places(ways, 16, 32, FREE * 32 / 512), atol=1e-3)
    assert found[4, 5] < 0.1 and found[0, 15] > 0.99
