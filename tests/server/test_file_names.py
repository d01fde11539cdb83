"""Exports are called after what they show, in names that every file system takes."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from draglab.editor.journal import Journal
from draglab.editor.session import EditingSession
from draglab.editor.state import StartSpec
from draglab.server.file_names import export_name, safe
from tests.editor.sessions import GENERATOR, dragged, new_session


def test_model_seed_and_rounds(tmp_path):
    session = new_session(Journal(tmp_path))
    assert export_name(session.view(), "png") == "tiny-seed3.png"
    dragged(session)
    dragged(session, *session.view().points)
    assert export_name(session.view(), "mp4") == "tiny-seed3-round2.mp4"
    session.undo()
    assert export_name(session.view(), "json") == "tiny-seed3-round1.json"
    session.goto(session.view().original)
    session.set_start(StartSpec("tiny", 12))
    assert export_name(session.view(), "npz") == "tiny-seed12.npz"


def test_an_image_by_its_values_has_no_seed(tmp_path):
    values = GENERATOR.w_plus_from_seed(3)[0].numpy()
    start = StartSpec("tiny", w_plus=values)
    session = EditingSession.create(Journal(tmp_path), lambda name: GENERATOR, start)
    assert export_name(session.view(), "png") == "tiny-image.png"
    dragged(session)
    assert export_name(session.view(), "png") == "tiny-image-round1.png"


@pytest.mark.parametrize(
    ("model", "name"),
    [
        ("heads", "heads"),
        ("stylegan2-ffhq_512", "stylegan2-ffhq_512"),
        ("чаты и люди", "чаты-и-люди"),
        ("顔", "顔"),
        ('a/b\\c:d*e?f"g<h>i|j', "a-b-c-d-e-f-g-h-i-j"),
        ("..", ""),
        (" .hidden. ", "hidden"),
        ("line\r\nbreak\0nul", "line-break-nul"),
        ("net.v2", "net-v2"),
        ("e\u0301", "é"),
        ("🙂", ""),
        ("\udcff", ""),
    ],
)
def test_names_of_any_script_are_made_safe(model, name):
    assert safe(model) == name


@pytest.mark.parametrize("model", ["CON", "nul", "🙂", "x" * 1000, "𐌰" * 1000])
def test_no_name_is_a_device_or_too_long(model, tmp_path):
    view: Any = SimpleNamespace(model=model, start=SimpleNamespace(seed=None), cursor=1, nodes=[], photo=None)
    name = export_name(view, "safetensors")
    assert len(name.encode()) <= 255 and Path(name).stem.upper() not in ("CON", "NUL")
    (tmp_path / name).write_bytes(b"")
    assert [path.name for path in tmp_path.iterdir()] == [name]
