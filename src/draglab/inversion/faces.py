"""The frame of the face in a photo, placed as a model's own faces are."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from draglab.errors import DraglabError
from draglab.generators import Generator, to_uint8
from draglab.inversion.framing import Frame, cut, face_frame, place_as
from draglab.perception import DlibLandmarks, HeadLandmarks, LandmarkDetector, found

BY_HAND = "place the frame by hand with --box x,y,size,angle (its centre, side and turn), or --no-align for all of it"
_SEARCHED = 1600
"""Longer side in pixels at which a face is looked for."""
_FACE = 0.55
"""Side of a square about a face, as a share of FFHQ's frame."""
_TILTED, _LOOKS = 10.0, 2
"""Degrees from which a face is looked at again upright, and how often."""
_SIDE = 256
"""Least side in pixels of the picture in which it then is."""
_NEAR_FFHQ = 0.05
"""Largest difference from FFHQ's frame, as a share of it, that is taken for none."""


def has_dlib() -> bool:
    """Whether dlib and its networks are installed."""
    return all(importlib.util.find_spec(name) for name in ("dlib", "face_recognition_models"))


def choose_detector(generator: Generator) -> LandmarkDetector:
    """Return the detector of faces for photos that a model is to show.

    Raises:
        DraglabError: there is none here.
    """
    if has_dlib():
        return DlibLandmarks()
    if generator.name == "heads":
        return HeadLandmarks()
    raise DraglabError(f"finding a face needs dlib: pip install 'draglab[faces]'; without it, {BY_HAND}")


@dataclass(frozen=True)
class FramedFace:
    """A face in a photo.

    Attributes:
        frame: the part of the photo that a model is to show of it. box: a square about the face itself.
    """

    frame: Frame
    box: Frame


def find_faces(
    pixels: NDArray[np.uint8], generator: Generator, detector: LandmarkDetector | None = None
) -> list[FramedFace]:
    """Find the faces of a photo and frame them for a model; the largest comes first.

    A frame is FFHQ's, moved and scaled as the face in the model's mean image is, unless it lies there as in FFHQ. All
    detectors but dlib's find one face at most.

    Args:
        pixels: uint8 [H, W, 3]. detector: of 68 points; None = :func:`choose_detector`.

    Returns:
        one or more faces.

    Raises:
        DraglabError: no detector, no face, or the model shows none; the message says what to do.
    """
    detector = detector or choose_detector(generator)
    searched = _searched(pixels)
    several = detector.all_faces(searched) if isinstance(detector, DlibLandmarks) else detector([searched])
    several = several[found(several)]
    if len(several) == 0:
        raise DraglabError(f"no upright frontal face was found in the photo: {BY_HAND}")
    height, width = pixels.shape[:2]
    own = own_face(generator, detector)
    faces: list[FramedFace] = []
    problem: DraglabError | None = None
    for landmarks in several:
        enlarged = (landmarks + 0.5) * (np.array([width, height]) / searched.shape[1::-1]) - 0.5
        face = _turned_upright(pixels, face_frame(enlarged), detector)
        frame = face if own is None else place_as(face, own, generator.img_shape)
        try:
            frame.checked((height, width))
        except DraglabError as error:
            # A face that the photo cuts off.
            problem = problem or error
            continue
        faces.append(FramedFace(frame, replace(face, size=face.size * _FACE)))
    if problem is not None and not faces:
        raise problem
    return faces


def _turned_upright(pixels: NDArray[np.uint8], face: Frame, detector: LandmarkDetector) -> Frame:
    """Return FFHQ's frame of a face after another look at it upright: detectors see too little of a turn."""
    if abs(face.angle) < _TILTED:
        return face
    for _ in range(_LOOKS):
        side = round(min(max(2 * face.size, _SIDE), _SEARCHED))
        seen = replace(face, size=2 * face.size)
        landmarks = detector([cut(pixels, seen, (side, side))])
        if not found(landmarks)[0]:
            break
        again = face_frame(seen.to_photo(landmarks[0], (side, side)))
        if np.hypot(again.x - face.x, again.y - face.y) > face.size / 2:
            # Another face.
            break
        face = again
    return face


def find_frame(pixels: NDArray[np.uint8], generator: Generator, detector: LandmarkDetector | None = None) -> Frame:
    """Find the largest face of a photo and return its frame for a model; see :func:`find_faces`."""
    return find_faces(pixels, generator, detector)[0].frame


def _searched(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return a photo at the size at which faces are looked for."""
    height, width = pixels.shape[:2]
    shrink = max(height, width) / _SEARCHED
    if shrink <= 1:
        return pixels
    size = (max(1, round(width / shrink)), max(1, round(height / shrink)))
    return np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.LANCZOS))


@torch.no_grad()
def mean_image(generator: Generator) -> NDArray[np.uint8]:
    """Return the image of a model's mean latent, uint8 [1, H, W, 3]."""
    return to_uint8(generator.image(generator.w_avg[None, None].repeat(1, generator.num_ws, 1)))


def own_face(generator: Generator, detector: LandmarkDetector) -> Frame | None:
    """Return FFHQ's frame of the face in a model's mean image; None if that is about the whole image.

    Raises:
        DraglabError: the mean image shows no face.
    """
    landmarks = detector(mean_image(generator))
    if not found(landmarks)[0]:
        raise DraglabError(f"no face is found in what the model {generator.name} makes: {BY_HAND}")
    own = face_frame(landmarks[0])
    height, width = generator.img_shape
    off = np.array([own.x - (width - 1) / 2, own.y - (height - 1) / 2, own.size - height]) / height
    near = bool((np.abs(off) < _NEAR_FFHQ).all()) and abs(own.angle) < 90 * _NEAR_FFHQ
    return None if near and height == width else own
