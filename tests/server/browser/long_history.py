"""Sessions of many entries, written straight into a journal: to drag them would take minutes."""

from dataclasses import asdict
from pathlib import Path

from draglab import DragSettings
from draglab.editor.document import latent_bytes
from draglab.editor.journal import Journal
from draglab.editor.session import EditingSession
from draglab.editor.state import Point, StartSpec
from draglab.generators import Generator

STEPS = 3


def write_long_session(folder: Path, generator: Generator, entries: int) -> str:
    """A session in a data folder whose history has so many entries: the start, then rounds; its id."""
    journal = Journal(folder)
    try:
        session = EditingSession.create(journal, lambda name: generator, StartSpec(generator.name, 78))
        session.set_points([Point(1, (20, 20), (24, 24))])
        document = session.document
        latent = latent_bytes(generator.w_plus_from_seed(78))
        for _ in range(entries - 2):
            body = {"parent": document.history.cursor, "ids": [1], "settings": asdict(DragSettings())}
            node = document.record("round", body)
            for step in range(STEPS):
                frame = {"node": node, "handles": [[20 + step, 20 + step]], "loss": 0.1}
                document.record("frame", frame, latent)
            document.record("end", {"node": node, "reason": "arrived"})
        assert len(session.view().nodes) == entries
        return session.document.id
    finally:
        journal.file.close()
