"""The runner of one round: its limit, its moved targets, its end and what it keeps."""

from __future__ import annotations

import pytest

from draglab.dragging import DragEdit, DragSettings
from draglab.editor.round_runner import RoundRunner, end_text
from draglab.media.edit_file import Retarget
from tests.tiny import tiny_generator

GENERATOR = tiny_generator()
EDIT = DragEdit([[8, 9]], [[14.5, 9]])


def started(limit: int | None = None, moves: list[Retarget] | None = None, **settings) -> RoundRunner:
    values = {"max_steps": 6, "patience": None, "stop_distance": 0.01, **settings}
    w_plus = GENERATOR.w_plus_from_seed(3)
    return RoundRunner(GENERATOR, w_plus, EDIT, DragSettings(**values), limit, moves or [])


def run(runner: RoundRunner) -> list[float]:
    distances = []
    while runner.end is None:
        step = runner.step()
        assert step is not None
        distances.append(step.left)
    return distances


def test_out_of_steps_the_closest_is_kept() -> None:
    runner = started()
    distances = run(runner)
    assert (runner.end, runner.steps) == ("max_steps", 6)
    assert runner.kept is not None and runner.kept.left == min(distances)


def test_a_recorded_round_ends_where_it_was_recorded_and_keeps_that() -> None:
    runner = started(limit=2)
    run(runner)
    assert (runner.end, runner.steps) == ("recorded", 2)
    assert runner.kept is runner.run.last


def test_a_recorded_round_goes_on_where_it_would_stall() -> None:
    runner = started(limit=5, patience=1, step_size=1e-9, back_off=None)
    run(runner)
    assert (runner.end, runner.steps) == ("recorded", 5)


def test_targets_move_where_the_file_moved_them() -> None:
    runner = started(moves=[Retarget(after=2, targets=[[8, 20]])])
    runner.step()
    assert runner.moved is None and runner.run.targets.tolist() == [[14.5, 9]]
    runner.step()
    assert runner.moved is not None and runner.run.targets.tolist() == [[8, 20]]


def test_stopped() -> None:
    runner = started()
    runner.step()
    runner.stop()
    assert runner.end == "stopped"


@pytest.mark.parametrize(
    ("reason", "made", "kept", "distances", "text"),
    [
        ("arrived", 1, 1, [0.4], "Arrived after 1 step."),
        ("stalled", 9, 4, [7.24], "Stopped: the point no longer moves closer; 7.2 px are left. Step 4 of 9 is kept."),
        ("stalled", 9, 9, [1.0, 1.0], "Stopped: the points no longer move closer; 1 px is left on average."),
        (
            "out_of_reach",
            9,
            9,
            [23.4],
            "Stopped after 9 steps: this is as far as the picture goes without breaking; 23 px are left.",
        ),
        ("max_steps", 5, 5, [12.4], "Stopped at the limit of 5 steps (max_steps); 12 px are left."),
        ("recorded", 5, 5, [12.4], "Replayed 5 steps, as recorded."),
    ],
)
def test_ends_in_words(reason, made, kept, distances, text) -> None:
    assert end_text(reason, made, kept, distances) == text
