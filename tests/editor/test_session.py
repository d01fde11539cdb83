"""A session: what it shows, what ends a drag, what a gesture is, how targets move while it runs."""

import json
from dataclasses import asdict, replace

import numpy as np
import pytest

from draglab import DragEdit, DraglabError, DragSettings, drag, drag_steps
from draglab.editor.session import EditingSession
from draglab.editor.state import Point, StartSpec
from tests.editor.sessions import FAR, GENERATOR, dragged, generator_of, new_session, reopened, run, thumbnail
from tests.tiny import tiny_generator


def half() -> np.ndarray:
    mask = np.zeros((32, 32), bool)
    mask[:20] = True
    return mask


def kinds(session: EditingSession) -> list[str]:
    return [node.kind for node in session.view().nodes]


def test_a_new_session_shows_the_start(journal):
    session = new_session(journal)
    view = session.view()
    assert (view.model, view.image.width, view.image.height, view.state) == ("tiny", 32, 32, "idle")
    assert (view.points, view.mask, view.can_undo, view.can_redo, view.message) == ([], None, False, False, "")
    assert json.loads(json.dumps(asdict(view)))["start"]["seed"] == 3
    generator_image = drag(
        GENERATOR, GENERATOR.w_plus_from_seed(3), DragEdit([[8, 9]], [[9, 9]]), DragSettings(stop_distance=9)
    ).image()
    assert (session.pictures.current() == generator_image).all()
    assert (session.pictures.original() == generator_image).all()
    assert (session.pictures.of_seed(3) == generator_image).all()
    assert session.pictures.current(height=12).shape == (16, 16, 3)
    assert thumbnail(session, view.cursor).shape == (96, 96, 3)


def test_a_round_is_what_drag_gives(journal):
    session = new_session(journal)
    session.set_mask(half())
    reports = dragged(session)
    edit = DragEdit([[8, 9]], [[14.5, 9]], half())
    settings = DragSettings(max_steps=4, patience=None, stop_distance=0.01)
    steps = list(drag_steps(GENERATOR, GENERATOR.w_plus_from_seed(3), edit, settings))
    best = min(steps, key=lambda step: step.distances.mean())
    assert (session.pictures.current() == best.image()).all()
    assert [report.step for report in reports] == [1, 2, 3, 4]
    assert [report.end for report in reports] == [None, None, None, "max_steps"]
    message = session.view().message
    assert message.startswith(f"Stopped at the limit of 4 steps (max_steps); {best.distances[0]:.1f} px are left. ")
    assert reports[-1].text == message
    assert [tuple(best.handles[0])] == [point.handle for point in session.view().points]
    assert [report.handles for report in reports] == [[tuple(step.handles[0])] for step in steps]
    assert reports[-1].mean_distance == pytest.approx(steps[-1].distances.mean())
    assert not session.rounds.running and session.rounds.step() is None


def test_the_running_step_is_shown(journal):
    session = new_session(journal)
    session.set_points([FAR])
    session.rounds.start()
    session.rounds.step()
    shown = session.pictures.current()
    assert session.pictures.current(height=10).shape == (16, 16, 3)
    session.rounds.stop()
    assert (session.pictures.current() == shown).all()
    assert (session.pictures.frame(session.view().cursor, 1) == shown).all()
    assert (session.pictures.frame(session.view().cursor, 0) == session.pictures.original()).all()
    assert session.view().message == "Stopped after 1 step; 5.1 px are left."


def test_points_without_a_target_stay_out_of_it(journal):
    session = new_session(journal)
    resting, arrived = Point("b", (20, 20)), Point("c", (3, 3), (3, 3))
    dragged(session, resting, FAR, arrived)
    points = session.view().points
    assert points[0] == resting and points[2] == arrived
    assert points[1].handle != FAR.handle
    alone = new_session(journal)
    dragged(alone)
    assert (session.pictures.current() == alone.pictures.current()).all()


def test_several_rounds_go_on_from_each_other(journal):
    session = new_session(journal)
    dragged(session)
    after_one = session.pictures.current()
    session.rounds.start()
    run(session)
    assert (session.pictures.current() != after_one).any()
    session.undo()
    assert (session.pictures.current() == after_one).all()


def test_a_gesture_is_one_entry(journal):
    session = new_session(journal)
    for x in (10, 11, 12):
        session.set_points([replace(FAR, target=(x, 9))], gesture_done=False)
        assert session.view().points[0].target == (x, 9)
    assert kinds(session) == ["start"]
    session.set_points([FAR], gesture_done=True)
    session.set_points([FAR], gesture_done=True)
    assert kinds(session) == ["start", "points"]
    session.set_points([Point(2, (1, 1))], gesture_done=False)
    session.undo()
    assert session.view().points == []


def test_targets_move_while_it_runs(journal):
    session = new_session(journal, steps=6)
    session.set_points([FAR])
    session.rounds.start()
    session.rounds.step()
    session.set_points([Point(1, (0, 0), (8, 20))], gesture_done=False)
    assert session.rounds.running
    assert session.view().points[0].target == (8, 20)
    assert session.view().points[0].handle != (0, 0)
    (report, *_) = run(session)
    assert report.distances[0] == pytest.approx(np.hypot(*np.subtract(report.handles[0], (8, 20))))
    assert kinds(session) == ["start", "points", "round"]
    straight = new_session(journal, steps=6)
    dragged(straight)
    assert (session.pictures.current() != straight.pictures.current()).any()


@pytest.mark.parametrize("points", [[], [FAR, Point(2, (3, 3))], [Point(1, (8, 9))], [Point(7, (8, 9), (9, 9))]])
def test_points_neither_come_nor_go_while_it_runs(journal, points):
    session = new_session(journal)
    session.set_points([FAR])
    session.rounds.start()
    with pytest.raises(DraglabError, match="while it runs, only targets move"):
        session.set_points(points)
    assert session.rounds.running


def test_a_target_pulled_further_after_arrival_goes_on(journal):
    session = new_session(journal, steps=9, stop_distance=5.5)
    session.set_points([FAR])
    session.rounds.start()
    session.set_points([replace(FAR, target=(14, 9))], gesture_done=False)
    reports = run(session)
    assert reports[-1].end == "arrived"
    node, steps = session.view().cursor, len(reports)
    session.set_points([replace(FAR, target=(14, 8.9))], gesture_done=False)
    assert not session.rounds.running
    session.set_points([replace(FAR, target=(28, 9))], gesture_done=False)
    assert session.rounds.running
    assert session.view().nodes[-1].end is None
    assert session.rounds.step().step == steps + 1  # pyright: ignore[reportOptionalMemberAccess]
    session.set_points([replace(FAR, target=(29, 9))], gesture_done=True)
    assert session.rounds.running
    session.rounds.stop()
    assert session.view().cursor == node
    # With the gesture's end the round is over for good.
    session.set_points([replace(FAR, target=(31, 9))], gesture_done=False)
    assert not session.rounds.running


def test_a_target_put_on_its_handle_arrives(journal):
    session = new_session(journal, steps=9, stop_distance=1.0)
    session.set_points([FAR])
    session.rounds.start()
    (handle,) = session.rounds.step().handles  # pyright: ignore[reportOptionalMemberAccess]
    session.set_points([replace(FAR, target=handle)])
    assert not session.rounds.running
    assert session.view().message == "Arrived after 1 step."


def test_stalled_and_diverged_say_so(journal):
    session = new_session(journal, steps=50, patience=1)
    session.set_points([FAR])
    session.rounds.start()
    assert run(session)[-1].end == "stalled"
    assert session.view().message.startswith("Stopped: the point no longer moves closer; ")
    session = new_session(journal, step_size=3e37, step_unit="absolute")
    session.set_points([FAR])
    session.rounds.start()
    run(session)
    assert "Lower it in the settings" in session.view().message
    assert session.view().nodes[-1].end == "diverged"


@pytest.mark.parametrize(
    "change",
    [
        lambda session: session.undo(),
        lambda session: session.goto(session.view().original),
        lambda session: session.set_mask(half()),
        lambda session: session.set_start(StartSpec("tiny", 5)),
        lambda session: session.continue_from(session.view().cursor, 1),
    ],
)
def test_what_changes_the_document_ends_the_drag_first(journal, change):
    session = new_session(journal)
    session.set_points([FAR])
    session.rounds.start()
    session.rounds.step()
    session.rounds.step()
    node = session.view().cursor
    change(session)
    assert not session.rounds.running
    assert next(each.end for each in session.view().nodes if each.id == node) == "stopped"


def test_undo_and_redo_over_points_masks_and_rounds(journal):
    session = new_session(journal)
    session.set_mask(half(), feather=2)
    dragged(session)
    last = session.pictures.current()
    views = [session.view()]
    while session.view().can_undo:
        session.undo()
        views.append(session.view())
    assert [view.points == [] for view in views] == [False, False, True, True]
    assert [view.mask is None for view in views] == [False, False, False, True]
    for view in reversed(views[:-1]):
        session.redo()
        assert session.view().cursor == view.cursor
    assert (session.pictures.current() == last).all()
    with pytest.raises(DraglabError, match="nothing to redo"):
        session.redo()
    session.goto(session.view().original)
    with pytest.raises(DraglabError, match="nothing to undo"):
        session.undo()


def test_a_branch_leaves_the_round_as_it_is(journal):
    session = new_session(journal)
    dragged(session)
    node = session.view().cursor
    second = session.pictures.frame(node, 2)
    session.continue_from(node, 2)
    assert (session.pictures.current() == second).all()
    assert session.view().nodes[-1].label == "From step 2"
    session.rounds.start()
    run(session)
    assert next(each.frames for each in session.view().nodes if each.id == node) == 4
    session.continue_from(node, 0)
    assert (session.pictures.current() == session.pictures.original()).all()
    with pytest.raises(DraglabError, match="steps 0 to 4"):
        session.continue_from(node, 5)
    with pytest.raises(DraglabError, match="only a drag has steps"):
        session.continue_from(session.view().original, 1)
    with pytest.raises(DraglabError, match="no entry 999"):
        session.goto(999)


def test_masks(journal):
    session = new_session(journal)
    session.set_mask(half(), feather=3)
    session.set_mask(half(), feather=3)
    assert kinds(session) == ["start", "mask"]
    mask, feather = session.document.mask(session.document.history.node)
    assert mask is not None and (mask == half()).all() and feather == 3
    session.set_mask(np.ones((32, 32), bool))
    assert session.view().mask is None and session.document.mask(session.document.history.node) == (None, 0)
    session.set_mask(np.zeros((32, 32), bool))
    session.set_points([FAR])
    with pytest.raises(DraglabError, match="freezes the whole image"):
        session.rounds.start()
    for wrong in (np.zeros((8, 8), bool), np.zeros((32, 32))):
        with pytest.raises(DraglabError, match="the image's size"):
            session.set_mask(wrong)  # pyright: ignore[reportArgumentType]
    with pytest.raises(DraglabError, match="feather"):
        session.set_mask(half(), feather=-1)


def test_settings_are_no_part_of_the_history(journal):
    session = EditingSession.create(journal, generator_of, StartSpec("tiny", 3))
    session.set_settings({"r1": 5.0, "max_steps": 7})
    assert kinds(session) == ["start"] and not session.view().can_undo
    assert session.view().changed == ["max_steps", "r1"]
    session.set_settings({"r1": 3.0})
    assert session.view().changed == ["max_steps"]
    session.reset_settings()
    assert session.view().settings == asdict(DragSettings())
    with pytest.raises(DraglabError, match="r1 is -1"):
        session.set_settings({"r1": -1.0})
    with pytest.raises(DraglabError, match="unknown setting 'speed'"):
        session.set_settings({"speed": 1})


@pytest.mark.parametrize(
    ("points", "message"),
    [
        ([Point(1, (40, 1))], "outside the image"),
        ([Point(1, (1, 1), (1, float("nan")))], "finite"),
        ([Point(1, (1, 1)), Point(1, (2, 2))], "same id"),
    ],
)
def test_points_that_do_not_fit(journal, points, message):
    session = new_session(journal)
    with pytest.raises(DraglabError, match=message):
        session.set_points(points)
    assert session.view().points == []


@pytest.mark.parametrize(
    ("points", "message"),
    [
        ([], "press on the image and pull"),
        ([Point(1, (1, 1))], "press on the image and pull"),
        ([Point(1, (1, 1), (1, 1))], "press on the image and pull"),
        ([Point(1, (1, 1), (1, 1.005))], "already where it should go"),
    ],
)
def test_a_drag_needs_somewhere_to_go(journal, points, message):
    session = new_session(journal)
    session.set_points(points)
    with pytest.raises(DraglabError, match=message):
        session.rounds.start()
    assert not session.rounds.running


def test_another_model_of_the_same_name_is_noticed(journal):
    session = new_session(journal)
    other = EditingSession.open(journal, lambda name: tiny_generator(channel_max=8), session.document.id)
    with pytest.raises(DraglabError, match="another one than when this was made"):
        other.pictures.current()


def test_a_step_that_cannot_be_written_down_ends_the_drag(journal, monkeypatch):
    session = new_session(journal)
    session.set_points([FAR])
    session.rounds.start()
    session.rounds.step()
    kept = session.pictures.current()

    def full(*arguments):
        raise DraglabError("cannot keep sessions: the disk is full")

    with monkeypatch.context() as broken:
        broken.setattr(journal, "append", full)
        with pytest.raises(DraglabError, match="disk is full"):
            session.rounds.step()
        assert not session.rounds.running
    assert (session.pictures.current() == kept).all()
    assert reopened(session).view().nodes[-1].end == "interrupted"


def test_two_sessions_take_turns(journal):
    alone = new_session(journal)
    dragged(alone)
    sessions = [new_session(journal) for _ in range(2)]
    for session in sessions:
        session.set_points([FAR])
        session.rounds.start()
    while any(session.rounds.running for session in sessions):
        for session in sessions:
            session.rounds.step()
    assert all((session.pictures.current() == alone.pictures.current()).all() for session in sessions)
