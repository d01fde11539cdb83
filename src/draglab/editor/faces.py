"""The face in an image of a model, for named edits."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from weakref import WeakKeyDictionary

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from draglab.dragging import DragEdit
from draglab.editor.named_edits import NamedPoints, checked_named, named_points, named_settings, parse_named
from draglab.editor.start_latent import spec_of_start, start_latent
from draglab.errors import DraglabError
from draglab.generators import Generator, to_uint8
from draglab.inversion.faces import choose_detector, has_dlib, mean_image
from draglab.media.edit_line import EditLine
from draglab.perception import HeadLandmarks, LandmarkDetector, found

_detectors: WeakKeyDictionary[Generator, LandmarkDetector | DraglabError] = WeakKeyDictionary()


def face_detector(generator: Generator) -> LandmarkDetector:
    """Return the detector of the 68 landmarks of a model's faces; `heads` has its own, others need dlib.

    The answer for a model is kept, as it takes an image and a detection.

    Raises:
        DraglabError: there is none here, or the model shows no faces.
    """
    if generator not in _detectors:
        try:
            _detectors[generator] = _find_detector(generator)
        except DraglabError as error:
            _detectors[generator] = error
    known = _detectors[generator]
    if isinstance(known, DraglabError):
        raise known
    return known


def _find_detector(generator: Generator) -> LandmarkDetector:
    if generator.name == "heads":
        return HeadLandmarks()
    if not has_dlib():
        raise DraglabError(
            "named edits of real faces need dlib: pip install 'draglab[faces]'; without it, place handles by hand"
        )
    detector = choose_detector(generator)
    if generator.img_channels != 3 or not found(detector(mean_image(generator)))[0]:
        raise DraglabError(
            f"no face is found in what the model {generator.name} makes, and named edits are for faces: place handles "
            "by hand"
        )
    return detector


@torch.no_grad()
def find_face(generator: Generator, w_plus: Tensor) -> NDArray[np.float64]:
    """Return the 68 landmarks [68, 2] of the face in the image of w_plus [1, num_ws, w_dim], image pixels.

    Raises:
        DraglabError: see :func:`face_detector`; also if no face is found in the image.
    """
    detector = face_detector(generator)
    landmarks = detector(to_uint8(generator.image(w_plus)))
    if not found(landmarks)[0]:
        raise DraglabError("no face is found in this image: place handles by hand, or take another image")
    return landmarks[0]


def place_named(generator: Generator, w_plus: Tensor, strengths: Mapping[str, float]) -> NamedPoints:
    """Return the handles and targets of named edits on an image; see :func:`draglab.editor.named_edits.named_points`.

    Raises:
        DraglabError: see :func:`find_face` and :func:`named_points`.
    """
    strengths = checked_named(strengths)
    return named_points(find_face(generator, w_plus), strengths, generator.img_shape)


def named_edit(generator: Generator, w_plus: Tensor, edits: Mapping[str, float] | Iterable[str] | str) -> DragEdit:
    """Return the edit that a name stands for, on the face of one image; several add up.

        edit = draglab.named_edit(generator, w_plus, {"smile": 0.5, "turn-left": 1})
        result = draglab.drag(generator, w_plus, edit, draglab.DragSettings.for_model(generator))

    Turns of the head need `locality=0` among the settings, or most of the head is held where it is.

    Args:
        generator: a model of faces: `heads`, or any if dlib is installed. w_plus: [1, num_ws, w_dim].
        edits: strengths by name (:data:`draglab.editor.named_edits.NAMED_EDITS`), or texts such as "smile:0.5".

    Raises:
        DraglabError: an unknown name or strength, no detector, no face, or nothing of it is in the image.
    """
    texts = [edits] if isinstance(edits, str) else edits
    strengths = dict(texts) if isinstance(texts, Mapping) else parse_named(texts)
    points = place_named(generator, w_plus, strengths)
    return DragEdit(points.handles, points.targets)


def with_named(line: EditLine, generator: Generator) -> EditLine:
    """Return a line of a list with the points of its named edits after its own, and with settings that suit them.

    Raises:
        DraglabError: the start does not fit the model, it has no detector of faces, or there is no face.
    """
    w_plus = start_latent(spec_of_start(line.start(), generator.name), generator)
    named = parse_named(line.do or [])
    points = place_named(generator, w_plus, named)
    handles = [*(line.handles or []), *points.handles.tolist()]
    targets = [*(line.targets or []), *points.targets.tolist()]
    suited = named_settings(named) if line.preset != "paper" and not line.handles else {}
    settings = {**suited, **line.settings}
    return line.model_copy(update={"handles": handles, "targets": targets, "landmarks": None, "settings": settings})
