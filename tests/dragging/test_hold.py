"""The hold of what is to stay: its conjugate gradients equal the whole system of equations."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from draglab.dragging import DragSettings, hold
from draglab.dragging.hold import Hold, hold_level, seen_layers, weights_at
from draglab.dragging.latent import EditedLatent
from draglab.dragging.metric import LatentMetric
from draglab.dragging.settings import LatentSpace
from draglab.generators.statistics import measure_statistics
from tests.reference import gauss_newton as slow
from tests.tiny import tiny_generator


@pytest.mark.parametrize("space", ["w+", "w"])
@pytest.mark.parametrize("ease", [1.0, 0.25])
def test_the_step_solves_the_whole_system(space: LatentSpace, ease: float, monkeypatch: pytest.MonkeyPatch) -> None:
    # So many conjugate gradients that the system is solved, and so short probes that J is exact.
    monkeypatch.setattr(hold, "ITERATIONS", 60)
    monkeypatch.setattr(hold, "PROBE", 1e-6)
    generator = tiny_generator().double()
    statistics = measure_statistics(generator)
    settings = DragSettings(latent_space=space, num_layers=3)
    latent = EditedLatent(generator, generator.w_plus_from_seed(1), settings)
    metric = LatentMetric(statistics, latent.count, space == "w")
    random = np.random.RandomState(0)
    level = hold_level(generator)
    height, width = generator.feature_shape(level)
    weights = torch.from_numpy(random.rand(height, width))
    weights[:2] = 0
    held = Hold(generator, latent, metric, weights, 3.0)
    size = latent.offset[0].numel()
    force = torch.from_numpy(random.randn(*latent.offset[0].shape))
    offset = metric(force[None])[0]
    offset, force = (0.3 * each / (offset * force).sum().sqrt() for each in (offset, force))
    latent.move(offset)
    rows = torch.from_numpy(random.randn(2, *offset.shape))
    stiff, _ = held.stiff(rows)
    wanted = np.array([2.0, -1.0])
    change, own = held.solve(force, rows, wanted, 0.02, ease)

    sigma = metric(torch.eye(size, dtype=torch.float64).view(-1, *offset.shape)).flatten(1).numpy()
    root = held.weights.sqrt()

    def features(offset: torch.Tensor) -> torch.Tensor:
        changed = latent.start.clone()
        changed[:, : latent.count] += offset
        return (generator.feature_maps(changed, level).top * root).flatten()

    with torch.no_grad():
        away = (features(offset) - features(torch.zeros_like(offset))).numpy()
    # Differences, a column for each number of the latent: autograd goes back from each of thousands of features.
    with torch.no_grad():
        steps = 1e-6 * torch.eye(size, dtype=torch.float64).view(-1, *offset.shape)
        columns = [(features(offset + step) - features(offset - step)) / 2e-6 for step in steps]
    jacobian = torch.stack(columns, dim=1).numpy()
    mu = 0.02 * float(torch.einsum("ald,ald->a", rows, stiff).mean())
    flat = offset.flatten().numpy()
    expected = slow.held_step(
        sigma, ease * flat, (jacobian, ease * away), (rows.flatten(1).numpy(), wanted), mu, hold.DAMPED
    )
    # And once more what the handles lack because of mu, in the metric of the preconditioner.
    j = rows.flatten(1).numpy()
    across = stiff.flatten(1).numpy()
    expected = expected + across.T @ np.linalg.solve(j @ across.T + mu * np.eye(2), wanted - j @ expected)
    np.testing.assert_allclose(change.flatten().numpy(), expected, rtol=1e-2, atol=1e-3 * np.abs(expected).max())
    np.testing.assert_allclose(sigma @ own.flatten().numpy(), change.flatten().numpy(), rtol=1e-4, atol=1e-6)
    assert held.loss == pytest.approx(float((away**2).sum()) / 2, rel=1e-6)


@pytest.fixture
def held() -> Hold:
    """A hold on half of a picture, which has made some steps."""
    generator = tiny_generator().double()
    latent = EditedLatent(generator, generator.w_plus_from_seed(1), DragSettings(num_layers=3))
    metric = LatentMetric(measure_statistics(generator), latent.count, False)
    weights = torch.ones(generator.feature_shape(hold_level(generator)), dtype=torch.float64)
    weights[:, 8:] = 0
    held = Hold(generator, latent, metric, weights, 3.0)
    random = np.random.RandomState(0)
    force = torch.zeros_like(latent.offset[0])
    for _ in range(3):
        rows = torch.from_numpy(random.randn(1, *force.shape))
        change, own = held.solve(force, rows, np.array([0.1]), 0.02)
        latent.move(change)
        force = force + own
    return held


def test_learnt_directions_enter_by_the_formula_of_bfgs(held: Hold) -> None:
    assert len(held.learnt) == 3 * hold.ITERATIONS
    shape = held.latent.offset[0].shape
    unit = torch.eye(shape.numel(), dtype=torch.float64).view(-1, *shape)
    before, _ = held.average.changes(unit, hold.DAMPED)
    pairs = [(each.change.flatten().numpy(), each.curved.flatten().numpy()) for each in held.learnt]
    changes, forces = held.stiff(unit)
    expected = slow.learnt_inverse(before.flatten(1).numpy(), pairs)
    np.testing.assert_allclose(changes.flatten(1).numpy(), expected, rtol=1e-9, atol=1e-9 * np.abs(expected).max())
    torch.testing.assert_close(held.average.metric(forces), changes, rtol=1e-9, atol=1e-12)


def test_the_average_is_a_matrix_of_the_whole_latent(held: Hold) -> None:
    average, metric = held.average, held.average.metric
    shape = held.latent.offset[0].shape
    unit = torch.eye(shape.numel(), dtype=torch.float64).view(-1, *shape)
    sigma = metric(unit).flatten(1).numpy()
    seen = metric.seen.pulls @ metric.seen.basis.flatten(1).numpy()
    weighted = average.vectors @ np.diag(average.values) @ average.vectors.T
    basis = metric.seen.basis.flatten(1).numpy()
    assert seen.shape[1] == len(sigma)
    whole = hold.DAMPED * np.linalg.inv(sigma) + average.strength * basis.T @ weighted @ basis
    changes, _ = average.changes(unit, hold.DAMPED)
    np.testing.assert_allclose(changes.flatten(1).numpy() @ whole, np.eye(len(sigma)), atol=1e-5)


def test_only_so_many_directions_are_remembered(held: Hold, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hold, "LEARNT", 4)
    last = held.learnt[-1]
    held.solve(torch.zeros_like(last.change), last.force[None], np.array([0.1]), 0.02)
    assert len(held.learnt) == 4 and held.learnt[0] is last


def test_layers_above_what_the_hold_sees_are_not_seen() -> None:
    generator = tiny_generator(img_resolution=64)
    # Two layers for each block from 8 pixels on, one for that of 4; the image itself is not looked at.
    assert hold_level(generator) == generator.feature_level(16)
    assert seen_layers(generator, generator.w_plus_from_seed(1)) == 5


def test_weights_are_read_where_the_places_are() -> None:
    weights = torch.zeros(6, 8)  # a map of 2 x 4 with a margin of 2
    weights[2:4, 2:6] = torch.tensor([[0.0, 1.0, 2.0, 4.0], [4.0, 3.0, 2.0, 1.0]])
    places = np.array([[0.0, 0.0], [0.99, 0.2], [0.3, 0.6], [1.0, 1.0]])
    assert weights_at(weights, 2, places).tolist() == [0.0, 1.0, 0.75, 0.25]
