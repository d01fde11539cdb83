"""Pulls that the image follows: what waits, what ends them, and what undo takes back."""

from __future__ import annotations

import numpy as np
import pytest

from draglab import DraglabError
from draglab.editor import pull as pulls
from draglab.editor.state import Point, StartSpec
from tests.editor.pulls import MEASURED, generator_in, kinds, let_go, pull, same_pixels, session_of, way
from tests.editor.sessions import dragged, new_session, run


def test_a_pull_is_one_entry_that_undo_takes_back(session):
    before = session.pictures.current()
    pull(session, way((9, 9), (10, 9.5), (11, 10)))
    assert session.view().state == "running" and session.rounds.pulling
    assert kinds(session) == ["start"]
    (point,) = session.view().points
    assert point.target == (11, 10) and point.handle != (8, 9)
    shown = session.pictures.current()
    assert (shown != before).any()
    let_go(session, Point(1, (8, 9), (12, 10)))
    assert kinds(session) == ["start", "round"]
    node = session.view().nodes[-1]
    assert node.end is not None and node.frames >= 3
    assert node.label.startswith("Drag, ")
    (point,) = session.view().points
    assert point.target == (12, 10) and point.resting
    session.undo()
    assert session.view().points == [] and not session.view().can_undo
    assert (session.pictures.current() == before).all()
    session.redo()
    assert session.view().cursor == node.id


def test_it_waits_where_the_hand_rests(session):
    session.set_settings({"stop_distance": 2.0, "max_steps": 50})
    pull(session, way((10.5, 9)), steps=60)
    assert session.rounds.running and not session.rounds.due
    assert session.rounds.step() is None
    made = session.rounds.run.last.index
    pull(session, way((13, 9)))
    assert session.rounds.run.last.index == made + 1
    session.rounds.let_go()
    assert not session.rounds.pulling
    run(session)
    assert session.view().nodes[-1].end is not None


def test_gauss_newton_comes_closer_than_the_stop_distance_while_the_hand_is_down(journal):
    session = session_of(journal, MEASURED, stop_distance=2.0, max_steps=50)
    pull(session, way((9.5, 9)), steps=9)
    run_ = session.rounds.run
    assert run_ is not None and run_.last is not None, "what is within the stop distance already is followed, too"
    assert run_.within(pulls.FINE * 2.0) or not session.rounds.due
    pull(session, way((10, 9), (10.5, 9), (11, 9)), steps=3)
    let_go(session, Point(1, (8, 9), (11, 9)))
    assert session.view().nodes[-1].end == "arrived"
    assert same_pixels(session, MEASURED)


@pytest.mark.parametrize("takes_back", [lambda session: session.rounds.take_back(), lambda session: session.undo()])
def test_taken_back_it_leaves_no_trace(session, takes_back):
    dragged(session, Point(5, (20, 20), (20, 24)))
    before, last, shown = session.view(), session.document.history.last, session.pictures.current()
    pull(session, way((10, 9), (12, 9)))
    assert len(session.view().points) == 2
    takes_back(session)
    assert session.document.history.last == last
    assert session.view() == before
    assert (session.pictures.current() == shown).all()
    # Whatever the hand does before it lets go.
    pull(session, way((14, 9)))
    session.pull([Point(1, (8, 9), (14, 9))], 1, done=True)
    assert session.view() == before
    session.pull([Point(1, (8, 9), (14, 9))], 2)
    assert session.rounds.pulling


@pytest.mark.parametrize(
    "ends",
    [
        lambda session: session.rounds.stop(),
        lambda session: session.set_mask(np.eye(32, dtype=bool)),
        lambda session: session.add_point(Point(9, (20, 20))),
        lambda session: session.set_start(StartSpec("tiny", 8)),
        lambda session: session.remove_points(),
    ],
)
def test_what_else_ends_it_ends_its_gesture(session, ends):
    session.set_settings({"max_steps": 100})
    pull(session, way((10, 9), (12, 9)))
    ends(session)
    assert not session.rounds.running
    assert kinds(session)[:2] == ["start", "round"]
    assert session.view().nodes[1].end == "stopped"
    left = session.view()
    pull(session, way((20, 9)))
    session.pull([Point(1, (8, 9), (20, 9))], 1, done=True)
    assert session.view() == left


def test_the_next_pull_goes_on_with_what_has_not_arrived(session):
    session.set_settings({"max_steps": 100})
    pull(session, way((10, 9), (12, 9)))
    session.pull([Point(1, (8, 9), (14, 9))], 1, done=True)
    session.rounds.step()
    assert session.rounds.running and not session.rounds.pulling
    pull(session, way((20, 22), (20, 24), point=2, handle=(20, 20)), gesture=2)
    assert kinds(session) == ["start", "round"]
    assert [point.id for point in session.view().points if not point.resting] == [1, 2]
    let_go(session, Point(2, (20, 20), (20, 24)), gesture=2)
    assert kinds(session) == ["start", "round", "round"]
    second = session.document.history.node.round
    assert second is not None and second.ids == (1, 2)
    assert second.targets[0] == (14, 9)
    session.undo()
    assert [point.id for point in session.view().points] == [1]
    session.redo()
    assert same_pixels(session, generator_in(session))


def test_what_has_arrived_rests_and_pins_hold(session):
    session.set_settings({"stop_distance": 3.0})
    session.add_point(Point(7, (25, 25), pin=True))
    pull(session, way((10, 9), (12, 9)), steps=9)
    let_go(session, Point(1, (8, 9), (12, 9)))
    resting = {point.id: point.resting for point in session.view().points}
    assert resting == {7: False, 1: True}
    pull(session, way((20, 27), point=2, handle=(20, 20)), gesture=2)
    assert [point.id for point in session.view().points] == [7, 1, 2]
    let_go(session, Point(2, (20, 20), (20, 27)), gesture=2)
    last = session.document.history.node.round
    assert last is not None and last.ids == (7, 2)
    assert [point.id for point in session.view().points] == [7, 2]
    assert same_pixels(session, generator_in(session))


def test_a_pin_that_is_pulled_is_a_handle(session):
    session.add_point(Point(1, (8, 9), pin=True))
    pull(session, way((10, 9)))
    let_go(session, Point(1, (8, 9), (12, 9)))
    (point,) = session.view().points
    assert not point.pin and point.target == (12, 9)


def test_two_hands_pull_at_once(session):
    pull(session, way((10, 9)), gesture=1)
    pull(session, way((20, 22), point=2, handle=(20, 20)), gesture=2)
    pull(session, way((11, 9)), gesture=1)
    pull(session, way((20, 23), point=2, handle=(20, 20)), gesture=2)
    assert [point.target for point in session.view().points] == [(11, 9), (20, 23)]
    # The first has let go of nothing that the second began.
    session.pull([Point(1, (8, 9), (11, 9))], 1, done=True)
    assert session.rounds.pulling
    let_go(session, Point(2, (20, 20), (20, 23)), gesture=2)
    assert kinds(session) == ["start", "round", "round"]
    assert same_pixels(session, generator_in(session))


def test_a_flick_is_a_round(session):
    """Let go before the first step."""
    session.pull([Point(1, (8, 9), (10, 9))], 1)
    let_go(session, Point(1, (8, 9), (14, 9)))
    assert kinds(session) == ["start", "round"]
    straight = session_of(session.document.journal, generator_in(session))
    if straight.document.generator(straight.document.history.node).statistics is None:
        dragged(straight, Point(1, (8, 9), (14, 9)))
        assert (straight.pictures.current() == session.pictures.current()).all()
    assert same_pixels(session, generator_in(session))


def test_a_short_pull_to_where_it_has_arrived_sets_a_target(session):
    session.set_settings({"stop_distance": 5.0})
    session.pull([Point(1, (8, 9), (8, 9))], 1)
    assert session.rounds.step() is None
    let_go(session, Point(1, (8, 9), (9, 9)))
    assert kinds(session) == ["start", "points"]
    assert session.view().points == [Point(1, (8, 9), (9, 9))]


def test_a_pull_that_diverges_says_so(journal):
    session = session_of(journal, step_size=3e37, step_unit="absolute")
    pull(session, way((12, 9), (13, 9), (14, 9)), steps=3)
    assert not session.rounds.running
    assert session.view().nodes[-1].end == "diverged"
    assert "Lower it in the settings" in session.view().message


def test_a_pull_that_cannot_begin_is_over(session, monkeypatch):
    session.set_settings({"feature_layer": 99})
    session.pull([Point(1, (8, 9), (12, 9))], 1)
    with pytest.raises(DraglabError, match="feature"):
        session.rounds.step()
    assert not session.rounds.running and session.view().points == []
    session.pull([Point(1, (8, 9), (13, 9))], 1)
    assert not session.rounds.running


@pytest.mark.parametrize(
    ("point", "message"),
    [
        (Point(1, (8, 9)), "needs a target"),
        (Point(1, (80, 9), (8, 9)), "outside the image"),
        (Point(1, (8, 9), (8, 90)), "outside the image"),
    ],
)
def test_places_that_do_not_fit(journal, point, message):
    session = new_session(journal)
    with pytest.raises(DraglabError, match=message):
        session.pull([point], 1)
    assert not session.rounds.running


def test_with_a_mask_it_follows_as_well_as_steps_allow(session):
    mask = np.ones((32, 32), bool)
    mask[:, 24:] = False
    session.set_mask(mask)
    pull(session, way((9, 9), (10, 9), (11, 9)), steps=2)
    let_go(session, Point(1, (8, 9), (12, 9)))
    assert kinds(session) == ["start", "mask", "round"]
    assert same_pixels(session, generator_in(session))


def test_several_points_are_pulled_as_one_entry(session):
    """As a region is: all follow, one undo takes back the whole, and the file repeats it."""
    session.add_point(Point(9, (25, 25), (25, 25), pin=True))
    before = session.pictures.current()
    for far in (1, 2, 3):
        session.pull([Point(1, (8, 9), (8 + far, 9)), Point(2, (14, 9), (14 + far, 9))], 1)
        session.rounds.step()
    assert [point.id for point in session.view().points] == [9, 1, 2]
    assert session.view().points[0].pin and [point.target for point in session.view().points[1:]] == [(11, 9), (17, 9)]
    assert kinds(session) == ["start", "points"]
    session.pull([Point(1, (8, 9), (12, 9)), Point(2, (14, 9), (18, 9))], 1, done=True)
    run(session)
    record = session.document.history.node.round
    assert record is not None and record.ids == (9, 1, 2)
    assert kinds(session) == ["start", "points", "round"]
    assert same_pixels(session, generator_in(session))
    session.undo()
    assert [point.id for point in session.view().points] == [9]
    assert (session.pictures.current() == before).all()


def test_points_of_which_some_are_left_out_of_a_pull_begin_another(session):
    session.pull([Point(1, (8, 9), (11, 9))], 1)
    session.rounds.step()
    session.pull([Point(1, (8, 9), (12, 9)), Point(2, (14, 9), (16, 9))], 2)
    session.rounds.step()
    session.pull([Point(1, (8, 9), (12, 9)), Point(2, (14, 9), (16, 9))], 2, done=True)
    run(session)
    assert kinds(session) == ["start", "round", "round"]
    record = session.document.history.node.round
    assert record is not None and record.ids == (1, 2)


def test_one_point_without_a_target_refuses_the_pull(session):
    with pytest.raises(DraglabError, match="needs a target"):
        session.pull([Point(1, (8, 9), (11, 9)), Point(2, (14, 9))], 1)
    assert session.view().points == []


def test_letting_go_twice_is_one_pull(session):
    """A page repeats what was not answered, for instance after its connection was lost."""
    pull(session, way((10, 9), (11, 9)))
    session.pull([Point(1, (8, 9), (12, 9))], 1, done=True)
    session.rounds.stop()
    session.pull([Point(1, (8, 9), (12, 9))], 1, done=True)
    assert not session.rounds.running and kinds(session) == ["start", "round"]
