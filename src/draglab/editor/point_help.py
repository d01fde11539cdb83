"""Help with handles: whether a place can be tracked, and where the handles of a region lie best."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from draglab.dragging import Texture, region_points
from draglab.editor.document import Document
from draglab.editor.faces import face_detector, place_named
from draglab.editor.named_edits import NAMED_EDITS, NamedPoints
from draglab.editor.quality import HandleQuality, QualityMap
from draglab.editor.state import XY
from draglab.errors import DraglabError

T = TypeVar("T", QualityMap, Texture)


class PointHelp:
    """Help with the handles of a document's current image.

    Its methods return functions of the image as it is now, which another thread may call: the first answer for an image
    takes as long as many steps. What an answer is made from is kept until another image is asked about.
    """

    def __init__(self, document: Document) -> None:
        self._document = document
        self._kept: dict[type, tuple[Any, Any]] = {}

    def check_handle(self, point: XY) -> Callable[[], HandleQuality]:
        """Return whether a handle at (x, y), image pixels, can be tracked, and if not, a better place near it.

        The function raises a DraglabError if the point is outside the image.
        """
        quality = self._of_image(QualityMap)
        return lambda: quality().check(point)

    def region_points(self, polygon: Sequence[XY], count: int) -> Callable[[], NDArray[np.float64]]:
        """Return handles for a region, [n, 2] image pixels; see :func:`draglab.dragging.region_points`.

        The function raises a DraglabError if the polygon has no inside.
        """
        texture = self._of_image(Texture)
        return lambda: region_points(polygon, count, lambda places: texture()(places))

    def named_edits(self) -> Callable[[], list[str]]:
        """Return the names of edits that can be asked for of this model; none if it has no detector of faces."""
        generator = self._document.generator(self._document.history.node)

        def names() -> list[str]:
            try:
                face_detector(generator)
            except DraglabError:
                return []
            return list(NAMED_EDITS)

        return names

    def named_points(self, strengths: Mapping[str, float]) -> Callable[[], NamedPoints]:
        """Return the handles and targets of named edits; see :func:`draglab.editor.faces.place_named`.

        The function raises a DraglabError if there is no detector or no face, or a name or strength is wrong.
        """
        document, node = self._document, self._document.history.node
        generator = document.generator(node)
        latent = document.latent(node.latent_id, generator)
        return lambda: place_named(generator, latent, strengths)

    def _of_image(self, kind: type[T]) -> Callable[[], T]:
        document, node = self._document, self._document.history.node
        settings = document.settings()
        key = (node.latent_id, settings)
        generator = document.generator(node)
        latent = document.latent(node.latent_id, generator)

        def get() -> T:
            known = self._kept.get(kind)
            if known is None or known[0] != key:
                self._kept[kind] = known = key, kind(generator, latent, settings)
            return known[1]

        return get
