import pytest

from draglab.editor.journal import Journal


@pytest.fixture
def journal(tmp_path):
    made = Journal(tmp_path / "data")
    yield made
    made.file.close()
