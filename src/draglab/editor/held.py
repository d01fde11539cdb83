"""What a drag would hold by itself: the map that the editor shows of a drag's locality."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from draglab.dragging import DragEdit
from draglab.dragging.gauss_newton import uses_gauss_newton
from draglab.dragging.locality import held_places
from draglab.editor.document import Document
from draglab.editor.state import XY

PLACES = 32
"""Number of places of the map along the longer side of the image."""


def held_map(document: Document, ways: Sequence[tuple[XY, XY]]) -> NDArray[np.float64] | None:
    """Return how much each place of the image would be held, [rows, columns] from 0 to 1, far from the ways.

    Args:
        ways: handle and target of each point, (x, y) image pixels; a pin's target is its handle.

    Returns:
        None if this map holds nothing: locality is 0, there is a mask, or the drag would not be a Gauss-Newton one.

    Raises:
        DraglabError: a point is outside the image, or none has somewhere to go.
    """
    node, settings = document.history.node, document.settings()
    generator = document.generator(node)
    edit = DragEdit([handle for handle, _ in ways], [target for _, target in ways], document.movable(node))
    handles, targets, mask = edit.validated(*generator.img_shape)
    if mask is not None and not (mask == 1).all():
        return None
    # A model without statistics would be measured first, which nobody has asked for.
    if not settings.locality or generator.statistics is None or not uses_gauss_newton(generator, edit, settings):
        return None
    height, width = (max(1, round(PLACES * side / max(generator.img_shape))) for side in generator.img_shape)
    ys, xs = np.mgrid[:height, :width]
    places = (np.stack([xs, ys], axis=-1) + 0.5) / [width, height]
    return held_places(places, handles, targets, generator.img_shape)
