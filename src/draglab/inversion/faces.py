"""The frame of the face in a photo, placed as a model's own faces are."""

from __future__ import annotations

import importlib.util

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from draglab.errors import DraglabError
from draglab.generators import Generator, to_uint8
from draglab.inversion.framing import Frame, face_frame, place_as
from draglab.perception import DlibLandmarks, HeadLandmarks, LandmarkDetector, found

BY_HAND = "place the frame by hand with --box x,y,size,angle (its centre, side and turn), or --no-align for all of it"
_SEARCHED = 1600
"""Longer side in pixels at which a face is looked for."""
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
    raise DraglabError(f"finding a face needs dlib: pip install 'draglab[dlib]'; without it, {BY_HAND}")


def find_frame(pixels: NDArray[np.uint8], generator: Generator, detector: LandmarkDetector | None = None) -> Frame:
    """Find the largest face of a photo and return its frame for a model.

    The frame is FFHQ's, moved and scaled as the face in the model's mean image is, unless it lies there as in FFHQ.

    Args:
        pixels: uint8 [H, W, 3]. detector: of 68 points; None = :func:`choose_detector`.

    Raises:
        DraglabError: no detector, no face, or the model shows none; the message says what to do.
    """
    detector = detector or choose_detector(generator)
    searched = _searched(pixels)
    landmarks = detector([searched])[0]
    if not np.isfinite(landmarks).all():
        raise DraglabError(f"no face was found in the photo: {BY_HAND}")
    height, width = pixels.shape[:2]
    enlarged = (landmarks + 0.5) * (np.array([width, height]) / searched.shape[1::-1]) - 0.5
    face, own = face_frame(enlarged), own_face(generator, detector)
    return (face if own is None else place_as(face, own, generator.img_shape)).checked((height, width))


def other_faces(pixels: NDArray[np.uint8]) -> str | None:
    """Return a sentence about a photo, uint8 [H, W, 3], that shows several faces; None if not, or without dlib."""
    count = DlibLandmarks().count(_searched(pixels)) if has_dlib() else 0
    return f"It shows {count} faces; the largest is taken. For another, give --box." if count > 1 else None


def _searched(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return a photo at the size at which faces are looked for."""
    height, width = pixels.shape[:2]
    shrink = max(height, width) / _SEARCHED
    if shrink <= 1:
        return pixels
    size = (max(1, round(width / shrink)), max(1, round(height / shrink)))
    return np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.LANCZOS))


@torch.no_grad()
def own_face(generator: Generator, detector: LandmarkDetector) -> Frame | None:
    """Return FFHQ's frame of the face in a model's mean image; None if that is about the whole image.

    Raises:
        DraglabError: the mean image shows no face.
    """
    image = to_uint8(generator.image(generator.w_avg[None, None].repeat(1, generator.num_ws, 1)))
    landmarks = detector(image)
    if not found(landmarks)[0]:
        raise DraglabError(f"no face is found in what the model {generator.name} makes: {BY_HAND}")
    own = face_frame(landmarks[0])
    height, width = generator.img_shape
    off = np.array([own.x - (width - 1) / 2, own.y - (height - 1) / 2, own.size - height]) / height
    near = bool((np.abs(off) < _NEAR_FFHQ).all()) and abs(own.angle) < 90 * _NEAR_FFHQ
    return None if near and height == width else own
