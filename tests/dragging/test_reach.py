"""The reach of Gauss-Newton drags: how far handles come, and what is said of targets beyond."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from draglab.dragging import DragEdit, GaussNewtonRun, drag_steps, gauss_newton
from draglab.dragging.gauss_newton import DAMPING
from draglab.generators import Generator
from tests.dragging.spots import FAST, spot_of


def test_a_drag_ends_at_its_reach_and_goes_on_when_asked_to(spots: Generator) -> None:
    w_plus = spots.w_plus_from_seed(1)
    at = spot_of(spots, w_plus)
    edit = DragEdit([at], [at + [7, -3]])
    free = GaussNewtonRun(spots, w_plus, edit, replace(FAST, locality=0.0))
    run = GaussNewtonRun(spots, w_plus, edit, replace(FAST, reach=0.3, locality=0.0))
    while run.stop_reason is None:
        run.step()
    assert run.stop_reason == "out_of_reach"
    assert run.last is not None and run.last.stop_reason == "out_of_reach"
    np.testing.assert_array_equal(run.last.reachable, run.handles)
    offset = run.latent.offset[0].detach()
    assert float((run.force * offset).sum()) == pytest.approx(0.3**2, rel=1e-3)
    torch.testing.assert_close(run.metric(run.force[None])[0], offset, rtol=1e-3, atol=1e-5)
    run.go_on()
    while run.stop_reason is None:
        run.step()
    while free.stop_reason is None:
        free.step()
    assert run.stop_reason == free.stop_reason == "arrived"


def test_how_far_the_handles_can_come_is_known_with_the_first_step(spots: Generator) -> None:
    """Of the whole way, the share that `reach` is of its length in the metric; damping makes it a little more."""
    w_plus = spots.w_plus_from_seed(1)
    at = spot_of(spots, w_plus)
    way = np.array([7.0, -3.0])
    edit = DragEdit([at], [at + way])
    for reach in (0.28, 0.32):
        run = GaussNewtonRun(spots, w_plus, edit, replace(FAST, reach=reach, locality=0.0))
        rows = run.linearise(run.wanted())
        far = run.metric.distance(rows.jacobian, np.array([np.hypot(*way)]))
        share = run.reachable_share(rows)
        assert share == pytest.approx(reach / far * (1 + DAMPING), rel=1e-3)
        run.resume(1.0)
        step = run.step()
        assert step.stop_reason is None and step.reachable is not None
        np.testing.assert_allclose(step.reachable, [at + share * way], rtol=1e-6)
        while run.stop_reason is None:
            run.step()
        came = float((run.handles[0] - at) @ way / (way @ way))
        assert came == pytest.approx(share, abs=0.15)


@pytest.mark.parametrize(("share", "reason"), [(0.5, "out_of_reach"), (1.0, "stalled")])
def test_a_stall_on_the_way_to_what_is_out_of_reach_says_so(
    spots: Generator, monkeypatch: pytest.MonkeyPatch, share: float, reason: str
) -> None:
    monkeypatch.setattr(GaussNewtonRun, "reachable_share", lambda self, rows: share)
    monkeypatch.setattr(gauss_newton, "PATIENCE", 2)
    w_plus = spots.w_plus_from_seed(1)
    at = spot_of(spots, w_plus)
    run = GaussNewtonRun(spots, w_plus, DragEdit([at], [at + [7, -3]]), replace(FAST, patience=2, max_steps=30))

    def nowhere(rows: Any) -> Any:
        zero = torch.zeros_like(run.force)
        return gauss_newton.Solution(zero, zero, np.zeros((1, 2)))

    monkeypatch.setattr(run, "solve", nowhere)
    while run.stop_reason is None:
        step = run.step()
    assert run.stop_reason == step.stop_reason == reason


def test_what_is_within_reach_is_reachable_and_other_methods_do_not_know(spots: Generator) -> None:
    w_plus = spots.w_plus_from_seed(1)
    at = spot_of(spots, w_plus)
    edit = DragEdit([at], [at + [7, -3]])
    for settings in (FAST, replace(FAST, reach=None)):
        step = next(drag_steps(spots, w_plus, edit, settings))
        np.testing.assert_array_equal(step.reachable, step.targets)
    assert next(drag_steps(spots, w_plus, edit, replace(FAST, descent="first-order"))).reachable is None
