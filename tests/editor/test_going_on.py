"""A drag that does not arrive: its best step is kept, and it can be let go on."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from draglab import DraglabError
from draglab.dragging import DragRun, DragStep
from draglab.editor.branch import edit_file_of
from draglab.editor.journal import Journal
from draglab.editor.session import EditingSession
from draglab.editor.state import Point
from tests.editor.sessions import FAR, dragged, new_session, reopened, run, thumbnail

LAST = 8
OTHER = Point(2, (20, 20), (20, 26))


@pytest.fixture
def giving_up(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Lets drags that have patience end for that reason after step 8."""
    conclude = DragRun.conclude

    def begin() -> None:
        def ends(self: DragRun, *found: Any) -> DragStep | None:
            made = conclude(self, *found)
            if made is not None and made.index == LAST and self.settings.patience is not None:
                self.stop_reason = "stalled"
            return made

        monkeypatch.setattr(DragRun, "conclude", ends)

    return begin


def given_up(journal: Journal, *points: Point) -> tuple[EditingSession, int]:
    """A session whose drag has given up, and which of its steps is best: not the last one."""
    session = new_session(journal, steps=12, patience=11)
    reports = dragged(session, *points)
    assert len(reports) == LAST
    best = min(reports, key=lambda report: report.mean_distance).step
    assert best < LAST
    return session, best


def test_the_best_step_is_kept_and_all_can_be_seen(journal, giving_up):
    giving_up()
    session, best = given_up(journal)
    node = session.view().nodes[-1]
    assert (node.end, node.frames, node.kept, node.label) == ("stalled", LAST, best, f"Drag, step {best} of {LAST}")
    assert (session.pictures.current() == session.pictures.frame(node.id, best)).all()
    assert (session.pictures.current() != session.pictures.frame(node.id, LAST)).any()
    (point,) = session.view().points
    left = math.dist(point.handle, FAR.target or FAR.handle)
    assert session.view().message == (
        f"Stopped: the point no longer moves closer; {left:.1f} px are left. Step {best} of {LAST} is kept."
    )
    again = reopened(session)
    assert (again.pictures.current() == session.pictures.current()).all()
    assert again.view().nodes == session.view().nodes and again.view().points == session.view().points
    session.continue_from(node.id, LAST)
    assert (session.pictures.current() == session.pictures.frame(node.id, LAST)).all()


def test_several_points_are_told_by_their_average(journal, giving_up):
    giving_up()
    session, _ = given_up(journal)
    dragged(session, FAR, OTHER)
    assert session.view().message.startswith("Stopped: the points no longer move closer; ")
    assert "px are left on average." in session.view().message


def test_going_on_takes_the_steps_that_patience_took_away(journal, giving_up):
    whole = new_session(journal, steps=12)
    dragged(whole)
    giving_up()
    session, _ = given_up(journal)
    node = session.view().cursor
    assert session.view().can_go_on
    session.rounds.go_on()
    assert session.rounds.running and session.view().cursor == node
    assert session.view().nodes[-1].end is None and not session.view().can_go_on
    reports = run(session)
    assert [report.step for report in reports] == [9, 10, 11, 12]
    assert reports[-1].end == "max_steps"
    for frame in range(1, 13):
        both = [each.pictures.frame(each.view().cursor, frame) for each in (session, whole)]
        assert (both[0] == both[1]).all()
    assert (session.pictures.current() == whole.pictures.current()).all()
    assert not session.view().can_go_on
    assert (reopened(session).pictures.current() == session.pictures.current()).all()


def test_what_went_on_is_made_again_from_its_file(journal, giving_up):
    giving_up()
    session, _ = given_up(journal)
    session.rounds.go_on()
    session.rounds.step()
    session.rounds.step()
    session.rounds.stop()
    node = session.view().nodes[-1]
    assert (node.frames, node.kept, node.end) == (10, 10, "stopped")
    again = EditingSession.from_edit_file(journal, session.document.generator_of, edit_file_of(session.document))
    run(again)
    assert again.view().nodes[-1].frames == 10
    assert (again.pictures.current() == session.pictures.current()).all()


def test_a_picture_of_the_list_follows(journal, giving_up):
    giving_up()
    session, _ = given_up(journal)
    node, before = session.view().nodes[-1], thumbnail(session, session.view().cursor)
    session.rounds.go_on()
    session.rounds.step()
    session.rounds.stop()
    after = session.view().nodes[-1]
    assert after.picture != node.picture
    assert (thumbnail(session, node.id) != before).any()


def test_only_what_gave_up_and_is_shown_goes_on(journal, giving_up):
    session = new_session(journal)
    for _ in range(2):
        with pytest.raises(DraglabError, match="cannot go on by itself any more: run it again"):
            session.rounds.go_on()
        dragged(session)
    assert "(max_steps)" in session.view().message and not session.view().can_go_on
    giving_up()
    session, _ = given_up(journal)
    node = session.view().cursor
    session.undo()
    assert not session.view().can_go_on
    session.goto(node)
    assert session.view().can_go_on
    assert not reopened(session).view().can_go_on
    session.set_points([replace(FAR, target=(2, 9))])
    session.rounds.start()
    session.rounds.stop()
    session.goto(node)
    assert not session.view().can_go_on


def test_another_entry_of_the_history_ends_a_drag_at_its_best(journal):
    session = new_session(journal, steps=9)
    session.set_points([FAR])
    session.rounds.start()
    reports = [report for _ in range(4) if (report := session.rounds.step()) is not None]
    best = min(reports, key=lambda report: report.mean_distance).step
    assert best < 4
    node = session.view().cursor
    session.goto(session.view().original)
    kept = next(each for each in session.view().nodes if each.id == node)
    assert (kept.end, kept.frames, kept.kept) == ("stopped", 4, best)
    session.goto(node)
    assert (session.pictures.current() == session.pictures.frame(node, best)).all()
    assert session.view().message.endswith(f"px are left. Step {best} of 4 is kept.")
