"""When a round backs off, stalls, settles, and which step is kept."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

import draglab
from draglab.dragging import DragEdit, DragSettings, DragStep, FirstOrderRun
from draglab.dragging.progress import BACK_OFFS, Progress, SettlingPhase
from draglab.generators import StyleGAN2
from tests.tiny import tiny_generator

EDIT = DragEdit([[12, 14]], [[18, 14]])


@pytest.fixture(scope="module")
def generator() -> StyleGAN2:
    return tiny_generator()


def half() -> np.ndarray:
    mask = np.ones((32, 32), bool)
    mask[22:] = False
    return mask


def step_at(index: int, distance: float, mask_loss: float = 0.0) -> DragStep:
    point = np.zeros((1, 2))
    distances = np.array([distance])
    losses = 0.0, 0.0, mask_loss
    return DragStep(
        index, point, point, distances, np.zeros(1, bool), *losses, torch.zeros(1), None, tiny_generator(), None
    )


def test_the_best_step_is_the_closest() -> None:
    progress = Progress(9.0)
    for index, distance in enumerate([12.0, 6.0, 3.0, 2.95, 8.0], 1):
        progress.note(step_at(index, distance))
    assert progress.best is not None and progress.best.index == 4
    assert (progress.closest, progress.index) == (3.0, 3)


def test_backing_off_is_counted_and_limited() -> None:
    progress = Progress(9.0)
    progress.note(step_at(1, 5.0))
    backed = [index for index in range(2, 40) if progress.backs_off(index, 4)]
    assert backed == [5, 9, 13]
    assert len(backed) == BACK_OFFS
    assert not progress.has_stalled(20, 20)
    assert progress.has_stalled(21, 20)
    assert not progress.has_stalled(10**6, None)
    assert not Progress(9.0).backs_off(100, None)


def test_progress_lets_it_wait_again() -> None:
    progress = Progress(9.0)
    assert progress.backs_off(4, 4)
    progress.note(step_at(6, 2.0))
    assert not progress.backs_off(9, 4)
    assert progress.backs_off(10, 4)


def test_a_run_that_backs_off_is_at_its_best_step_again_with_half_the_step(generator: StyleGAN2) -> None:
    """Steps so large that they circle; the next step starts where the best one was, and is half as long."""
    settings = DragSettings(step_size=0.5, back_off=2, patience=None, max_steps=40, stop_distance=1e-3)
    run = FirstOrderRun(generator, generator.w_plus_from_seed(1), EDIT, settings)
    while run.progress.back_offs == 0:
        run.step()
        assert run.stop_reason is None
    best = run.best
    assert best is not None and run.last is not None and best.index < run.last.index
    assert torch.equal(run.latent.w_plus().detach(), best.w_plus)
    np.testing.assert_array_equal(run.handles, best.handles)
    moved = (run.step().w_plus - best.w_plus).abs().max().item()
    # The first step of Adam is as long as its step size in every coordinate.
    assert moved == pytest.approx(0.5 * 0.5 * generator.w_std(), rel=1e-3)


def test_the_best_step_is_kept_where_a_run_stalls(generator: StyleGAN2) -> None:
    settings = DragSettings(step_size=0.5, patience=8, max_steps=100, stop_distance=1e-3)
    run = FirstOrderRun(generator, generator.w_plus_from_seed(1), EDIT, settings)
    means = []
    while run.stop_reason is None:
        means.append(run.step().distances.mean())
    assert run.stop_reason == "stalled"
    assert run.best is not None
    assert run.best.distances.mean() == min(means)
    result = draglab.drag(generator, generator.w_plus_from_seed(1), EDIT, settings)
    assert (result.steps, result.kept) == (len(means), run.best.index)
    assert result.kept < result.steps
    assert torch.equal(result.w_plus, run.best.w_plus)


def test_settling_keeps_the_step_with_the_least_change_of_those_that_are_arrived() -> None:
    """The losses of a step are those of the latent before it."""
    settling = SettlingPhase(4, step_at(10, 0.5))
    took = [
        settling.take(step_at(11, 0.6, mask_loss=5.0), arrived=True),
        settling.take(step_at(12, 3.0, mask_loss=2.0), arrived=False),
        settling.take(step_at(13, 0.7, mask_loss=1.0), arrived=True),
        settling.take(step_at(14, 0.8, mask_loss=4.0), arrived=True),
    ]
    assert [float(step.distances[0]) for step in took] == [0.5, 0.6, 0.6, 0.6]
    assert [step.index for step in took] == [11, 12, 13, 14]
    assert settling.done


def test_settling_changes_less_of_what_is_frozen_and_stays_arrived(generator: StyleGAN2) -> None:
    w_plus = generator.w_plus_from_seed(4)
    edit = replace(EDIT, mask=half())
    start = generator.features(w_plus, 16)[..., 11:, :]
    changes = {}
    for steps in (None, 10):
        settings = DragSettings(max_steps=200, patience=None, stop_distance=1.5, settle_steps=steps)
        run = FirstOrderRun(generator, w_plus, edit, settings)
        while run.stop_reason is None:
            run.step()
        assert run.stop_reason == "arrived" and run.last is not None
        assert (run.last.distances <= 1.5).all()
        changes[steps] = (
            (generator.features(run.last.w_plus, 16)[..., 11:, :] - start).abs().mean().item(),
            run.last.index,
        )
    assert changes[10][1] == changes[None][1] + 10
    assert changes[10][0] < 0.8 * changes[None][0]


def test_a_target_that_moves_ends_settling(generator: StyleGAN2) -> None:
    settings = DragSettings(max_steps=200, patience=None, stop_distance=1.5)
    run = FirstOrderRun(generator, generator.w_plus_from_seed(1), replace(EDIT, mask=half()), settings)
    while run.settling is None:
        run.step()
    step_size = run.optimizer.step_size
    run.retarget([[21, 14]])
    assert run.settling is None and run.stop_reason is None
    assert run.optimizer.step_size > step_size
    assert run.step().stop_reason is None


def test_pins_neither_hold_up_arrival_nor_count_as_progress(generator: StyleGAN2) -> None:
    """A pin far from its place, as tracking has it, while the handle that moves has arrived."""
    edit = DragEdit([[12, 14], [25, 25]], [[18, 14], [25, 25]])
    run = FirstOrderRun(generator, generator.w_plus_from_seed(1), edit, DragSettings(max_steps=9, patience=None))
    assert run.pinned.tolist() == [False, True]
    assert run.stop_reason is None
    features = run.read()
    step = run.conclude(features, np.ones(4), np.array([[12.0, 14.0], [25.0, 25.0]]))
    assert step is not None and step.stop_reason is None
    assert run.progress.least == 6
    step = run.conclude(features, np.ones(4), np.array([[17.9, 14.0], [20.0, 25.0]]))
    assert step is not None and step.stop_reason == "arrived"
