"""Sessions that start from a photo: its weights, pictures, exports, and what becomes of its file."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from draglab import DraglabError
from draglab.editor.branch import edit_file_of
from draglab.editor.descriptions import as_command, as_python
from draglab.editor.export import export
from draglab.editor.journal import Journal
from draglab.editor.photo import PHOTOS, PhotoStart, photo_path
from draglab.editor.replay import Replay
from draglab.editor.session import EditingSession
from draglab.editor.state import StartSpec
from draglab.editor.unfinished import Plan, Unfinished, list_unfinished
from draglab.inversion import Frame, Inversion, InvertedPhoto, load_photo
from tests.editor.sessions import GENERATOR, dragged, generator_of, new_session, reopened, thumbnail
from tests.inversion.pictures import QUICK, smooth_picture
from tests.provenance import accepted

PIXELS = smooth_picture(60, 80)
PLAN = Plan(name="holiday", kind="jpg", width=80, model="tiny", x=40, y=30, size=48, angle=0, effort="fast")


@pytest.fixture(scope="module")
def photo() -> InvertedPhoto:
    inversion = Inversion(GENERATOR, PIXELS, Frame(40, 30, 48), QUICK, "tiny")
    for _ in inversion:
        pass
    return inversion.photo()


def photo_session(journal: Journal, photo: InvertedPhoto, file: str = "abc1") -> EditingSession:
    path = photo_path(journal.file.folder, file)
    path.parent.mkdir(exist_ok=True)
    photo.save(path)
    start = PhotoStart.of(file, "holiday", "jpg", (60, 80), photo.quality)
    session = EditingSession.from_photo(journal, generator_of, "tiny", photo.w_plus[0].numpy(), start)
    session.set_settings({"max_steps": 4, "patience": None, "stop_distance": 0.01})
    return session


@pytest.fixture
def session(tmp_path: Path, photo: InvertedPhoto) -> EditingSession:
    return photo_session(Journal(tmp_path), photo)


def written(session: EditingSession, path: Path, kind, scope) -> np.ndarray:
    for _ in export(session.document, kind, scope, path):
        pass
    return np.asarray(Image.open(path)).astype(int)


def test_it_shows_the_inversion_and_is_compared_with_the_photo(session: EditingSession, photo: InvertedPhoto):
    np.testing.assert_array_equal(session.pictures.current(), photo.image())
    np.testing.assert_array_equal(session.pictures.original(), photo.crop())
    assert np.abs(photo.image().astype(int) - photo.crop()).mean() > 1
    view = session.view()
    assert (view.name, view.model, view.nodes[0].label) == ("holiday", "tiny", "Photo holiday")
    assert view.photo is not None and view.photo.figures == photo.quality.figures
    assert thumbnail(session, view.original).shape == (96, 96, 3)


def test_it_drags_the_tuned_weights_and_opens_again_with_them(session: EditingSession):
    dragged(session)
    picture = session.pictures.current()
    again = reopened(session)
    np.testing.assert_array_equal(again.pictures.current(), picture)
    assert again.view() == session.view()
    again.undo()
    again.undo()
    np.testing.assert_array_equal(again.pictures.current(), again.pictures.frame(again.view().nodes[-1].id, 0))


def test_another_start_has_the_models_own_weights_and_undo_leads_back(session: EditingSession):
    with_photo = session.pictures.current()
    session.set_start(StartSpec("tiny", seed=3))
    assert session.view().photo is None
    own = new_session(session.document.journal).pictures.current()
    np.testing.assert_array_equal(session.pictures.current(), own)
    session.undo()
    np.testing.assert_array_equal(session.pictures.current(), with_photo)
    # Pictures of seeds are those of such a start.
    np.testing.assert_array_equal(session.pictures.of_seed(3), own)


def test_a_start_of_the_same_values_keeps_the_photo(session: EditingSession):
    session.set_start(StartSpec("tiny"))
    assert session.view().photo is not None
    assert session.document.history.start_of(session.document.history.node).photo is not None


def test_the_whole_photo_is_exported_with_the_edit_in_it(session: EditingSession, tmp_path: Path, photo: InvertedPhoto):
    with pytest.raises(DraglabError, match="nothing was dragged yet"):
        export(session.document, "png", "photo", tmp_path / "a.png")
    dragged(session)
    whole = written(session, tmp_path / "a.png", "png", "photo")
    np.testing.assert_array_equal(whole, photo.paste(session.pictures.current()))
    assert (whole != PIXELS).any() and (whole[:, :14] == PIXELS[:, :14]).all()
    assert written(session, tmp_path / "b.png", "png", "image").shape == (32, 32, 3)
    for _ in export(session.document, "draglab", "image", tmp_path / "c.draglab"):
        pass
    assert (tmp_path / "c.draglab").read_bytes() == photo_path(tmp_path, "abc1").read_bytes()

    plain = new_session(session.document.journal)
    with pytest.raises(DraglabError, match="not a photo"):
        export(plain.document, "png", "photo", tmp_path / "d.png")
    with pytest.raises(DraglabError, match="not a photo"):
        export(plain.document, "draglab", "image", tmp_path / "d.draglab")
    with pytest.raises(DraglabError, match="not a photo"):
        plain.pictures.heat_map()


def test_files_of_a_photo_say_so(session: EditingSession, tmp_path: Path, photo: InvertedPhoto, signing: None):
    written(session, tmp_path / "a.png", "png", "image")
    start = accepted((tmp_path / "a.png").read_bytes(), "trainedAlgorithmicMedia", photo=True)
    assert not start.dragged and start.model_sha256 == photo.model_sha256
    dragged(session)
    for _ in export(session.document, "mp4", "round", tmp_path / "b.mp4"):
        pass
    written(session, tmp_path / "b.jpg", "jpg", "image")
    for name in ("b.mp4", "b.jpg"):
        accepted((tmp_path / name).read_bytes(), "trainedAlgorithmicMedia", photo=True)
    for path, stitch in ((tmp_path / "c.png", False), (tmp_path / "d.png", True)):
        for _ in export(session.document, "png", "photo", path, stitch, mark=True):
            pass
        whole = accepted(path.read_bytes(), "compositeWithTrainedAlgorithmicMedia", photo=True)
        assert whole.rounds == 1 and whole.model_sha256 == photo.model_sha256 and whole.marked
        assert b"holiday" not in path.read_bytes()


def test_descriptions_name_the_photos_file(session: EditingSession):
    dragged(session)
    program = as_python(session.document)
    assert "draglab.load_photo('holiday.draglab').generator" in program.text
    edit = as_command(session.document).edit_file
    assert edit is not None and edit.model.name == "holiday.draglab"
    assert edit.model.sha256 == session.document.generator(session.document.history.node).sha256 != GENERATOR.sha256


def test_its_edit_file_is_repeated_with_its_photo_file(session: EditingSession, tmp_path: Path):
    dragged(session)
    for _ in export(session.document, "draglab", "image", tmp_path / "holiday.draglab"):
        pass
    loaded = load_photo(tmp_path / "holiday.draglab", model=GENERATOR)
    replay = Replay(edit_file_of(session.document), loaded.generator)
    for _ in replay:
        pass
    np.testing.assert_array_equal(replay.image(), session.pictures.current())


def test_its_file_is_forgotten_with_it(session: EditingSession, photo: InvertedPhoto):
    journal = session.document.journal
    other = photo_session(journal, photo, "def2")
    folder = journal.file.folder / PHOTOS
    assert {path.stem for path in folder.iterdir()} == {"abc1", "def2"}
    journal.forget(session.document.id)
    assert [path.stem for path in folder.iterdir()] == ["def2"]
    assert other.pictures.current().shape == (32, 32, 3)


def test_photos_count_as_much_as_they_take(tmp_path: Path, photo: InvertedPhoto):
    journal = Journal(tmp_path)
    old = photo_session(journal, photo).document.id
    journal.file.close()
    size = photo_path(tmp_path, "abc1").stat().st_size
    roomy = Journal(tmp_path, max_bytes=size + (1 << 20))
    roomy.create()
    assert [info.id for info in roomy.sessions()] == [old]
    roomy.file.close()
    small = Journal(tmp_path, max_bytes=size)
    small.create()
    assert small.sessions() == [] and not photo_path(tmp_path, "abc1").exists()


def test_a_file_that_is_gone_is_said_so(session: EditingSession, tmp_path: Path):
    photo_path(tmp_path, "abc1").unlink()
    with pytest.raises(DraglabError, match="the photo's file is no longer there"):
        session.pictures.current()
    photo_path(tmp_path, "abc1").write_bytes(b"x" * 100)
    with pytest.raises(DraglabError, match="^the photo's file is not an inverted photo"):
        session.pictures.current()


@pytest.mark.parametrize("file", ["../abc1", "ABC", "", 7, "a" * 65])
def test_a_damaged_name_of_its_file_ends_the_session(session: EditingSession, file: object):
    journal, name = session.document.journal, session.document.id
    run = journal.file.connection.execute
    (body,) = run("SELECT body FROM entries WHERE session = ? AND number = 1", (name,)).fetchone()
    changed = json.loads(body)
    changed["spec"]["photo"]["file"] = file
    run("UPDATE entries SET body = ? WHERE session = ? AND number = 1", (json.dumps(changed), name))
    with pytest.raises(DraglabError, match="no longer there"):
        journal.entries(name)


def test_without_a_photo_entries_are_as_they_were(tmp_path: Path):
    session = new_session(Journal(tmp_path))
    entry = session.document.journal.entries(session.document.id)[0]
    assert "photo" not in entry.body["spec"]


def test_unfinished_photos_are_listed_until_they_are_removed(tmp_path: Path):
    one = Unfinished.begin(tmp_path, "abc1", PLAN, b"the photo")
    other = Unfinished.begin(tmp_path, "def2", PLAN.model_copy(update={"created": PLAN.created + 1}), b"another")
    (tmp_path / PHOTOS / "bad.unfinished").mkdir()
    Unfinished.begin(tmp_path, "bad2", PLAN, b"")
    (tmp_path / PHOTOS / "bad2.unfinished" / "plan.json").write_text('{"name": 3}')
    assert list_unfinished(tmp_path) == [other, one]
    assert (one.file, one.photo(), one.plan.frame) == ("abc1", b"the photo", Frame(40, 30, 48, 0))
    assert one.plan.settings.tuning_steps < PLAN.model_copy(update={"effort": "best"}).settings.tuning_steps
    one.remove()
    assert list_unfinished(tmp_path) == [other]
