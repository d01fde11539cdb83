"""Saved sessions that are damaged: nobody is locked out, what can be read is kept, and what was lost is said."""

import json
import os
import shutil
import sqlite3
import stat
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from draglab import DraglabError
from draglab.editor.branch import edit_file_of
from draglab.editor.journal import Journal
from draglab.editor.journal_file import FILE
from draglab.editor.session import EditingSession
from draglab.editor.state import Point, StartSpec
from draglab.editor.view import SessionView
from draglab.folders import CREDENTIALS
from tests.editor.sessions import FAR, dragged, generator_of, new_session, run, thumbnail

EXAMPLES = int(os.environ.get("DRAGLAB_EXAMPLES", "15"))
FEW = settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def full_session(journal: Journal, seed: int) -> EditingSession:
    """One with every kind of entry."""
    session = new_session(journal)
    session.set_start(StartSpec("tiny", seed))
    mask = np.zeros((32, 32), bool)
    mask[4:28, 4:28] = True
    session.set_mask(mask, 2.0)
    dragged(session)
    session.continue_from(session.view().cursor, 2)
    session.set_points([Point(1, (9, 9), (20, 20)), Point(2, (3, 3))])
    session.rounds.start()
    session.rounds.step()
    session.set_points([Point(1, (9, 9), (21, 20)), Point(2, (3, 3))])
    session.rounds.stop()
    session.undo()
    thumbnail(session, session.view().cursor)
    return session


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> tuple[Path, dict[str, SessionView]]:
    """A folder with three sessions, and what they show."""
    folder = tmp_path_factory.mktemp("whole")
    journal = Journal(folder)
    views = {session.document.id: session.view() for session in (full_session(journal, seed) for seed in (1, 2))}
    journal.file.close()
    return folder, views


def copied(whole: Path, to: Path) -> Path:
    """A fresh copy of the folder; the file."""
    shutil.rmtree(to, ignore_errors=True)
    shutil.copytree(whole, to)
    return to / FILE


def check(folder: Path, first: str = "") -> tuple[list[str], Journal]:
    """Everything works: the list, the first session of it or another one, a new one. What the journal has to say."""
    journal = Journal(folder)
    for number, info in enumerate(sorted(journal.sessions(), key=lambda info: info.id != first)):
        json.dumps([info.id, info.model, info.updated, info.rounds, info.bytes])
        if number:
            continue
        try:
            session = EditingSession.open(journal, generator_of, info.id)
        except DraglabError as error:
            assert "\n" not in str(error)
            continue
        try:
            view = session.view()
            json.dumps(asdict(view.start))
            for node in view.nodes[-2:]:
                thumbnail(session, node.id)
            session.pictures.current()
            if session.view().can_undo:
                session.undo()
            session.set_points([FAR])
            session.rounds.start()
            session.rounds.step()
            session.rounds.stop()
            edit_file_of(session.document)
        except DraglabError as error:
            assert "\n" not in str(error)
    new = new_session(journal, steps=1)
    dragged(new)
    assert EditingSession.open(journal, generator_of, new.document.id).view() == new.view()
    assert new.document.id in [info.id for info in journal.sessions()]
    for notice in journal.file.notices:
        assert "\n" not in notice and "kept in" in notice
    return journal.file.notices, journal


def execute(path: Path, statement: str, *values: object) -> None:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute(statement, values)
    connection.close()


def asides(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if ".damaged-" in path.name and not path.name.endswith(("wal", "shm"))]


@given(st.data())
@settings(FEW)
def test_bytes_of_any_value_anywhere(whole, tmp_path, data):
    path = copied(whole[0], tmp_path / "data")
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 20))):
        # The header and the pages of the schema more often than their share.
        end = data.draw(st.sampled_from([100, 8192, len(content)]))
        content[data.draw(st.integers(0, end - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(content)
    try:
        check(path.parent)[1].file.close()
    except DraglabError as error:
        # This is not damage that can be told from a later version's file.
        assert content[60:64] != b"\0\0\0\1" and "newer draglab" in str(error)


def test_a_header_that_forbids_writing_is_damage(whole, tmp_path):
    path = copied(whole[0], tmp_path / "data")
    content = bytearray(path.read_bytes())
    content[18] = 3  # a format that this SQLite only reads
    path.write_bytes(content)
    check(path.parent)[1].file.close()
    assert asides(path.parent)


@given(length=st.floats(0, 1), zeros=st.booleans())
@settings(FEW)
def test_files_that_are_cut_off(whole, tmp_path, length, zeros):
    path = copied(whole[0], tmp_path / "data")
    content = path.read_bytes()
    kept = content[: int(length * len(content))]
    path.write_bytes(kept + bytes(len(content) - len(kept)) * zeros)
    check(path.parent)[1].file.close()


ANY = st.one_of(
    st.none(),
    st.integers(-(2**40), 2**40),
    st.floats(),
    st.text(max_size=5),
    st.binary(max_size=5),
    st.sampled_from(["{}", "[]", "null", '{"parent": 1}', '{"node": 99}', '{"parent": null}', "[" * 9999]),
)


@given(column=st.sampled_from(["body", "data", "kind", "created", "number"]), value=ANY, data=st.data())
@settings(FEW)
def test_rows_of_any_content_leave_other_sessions_alone(whole, tmp_path, column, value, data):
    folder, views = whole
    path = copied(folder, tmp_path / "data")
    damaged, *others = views
    connection = sqlite3.connect(path, isolation_level=None)
    numbers = [row[0] for row in connection.execute("SELECT number FROM entries WHERE session = ?", (damaged,))]
    number = data.draw(st.sampled_from(numbers))
    connection.execute("PRAGMA ignore_check_constraints = ON")
    with suppress(sqlite3.IntegrityError, UnicodeEncodeError):  # not possible in this column
        connection.execute(
            f"UPDATE entries SET {column} = ? WHERE session = ? AND number = ?", (value, damaged, number)
        )
    connection.close()
    journal = Journal(path.parent)
    assert set(others) <= {info.id for info in journal.sessions()}
    for each in others:
        assert EditingSession.open(journal, generator_of, each).view() == views[each]
    journal.file.close()
    check(path.parent, damaged)[1].file.close()


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 60) | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)


@given(value=json_values, remove=st.booleans(), data=st.data())
@settings(FEW)
def test_any_value_in_any_field_of_an_entry(whole, tmp_path, value, remove, data):
    """The JSON is sound, and what it says is not."""
    folder, views = whole
    path = copied(folder, tmp_path / "data")
    session = next(iter(views))
    connection = sqlite3.connect(path, isolation_level=None)
    rows = connection.execute("SELECT number, body FROM entries WHERE session = ?", (session,)).fetchall()
    number, text = data.draw(st.sampled_from(rows))
    body = json.loads(text)
    place = body
    while True:
        key = data.draw(st.sampled_from(sorted(place) if isinstance(place, dict) else list(range(len(place)))))
        if not isinstance(place[key], dict | list) or not place[key] or data.draw(st.booleans()):
            break
        place = place[key]
    if remove:
        del place[key]
    else:
        place[key] = value
    connection.execute(
        "UPDATE entries SET body = ? WHERE session = ? AND number = ?", (json.dumps(body), session, number)
    )
    connection.close()
    check(path.parent, session)[1].file.close()


def test_a_damaged_start_takes_its_session_alone(whole, tmp_path):
    """The row that locked everybody out."""
    folder, views = whole
    path = copied(folder, tmp_path / "data")
    damaged, *others = views
    execute(path, "UPDATE entries SET body = '{' WHERE session = ? AND number = 1", damaged)
    journal = Journal(path.parent)
    with pytest.raises(DraglabError, match="no longer there"):
        EditingSession.open(journal, generator_of, damaged)
    assert {info.id for info in journal.sessions()} == set(others)
    (notice,) = journal.file.notices
    (aside,) = asides(path.parent)
    assert "is lost" in notice and str(aside) in notice
    kept = sqlite3.connect(aside).execute("SELECT COUNT(*), MIN(session) FROM entries").fetchone()
    assert kept[0] > 10 and kept[1] == damaged
    if os.name != "nt":
        assert stat.S_IMODE(aside.stat().st_mode) == 0o600


def test_a_damaged_session_goes_on_from_before_the_damage(whole, tmp_path):
    folder, views = whole
    path = copied(folder, tmp_path / "data")
    damaged = next(iter(views))
    execute(
        path,
        "UPDATE entries SET data = x'00' WHERE session = ?1 AND number = "
        "(SELECT number FROM entries WHERE session = ?1 AND kind = 'frame' ORDER BY number LIMIT 1 OFFSET 2)",
        damaged,
    )
    journal = Journal(path.parent)
    session = EditingSession.open(journal, generator_of, damaged)
    (node,) = [node for node in session.view().nodes if node.kind == "round"]
    assert (node.frames, node.end) == (2, "interrupted")
    assert "ends at an earlier step" in journal.file.notices[0]
    session.rounds.start()
    assert run(session)
    again = Journal(path.parent)
    assert EditingSession.open(again, generator_of, damaged).view() == session.view()
    assert again.file.notices == []


def test_sessions_of_a_broken_file_are_taken_over(whole, tmp_path):
    """The table of their names cannot be read: they are found by their entries."""
    folder, views = whole
    path = copied(folder, tmp_path / "data")
    connection = sqlite3.connect(path)
    (page,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'sessions'").fetchone()
    connection.close()
    content = bytearray(path.read_bytes())
    size = int.from_bytes(content[16:18], "big")
    content[(page - 1) * size : (page - 1) * size + 8] = b"\xff" * 8
    path.write_bytes(content)
    notices, journal = check(path.parent)
    assert "were damaged" in notices[0]
    (aside,) = asides(path.parent)
    assert str(aside) in notices[0] and aside.stat().st_size == len(content)
    assert set(views) <= {info.id for info in journal.sessions()}


def replace_by_directory(path: Path) -> None:
    path.unlink()
    path.mkdir()
    (path / "file").write_text("mine")


def no_tables(path: Path) -> None:
    for table in ("thumbnails", "entries", "sessions"):
        execute(path, f"DROP TABLE {table}")


@pytest.mark.parametrize(
    ("damage", "survive"),
    [
        (lambda path: path.write_bytes(b"this is no database" * 99), False),
        (lambda path: path.write_bytes(b""), None),
        (lambda path: path.write_bytes(b"x"), None),
        (replace_by_directory, None),
        (no_tables, False),
        (lambda path: execute(path, "DROP TABLE thumbnails"), True),
        (lambda path: execute(path, "DROP TABLE sessions"), True),
        (lambda path: execute(path, "DROP INDEX entries_by_kind"), True),
        (lambda path: execute(path, "ALTER TABLE entries RENAME COLUMN body TO text"), False),
        (lambda path: execute(path, "ALTER TABLE entries ADD COLUMN more TEXT"), True),
        (lambda path: execute(path, "DELETE FROM sessions"), True),
        (lambda path: execute(path, "PRAGMA user_version = 0"), True),
        (lambda path: execute(path, "PRAGMA user_version = -7"), True),
        (lambda path: execute(path, "PRAGMA user_version = 16777217"), True),
        (lambda path: Path(f"{path}-wal").write_bytes(b"no log" * 99), True),
        (lambda path: Path(f"{path}-wal").mkdir(), True),
        (lambda path: Path(f"{path}-shm").mkdir(), True),
        (
            lambda path: execute(
                path, "CREATE TRIGGER t BEFORE INSERT ON entries BEGIN SELECT no_such_function(); END"
            ),
            True,
        ),
    ],
)
def test_other_files_in_its_place(whole, tmp_path, damage: Callable[[Path], object], survive: bool | None):
    folder, views = whole
    path = copied(folder, tmp_path / "data")
    damage(path)
    notices, journal = check(path.parent)
    found = {info.id for info in journal.sessions()}
    if survive:
        assert set(views) <= found
    elif survive is False:
        assert notices and asides(path.parent)
    if damage is replace_by_directory:
        (aside,) = asides(path.parent)
        assert (aside / "file").read_text() == "mine"


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere")
@pytest.mark.parametrize("content", [None, b"this is no database" * 99])
def test_a_folder_that_is_read_only(whole, tmp_path, content):
    path = copied(whole[0], tmp_path / "data")
    if content is not None:
        path.write_bytes(content)
    path.chmod(0o400)
    path.parent.chmod(0o500)
    try:
        with pytest.raises(DraglabError, match="set DRAGLAB_DATA to another folder"):
            check(path.parent)
    finally:
        path.parent.chmod(0o700)


def test_damage_that_shows_while_it_is_in_use(whole, tmp_path):
    path = copied(whole[0], tmp_path / "data")
    journal = Journal(path.parent)
    session = EditingSession.open(journal, generator_of, next(iter(whole[1])))
    journal.file.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    journal.file.connection.execute("PRAGMA cache_size = 0")
    content = bytearray(path.read_bytes())
    content[4096:] = b"\xff" * (len(content) - 4096)
    path.write_bytes(content)
    for _ in range(2):
        try:
            session.set_points([FAR])
        except DraglabError as error:
            assert "\n" not in str(error)
    journal.file.close()
    check(path.parent)[1].file.close()


@pytest.mark.skipif(os.name == "nt", reason="Windows has other rights")
def test_only_this_user_may_read_it(tmp_path):
    folder = tmp_path / "share" / "draglab"
    old = os.umask(0o022)
    try:
        journal = Journal(folder)
        new_session(journal)
        assert {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {
            FILE: 0o600,
            f"{FILE}-wal": 0o600,
            f"{FILE}-shm": 0o600,
        }
        assert {stat.S_IMODE(path.stat().st_mode) for path in (folder, folder.parent)} == {0o700}
        # Those of an earlier version.
        for path in (folder, *folder.iterdir()):
            path.chmod(0o755)
        Journal(folder)
        assert {stat.S_IMODE(path.stat().st_mode) & 0o077 for path in (folder, *folder.iterdir())} == {0}
        # Beside the key that exported files are signed with, too.
        (folder / CREDENTIALS).mkdir(0o700)
        folder.chmod(0o755)
        Journal(folder)
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        # A folder that holds other things, too, is somebody's choice.
        (folder / "notes.txt").write_text("")
        folder.chmod(0o755)
        Journal(folder)
        assert stat.S_IMODE(folder.stat().st_mode) == 0o755
    finally:
        os.umask(old)
