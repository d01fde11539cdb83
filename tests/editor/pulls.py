"""Sessions for tests of pulls, and hands that pull."""

from __future__ import annotations

import copy
from collections.abc import Iterator

from draglab.editor.branch import edit_file_of
from draglab.editor.journal import Journal
from draglab.editor.replay import Replay
from draglab.editor.session import EditingSession
from draglab.editor.state import Point, StartSpec
from draglab.generators import Generator
from draglab.generators.statistics import measure_statistics
from draglab.media.edit_file import parse_edit_file
from tests.editor.sessions import GENERATOR, run

MEASURED = copy.deepcopy(GENERATOR)
"""The same model with statistics: its drags are Gauss-Newton's."""
MEASURED.statistics = measure_statistics(MEASURED)
FINE = {"stop_distance": 0.01, "max_steps": 6, "patience": None}


def session_of(journal: Journal, generator: Generator = GENERATOR, **settings) -> EditingSession:
    session = EditingSession.create(journal, lambda name: generator, StartSpec("tiny", 3))
    session.set_settings({**FINE, **settings})
    return session


def way(*places: tuple[float, float], point: int = 1, handle: tuple[float, float] = (8, 9)) -> Iterator[Point]:
    return (Point(point, handle, place) for place in places)


def pull(session: EditingSession, points: Iterator[Point], gesture: int = 1, steps: int = 1) -> None:
    """With the hand still down, and so many steps after each move."""
    for point in points:
        session.pull([point], gesture)
        for _ in range(steps):
            if session.rounds.due:
                session.rounds.step()


def let_go(session: EditingSession, point: Point, gesture: int = 1) -> None:
    session.pull([point], gesture, done=True)
    run(session)


def kinds(session: EditingSession) -> list[str]:
    return [node.kind for node in session.view().nodes]


def same_pixels(session: EditingSession, generator) -> bool:
    """Whether the session's edit file, written and read, repeats its image bit by bit."""
    edit = parse_edit_file(edit_file_of(session.document).model_dump_json().encode())
    replay = Replay(edit, generator)
    for _ in replay:
        pass
    return bool((replay.image() == session.pictures.current()).all())


def generator_in(session: EditingSession):
    return session.document.generator(session.document.history.node)
