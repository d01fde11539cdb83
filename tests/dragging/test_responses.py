"""Responses of an image: their directions and J v, beside whole matrices; what is remembered."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from draglab.dragging import responses
from draglab.dragging.latent import EditedLatent
from draglab.dragging.metric import RESTRAINT, SHARED, LatentMetric
from draglab.dragging.responses import channel_projection, look, prepare_responses, responses_of
from draglab.dragging.settings import DragSettings, LatentSpace
from draglab.generators.statistics import measure_statistics
from tests.reference import gauss_newton as slow
from tests.tiny import tiny_generator


def setting(space: LatentSpace = "w+"):
    """A model in double precision, its latent with 3 edited layers, and the metric."""
    generator = tiny_generator().double()
    generator.statistics = measure_statistics(generator)
    settings = DragSettings(latent_space=space, num_layers=3)
    latent = EditedLatent(generator, generator.w_plus_from_seed(1), settings)
    return generator, latent, LatentMetric(generator.statistics, latent.count, space == "w")


@pytest.mark.parametrize("space", ["w+", "w"])
def test_directions_alter_images_most_among_likely_changes(space: LatentSpace) -> None:
    generator, latent, metric = setting(space)
    assert generator.statistics is not None
    covariance = generator.statistics.covariance.double().numpy()
    layers = latent.offset.shape[1]
    correlation = (1 - SHARED) * np.eye(layers) + SHARED * np.ones((layers, layers)) if layers > 1 else np.eye(1)
    sigma = np.kron(correlation, covariance)
    pulls = metric.edited(generator.statistics.pulls.double()).flatten(1).numpy()
    changes = pulls.T @ pulls
    changes *= RESTRAINT / np.trace(sigma @ changes)
    found = metric.directions(5)
    vectors = found.vectors.double().flatten(1).numpy()
    expected, values = slow.directions(sigma, changes, 5)
    np.testing.assert_allclose(found.squares.numpy(), 1 + values, rtol=1e-5)
    signs = np.sign((vectors @ np.linalg.inv(sigma) * expected).sum(1))
    np.testing.assert_allclose(vectors * signs[:, None], expected, rtol=1e-3, atol=1e-4 * np.abs(expected).max())
    inverse = np.linalg.inv(sigma) + changes
    np.testing.assert_allclose(vectors @ inverse @ vectors.T, np.diag(1 + values), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(found.forces.flatten(1).numpy(), vectors @ inverse, rtol=1e-3, atol=1e-4)


def test_there_are_no_more_directions_than_the_statistics_know() -> None:
    _, latent, metric = setting()
    assert len(metric.directions(10_000).squares) <= latent.offset.numel()


@pytest.mark.parametrize("space", ["w+", "w"])
def test_responses_are_derivatives(space: LatentSpace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(responses, "PROBE", 1e-6)
    monkeypatch.setattr(responses, "COUNT", 2)
    generator, latent, metric = setting(space)
    found = responses_of(generator, latent.start, metric)
    level = generator.feature_level(8)  # a quarter of the image
    top = generator.feature_maps(latent.start, level).top[0]
    projection = channel_projection(len(top)).double()
    torch.testing.assert_close(found.start, torch.einsum("kc,chw->khw", projection, top))
    shape = latent.offset.shape[1:]
    offset = torch.zeros(shape, dtype=torch.float64)

    def features(offset: torch.Tensor) -> torch.Tensor:
        added = torch.zeros_like(latent.start[0])
        added[: metric.layers] += offset
        moved = generator.feature_maps(latent.start + added, level).top[0, :, ::3, ::3]
        return torch.einsum("kc,chw->khw", projection, moved)

    jacobian = torch.autograd.functional.jacobian(features, offset)
    expected = torch.einsum("khwld,nld->nkhw", jacobian, found.directions.vectors)
    torch.testing.assert_close(
        found.changes[..., ::3, ::3], expected, rtol=1e-3, atol=1e-4 * float(expected.abs().max())
    )


def test_the_projection_keeps_lengths_on_average() -> None:
    values = torch.randn(128, 4000, generator=torch.Generator().manual_seed(3))
    kept = channel_projection(128) @ values
    assert len(kept) == responses.CHANNELS
    assert float(kept.square().sum() / values.square().sum()) == pytest.approx(1, abs=0.15)
    assert torch.equal(channel_projection(5), torch.eye(5))


def test_margins_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    generator, latent, _ = setting()
    whole = look(generator, latent.start)
    monkeypatch.setattr(type(generator), "feature_margin", lambda self, level: 2)
    torch.testing.assert_close(look(generator, latent.start), whole[:, 2:-2, 2:-2])


def test_what_was_prepared_is_not_computed_again(monkeypatch: pytest.MonkeyPatch) -> None:
    generator, latent, metric = setting()
    other = generator.w_plus_from_seed(2)
    expected = responses_of(tiny_generator().double(), latent.start, metric)
    steps = len(list(prepare_responses(generator, latent.start, metric)))
    assert steps == len(expected.changes)
    next(prepare_responses(generator, other, metric))  # not to its end: nothing is remembered of it
    looked, plain = [], responses.look
    monkeypatch.setattr(responses, "look", lambda *given: looked.append(given) or plain(*given))
    assert torch.equal(responses_of(generator, latent.start, metric).changes, expected.changes) and not looked
    assert list(prepare_responses(generator, latent.start, metric)) == []
    responses_of(generator, other, metric)
    assert len(looked) == steps + 1
    fewer = LatentMetric(measure_statistics(generator), 2, False)
    responses_of(generator, latent.start, fewer)
    assert len(looked) == steps + 1 + 1 + len(fewer.directions(responses.COUNT).squares)
