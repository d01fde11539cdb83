"""Landmarks and descriptors of real faces by dlib (King 2009), from the extra `faces`; nothing of it is bundled.

Pip installs dlib-bin (wheels, no compiler) and face-recognition-models, which holds dlib's networks as files. Mind the
licence of the 68-point predictor: it was trained on iBUG 300-W, which excludes commercial use. dlib's author put the
5-point predictor and the descriptor into the public domain.
"""

from __future__ import annotations

import importlib
import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image

from draglab.errors import DraglabError
from draglab.perception.detector import MULTI_PIE, Images, Layout, checked_images

INSTALL = "install it with: pip install 'draglab[faces]'"
SAME_PERSON = 0.6
"""Distance of two descriptors below which dlib's author takes them for those of one person."""
_SIDE = 512
"""Shorter side in pixels to which smaller images are enlarged: the detector sees faces from 80 px on, and the
predictor's points are whole pixels."""
_PREDICTOR_68 = "shape_predictor_68_face_landmarks.dat"
_PREDICTOR_5 = "shape_predictor_5_face_landmarks.dat"
_DESCRIPTOR = "dlib_face_recognition_resnet_model_v1.dat"


class _Faces:
    """The faces of each picture of which the detector is about as sure as of any, and their points.

    Args:
        predictor: the predictor's file. points: their number, which the file must agree with.
    """

    def __init__(self, predictor: Path, points: int, upsample: int) -> None:
        if not 0 <= upsample <= 4:
            raise DraglabError(f"upsample is {upsample}: give 0 to 4 doublings of the image")
        self.dlib = _dlib()
        self.detector = self.dlib.get_frontal_face_detector()
        self.predictor = _load(self.dlib.shape_predictor, predictor, "shape predictor")
        self.upsample = upsample
        blank = np.zeros((8, 8, 3), np.uint8)
        count = self.predictor(blank, self.dlib.rectangle(0, 0, 7, 7)).num_parts
        if count != points:
            raise DraglabError(
                f"{predictor} finds {count} points instead of {points}: give the file of {points} points"
            )

    def find(self, picture: NDArray[np.uint8], most: int | None = 1) -> tuple[NDArray[np.uint8], int, list[Any]]:
        """Return the picture, enlarged by a whole factor if it is small, the factor, and the shapes in it.

        Args:
            most: number of shapes, the largest first; None = all.
        """
        picture, factor = _enlarged(picture)
        boxes = sorted(self._boxes(picture), key=lambda box: box.area(), reverse=True)
        return picture, factor, [self.predictor(picture, box) for box in boxes[:most]]

    def _boxes(self, picture: NDArray[np.uint8]) -> list[Any]:
        """Return dlib's rectangles of the faces in a picture."""
        for upsample in range(self.upsample + 1):
            boxes, scores, _ = self.detector.run(picture, upsample, 0.0)
            if boxes:
                # Patterns that are no face have far lower scores than a face.
                return [box for box, score in zip(boxes, scores, strict=True) if score >= max(scores) / 2]
        return []


def _enlarged(picture: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], int]:
    """Return a picture that is enlarged by a whole factor if it is small, and the factor."""
    factor = max(1, -(-_SIDE // min(picture.shape[:2])))
    if factor == 1:
        return picture, 1
    size = (picture.shape[1] * factor, picture.shape[0] * factor)
    return np.array(Image.fromarray(picture).resize(size, Image.Resampling.BICUBIC)), factor


class DlibLandmarks:
    """dlib's 68 landmarks of real faces, a landmark detector (:class:`draglab.perception.LandmarkDetector`).

    The largest frontal face that dlib's HOG detector finds is taken. The predictor (Kazemi and Sullivan 2014) was
    trained on iBUG 300-W, whose licence excludes commercial use.

    Args:
        predictor: `shape_predictor_68_face_landmarks.dat`; None = that of the package face-recognition-models.
        upsample: doublings of the image that are tried, one after the other, until there is a face. Without any, faces
            from about a sixth of the shorter side on are found.

    Raises:
        DraglabError: dlib or the predictor is missing, or the file is another one.
    """

    def __init__(self, predictor: str | Path | None = None, upsample: int = 1) -> None:
        path = _model_file(_PREDICTOR_68) if predictor is None else Path(predictor)
        self._faces = _Faces(path, MULTI_PIE.count, upsample)

    @property
    def layout(self) -> Layout:
        """Meaning of the points."""
        return MULTI_PIE

    def all_faces(self, picture: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Find the landmarks of every frontal face in a picture, uint8 [H, W, 3].

        Returns:
            [n, 68, 2] (x, y) image pixels, the largest face first; n may be 0.
        """
        (picture,) = checked_images([picture])
        _, factor, shapes = self._faces.find(picture, most=None)
        return np.array([_points(shape, factor) for shape in shapes]).reshape(-1, MULTI_PIE.count, 2)

    def __call__(self, images: Images) -> NDArray[np.float64]:
        """Find the 68 landmarks of each image; see :class:`draglab.perception.LandmarkDetector`."""
        pictures = checked_images(images)
        points = np.full((len(pictures), MULTI_PIE.count, 2), np.nan)
        for index, picture in enumerate(pictures):
            _, factor, shapes = self._faces.find(picture)
            if shapes:
                points[index] = _points(shapes[0], factor)
        return points


def _points(shape: Any, factor: int) -> NDArray[np.float64]:
    """Return the points of a shape in a picture that was enlarged by a factor, [n, 2] pixels of the picture before."""
    return (np.array([(part.x, part.y) for part in shape.parts()], np.float64) + 0.5) / factor - 0.5


class FaceDescriptor:
    """dlib's descriptor of a face: 128 numbers that lie close together for pictures of one person.

    The face is the largest that the HOG detector finds, aligned by 5 points, so that the 68-point predictor and its
    licence are not needed.

    Args:
        models: folder of dlib's files (`dlib_face_recognition_resnet_model_v1.dat`,
            `shape_predictor_5_face_landmarks.dat`); None = those of the package face-recognition-models.
        upsample: as in :class:`DlibLandmarks`.

    Raises:
        DraglabError: dlib or a file is missing, or a file is another one.
    """

    def __init__(self, models: str | Path | None = None, upsample: int = 1) -> None:
        folder = None if models is None else Path(models)
        predictor, network = (folder / name if folder else _model_file(name) for name in (_PREDICTOR_5, _DESCRIPTOR))
        self._faces = _Faces(predictor, 5, upsample)
        self._network = _load(self._faces.dlib.face_recognition_model_v1, network, "face descriptor")

    def __call__(self, images: Images) -> NDArray[np.float64]:
        """Describe faces.

        Args:
            images: uint8 RGB [N, H, W, 3], or a list of [H, W, 3] that may differ in size.

        Returns:
            [N, 128]; NaN for an image in which no face is found.

        Raises:
            DraglabError: images of another form.
        """
        pictures = checked_images(images)
        descriptors = np.full((len(pictures), 128), np.nan)
        for index, picture in enumerate(pictures):
            enlarged, _, shapes = self._faces.find(picture)
            if shapes:
                descriptors[index] = self._network.compute_face_descriptor(enlarged, shapes[0])
        return descriptors


def identity_distance(a: ArrayLike, b: ArrayLike) -> NDArray[np.float64]:
    """Return the Euclidean distance of descriptors [..., 128], which broadcast; NaN where either had no face.

    Below SAME_PERSON, dlib's author takes them for those of one person.
    """
    return np.linalg.norm(np.asarray(a, np.float64) - np.asarray(b, np.float64), axis=-1)


def _dlib() -> Any:
    """Import dlib, which has no types."""
    try:
        return importlib.import_module("dlib")
    except ImportError as error:
        raise DraglabError(f"dlib is not there ({str(error).splitlines()[0]}): {INSTALL}") from None


def _model_file(name: str) -> Path:
    """Return the path of a file of face-recognition-models. The package is not imported: that needs pkg_resources."""
    spec = importlib.util.find_spec("face_recognition_models")
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        if (path := Path(folder) / "models" / name).is_file():
            return path
    raise DraglabError(f"the package face-recognition-models, which has {name}, is not there: {INSTALL}")


def _load(kind: Any, path: Path, what: str) -> Any:
    """Load a file with a class of dlib."""
    if not path.is_file():
        raise DraglabError(f"there is no {what} {path}: check the path, or leave it out to use the package's")
    try:
        return kind(str(path))
    except RuntimeError:
        raise DraglabError(f"{path} is not a {what} of dlib, or damaged: get {path.name} again") from None
