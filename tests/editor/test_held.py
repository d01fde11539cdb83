"""What a drag would hold by itself, as the editor shows it."""

from __future__ import annotations

import numpy as np
import pytest

from draglab import DraglabError
from draglab.dragging import GaussNewtonRun
from draglab.dragging.locality import held_shares
from draglab.editor.held import held_cells
from draglab.editor.journal import Journal
from draglab.editor.session import EditingSession
from draglab.editor.state import Point
from tests.editor.test_pulls import GENERATOR, MEASURED, session_of

WAYS = [((8.0, 9.0), (14.0, 9.0)), ((20.0, 20.0), (20.0, 20.0))]


@pytest.fixture
def session(journal: Journal) -> EditingSession:
    return session_of(journal, MEASURED)


def test_it_is_what_the_drag_holds(session: EditingSession, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    def watched(*given: np.ndarray | float | tuple[int, int]) -> np.ndarray:
        seen.append(held_shares(*given))  # pyright: ignore[reportArgumentType]
        return seen[-1]

    monkeypatch.setattr("draglab.dragging.gauss_newton.held_shares", watched)
    found = held_cells(session.document, WAYS)
    for number, (handle, target) in enumerate(WAYS):
        session.add_point(Point(number, handle, target, pin=handle == target))
    session.rounds.start()
    assert isinstance(session.rounds.run, GaussNewtonRun)
    session.rounds.step()
    assert found is not None and 0 <= found.min() < found.max() <= 1
    np.testing.assert_array_equal(found, seen[0])
    assert found[2, 2] < 0.1  # on the way
    alone = held_cells(session.document, WAYS[:1])
    assert alone is not None and alone[7, 7] > 0.99 and found[5, 5] < alone[5, 5]


def test_nothing_is_held_where_the_drag_holds_nothing(session: EditingSession, journal: Journal) -> None:
    assert held_cells(session_of(journal, GENERATOR).document, WAYS) is None
    for settings in ({"locality": 0.0}, {"descent": "first-order"}):
        assert held_cells(session_of(journal, MEASURED, **settings).document, WAYS) is None
    mask = np.ones((32, 32), bool)
    mask[:4] = False
    session.set_mask(mask)
    assert held_cells(session.document, WAYS) is None


@pytest.mark.parametrize("ways", [[], WAYS[1:], [((8.0, 9.0), (40.0, 9.0))]], ids=["none", "pins", "outside"])
def test_what_is_no_drag_is_refused(session: EditingSession, ways: list) -> None:
    with pytest.raises(DraglabError):
        held_cells(session.document, ways)
