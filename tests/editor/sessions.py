"""Sessions for tests, on a model that is drawn and dragged in milliseconds."""

import numpy as np
from numpy.typing import NDArray

from draglab.editor.document import Source
from draglab.editor.journal import Journal
from draglab.editor.photo import StoredPhoto
from draglab.editor.pictures import decode_thumbnail
from draglab.editor.session import EditingSession
from draglab.editor.state import Point, StartSpec, StepReport
from draglab.generators import Generator
from draglab.inversion.inverted_photo import tuned_generator
from tests.tiny import tiny_generator

GENERATOR = tiny_generator()
FAR = Point(1, (8, 9), (14.5, 9))
"""The first step brings this handle to 5.1 pixels from its target, and no step to less than 4."""


def generator_of(source: Source) -> Generator:
    """The tiny model, or what was tuned to a photo."""
    if isinstance(source, StoredPhoto):
        return tuned_generator(source.content(), GENERATOR, "the photo")
    assert source == "tiny"
    return GENERATOR


def new_session(journal: Journal, steps: int = 4, **settings) -> EditingSession:
    """One that drags for so many steps."""
    session = EditingSession.create(journal, generator_of, StartSpec("tiny", 3))
    session.set_settings({"max_steps": steps, "patience": None, "stop_distance": 0.01, **settings})
    return session


def reopened(session: EditingSession) -> EditingSession:
    return EditingSession.open(session.document.journal, generator_of, session.document.id)


def run(session: EditingSession) -> list[StepReport]:
    """To the end of what runs."""
    return list(iter(session.rounds.step, None))


def dragged(session: EditingSession, *points: Point) -> list[StepReport]:
    session.set_points(points or (FAR,))
    session.rounds.start()
    return run(session)


def thumbnail(session: EditingSession, node: int) -> NDArray[np.uint8]:
    """The small picture of an entry of the history."""
    data = session.pictures.thumbnail(session.document.history.get(node).latent_id)
    assert data is not None
    picture = decode_thumbnail(data)
    assert picture is not None
    return picture
