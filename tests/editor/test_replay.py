"""An edit file replays to the same pixels, and what was run is recorded so that it does."""

from dataclasses import asdict
from typing import Any

import numpy as np
import pytest

from draglab import DraglabError
from draglab.dragging import DragEdit, DragRun, DragSettings, DragStep, FirstOrderRun, advance, drag_steps
from draglab.editor import Replay
from draglab.generators import StyleGAN2
from draglab.media.edit_file import EditFile, ModelReference, Retarget, Round, SeedStart, WPlusStart, parse_edit_file
from tests.tiny import tiny_generator

GENERATOR = tiny_generator()
SETTINGS = {"max_steps": 4, "patience": None, "stop_distance": 0.01}


def one_round(steps: int | None = None, mask: np.ndarray | None = None, **settings) -> Round:
    return Round.from_arrays(np.array([[8, 9]]), np.array([[14.5, 9]]), mask, {**SETTINGS, **settings}, steps)


def moved(**values) -> Round:
    return one_round().model_copy(update={"moved": [Retarget(**values)]})


def edit_file(
    *rounds: Round, start: SeedStart | WPlusStart | None = None, generator: StyleGAN2 = GENERATOR
) -> EditFile:
    model = ModelReference(name="tiny", sha256=generator.sha256)
    return EditFile(model=model, start=start or SeedStart(seed=3), rounds=list(rounds) or [one_round()])


def run(edit: EditFile, stop_after: int | None = None) -> Replay:
    replay = Replay(edit, GENERATOR)
    for count, _ in enumerate(replay, 1):
        if count == stop_after:
            replay.stop()
    return replay


def test_one_round_is_what_drag_gives():
    replay = run(edit_file())
    edit = DragEdit([[8, 9]], [[14.5, 9]])
    settings = DragSettings(max_steps=4, patience=None, stop_distance=0.01)
    steps = list(drag_steps(GENERATOR, GENERATOR.w_plus_from_seed(3), edit, settings))
    best = min(steps, key=lambda step: step.distances.mean())
    assert best.index < 4, "the last step is to be one that is not kept"
    assert (replay.image() == best.image()).all()
    (report,) = replay.reports
    assert (report.steps, report.ran, report.end) == (best.index, 4, "max_steps")
    assert (report.handles == best.handles).all()
    assert not replay.interrupted
    again = run(replay.recorded())
    assert (again.reports[0].steps, again.reports[0].ran, again.reports[0].end) == (best.index, best.index, "recorded")
    assert (again.image() == best.image()).all()


def test_a_round_that_gives_up_keeps_its_best_step(monkeypatch):
    """Unless it is recorded with more steps, because somebody let it go on."""
    conclude = DragRun.conclude

    def gives_up(self: DragRun, *found: Any) -> DragStep | None:
        step = conclude(self, *found)
        if step is not None and step.index == 4:
            self.stop_reason = "stalled"
        return step

    monkeypatch.setattr(DragRun, "conclude", gives_up)
    (report,) = run(edit_file(one_round(max_steps=6))).reports
    assert (report.end, report.ran) == ("stalled", 4)
    assert report.steps == 3
    recorded = one_round(max_steps=6).model_copy(update={"steps": 6})
    (report,) = run(edit_file(recorded)).reports
    assert (report.end, report.steps, report.ran) == ("recorded", 6, 6)


def test_several_rounds_replay_to_the_same_pixels():
    mask = np.zeros((32, 32), bool)
    mask[:20] = True
    first = run(edit_file(one_round(), one_round(mask=mask, mask_weight=5.0)))
    assert len(first.reports) == 2
    written = parse_edit_file(first.recorded().model_dump_json().encode())
    assert [one.steps for one in written.rounds] == [report.steps for report in first.reports]
    assert (run(written).image() == first.image()).all()


def test_targets_that_moved_move_again():
    """As DragRun.retarget has it, with the limit of steps counted anew; a run that arrives by then goes on."""
    one = moved(after=2, targets=[[8, 28]])
    replay = Replay(edit_file(one), GENERATOR)
    targets = [now.step.targets.tolist() for now in replay]
    assert targets == [[[14.5, 9]]] * 2 + [[[8, 28]]] * 4
    drag_run = FirstOrderRun(
        GENERATOR, GENERATOR.w_plus_from_seed(3), DragEdit([[8, 9]], [[14.5, 9]]), DragSettings(**SETTINGS)
    )
    for index in range(6):
        if index == 2:
            drag_run.retarget([[8, 28]])
        advance([drag_run])
    assert drag_run.best is not None
    assert (replay.image() == drag_run.best.image()).all()
    arriving = moved(after=1, targets=[[28, 9]])
    arriving = arriving.model_copy(update={"settings": {**SETTINGS, "stop_distance": 5.5}})
    (report,) = run(edit_file(arriving)).reports
    assert report.steps > 1


def test_a_start_by_values():
    values = GENERATOR.w_plus_from_seed(3)[0].numpy()
    by_values = run(edit_file(start=WPlusStart.from_array(values)))
    assert (by_values.image() == run(edit_file()).image()).all()


@pytest.mark.parametrize("stop_after", [1, 3])
def test_stopping_keeps_the_best_step_and_replays_to_it(stop_after):
    replay = Replay(edit_file(one_round(), one_round()), GENERATOR)
    seen = []
    for now in replay:
        seen.append(now.step)
        if len(seen) == stop_after:
            replay.stop()
    best = min(seen, key=lambda step: step.distances.mean())
    (report,) = replay.reports
    assert (report.end, report.steps) == ("stopped", best.index)
    assert replay.interrupted
    assert (replay.image() == best.image()).all()
    again = run(replay.recorded())
    assert again.reports[0].end == "recorded"
    assert (again.image() == replay.image()).all()


def test_stopping_before_the_first_step_keeps_the_start():
    replay = Replay(edit_file(), GENERATOR)
    replay.stop()
    assert list(replay) == []
    assert replay.interrupted
    recorded = replay.recorded()
    assert recorded.rounds[0].steps == 0
    assert (run(recorded).image() == replay.image()).all()


def test_handles_that_are_near_enough_need_no_step():
    replay = run(edit_file(one_round(stop_distance=50.0)))
    (report,) = replay.reports
    assert (report.steps, report.end, report.distances.tolist()) == (0, "arrived", [6.5])


def test_settings_are_recorded_in_full():
    """So that a later change of a default does not change the edit."""
    settings = asdict(DragSettings.paper(max_steps=1, feature_resolution=16))
    edit = edit_file(Round.from_arrays(np.array([[8, 9]]), np.array([[14, 9]]), settings=settings))
    (now,) = list(Replay(parse_edit_file(edit.model_dump_json().encode()), GENERATOR))
    assert asdict(now.settings) == settings


@pytest.mark.parametrize(
    ("rounds", "message"),
    [
        ([Round.from_arrays(np.array([[8, 99]]), np.array([[1, 1]]))], "outside the image"),
        ([Round.from_arrays(np.array([[8, 9]]), np.array([[8, 9]]))], "lies on its target"),
        ([one_round(), Round.from_arrays(np.array([[8, 9]]), np.array([[-1, 9]]))], "round 2: target"),
        ([one_round(mask=np.ones((8, 8), bool))], "mask is 8x8"),
        ([moved(after=1, targets=[[33, 1]])], "target .* is outside"),
        ([one_round(mask=np.ones((32, 32), bool))], "lets the whole image move"),
        ([one_round(mask=np.zeros((32, 32), bool))], "freezes the whole image"),
        ([one_round(speed=3)], "unknown setting 'speed'"),
        ([one_round(r1="big")], "setting r1 cannot be 'big'"),
        ([one_round(max_steps=2.5)], "setting max_steps cannot be 2.5"),
        ([one_round(step_size=-1.0)], "step_size is -1.0"),
        ([one_round(feature_resolution=12)], "feature_resolution 12 is not a block"),
    ],
)
def test_what_does_not_fit_is_refused_before_the_first_step(rounds, message):
    with pytest.raises(DraglabError, match=message) as caught:
        Replay(edit_file(*rounds), GENERATOR)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("start", "message"),
    [
        (WPlusStart.from_array(np.zeros((3, 16))), "w_plus has shape"),
        (SeedStart(seed=1, class_index=0), "no classes"),
    ],
)
def test_a_start_that_does_not_fit_is_refused(start, message):
    with pytest.raises(DraglabError, match=message):
        Replay(edit_file(start=start), GENERATOR)


def test_another_model_is_refused():
    other = EditFile(model=ModelReference(name="tiny", sha256="0" * 64), start=SeedStart(seed=1), rounds=[one_round()])
    with pytest.raises(DraglabError, match="made with another model tiny"):
        Replay(other, GENERATOR)


def test_models_with_classes():
    conditional = tiny_generator(c_dim=3)

    def image(**classes) -> np.ndarray:
        return Replay(edit_file(start=SeedStart(seed=1, **classes), generator=conditional), conditional).image()

    assert (image(class_index=0) != image(class_index=2)).any()
    assert (image(class_index=2) == image(class_vector=[0.0, 0.0, 1.0])).all()
    assert (image(class_index=2) != image(class_vector=[0.0, 0.5, 0.5])).any()
    for classes in ({}, {"class_index": 3}, {"class_vector": [1.0, 0.0]}):
        with pytest.raises(DraglabError, match="needs a class from 0 to 2, or 3 finite numbers"):
            image(**classes)
