"""Targets that move while a drag runs."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from draglab.dragging import DragEdit, DragSettings, FirstOrderRun, advance
from draglab.errors import DraglabError
from draglab.generators import StyleGAN2
from tests.tiny import tiny_generator


@pytest.fixture(scope="module")
def generator() -> StyleGAN2:
    return tiny_generator()


def started(generator: StyleGAN2, target: tuple[float, float] = (18, 14), **settings) -> FirstOrderRun:
    values = {"max_steps": 20, "patience": None, "stop_distance": 0.01, **settings}
    edit = DragEdit([[12, 14]], [target])
    return FirstOrderRun(generator, generator.w_plus_from_seed(1), edit, DragSettings(**values))


def latent(run: FirstOrderRun) -> torch.Tensor:
    assert run.last is not None
    return run.last.w_plus


def test_moved_before_the_first_step_is_as_if_asked_for_so(generator: StyleGAN2) -> None:
    moved, straight = started(generator, (28, 2)), started(generator)
    moved.retarget([[18, 14]])
    for _ in range(3):
        advance([moved])
        advance([straight])
    assert torch.equal(latent(moved), latent(straight))


def test_moved_between_steps_pulls_elsewhere_and_keeps_the_reference(generator: StyleGAN2) -> None:
    moved, straight = started(generator), started(generator)
    templates = moved.templates.clone()
    for run in (moved, straight):
        advance([run])
    assert torch.equal(latent(moved), latent(straight))
    handles = moved.handles.copy()
    moved.retarget([[12, 28]])
    np.testing.assert_array_equal(moved.distances, np.linalg.norm([[12, 28]] - handles, axis=1))
    (step,) = advance([moved])
    advance([straight])
    assert step is not None and step.targets.tolist() == [[12, 28]]
    assert step.index == 2
    assert not torch.equal(latent(moved), latent(straight))
    assert torch.equal(moved.templates, templates)


def test_an_arrived_run_goes_on(generator: StyleGAN2) -> None:
    run = started(generator, stop_distance=100.0)
    assert run.stop_reason == "arrived"
    run.limit = 0.01
    run.retarget([[30, 14]])
    assert run.stop_reason is None
    (step,) = advance([run])
    assert step is not None and step.index == 1
    run.retarget(run.handles)
    assert run.stop_reason == "arrived"


def test_progress_counts_anew(generator: StyleGAN2) -> None:
    run = started(generator, patience=2)
    while run.stop_reason is None:
        advance([run])
    assert run.stop_reason == "stalled" and run.last is not None
    stalled = run.last.index
    run.retarget([[30, 30]])
    assert run.stop_reason is None
    advance([run])
    assert run.stop_reason is None
    assert run.progress.index >= stalled


def test_the_limit_of_steps_counts_anew(generator: StyleGAN2) -> None:
    run = started(generator, max_steps=2)
    for target in ([30, 30], [2, 30]):
        made = 0 if run.last is None else run.last.index
        while run.stop_reason is None:
            assert not run.spent
            advance([run])
        assert run.stop_reason == "max_steps" and run.spent
        assert run.last is not None and run.last.index == made + 2
        run.retarget([target])
        assert run.stop_reason is None


def test_a_run_that_diverged_stays_ended(generator: StyleGAN2) -> None:
    run = started(generator, step_size=3e37, step_unit="absolute")
    while run.stop_reason is None:
        advance([run])
    assert run.stop_reason == "diverged"
    run.retarget([[30, 30]])
    assert run.stop_reason == "diverged"


@pytest.mark.parametrize(
    ("targets", "message"),
    [([[40, 2]], "outside the image"), ([[1, 1], [2, 2]], "1 handles but 2 targets"), ([], "no targets were given")],
)
def test_targets_that_do_not_fit(generator: StyleGAN2, targets: list, message: str) -> None:
    run = started(generator)
    with pytest.raises(DraglabError, match=message):
        run.retarget(targets)
    assert run.targets.tolist() == [[18, 14]]
