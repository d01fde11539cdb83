"""Points come, move and go one at a time, whatever runs."""

from dataclasses import replace

import pytest

from draglab import DraglabError
from draglab.editor.branch import edit_file_of
from draglab.editor.session import EditingSession
from draglab.editor.state import Point
from tests.editor.sessions import FAR, generator_of, new_session, reopened, run

OTHER = Point(2, (20, 20), (24, 20))


def test_points_come_move_and_go_by_themselves(journal):
    session = new_session(journal)
    session.add_point(FAR)
    session.add_point(OTHER)
    session.add_point(OTHER)
    session.move_point(1, target=(9, 14))
    session.move_point(2, handle=(21, 20))
    assert session.document.points == (replace(FAR, target=(9, 14)), replace(OTHER, handle=(21, 20)))
    session.move_point(1, no_target=True)
    session.remove_points([2, 99])
    assert session.document.points == (replace(FAR, target=None),)
    session.remove_points()
    assert session.document.points == ()
    assert len(session.view().nodes) == 1 + 7
    assert reopened(session).document.points == ()
    for points in (1, 2, 2, 2, 2, 1, 0):
        session.undo()
        assert len(session.document.points) == points


def test_a_gesture_with_one_point_is_one_entry(journal):
    session = new_session(journal)
    session.add_point(FAR)
    for x in (10, 11, 12):
        session.move_point(1, target=(x, 9), gesture_done=False)
        assert session.document.points[0].target == (x, 9)
    session.move_point(1, target=(13, 9))
    assert [node.kind for node in session.view().nodes] == ["start", "points", "points"]


def test_a_target_moves_while_it_runs_and_anything_else_ends_the_drag(journal):
    session = new_session(journal)
    session.add_point(FAR)
    session.rounds.start()
    session.rounds.step()
    tracked = session.document.points[0].handle
    session.move_point(1, target=(8, 20), gesture_done=False)
    assert session.rounds.running and session.document.points[0] == Point(1, tracked, (8, 20))
    session.add_point(OTHER)
    assert not session.rounds.running and [point.id for point in session.document.points] == [1, 2]
    for change in (
        lambda: session.move_point(1, handle=(9, 9)),
        lambda: session.move_point(2, no_target=True),
        lambda: session.remove_points([1]),
    ):
        session.add_point(FAR)
        session.rounds.start()
        session.rounds.step()
        change()
        assert not session.rounds.running
    assert [point.id for point in session.document.points] == [2]


def test_a_point_that_is_gone_or_outside_says_so(journal):
    session = new_session(journal)
    session.add_point(FAR)
    with pytest.raises(DraglabError, match="no longer there"):
        session.move_point(7, target=(1, 1))
    with pytest.raises(DraglabError, match="outside the image"):
        session.add_point(Point(2, (99, 1)))
    with pytest.raises(DraglabError, match="outside the image"):
        session.move_point(1, target=(1, -3))
    assert session.document.points == (FAR,)
    session.rounds.start()
    assert run(session)


def test_a_pull_elsewhere_begins_without_the_handles_of_the_round_before(journal):
    session = new_session(journal, steps=2)
    session.add_point(FAR)
    session.rounds.start()
    run(session)
    (rests,) = session.document.points
    assert rests.resting and rests.id == 1
    session.add_point(OTHER)
    # It can still be seen, and pulled again, until the round begins.
    assert [point.resting for point in session.document.points] == [True, False]
    session.rounds.start()
    assert [point.id for point in session.document.points] == [2]
    (report, *_) = run(session)
    assert len(report.handles) == 1
    assert reopened(session).document.points == session.document.points
    session.undo()
    assert [point.id for point in session.document.points] == [1, 2]


def test_a_handle_pulled_again_goes_on_from_where_it_is(journal):
    session = new_session(journal, steps=2)
    for point in (FAR, OTHER):
        session.add_point(point)
    session.rounds.start()
    assert len(run(session)[0].handles) == 2
    before = session.document.points[0].handle
    session.move_point(1, target=(16, 12))
    session.rounds.start()
    assert [point.id for point in session.document.points] == [1]
    assert session.document.history.node.round.handles == (before,)  # pyright: ignore[reportOptionalMemberAccess]


def test_a_round_of_resting_handles_alone_goes_on_with_all(journal):
    session = new_session(journal, steps=2)
    for point in (FAR, OTHER):
        session.add_point(point)
    for _ in range(2):
        session.rounds.start()
        assert [point.resting for point in session.document.points] == [False, False]
        assert len(run(session)[0].handles) == 2


def test_handles_of_a_paused_round_pull_on_and_those_of_a_stopped_one_do_not(journal):
    session = new_session(journal)
    session.add_point(FAR)
    session.rounds.start()
    session.rounds.step()
    session.add_point(OTHER)
    session.rounds.start()
    assert len(session.document.points) == 2
    session.rounds.stop()
    session.add_point(Point(3, (5, 25), (9, 25)))
    session.rounds.start()
    assert [point.id for point in session.document.points] == [3]


def test_a_round_that_goes_on_because_its_target_is_pulled_further_does_not_rest(journal):
    session = new_session(journal, steps=9, stop_distance=5.5)
    session.add_point(FAR)
    session.rounds.start()
    session.move_point(1, target=(14, 9), gesture_done=False)
    assert run(session)[-1].end == "arrived"
    session.move_point(1, target=(28, 9), gesture_done=False)
    assert session.rounds.running and not session.document.points[0].resting


def test_a_pin_holds_its_place_in_every_round_until_it_is_let_go(journal):
    session = new_session(journal)
    session.add_point(replace(OTHER, target=None, pin=True))
    (pin,) = session.document.points
    assert pin.handle == pin.target == (20, 20)
    with pytest.raises(DraglabError, match="press on the image and pull"):
        session.rounds.start()
    for target in ((14.5, 9), (12, 14)):
        session.add_point(replace(FAR, target=target))
        session.rounds.start()
        (report, *_) = run(session)
        # It is supervised and tracked as a handle is, and what is left is told of the others alone.
        assert len(report.handles) == len(report.distances) == 2
        assert report.mean_distance == report.distances[1]
        pin, handle = session.document.points
        assert pin.pin and not pin.resting and pin.target == (20, 20)
        assert handle.resting
    assert reopened(session).document.points == session.document.points
    session.remove_points([2])
    assert [point.id for point in session.document.points] == [1]
    session.undo()
    assert session.document.points[0].pin


def test_what_is_pinned_moves_less(journal):
    moved = []
    for pinned in (False, True):
        session = new_session(journal, steps=8, anchor=0.7, back_off=None)
        if pinned:
            session.add_point(Point(2, (20, 20), pin=True))
        session.add_point(FAR)
        before = session.pictures.current().astype(int)
        session.rounds.start()
        run(session)
        around = slice(18, 23), slice(18, 23)
        last = session.pictures.frame(session.view().cursor, 8)
        moved.append(abs(last.astype(int) - before)[around].mean())
    assert moved[1] < 0.8 * moved[0]


def test_a_handle_is_pinned_where_it_is_and_a_pin_that_is_pulled_is_a_handle(journal):
    session = new_session(journal, steps=2)
    session.add_point(FAR)
    session.rounds.start()
    run(session)
    place = session.document.points[0].handle
    session.move_point(1, pin=True)
    assert session.document.points == (Point(1, place, place, pin=True),)
    session.move_point(1, handle=(5, 5))
    assert session.document.points == (Point(1, (5, 5), (5, 5), pin=True),)
    session.move_point(1, target=(9, 5))
    assert session.document.points == (Point(1, (5, 5), (9, 5)),)
    session.move_point(1, pin=True)
    session.move_point(1, pin=False)
    assert session.document.points == (Point(1, (5, 5)),)


def test_pins_come_back_from_an_edit_file(journal):
    session = new_session(journal)
    session.add_point(Point(2, (20, 20), pin=True))
    session.add_point(FAR)
    waiting = edit_file_of(session.document)
    assert [pair.handle == pair.target for pair in waiting.rounds[0].points] == [True, False]
    session.rounds.start()
    run(session)
    again = EditingSession.from_edit_file(journal, generator_of, edit_file_of(session.document))
    run(again)
    assert [point.pin for point in again.document.points] == [True, False]
    assert (again.pictures.current() == session.pictures.current()).all()
