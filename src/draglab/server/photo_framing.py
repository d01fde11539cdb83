"""Where a photo's faces are, and which model suits the photo."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from draglab.errors import DraglabError
from draglab.server.photo_messages import FindFrame, FoundFace, FoundFrame, PhotoFrame

if TYPE_CHECKING:
    from draglab.generators import Generator
    from draglab.inversion import Frame

FACES = "ffhq-1024-mobile"
"""The model that is proposed for photos of faces."""
SEARCHED = 1600
"""Longer side in pixels at which a face is looked for."""
FACE_MODELS = ("ffhq", "celebahq")
"""Beginnings of the names of models that were trained on photos of faces."""


def look_for_face(pixels: NDArray[np.uint8]) -> bool | None:
    """Return whether a photo, uint8 [H, W, 3], shows a face; None = dlib, which looks, is not installed."""
    from draglab.inversion.faces import has_dlib
    from draglab.perception import DlibLandmarks, found

    if not has_dlib():
        return None
    picture = Image.fromarray(pixels)
    picture.thumbnail((SEARCHED, SEARCHED))
    return bool(found(DlibLandmarks()([np.asarray(picture)]))[0])


def place_frame(command: FindFrame, pixels: NDArray[np.uint8], generator: Generator) -> FoundFrame:
    """Answer a FindFrame: the faces and their frames, or the middle of the photo.

    Args:
        pixels: the photo, uint8 [H, W, 3]. generator: the model.
    """
    from draglab.inversion import find_faces, whole_frame
    from draglab.inversion.faces import has_dlib

    height, width = generator.img_shape
    faces: list[FoundFace] = []
    text = ""
    try:
        found = find_faces(pixels, generator)
        faces = [FoundFace(frame=_as_message(each.frame), box=_as_message(each.box)) for each in found]
    except DraglabError:
        text = "No upright face found: place the frame yourself."
        if not has_dlib():
            text = "Faces are only found with dlib (pip install 'draglab[faces]'): place the frame yourself."
    whole = _as_message(whole_frame((pixels.shape[0], pixels.shape[1]), (height, width)))
    return FoundFrame(
        id=command.id,
        photo=command.photo,
        model=command.model,
        faces=faces,
        frame=faces[0].frame if faces else whole,
        aspect=width / height,
        text=text,
    )


def _as_message(frame: Frame) -> PhotoFrame:
    return PhotoFrame(x=frame.x, y=frame.y, size=frame.size, angle=frame.angle)


def suited_model(has_face: bool | None, current: str, here: Collection[str]) -> tuple[str, str | None]:
    """Propose a model for a photo.

    Args:
        has_face: see :func:`look_for_face`. current: the model that is shown. here: names of the models that are here.

    Returns:
        name of the model, and the name of one that would suit better but is not here, or None.
    """
    if has_face is False or current.startswith(FACE_MODELS):
        return current, None
    faces = sorted(name for name in here if name.startswith(FACE_MODELS))
    if FACES in faces:
        return FACES, None
    return (faces[0], None) if faces else (current, FACES)
