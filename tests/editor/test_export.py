"""What is exported is what is shown."""

from collections.abc import Generator
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import load_file

from draglab import DraglabError
from draglab.editor.branch import edit_file_of
from draglab.editor.export import Kind, Scope, export
from draglab.editor.film import FPS, FRAMES_PER_STEP
from draglab.editor.session import EditingSession
from draglab.media.edit_file import load_edit_file
from draglab.media.provenance.origin import EDITED, GENERATED
from tests.editor.sessions import FAR, GENERATOR, dragged, new_session, run
from tests.provenance import accepted, origin_in


def pieces_of(session: EditingSession, kind: Kind, path: Path, scope: Scope = "image") -> int:
    """How many pieces an export came in."""
    return len(list(export(session.document, kind, scope, path)))


@pytest.fixture
def session(journal):
    made = new_session(journal, steps=2)
    dragged(made)
    made.rounds.start()
    run(made)
    return made


def test_stills(session, tmp_path):
    for kind in ("png", "jpg", "webp"):
        path = tmp_path / f"a.{kind}"
        assert pieces_of(session, kind, path) == 1
        image = Image.open(path)
        assert image.size == (32, 32)
        assert image.getexif()[0x010E] == EDITED
    assert (np.asarray(Image.open(tmp_path / "a.png")) == session.pictures.current()).all()
    session.goto(session.view().original)
    pieces_of(session, "png", tmp_path / "b.png")
    assert Image.open(tmp_path / "b.png").text["Description"].startswith(GENERATED)  # pyright: ignore[reportAttributeAccessIssue]


def test_latents(session, tmp_path):
    for kind in ("npz", "safetensors"):
        pieces_of(session, kind, tmp_path / f"a.{kind}")
    stored = np.load(tmp_path / "a.npz")["w_plus"]
    assert stored.shape == (1, 8, 16) and stored.dtype == np.float32
    assert (stored == session.document.latent(session.document.history.node.latent_id, GENERATOR).numpy()).all()
    assert (load_file(tmp_path / "a.safetensors")["w_plus"] == stored).all()


def test_edit_file(session, tmp_path):
    pieces_of(session, "json", tmp_path / "a.json")
    assert load_edit_file(tmp_path / "a.json") == edit_file_of(session.document)


def test_a_video_of_the_history(session, tmp_path):
    steps = 4
    pictures = 2 * FPS + steps * FRAMES_PER_STEP
    pieces = pieces_of(session, "mp4", tmp_path / "a.mp4", "history")
    assert pieces == 2 + steps * FRAMES_PER_STEP
    with av.open(str(tmp_path / "a.mp4")) as video:
        frames = [frame.to_ndarray(format="rgb24") for frame in video.decode(video=0)]
    assert len(frames) == pictures
    last = np.asarray(Image.fromarray(session.pictures.current()).resize((512, 512), Image.Resampling.LANCZOS))
    assert np.abs(frames[-1].astype(float) - last).mean() < 6


def test_gif_of_a_branch(session, tmp_path, signing):
    node = session.view().cursor
    session.continue_from(node, 1)
    pieces_of(session, "gif", tmp_path / "a.gif", "round")
    image = Image.open(tmp_path / "a.gif")
    assert image.n_frames == 2 + FRAMES_PER_STEP  # pyright: ignore[reportAttributeAccessIssue]
    assert accepted((tmp_path / "a.gif").read_bytes(), "trainedAlgorithmicMedia").rounds == 1


def test_every_kind_says_how_it_was_made_and_is_signed(session, signing, tmp_path):
    kinds: tuple[Kind, ...] = ("png", "jpg", "webp", "mp4")
    for kind in kinds:
        path = tmp_path / f"a.{kind}"
        pieces_of(session, kind, path, "history" if kind == "mp4" else "image")
        origin = accepted(path.read_bytes(), "trainedAlgorithmicMedia")
        assert origin.dragged and origin.rounds == 2
        assert origin.edits[0].settings["max_steps"] == 2
        assert origin.model_sha256 == GENERATOR.sha256
    session.goto(session.view().original)
    pieces_of(session, "webp", tmp_path / "b.webp")
    assert not accepted((tmp_path / "b.webp").read_bytes(), "trainedAlgorithmicMedia").dragged


def test_what_happens_meanwhile_has_no_effect(session, tmp_path):
    shown = session.pictures.current()
    pieces = export(session.document, "png", "image", tmp_path / "a.png")
    session.undo()
    list(pieces)
    assert (np.asarray(Image.open(tmp_path / "a.png")) == shown).all()


def test_an_abandoned_video_leaves_nothing(session, tmp_path):
    pieces = export(session.document, "mp4", "round", tmp_path / "a.mp4")
    assert isinstance(pieces, Generator)
    next(pieces)
    pieces.close()
    assert [path for path in tmp_path.iterdir() if path.is_file()] == []


@pytest.mark.parametrize(
    ("kind", "scope", "name", "message"),
    [
        ("bmp", "image", "a.bmp", "choose one of png, jpg"),
        ("png", "everything", "a.png", "cannot export 'everything'"),
        ("png", "image", "a.jpg", "must end in .png"),
        ("png", "image", "nowhere/a.png", "no such directory"),
        ("mp4", "image", "a.mp4", "no drag to make a video of"),
    ],
)
def test_what_cannot_be_exported(session, tmp_path, kind, scope, name, message):
    with pytest.raises(DraglabError, match=message):
        export(session.document, kind, scope, tmp_path / name)


def test_nothing_to_film(journal, tmp_path):
    session = new_session(journal)
    session.set_points([FAR])
    with pytest.raises(DraglabError, match="no drag to make a video of"):
        export(session.document, "gif", "history", tmp_path / "a.gif")


@pytest.mark.parametrize(("kind", "scope"), [("png", "image"), ("jpg", "image"), ("webp", "image"), ("mp4", "round")])
def test_the_visible_mark_is_asked_for(session, tmp_path, kind, scope):
    for name, mark in (("plain", False), ("marked", True)):
        for _ in export(session.document, kind, scope, tmp_path / f"{name}.{kind}", mark=mark):
            pass
    plain, marked = ((tmp_path / f"{name}.{kind}").read_bytes() for name in ("plain", "marked"))
    assert not origin_in(plain).marked and origin_in(marked).marked
    if kind == "png":
        pictures = [np.asarray(Image.open(tmp_path / f"{name}.png")).astype(int) for name in ("plain", "marked")]
        changed = np.abs(pictures[0] - pictures[1]).max(-1) > 0
        rows, columns = np.nonzero(changed)
        # In the bottom right corner, and nowhere else.
        assert rows.min() >= 16 and columns.min() >= 8 and changed[-4:, -4:].any()


def test_a_mark_that_the_environment_asks_for_stays(session, tmp_path, monkeypatch):
    monkeypatch.setenv("DRAGLAB_MARK", "on")
    for _ in export(session.document, "png", "image", tmp_path / "a.png", mark=False):
        pass
    assert origin_in((tmp_path / "a.png").read_bytes()).marked
