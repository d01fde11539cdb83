import pytest

from draglab.editor.journal import Journal
from draglab.editor.session import EditingSession
from tests.editor.pulls import MEASURED, session_of
from tests.editor.sessions import GENERATOR


@pytest.fixture
def journal(tmp_path):
    made = Journal(tmp_path / "data")
    yield made
    made.file.close()


@pytest.fixture(params=[GENERATOR, MEASURED], ids=["first-order", "gauss-newton"])
def session(request: pytest.FixtureRequest, journal: Journal) -> EditingSession:
    """A session whose drags are those of each method, and end late."""
    return session_of(journal, request.param)
