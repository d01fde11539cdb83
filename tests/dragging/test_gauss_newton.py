"""Gauss-Newton drags: each part equals its slow twin; drags arrive in few steps, also in windows, batches and W."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from draglab.dragging import (
    DragEdit,
    DragSettings,
    Features,
    FirstOrderRun,
    GaussNewtonRun,
    advance,
    drag,
    drag_many,
    drag_steps,
    gauss_newton,
    locality,
    start_run,
    track_nearest,
)
from draglab.dragging.gauss_newton import DAMPING, damped
from draglab.dragging.matching import PatchMatcher
from draglab.dragging.metric import RESTRAINT, SHARED, LatentMetric
from draglab.dragging.texture import position_gradient
from draglab.errors import DraglabError
from draglab.generators import FeatureMaps, Generator
from draglab.generators.statistics import LatentStatistics, measure_statistics
from tests.dragging.spots import FAST, spot_of
from tests.extending.toy_architecture import Spots
from tests.generators.mobile_configs import make_mobile
from tests.reference import gauss_newton as slow
from tests.tiny import tiny_generator


def numbers(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.RandomState(seed).randn(*shape)


def random_statistics(layers: int, width: int) -> LatentStatistics:
    root = numbers(width, width, seed=1) + 2 * np.eye(width)
    pulls, places = numbers(7, layers, width, seed=2), np.random.RandomState(3).rand(7, 2)
    return LatentStatistics(*map(torch.from_numpy, (root @ root.T, pulls, np.eye(7), places)))


@pytest.mark.parametrize("shared", [False, True])
def test_the_metric_equals_the_whole_matrix(shared: bool) -> None:
    statistics = random_statistics(5, 4)
    layers = 3
    pulls = statistics.pulls[:, :layers].numpy()
    pulls = pulls.sum(1, keepdims=True) if shared else pulls
    expected = slow.metric(statistics.covariance.numpy(), pulls, SHARED, RESTRAINT)
    rows = numbers(6, pulls.shape[1], 4, seed=3)
    found = LatentMetric(statistics, layers, shared)(torch.from_numpy(rows))
    np.testing.assert_allclose(found.flatten(1).numpy(), rows.reshape(6, -1) @ expected, rtol=1e-8)


def test_the_solution_is_the_damped_one_and_no_longer_than_allowed() -> None:
    sigma = slow.metric(random_statistics(1, 6).covariance.numpy(), numbers(7, 1, 6), 0.0, 3.0)
    jacobian, wanted = numbers(2, 6, seed=5), np.array([3.0, -1.0])
    gram = jacobian @ sigma @ jacobian.T
    mu = DAMPING * np.diag(gram).mean()
    free = damped(gram, wanted, DAMPING, np.inf)
    np.testing.assert_allclose(sigma @ jacobian.T @ free, slow.step(sigma, jacobian, wanted, mu), rtol=1e-6)
    length = float(np.sqrt(free @ gram @ free))
    short = damped(gram, wanted, DAMPING, 0.3 * length)
    assert np.sqrt(short @ gram @ short) == pytest.approx(0.3 * length, rel=1e-3)
    assert np.isfinite(damped(np.zeros((1, 1)), np.array([1.0]), DAMPING, 1.0)).all()


def test_rows_are_the_derivatives_of_positions(spots: Generator) -> None:
    """By finite differences of the formula, and of where the spot really is."""
    assert isinstance(spots, Spots)
    generator = Spots(spots.config).double()
    generator.load_state_dict(spots.state_dict())
    generator.statistics = measure_statistics(generator)
    w_plus = generator.w_plus_from_seed(1)
    at = spot_of(generator, w_plus)
    run = GaussNewtonRun(generator, w_plus, DragEdit([at], [at + [6, 2]]), replace(FAST, num_layers=1))
    rows = run.linearise(run.wanted())
    assert rows.owners.tolist() == [0]
    np.testing.assert_allclose(rows.directions[0], np.array([6, 2]) / np.sqrt(40), rtol=1e-12)
    assert rows.wanted[0] == pytest.approx(min(np.sqrt(40), run.longest))
    gradient = position_gradient(run.features, at[None, None] + run.offsets, run.half_step, run.shape)
    g = gradient[0] @ torch.from_numpy(rows.directions[0])

    def formula(change: torch.Tensor) -> float:
        whole = Features.whole(generator.feature_maps(w_plus + change, 64), 0)
        values = whole.at(at[None, None] + run.offsets, run.shape).flatten()
        return float(-(g * values).sum() / g.square().sum())

    for index in (0, 3):
        change = torch.zeros_like(w_plus)
        change[0, 0, index] = 1e-5
        slope = (formula(change) - formula(-change)) / 2e-5
        assert float(rows.jacobian[0, 0, index]) == pytest.approx(slope, rel=1e-4, abs=1e-6)


@pytest.mark.parametrize("prior", [0.0, 0.01])
def test_matching_equals_loops(prior: float) -> None:
    before, after = numbers(24, 24, 3), numbers(24, 24, 3, seed=1)
    shifted = np.roll(before, (2, 3), axis=(0, 1)) + 0.3 * after
    maps = [FeatureMaps({24: torch.from_numpy(each).permute(2, 0, 1)[None]}) for each in (before, shifted)]
    start, now = (Features.whole(each, 0) for each in maps)
    handles = np.array([[9.0, 10.0], [13.0, 11.0]])
    expected = handles + [[2, 1], [1, 4]]
    matcher = PatchMatcher(start, handles, (24, 24), 1.0, 2.0, 4.0, prior)
    found, mismatch = matcher.find(now.near, expected)
    for index in range(2):
        handle, place = (tuple(int(v) for v in each[index]) for each in (handles, expected))
        wanted, difference = slow.match(before, shifted, handle, place, 2, 4, prior)  # pyright: ignore[reportArgumentType]
        assert np.abs(found[index] - wanted).max() <= 0.5
        assert mismatch[index] == pytest.approx(difference)
    np.testing.assert_allclose(found, handles + [3, 2], atol=0.5)


def test_a_drag_arrives_in_few_steps_and_the_spot_is_there(spots: Generator) -> None:
    w_plus = spots.w_plus_from_seed(1)
    at = spot_of(spots, w_plus)
    target = at + [7, -3]
    result = drag(spots, w_plus, DragEdit([at], [target]), replace(FAST, locality=0.0))
    assert result.stop_reason == "arrived"
    assert result.steps <= 6
    # Other spots overlap with it, so that the patch is not centred on it.
    assert np.linalg.norm(spot_of(spots, result.w_plus) - target) < 3
    assert np.linalg.norm(at - target) > 7


def test_pins_hold(spots: Generator) -> None:
    """A pin changes the drag, and keeps its place."""
    w_plus = spots.w_plus_from_seed(1)
    at = spot_of(spots, w_plus)
    pin = np.array([40.0, 20.0])
    edit = DragEdit([at, pin], [at + [5, 0], pin])
    run = GaussNewtonRun(spots, w_plus, edit, FAST)
    rows = run.linearise(run.wanted())
    assert rows.owners.tolist() == [0, 1, 1]
    assert np.abs(rows.wanted[1:]).max() == 0
    assert rows.weights.max() == 1
    run = GaussNewtonRun(spots, w_plus, edit, FAST)
    while run.stop_reason is None:
        run.step()
    assert run.stop_reason == "arrived"
    assert np.linalg.norm(run.handles[1] - pin) < 2


@pytest.mark.parametrize("change", [{}, {"latent_space": "w"}, {"num_layers": 4}])
def test_windows_give_what_whole_maps_give(change: dict[str, Any]) -> None:
    generator = make_mobile()
    generator.statistics = measure_statistics(generator)
    w_plus = generator.w_plus_from_seed(2)
    edit = DragEdit([[20, 30], [44, 25]], [[26, 30], [44, 31]])
    ends = []
    for windowed in (True, False):
        chosen = DragSettings(
            descent="gauss-newton", max_steps=3, windowed=windowed, feature_resolution=32, r2=40.0, **change
        )
        run = start_run(generator, w_plus, edit, chosen)
        assert isinstance(run, GaussNewtonRun)
        assert run.reader.windowed == windowed
        ends.append(drag(generator, w_plus, edit, chosen).w_plus)
    assert not torch.equal(ends[0], w_plus)
    torch.testing.assert_close(ends[0], ends[1], rtol=1e-6, atol=1e-8)


def test_several_at_once_are_each_alone(spots: Generator) -> None:
    """With a mask, too, and beside a first-order drag."""
    starts = torch.cat([spots.w_plus_from_seed(seed) for seed in (1, 2, 4)])
    edits = [DragEdit([at := spot_of(spots, start[None])], [np.clip(at + 4, 0, 63)]) for start in starts]
    mask = np.zeros((64, 64), bool)
    mask[:40] = True
    edits[1] = replace(edits[1], mask=mask)
    settings = DragSettings(max_steps=8, feature_resolution=64)
    together = drag_many(spots, starts, edits, settings)
    for start, edit, result in zip(starts, edits, together, strict=True):
        alone = drag(spots, start[None], edit, settings)
        torch.testing.assert_close(result.w_plus, alone.w_plus, rtol=1e-4, atol=1e-5)
        assert result.stop_reason == alone.stop_reason


def test_targets_may_move(spots: Generator) -> None:
    w_plus = spots.w_plus_from_seed(1)
    at = spot_of(spots, w_plus)
    run = start_run(spots, w_plus, DragEdit([at], [at + [4, 0]]), replace(FAST, locality=0.0))
    while run.stop_reason is None:
        run.step()
    run.retarget([at + [4, 5]])
    assert run.stop_reason is None
    while run.stop_reason is None:
        advance([run])
    assert run.stop_reason == "arrived"
    assert np.linalg.norm(spot_of(spots, run.latent.w_plus().detach()) - at - [4, 5]) < 2.5


def test_what_is_far_is_held_and_gives_way(spots: Generator, monkeypatch: pytest.MonkeyPatch) -> None:
    # Everything is to stay, however long the way, so that only the distance counts.
    monkeypatch.setattr(gauss_newton, "held_places", lambda places, *ways: np.ones(len(places)))
    monkeypatch.setattr(locality, "NEAR", 0.5)
    w_plus = spots.w_plus_from_seed(1)
    at = spot_of(spots, w_plus)
    strengths = []
    for far in (0.5, 1.0, 30.0):
        run = GaussNewtonRun(spots, w_plus, DragEdit([at], [at + [far, 0]]), replace(FAST, locality=1000.0))
        run.step()
        assert run.local is not None
        strengths.append(run.local.strength)
    assert strengths[0] == strengths[1] == 1000 > strengths[2]
    run = GaussNewtonRun(spots, w_plus, DragEdit([at], [at + [3, 0]]), replace(FAST, locality=0.0))
    run.step()
    assert run.local is None


def test_a_target_that_moves_far_frees_another_way(spots: Generator) -> None:
    w_plus = spots.w_plus_from_seed(1)
    at = spot_of(spots, w_plus)
    run = GaussNewtonRun(spots, w_plus, DragEdit([at], [at + [6, 0]]), replace(FAST, stop_distance=0.1))
    run.step()
    first = run.local
    run.step()
    assert run.local is first is not None
    run.retarget(at[None] + [0.0, 9.0])
    run.resume(1.0)
    run.step()
    assert run.local is not first


def test_a_mask_is_held(spots: Generator) -> None:
    """Spots in the frozen part stay, and the handle arrives."""
    w_plus = spots.w_plus_from_seed(1)
    at = spot_of(spots, w_plus)
    columns, rows = np.meshgrid(np.arange(64), np.arange(64))
    mask = np.hypot(columns - at[0] - 2, rows - at[1]) < 14
    frozen = torch.from_numpy(~mask)
    changes = []
    for edit in (DragEdit([at], [at + [4, 0]]), DragEdit([at], [at + [4, 0]], mask)):
        result = drag(spots, w_plus, edit, replace(FAST, locality=0.0))
        assert result.stop_reason == "arrived"
        with torch.no_grad():
            before, after = spots.image(torch.cat([w_plus, result.w_plus]))
        changes.append(float((after - before).abs().mean(0)[frozen].mean()))
    assert changes[1] < 0.6 * changes[0]


def test_half_precision_moves_the_same_way(spots: Generator) -> None:
    w_plus = spots.w_plus_from_seed(1)
    at = spot_of(spots, w_plus)
    result = drag(spots, w_plus, DragEdit([at], [at + [6, 0]]), replace(FAST, precision="bfloat16"))
    assert np.linalg.norm(spot_of(spots, result.w_plus) - at - [6, 0]) < 2


def test_the_automatic_choice() -> None:
    generator = tiny_generator()
    w_plus, edit = generator.w_plus_from_seed(1), DragEdit([[12, 14]], [[18, 14]])
    automatic, fast = DragSettings(), DragSettings(descent="gauss-newton")
    assert isinstance(start_run(generator, w_plus, edit, automatic), FirstOrderRun)
    assert isinstance(start_run(generator, w_plus, edit, fast), GaussNewtonRun)
    assert generator.statistics is not None
    chosen = start_run(generator, w_plus, edit, automatic)
    assert isinstance(chosen, GaussNewtonRun)
    assert chosen.settings.descent == "gauss-newton"
    mask = np.zeros((32, 32), bool)
    mask[:20] = True
    cases: tuple[tuple[dict[str, Any], dict[str, Any]], ...] = (
        ({"regularize_mean": 0.1}, {}),
        ({"descent": "adam"}, {}),
        ({"descent": "first-order"}, {}),
        ({}, {"handles": [[i + 3, 14] for i in range(9)], "targets": [[i + 5, 14] for i in range(9)]}),
    )
    for chosen, other in cases:
        run = start_run(generator, w_plus, replace(edit, **other), DragSettings(**chosen))
        assert isinstance(run, FirstOrderRun), (chosen, other)
        assert run.settings.descent == chosen.get("descent", "first-order")
    masked = start_run(generator, w_plus, replace(edit, mask=mask), automatic)
    assert isinstance(masked, GaussNewtonRun)
    assert masked.mask is not None
    with pytest.raises(DraglabError, match="regularisation"):
        start_run(generator, w_plus, edit, replace(fast, regularize_start=0.1))
    assert isinstance(
        start_run(generator, w_plus, edit, automatic, terms=[lambda w_plus, features: w_plus.sum()]), FirstOrderRun
    )
    own = list(
        drag_steps(generator, w_plus, edit, DragSettings(max_steps=2), tracker=lambda query: track_nearest(query))
    )
    assert own[-1].motion_loss > 0
