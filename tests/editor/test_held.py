"""What a drag would hold by itself, as the editor shows it."""

from __future__ import annotations

import numpy as np
import pytest

from draglab import DraglabError
from draglab.dragging import GaussNewtonRun
from draglab.dragging.locality import held_places
from draglab.editor.held import PLACES, held_map
from draglab.editor.journal import Journal
from draglab.editor.session import EditingSession
from draglab.editor.state import Point
from tests.editor.pulls import MEASURED, session_of
from tests.editor.sessions import GENERATOR

WAYS = [((8.0, 9.0), (14.0, 9.0)), ((20.0, 20.0), (20.0, 20.0))]


@pytest.fixture
def session(journal: Journal) -> EditingSession:
    return session_of(journal, MEASURED)


def test_it_is_what_the_drag_holds(session: EditingSession, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    def watched(*given: np.ndarray | tuple[int, int]) -> np.ndarray:
        seen.append(held_places(*given))  # pyright: ignore[reportArgumentType]
        return seen[-1]

    monkeypatch.setattr("draglab.dragging.gauss_newton.held_places", watched)
    found = held_map(session.document, WAYS)
    watched_ways = np.array([way[0] for way in WAYS]), np.array([way[1] for way in WAYS])
    for number, (handle, target) in enumerate(WAYS):
        session.add_point(Point(number, handle, target, pin=handle == target))
    session.rounds.start()
    assert isinstance(session.rounds.run, GaussNewtonRun)
    session.rounds.step()
    assert found is not None and 0 <= found.min() < found.max() <= 1
    # The drag holds the places that its model knows of; the map has some for people to look at.
    assert len(seen) == 1 and found.shape == (PLACES, PLACES)
    shape, metric = (32, 32), session.rounds.run.metric
    np.testing.assert_allclose(seen[0], held_places(metric.places, *watched_ways, shape))
    for row, column in ((9, 11), (3, 30), (20, 12)):
        place = (np.array([column, row]) + 0.5) / PLACES
        np.testing.assert_allclose(found[row, column], held_places(place, *watched_ways, shape))
    assert found[9, 11] < 0.1  # on the way
    alone = held_map(session.document, WAYS[:1])
    assert alone is not None and alone[31, 31] > 0.99 and found[20, 20] < alone[20, 20]


def test_nothing_is_held_where_the_drag_holds_nothing(session: EditingSession, journal: Journal) -> None:
    assert held_map(session_of(journal, GENERATOR).document, WAYS) is None
    for settings in ({"locality": 0.0}, {"descent": "first-order"}):
        assert held_map(session_of(journal, MEASURED, **settings).document, WAYS) is None
    mask = np.ones((32, 32), bool)
    mask[:4] = False
    session.set_mask(mask)
    assert held_map(session.document, WAYS) is None


@pytest.mark.parametrize("ways", [[], WAYS[1:], [((8.0, 9.0), (40.0, 9.0))]], ids=["none", "pins", "outside"])
def test_what_is_no_drag_is_refused(session: EditingSession, ways: list) -> None:
    with pytest.raises(DraglabError):
        held_map(session.document, ways)
