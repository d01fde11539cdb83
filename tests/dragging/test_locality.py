"""Locality: its step equals the whole system of equations; how it gives way; what it leaves free."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from draglab.dragging import locality
from draglab.dragging.latent import EditedLatent
from draglab.dragging.locality import FREE, Locality, damped, held_places
from draglab.dragging.metric import LatentMetric
from draglab.dragging.responses import Responses, look, responses_of
from draglab.dragging.settings import DragSettings
from draglab.generators.statistics import measure_statistics
from tests.reference import gauss_newton as slow
from tests.tiny import tiny_generator

random = np.random.RandomState(0)


def setting() -> tuple[Responses, LatentMetric, torch.Tensor, np.ndarray]:
    """Responses of an image, the metric, features after some change, and W."""
    generator = tiny_generator().double()
    latent = EditedLatent(generator, generator.w_plus_from_seed(1), DragSettings(num_layers=3))
    metric = LatentMetric(measure_statistics(generator), latent.count, False)
    known = responses_of(generator, latent.start, metric)
    latent.move(0.3 * known.directions.vectors[0])
    held = random.rand(*known.start.shape[1:])
    return known, metric, look(generator, latent.w_plus().detach()), held


@pytest.mark.parametrize("ease", [1.0, 0.25])
def test_the_step_solves_the_whole_system(ease: float) -> None:
    known, metric, features, held = setting()
    local = Locality(known, held, 30.0)
    shape = known.directions.vectors.shape[1:]
    rows, wanted = torch.from_numpy(random.randn(2, *shape)), np.array([2.0, -1.0])
    force = 0.3 * known.directions.forces[0]
    change, own = local.step(features, force, rows, wanted, 0.02, np.inf, ease)

    size = shape.numel()
    sigma = metric(torch.eye(size, dtype=torch.float64).view(-1, *shape)).flatten(1).numpy()
    span = known.directions.vectors.flatten(1).numpy()
    inverse = np.linalg.inv(sigma)
    # J on that span, and nothing beside it.
    kept = np.linalg.solve(span @ inverse @ span.T, span @ inverse)
    altered = (known.changes * torch.from_numpy(held).sqrt()).flatten(1).numpy().T
    gamma = 30.0 / np.trace(np.linalg.inv(span @ inverse @ span.T) @ altered.T @ altered)
    away = ((features - known.start) * torch.from_numpy(held).sqrt()).flatten().numpy()
    held_rows = (gamma**0.5 * altered @ kept, ease * gamma**0.5 * away)
    j = rows.flatten(1).numpy()
    stiff = span @ (2 * inverse + held_rows[0].T @ held_rows[0]) @ span.T
    mu = 0.02 * np.trace(j @ span.T @ np.linalg.inv(stiff) @ span @ j.T) / 2
    offset = 0.3 * span[0]
    expected = slow.held_step(sigma, ease * offset, held_rows, (j, wanted), mu, 2.0, span)
    np.testing.assert_allclose(change.flatten().numpy(), expected, rtol=1e-4, atol=1e-6 * np.abs(expected).max())
    np.testing.assert_allclose(sigma @ own.flatten().numpy(), change.flatten().numpy(), rtol=1e-4, atol=1e-6)


def test_what_is_held_changes_less_the_stronger_it_is_held() -> None:
    known, _, _, held = setting()
    row = torch.from_numpy(random.randn(1, *known.directions.vectors.shape[1:]))
    changes = []
    for strength in (0.0, 1.0, 100.0):
        local = Locality(known, held, strength)
        step, _ = local.step(known.start, torch.zeros_like(row[0]), row, np.array([1.0]), 1e-6, np.inf, 1.0)
        assert float((row[0] * step).sum()) == pytest.approx(1, rel=1e-3)
        shares = np.linalg.lstsq(known.directions.vectors.flatten(1).numpy().T, step.flatten().numpy(), rcond=None)[0]
        changes.append(shares @ local.gram @ shares)
    assert changes[0] > 1.02 * changes[1] > 1.02 * changes[2]


def test_it_gives_way_as_far_as_the_targets_are(monkeypatch: pytest.MonkeyPatch) -> None:
    known, _, _, held = setting()
    jacobian = torch.from_numpy(random.randn(1, *known.directions.vectors.shape[1:]))
    rows = Locality(known, held, 100.0).rows(jacobian)

    def strength_of(far: float) -> float:
        local = Locality(known, held, 100.0)
        local.give_way(jacobian, np.array([far]))
        return local.strength

    free, stiff = (Locality(known, held, 100.0).distance(rows, np.array([1.0]), each) for each in (0.0, 100.0))
    assert free < 0.9 * stiff
    monkeypatch.setattr(locality, "NEAR", 4.0)
    assert strength_of(3.9 / stiff) == 100
    between = strength_of(8 / (free + stiff))
    assert 0 < between < 100
    assert Locality(known, held, 100.0).distance(rows, np.array([8 / (free + stiff)]), between) == pytest.approx(
        4, rel=0.05
    )
    assert strength_of(4.1 / free) == 0


def test_the_largest_step_is_one_in_the_metric() -> None:
    known, _, _, held = setting()
    row = torch.from_numpy(random.randn(1, *known.directions.vectors.shape[1:]))
    local = Locality(known, held, 100.0)
    zero = torch.zeros_like(row[0])
    for largest in (0.5, 0.1):
        step, force = local.step(known.start, zero, row, np.array([1e6]), 0.02, largest, 1.0)
        assert float((step * force).sum()) ** 0.5 == pytest.approx(largest, rel=1e-3)


def test_another_length_limits_damping() -> None:
    gram, lengths = np.array([[2.0, 0.5], [0.5, 1.0]]), np.array([[1.0, 0.2], [0.2, 3.0]])
    found = damped(gram, np.array([1.0, -2.0]), 0.02, 0.5, lengths)
    assert (found @ lengths @ found) ** 0.5 == pytest.approx(0.5, rel=1e-6)


def test_the_ways_are_free_and_what_is_far_is_not() -> None:
    ways = [((8.0, 9.0), (14.0, 9.0)), ((20.0, 20.0), (20.0, 20.0))]
    handles, targets = (np.array([way[i] for way in ways]) for i in (0, 1))
    found = held_places(handles, targets, (16, 16), (32, 32))
    np.testing.assert_allclose(found, slow.held_places(ways, 16, 32, FREE * 32 / 512), atol=1e-3)
    assert found[4, 5] < 0.1 and found[0, 15] > 0.99
