"""The interface of landmark detectors, and the meaning of their points."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from draglab.errors import DraglabError

Images = NDArray[np.uint8] | Sequence[NDArray[np.uint8]]
"""uint8 RGB [N, H, W, 3], or a list of [H, W, 3] that may differ in size."""


@dataclass(frozen=True)
class Layout:
    """Order and names of the points that a detector finds.

    Attributes:
        name: of the scheme. count: number of points.
        parts: name -> indices of a part or, alone, of a point. "left" and "right" are those of the picture, for a face
            that looks at the camera.
    """

    name: str
    count: int
    parts: Mapping[str, tuple[int, ...]]

    def index(self, point: str) -> int:
        """Return the index of a point.

        Raises:
            DraglabError: no such point, or a part of several points.
        """
        indices = self.parts.get(point, ())
        if len(indices) != 1:
            points = ", ".join(name for name, found in self.parts.items() if len(found) == 1)
            raise DraglabError(f"{self.name} has no single point {point!r}: choose one of {points}")
        return indices[0]


def _layout(name: str, count: int, **parts: int | range) -> Layout:
    named = {key.replace("_", " "): (part,) if isinstance(part, int) else tuple(part) for key, part in parts.items()}
    return Layout(name, count, named)


MULTI_PIE = _layout(
    "Multi-PIE's 68 points",
    68,
    jaw=range(17),
    left_brow=range(17, 22),
    right_brow=range(22, 27),
    nose=range(27, 36),
    left_eye=range(36, 42),
    right_eye=range(42, 48),
    mouth=range(48, 68),
    chin=8,
    nose_tip=30,
    left_outer_eye_corner=36,
    left_inner_eye_corner=39,
    right_inner_eye_corner=42,
    right_outer_eye_corner=45,
    left_mouth_corner=48,
    upper_lip=51,
    right_mouth_corner=54,
    lower_lip=57,
)
"""The 68 points of Gross et al. 2010 (as iBUG annotated 300-W): dlib's and those of the judge for `heads`."""

FACE_MESH = _layout(
    "mediapipe's face mesh",
    478,
    mesh=range(468),
    left_iris=range(468, 473),
    right_iris=range(473, 478),
    chin=152,
    nose_tip=1,
    left_outer_eye_corner=33,
    left_inner_eye_corner=133,
    right_inner_eye_corner=362,
    right_outer_eye_corner=263,
    left_mouth_corner=61,
    upper_lip=0,
    right_mouth_corner=291,
    lower_lip=17,
)

HAND = _layout(
    "mediapipe's 21 hand points",
    21,
    wrist=0,
    thumb=range(1, 5),
    index_finger=range(5, 9),
    middle_finger=range(9, 13),
    ring_finger=range(13, 17),
    little_finger=range(17, 21),
    thumb_tip=4,
    index_finger_tip=8,
    middle_finger_tip=12,
    ring_finger_tip=16,
    little_finger_tip=20,
)


class LandmarkDetector(Protocol):
    """A detector of the landmarks of the one face, or hand, in each picture: any object with these two members.

    Attributes:
        layout: meaning of the points.
    """

    @property
    def layout(self) -> Layout: ...

    def __call__(self, images: Images) -> NDArray[np.float64]:
        """Find landmarks.

        Args:
            images: uint8 RGB [N, H, W, 3], or a list of [H, W, 3] that may differ in size.

        Returns:
            [N, layout.count, 2] (x, y) in pixels of each image, (0, 0) = centre of the top-left pixel; NaN for an image
            in which nothing is found (:func:`found`). Points may lie outside of the image.

        Raises:
            DraglabError: images of another form.
        """
        ...


def found(landmarks: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return in which images something was found, [N] bool, from landmarks [N, n, 2] or descriptors [N, n]."""
    return np.array([bool(np.isfinite(one).all()) for one in landmarks], bool)


def checked_images(images: Images) -> list[NDArray[np.uint8]]:
    """Return the images one by one, each contiguous [H, W, 3].

    Raises:
        DraglabError: images of another form.
    """
    if isinstance(images, np.ndarray) and images.ndim != 4:
        raise DraglabError(f"the images have shape {list(images.shape)}: give [N, H, W, 3], or a list of [H, W, 3]")
    checked = []
    for image in images:
        array: Any = np.asarray(image)
        if array.dtype != np.uint8 or array.ndim != 3 or array.shape[2] != 3 or array.size == 0:
            raise DraglabError(f"an image is {array.dtype} {list(array.shape)}: give uint8 RGB [H, W, 3]")
        checked.append(np.ascontiguousarray(array))
    return checked
