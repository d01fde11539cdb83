"""Landmarks of hands and faces by mediapipe, where version 0.10.21 or older is installed (docs/perception.md)."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from draglab.errors import DraglabError
from draglab.perception.detector import FACE_MESH, HAND, Images, Layout, checked_images

INSTALL = "docs/perception.md says how to install mediapipe 0.10.21"


class _MediapipeDetector:
    """A landmark detector around one of mediapipe's "solutions".

    Args:
        solution: its object. field: of its result, a list with one entry for each face or hand.
        margin: width, as a share of the longer side, of a border that repeats the image's edge: without one, a hand
            that fills the picture is often not found.
    """

    def __init__(self, layout: Layout, solution: Any, field: str, margin: float) -> None:
        self._layout, self._solution, self._field, self._margin = layout, solution, field, margin

    @property
    def layout(self) -> Layout:
        """Meaning of the points."""
        return self._layout

    def __call__(self, images: Images) -> NDArray[np.float64]:
        """Find the landmarks of each image; see :class:`draglab.perception.LandmarkDetector`."""
        pictures = checked_images(images)
        points = np.full((len(pictures), self._layout.count, 2), np.nan)
        for index, picture in enumerate(pictures):
            square, left, top = _squared(picture, self._margin)
            if results := getattr(self._solution.process(square), self._field):
                shares = np.array([(point.x, point.y) for point in results[0].landmark], np.float64)
                # Shares of the square, 0 = the outer edge of its first pixel.
                points[index] = shares * square.shape[0] - 0.5 - np.array([left, top])
        return points


class MediapipeHands(_MediapipeDetector):
    """The 21 points of a hand, a landmark detector (:class:`draglab.perception.LandmarkDetector`; layout: `HAND`).

    Zhang et al. 2020. Images are independent of each other; the first hand that mediapipe reports is taken.

    Args:
        confidence: from 0 to 1, below which mediapipe's palm detector does not report a hand.

    Raises:
        DraglabError: mediapipe is missing, or a version without these models.
    """

    def __init__(self, confidence: float = 0.3) -> None:
        _check_confidence(confidence)
        solution = _solutions().hands.Hands(
            static_image_mode=True, max_num_hands=1, min_detection_confidence=confidence
        )
        super().__init__(HAND, solution, "multi_hand_landmarks", 0.25)


class MediapipeFace(_MediapipeDetector):
    """The 478 points of a face, irises included, a landmark detector (layout: `FACE_MESH`).

    Kartynnik et al. 2019. Images are independent of each other.

    Args:
        confidence: from 0 to 1, below which mediapipe's face detector does not report a face.

    Raises:
        DraglabError: mediapipe is missing, or a version without these models.
    """

    def __init__(self, confidence: float = 0.5) -> None:
        _check_confidence(confidence)
        solution = _solutions().face_mesh.FaceMesh(
            static_image_mode=True, max_num_faces=1, refine_landmarks=True, min_detection_confidence=confidence
        )
        super().__init__(FACE_MESH, solution, "multi_face_landmarks", 0.0)


def _squared(picture: NDArray[np.uint8], margin: float) -> tuple[NDArray[np.uint8], int, int]:
    """Return the picture in a square with borders that repeat its edges, and the widths of those left and above.

    mediapipe places points of pictures that are not square inaccurately.
    """
    height, width = picture.shape[:2]
    side = max(height, width) + 2 * round(margin * max(height, width))
    left, top = (side - width) // 2, (side - height) // 2
    borders = ((top, side - height - top), (left, side - width - left), (0, 0))
    return np.pad(picture, borders, mode="edge"), left, top


def _check_confidence(confidence: float) -> None:
    if not 0 <= confidence <= 1:
        raise DraglabError(f"confidence is {confidence}: give 0 to 1")


def _solutions() -> Any:
    """Import mediapipe, which has no types."""
    try:
        return importlib.import_module("mediapipe").solutions
    except ImportError as error:
        raise DraglabError(f"mediapipe is not there ({str(error).splitlines()[0]}): {INSTALL}") from None
    except AttributeError:
        raise DraglabError(f"this version of mediapipe brings no models: {INSTALL}") from None
