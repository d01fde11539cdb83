"""The hold of what is to stay: its conjugate gradients equal the whole system of equations."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from draglab.dragging import DragSettings, hold
from draglab.dragging.cells import local_level
from draglab.dragging.hold import Hold
from draglab.dragging.latent import EditedLatent
from draglab.dragging.metric import LatentMetric, StiffMetric
from draglab.dragging.settings import LatentSpace
from draglab.generators.statistics import measure_statistics
from tests.reference import gauss_newton as slow
from tests.tiny import tiny_generator


@pytest.mark.parametrize("space", ["w+", "w"])
@pytest.mark.parametrize("ease", [1.0, 0.25])
def test_the_step_solves_the_whole_system(space: LatentSpace, ease: float, monkeypatch: pytest.MonkeyPatch) -> None:
    # So many conjugate gradients that the system is solved, and so short probes that J is exact.
    monkeypatch.setattr(hold, "ITERATIONS", 200)
    monkeypatch.setattr(hold, "PROBE", 1e-6)
    generator = tiny_generator().double()
    statistics = measure_statistics(generator)
    settings = DragSettings(latent_space=space, num_layers=3)
    latent = EditedLatent(generator, generator.w_plus_from_seed(1), settings)
    metric = LatentMetric(statistics, latent.count, space == "w")
    random = np.random.RandomState(0)
    level = local_level(generator)
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
    jacobian = torch.autograd.functional.jacobian(features, offset).flatten(1).numpy()
    stiff = StiffMetric(metric, held.rows, hold.DAMPED)
    mu = 0.02 * float(torch.einsum("ald,ald->a", rows, stiff(rows)).mean())
    flat = offset.flatten().numpy()
    expected = slow.held_step(
        sigma, ease * flat, (jacobian, ease * away), (rows.flatten(1).numpy(), wanted), mu, hold.DAMPED
    )
    # And once more what the handles lack because of mu, in the metric of the preconditioner.
    j = rows.flatten(1).numpy()
    across = stiff(rows).flatten(1).numpy()
    expected = expected + across.T @ np.linalg.solve(j @ across.T + mu * np.eye(2), wanted - j @ expected)
    np.testing.assert_allclose(change.flatten().numpy(), expected, rtol=1e-2, atol=1e-3 * np.abs(expected).max())
    np.testing.assert_allclose(sigma @ own.flatten().numpy(), change.flatten().numpy(), rtol=1e-4, atol=1e-6)
    assert held.loss == pytest.approx(float((away**2).sum()) / 2, rel=1e-6)
