"""Where a transfer puts the handles, targets and mask of an edit, with correspondences that are known."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from draglab.dragging.correspondence import Matches
from draglab.editor import transfer
from draglab.editor.branch import edit_file_of
from draglab.editor.journal import Journal
from draglab.editor.session import EditingSession
from draglab.editor.state import Point, StartSpec
from draglab.editor.transfer import EditTransfer, PlacedRound, SourceEdit
from draglab.generators import Generator
from draglab.media.edit_file import EditFile, Round, parse_edit_file
from tests.tiny import tiny_generator

HANDLE, TARGET, PIN = (10.0, 12.0), (14.0, 13.0), (20.0, 20.0)
TURN, SCALE, SHIFT = math.radians(20), 0.8, np.array([6.0, 1.0])
MATRIX = SCALE * np.array([[math.cos(TURN), -math.sin(TURN)], [math.sin(TURN), math.cos(TURN)]])


class Known:
    """Features of an image in which everything lies where a similarity puts it, but for what `moved` says."""

    moved: dict[tuple[float, float], np.ndarray]
    """Point -> by how much its place is beside that, pixels."""
    scores: dict[tuple[float, float], tuple[float, float, float]]
    """Point -> its score, margin and return."""

    def __init__(self, *_: Any) -> None:
        pass

    def match(self, points: np.ndarray, other: Known) -> Matches:
        keys = [(float(x), float(y)) for x, y in points]
        places = np.array([MATRIX @ point + SHIFT + self.moved.get(key, 0) for key, point in zip(keys, points)])  # noqa: B905
        found = np.array([self.scores.get(key, (0.9, 0.5, 0.0)) for key in keys])
        return Matches(places, found[:, 0], found[:, 1], found[:, 2])


@pytest.fixture
def generator(monkeypatch: pytest.MonkeyPatch) -> Generator:
    monkeypatch.setattr(Known, "moved", {}, raising=False)
    monkeypatch.setattr(Known, "scores", {}, raising=False)
    monkeypatch.setattr(transfer, "ImageFeatures", Known)
    monkeypatch.setattr(transfer, "Texture", lambda *_: lambda points: np.ones(len(points)))
    return tiny_generator()


def edit_of(generator: Generator, mask: np.ndarray | None = None) -> EditFile:
    one = Round.from_arrays(np.array([HANDLE, PIN]), np.array([TARGET, PIN]), mask, {})
    model = {"name": "tiny", "sha256": generator.sha256}
    start = {"seed": 1, "truncation_psi": 1.0}
    content = EditFile.model_validate(
        {"format": "draglab-edit", "version": 3, "model": model, "start": start, "rounds": [one]}
    )
    return parse_edit_file(content.model_dump_json().encode())


def placed(generator: Generator, mask: np.ndarray | None = None, skip_met: bool = True) -> PlacedRound:
    source = SourceEdit.from_edit_file(edit_of(generator, mask), generator)
    return EditTransfer(source, generator, skip_met).place(0, torch.zeros(1, generator.num_ws, generator.w_dim))


def test_ways_are_scaled_and_turned_as_the_object_is(generator: Generator) -> None:
    found = placed(generator)
    assert found.round is not None and found.problem is None and found.met == 0
    assert found.scale == pytest.approx(SCALE, abs=1e-3)
    handles, targets = found.round.handles(), found.round.targets()
    np.testing.assert_allclose(handles, [MATRIX @ point + SHIFT for point in (HANDLE, PIN)], atol=1e-3)
    np.testing.assert_allclose(targets[0] - handles[0], MATRIX @ np.subtract(TARGET, HANDLE), atol=1e-2)
    np.testing.assert_allclose(targets[1], handles[1], err_msg="a pin holds its place")


def test_a_handle_that_is_there_already_is_left_out(generator: Generator) -> None:
    Known.moved[HANDLE] = 0.95 * MATRIX @ np.subtract(TARGET, HANDLE)
    found = placed(generator)
    assert found.round is None and found.problem is None and found.met == 1
    found = placed(generator, skip_met=False)
    assert found.round is not None and found.met == 1
    Known.moved[HANDLE] = 0.8 * MATRIX @ np.subtract(TARGET, HANDLE)
    found = placed(generator)
    assert found.round is not None and found.met == 0


@pytest.mark.parametrize(
    ("scores", "problem"),
    [
        ((0.2, 0.5, 0.0), "nothing in the image is like it"),
        ((0.9, 0.03, 0.0), "several places"),
        ((0.9, 0.5, 5.0), "more like"),
    ],
)
def test_a_handle_that_is_not_found_is_a_problem(
    generator: Generator, scores: tuple[float, float, float], problem: str
) -> None:
    Known.scores[HANDLE] = scores
    found = placed(generator)
    assert found.round is None and found.problem is not None and problem in found.problem
    assert found.confidence < placed_confidence(generator)


def placed_confidence(generator: Generator) -> float:
    Known.scores.clear()
    return placed(generator).confidence


def test_a_pin_that_is_not_found_is_left_out(generator: Generator) -> None:
    Known.scores[PIN] = (0.2, 0.5, 0.0)
    found = placed(generator)
    assert found.round is not None and len(found.round.handles()) == 1 and found.confidence == 1


def test_a_mask_moves_with_the_object(generator: Generator) -> None:
    mask = np.zeros((32, 32), np.bool_)
    mask[6:18, 6:18] = True
    found = placed(generator, mask)
    assert found.round is not None
    moved = np.asarray(found.round.movable((32, 32))) > 0.5
    ys, xs = np.nonzero(moved)
    np.testing.assert_allclose([xs.mean(), ys.mean()], MATRIX @ [11.5, 11.5] + SHIFT, atol=0.7)
    assert moved.sum() == pytest.approx(SCALE**2 * mask.sum(), rel=0.1)


def test_the_edit_of_a_document_is_that_of_its_edit_file(tmp_path: Path) -> None:
    """The latents before each round are those that the history has, and those that the rounds make again."""
    generator = tiny_generator()
    journal = Journal(tmp_path)
    session = EditingSession.create(journal, lambda source: generator, StartSpec("tiny", 3, truncation_psi=0.7))
    session.set_settings({"max_steps": 3, "descent": "first-order", "stop_distance": 1e-9})
    for target in ((14.0, 9.0), (15.0, 12.0)):
        session.set_points([Point(1, (8.0, 9.0), target)])
        session.rounds.start()
        while session.rounds.running:
            session.rounds.step()
    from_document = SourceEdit.from_document(session.document)
    from_file = SourceEdit.from_edit_file(edit_file_of(session.document), generator)
    assert from_document.edit == from_file.edit and len(from_document.latents) == 2
    for own, made in zip(from_document.latents, from_file.latents, strict=True):
        np.testing.assert_allclose(own, made, atol=1e-6)
    assert not np.array_equal(*from_document.latents)
    session.undo()
    assert len(SourceEdit.from_document(session.document).latents) == 1
    journal.file.close()
