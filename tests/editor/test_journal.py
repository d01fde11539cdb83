"""What is on disk survives: a crash, damage, another version, too little room."""

import re
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from draglab import DraglabError
from draglab.editor.journal import Journal
from draglab.editor.journal_file import FILE
from draglab.editor.session import EditingSession
from draglab.editor.state import StartSpec
from draglab.folders import data_folder
from tests.editor.sessions import FAR, dragged, generator_of, new_session, reopened, thumbnail

REPOSITORY = Path(__file__).resolve().parents[2]
ENDLESS = """
import sys
from draglab.editor.journal import Journal
from tests.editor.sessions import FAR, new_session
session = new_session(Journal(sys.argv[1]), steps=10**6)
session.set_points([FAR])
session.rounds.start()
print(session.document.id, flush=True)
while True:
    print(session.rounds.step().step, flush=True)
"""


def test_killed_in_the_middle_of_a_drag(tmp_path):
    """At most the step that ran is lost."""
    command = [sys.executable, "-c", ENDLESS, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=REPOSITORY) as process:
        assert process.stdout is not None
        session_id = process.stdout.readline().strip()
        answered = [process.stdout.readline().strip() for _ in range(3)]
        process.send_signal(signal.SIGKILL)
        answered += process.stdout.read().split()
    journal = Journal(tmp_path)
    assert [info.id for info in journal.sessions()] == [session_id]
    session = EditingSession.open(journal, generator_of, session_id)
    (node,) = [node for node in session.view().nodes if node.kind == "round"]
    assert node.end == "interrupted"
    assert int(answered[-1]) <= node.frames <= int(answered[-1]) + 1
    assert f"after {node.frames} steps" in session.view().message
    assert (session.pictures.current() == session.pictures.frame(node.id, node.frames)).all()
    session.rounds.start()
    assert session.rounds.step() is not None


def test_an_open_session_is_the_same_again(journal):
    session = new_session(journal)
    dragged(session)
    again = reopened(session)
    assert again.view() == session.view()
    assert (again.pictures.current() == session.pictures.current()).all()


def test_the_list(journal):
    first, second = new_session(journal), new_session(journal)
    dragged(first)
    thumbnail(first, first.view().cursor)
    infos = journal.sessions()
    assert [info.id for info in infos] == [first.document.id, second.document.id]
    assert [info.rounds for info in infos] == [1, 0]
    assert [info.model for info in infos] == ["tiny", "tiny"]
    assert infos[0].picture == first.view().nodes[-1].picture and infos[1].picture is None
    assert infos[0].updated >= infos[1].updated


def test_a_session_has_a_name(journal):
    first, second = new_session(journal), new_session(journal)
    dragged(second)
    updated = [info.updated for info in journal.sessions()]
    first.rename("  Grandfather,\n looking left ")
    assert first.view().name == reopened(first).view().name == "Grandfather, looking left"
    infos = journal.sessions()
    assert [(info.id, info.name) for info in infos] == [
        (second.document.id, ""),
        (first.document.id, "Grandfather, looking left"),
    ]
    assert [info.updated for info in infos] == updated, "a name is no work"
    first.rename("x" * 500)
    assert first.view().name == "x" * 80
    first.rename("")
    assert reopened(first).view().name == "" and not first.view().can_undo


def test_forgotten_is_gone(journal):
    session, other = new_session(journal), new_session(journal)
    dragged(session)
    latent = journal.data(session.document.id, session.document.history.node.latent_id)
    assert any(latent in path.read_bytes() for path in journal.file.folder.iterdir())
    journal.forget(session.document.id)
    assert [info.id for info in journal.sessions()] == [other.document.id]
    with pytest.raises(DraglabError, match="no longer there"):
        EditingSession.open(journal, generator_of, session.document.id)
    with pytest.raises(DraglabError, match="was forgotten"):
        session.undo()
    with pytest.raises(DraglabError, match="no longer there"):
        session.pictures.current()
    assert not any(latent in path.read_bytes() for path in journal.file.folder.iterdir())


def test_the_sessions_unused_for_longest_make_room(tmp_path):
    journal = Journal(tmp_path)
    ids = [new_session(journal).document.id for _ in range(4)]
    dragged(EditingSession.open(journal, generator_of, ids[0]))
    journal.file.close()
    size = (tmp_path / FILE).stat().st_size
    journal = Journal(tmp_path, max_bytes=size)
    journal.trim()
    assert len(journal.sessions()) == 4
    kept = EditingSession.open(journal, generator_of, ids[1])
    journal.max_bytes = 1
    journal.trim()
    assert [info.id for info in journal.sessions()] == [kept.document.id]
    journal.file.close()
    assert (tmp_path / FILE).stat().st_size < size


def test_two_processes_on_one_session_do_not_mix(tmp_path):
    first = new_session(Journal(tmp_path))
    second = EditingSession.open(Journal(tmp_path), generator_of, first.document.id)
    first.set_points([FAR])
    with pytest.raises(DraglabError, match="another draglab works on this session"):
        second.set_points([FAR])


def test_a_newer_file_is_left_alone(tmp_path):
    Journal(tmp_path).file.close()
    with sqlite3.connect(tmp_path / FILE) as connection:
        connection.execute("PRAGMA user_version = 99")
    before = (tmp_path / FILE).read_bytes()
    with pytest.raises(DraglabError, match=r"newer draglab \(version 99, this one reads 1\): upgrade"):
        Journal(tmp_path)
    assert (tmp_path / FILE).read_bytes() == before


def test_a_folder_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DraglabError, match="set DRAGLAB_DATA to another folder"):
        Journal(tmp_path / "file" / "folder")


def test_sqlite_errors_are_explained(journal):
    new_session(journal)
    journal.file.connection.execute("PRAGMA query_only = ON")
    with pytest.raises(DraglabError, match=re.escape(f"cannot keep sessions in {journal.file.path}: attempt to write")):
        EditingSession.create(journal, generator_of, StartSpec("tiny", 3))


def test_the_folder_of_sessions(tmp_path, monkeypatch):
    monkeypatch.delenv("DRAGLAB_DATA", raising=False)
    monkeypatch.setattr("draglab.folders.own_folder", lambda kind, variable: Path(kind, variable))
    assert data_folder() == Path("data/DRAGLAB_DATA")


def test_a_small_picture_is_kept_under_its_number(journal):
    session = journal.create()
    assert journal.thumbnail(session, 3) is None
    journal.keep_thumbnail(session, 3, b"first")
    journal.keep_thumbnail(session, 3, b"second")
    assert journal.thumbnail(session, 3) == b"second"
