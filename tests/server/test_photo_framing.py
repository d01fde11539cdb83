"""Which model is proposed for a photo, and where its frame is put."""

from __future__ import annotations

import numpy as np
import pytest

from draglab.errors import DraglabError
from draglab.inversion import Frame, FramedFace
from draglab.server.photo_framing import FACES, look_for_face, place_frame, suited_model
from draglab.server.photo_messages import FindFrame, FoundFace, PhotoFrame
from tests.inversion.pictures import smooth_picture
from tests.tiny import tiny_generator

COMMAND = FindFrame(id=1, photo="abc", model="tiny")


@pytest.mark.parametrize(
    ("has_face", "current", "here", "wanted"),
    [
        (True, "heads", ["heads", FACES, "ffhq-256"], (FACES, None)),
        (True, "heads", ["heads", "hands"], ("heads", FACES)),
        (True, "heads", ["heads", "ffhq-512", "ffhq-256"], ("ffhq-256", None)),
        (True, "celebahq-256", ["heads", FACES, "celebahq-256"], ("celebahq-256", None)),
        (None, "hands", ["hands", FACES], (FACES, None)),
        (False, "hands", ["heads", "hands", FACES], ("hands", None)),
    ],
)
def test_the_model_that_suits(has_face, current, here, wanted):
    assert suited_model(has_face, current, here) == wanted


def test_the_largest_face_is_framed_and_all_are_told(monkeypatch):
    faces = [FramedFace(Frame(30, 20, 40, 5), Frame(31, 19, 18, 5)), FramedFace(Frame(9, 8, 20), Frame(9, 7, 9))]
    monkeypatch.setattr("draglab.inversion.find_faces", lambda pixels, generator: faces)
    answer = place_frame(COMMAND, smooth_picture(60, 80), tiny_generator())
    assert answer.text == "" and answer.aspect == 1
    assert answer.frame == answer.faces[0].frame == PhotoFrame(x=30, y=20, size=40, angle=5)
    assert answer.faces[0].box == PhotoFrame(x=31, y=19, size=18, angle=5)
    assert answer.faces[1] == FoundFace(
        frame=PhotoFrame(x=9, y=8, size=20, angle=0), box=PhotoFrame(x=9, y=7, size=9, angle=0)
    )


@pytest.mark.parametrize(("dlib", "said"), [(True, "No upright face found: "), (False, "Faces are only found with")])
def test_without_a_face_the_middle_is_framed(monkeypatch, dlib, said):
    def fails(pixels, generator):
        raise DraglabError("no face")

    monkeypatch.setattr("draglab.inversion.find_faces", fails)
    monkeypatch.setattr("draglab.inversion.faces.has_dlib", lambda: dlib)
    answer = place_frame(COMMAND, smooth_picture(60, 80), tiny_generator())
    assert answer.faces == [] and answer.text.startswith(said) and "place the frame yourself" in answer.text
    assert answer.frame == PhotoFrame(x=39.5, y=29.5, size=60, angle=0)


@pytest.mark.parametrize("there", [True, False])
def test_a_face_is_looked_for_at_a_reasonable_size(monkeypatch, there):
    sizes = []

    class Detector:
        def __call__(self, images):
            sizes.extend(each.shape for each in images)
            return np.full((1, 68, 2), 1.0 if there else np.nan)

    monkeypatch.setattr("draglab.perception.DlibLandmarks", Detector)
    monkeypatch.setattr("draglab.inversion.faces.has_dlib", lambda: True)
    assert look_for_face(smooth_picture(200, 3200)) is there
    assert sizes == [(100, 1600, 3)]
    monkeypatch.setattr("draglab.inversion.faces.has_dlib", lambda: False)
    assert look_for_face(smooth_picture(20, 20)) is None
