"""Named edits: definitions, texts, points, and what they do to heads."""

import numpy as np
import pytest
import torch

import draglab
from draglab.checkpoints import load_generator
from draglab.editor import faces
from draglab.editor.named_edits import NAMED_EDITS, named_points, named_settings, parse_named
from draglab.errors import DraglabError
from draglab.inversion.framing import face_frame
from draglab.media.edit_line import EditLine
from draglab.perception import HeadLandmarks
from tests.tiny import tiny_generator


def face(size: float = 100.0, turn: float = 0.0, at: tuple[float, float] = (128.0, 128.0)) -> np.ndarray:
    """68 points that are placed about as those of a face."""
    points = np.zeros((68, 2))
    angles = np.linspace(np.pi, 0, 17)
    points[:17] = np.stack([-0.3 * -np.cos(angles) * 1.0, 0.05 + 0.35 * np.sin(angles)], -1)
    points[17:27] = np.stack([np.linspace(-0.2, 0.2, 10), np.full(10, -0.15)], -1)
    points[27:36] = np.stack([np.zeros(9), np.linspace(-0.08, 0.1, 9)], -1)
    for first, x in ((36, -0.12), (42, 0.12)):
        points[first : first + 6] = np.array([(-0.04, 0), (-0.02, -0.02), (0.02, -0.02), (0.04, 0), (0.02, 0.02),
                                              (-0.02, 0.02)]) + (x, -0.08)  # fmt: skip
    points[48:68] = np.stack([0.08 * np.cos(np.linspace(np.pi, 3 * np.pi, 20)), 0.2 + np.zeros(20)], -1)
    points[54] = (0.08, 0.2)
    c, s = np.cos(np.radians(turn)), np.sin(np.radians(turn))
    return points * size @ np.array([[c, s], [-s, c]]) + at


def test_texts():
    assert parse_named(["smile"]) == {"smile": 1.0}
    assert parse_named(["smile:0.5,turn-left", "smile:-.25"]) == {"smile": 0.25, "turn-left": 1.0}
    for text, problem in {
        "grin": "no named edit 'grin'", "smile:": "no strength", "smile:nan": "no strength", "smile:1_0": "no strength",
        "smile:0": "strength of smile is 0", "smile:9": "strength of smile is 9", "": "no named edit",
        "smile:1,smile:-1": "strength of smile is 0",
    }.items():  # fmt: skip
        with pytest.raises(DraglabError, match=problem):
            parse_named([text])
    with pytest.raises(DraglabError, match="no named edit was given"):
        parse_named([])


@pytest.mark.parametrize("name", NAMED_EDITS)
def test_every_edit_scales_and_turns_with_the_face(name):
    one = NAMED_EDITS[name]
    assert one.title and not set(one.pins) & set(one.moves)
    upright, turned = face(), face(160.0, 25.0)
    small, large = (named_points(each, {name: 1.0}, (256, 256)) for each in (upright, turned))
    ways = [each.targets - each.handles for each in (small, large)]
    turn = np.radians(face_frame(turned).angle - face_frame(upright).angle)
    matrix = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    assert np.degrees(turn) == pytest.approx(25, abs=1e-6)
    assert ways[1] == pytest.approx(1.6 * ways[0] @ matrix.T, abs=1e-6)
    assert (np.linalg.norm(ways[0], axis=1) > 0).sum() == len(one.moves)
    opposite = named_points(upright, {name: -0.5}, (256, 256))
    assert opposite.targets - opposite.handles == pytest.approx(-0.5 * ways[0])


def test_several_add_up_and_pins_give_way():
    marks = face()
    both = named_points(marks, {"smile": 1.0, "turn-left": 1.0}, (256, 256))
    alone = {name: named_points(marks, {name: 1.0}, (256, 256)) for name in ("smile", "turn-left")}
    nose = np.flatnonzero((both.handles == marks[30]).all(1))
    assert len(nose) == 1  # held by the smile, moved by the turn
    way = (both.targets - both.handles)[nose[0]]
    assert way == pytest.approx((alone["turn-left"].targets - alone["turn-left"].handles)[0])
    assert len({tuple(each) for each in both.handles}) == len(both.handles)


def test_what_is_outside_of_the_image_is_left_out():
    marks = face(at=(128.0, 240.0))  # the chin is below the border
    assert marks[8, 1] > 255
    points = named_points(marks, {"turn-left": 1.0}, (256, 256))
    assert len(points.handles) == 1
    assert (points.targets >= 0).all() and (points.targets <= 255).all()
    with pytest.raises(DraglabError, match="outside of the image"):
        named_points(face(at=(900.0, 128.0)), {"smile": 1.0}, (256, 256))


@pytest.fixture(scope="module")
def heads():
    return load_generator("heads", device="cpu")


@pytest.mark.parametrize(("name", "mark", "axis", "sign"), [("smile", 54, 0, 1), ("turn-left", 30, 0, -1),
                                                           ("open-mouth", 57, 1, 1),
                                                           ("look-up", 30, 1, -1)])  # fmt: skip
def test_heads_do_as_they_are_told(heads, name, mark, axis, sign):
    w_plus = heads.w_plus_from_seed(525)
    edit = draglab.named_edit(heads, w_plus, {name: 1.0})
    result = draglab.drag(heads, w_plus, edit, draglab.DragSettings.for_model(heads, **named_settings({name: 1.0})))
    with torch.no_grad():
        before = draglab.to_uint8(heads.image(w_plus))[0]
    marks = HeadLandmarks()([before, result.image()])
    handles, targets = np.asarray(edit.handles), np.asarray(edit.targets)
    own = np.linalg.norm(handles - marks[0, mark], axis=1).argmin()
    asked = (targets - handles)[own, axis]
    assert sign * asked > 3
    assert sign * (marks[1] - marks[0])[mark, axis] > 0.4 * abs(asked)


def test_only_turns_alone_let_everything_follow():
    assert named_settings({"turn-left": 1.0, "turn-right": -1.0}) == {"locality": 0.0}
    assert (
        named_settings({"turn-left": 1.0, "smile": 1.0}) == named_settings({"smile": 1.0}) == named_settings({}) == {}
    )


def test_lines_of_lists_take_the_settings_of_their_named_edits(heads):
    line = EditLine(seed=525, do=["turn-left"])
    assert faces.with_named(line, heads).settings == {"locality": 0.0}
    assert faces.with_named(line.model_copy(update={"settings": {"locality": 9.0}}), heads).settings == {
        "locality": 9.0
    }
    assert faces.with_named(line.model_copy(update={"preset": "paper"}), heads).settings == {}
    own = line.model_copy(update={"handles": [[9.0, 9.0]], "targets": [[9.0, 12.0]]})
    assert faces.with_named(own, heads).settings == {}


def test_models_without_faces_say_so(monkeypatch):
    generator = tiny_generator()
    monkeypatch.setattr(faces, "has_dlib", lambda: False)
    with pytest.raises(DraglabError, match=r"pip install 'draglab\[faces\]'"):
        draglab.named_edit(generator, generator.w_plus_from_seed(1), "smile")

    class Blind:
        def __call__(self, images):
            return np.full((len(images), 68, 2), np.nan)

    other = tiny_generator()
    monkeypatch.setattr(faces, "has_dlib", lambda: True)
    monkeypatch.setattr(faces, "choose_detector", lambda generator: Blind())
    with pytest.raises(DraglabError, match="no face is found in what the model"):
        draglab.named_edit(other, other.w_plus_from_seed(1), "smile")
