"""How a widget is made."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from draglab.dragging import DragSettings
from draglab.errors import DraglabError
from draglab.generators import Generator

if TYPE_CHECKING:
    from torch import Tensor

    from draglab.notebook.drag_widget import DragWidget


def widget(
    generator: Generator | str,
    seed: int = 0,
    *,
    w_plus: Tensor | NDArray[np.floating] | None = None,
    truncation_psi: float = 1.0,
    class_index: int | None = None,
    mask: NDArray[np.bool_] | None = None,
    settings: DragSettings | None = None,
    height: int = 560,
) -> DragWidget:
    """Make a widget in which the image is dragged by hand, to be shown as the last line of a notebook's cell.

    Args:
        generator: the model, or its name for :func:`draglab.load_generator`.
        seed, truncation_psi, class_index: the image to start from; see Generator.w_plus_from_seed.
        w_plus: [num_ws, w_dim] or [1, num_ws, w_dim], a latent to start from in place of a seed.
        mask: bool [H, W], True = movable; None = everything may move.
        settings: settings of the drags; None = those that suit the model.
        height: height of the widget, CSS pixels.

    Raises:
        DraglabError: anywidget is not installed, or the start, the mask or the settings do not fit the model.
    """
    try:
        from draglab.notebook.drag_widget import DragWidget
    except ModuleNotFoundError as error:
        if error.name not in ("anywidget", "ipywidgets", "traitlets"):
            raise
        raise DraglabError(
            f"the notebook widget needs {error.name}, which is not installed: run pip install 'draglab[notebook]' in "
            "the kernel's environment, then restart the kernel"
        ) from None
    from draglab.checkpoints import load_generator
    from draglab.editor.state import StartSpec

    if isinstance(generator, str):
        generator = load_generator(generator)
    values = None if w_plus is None else _latent(w_plus)
    spec = StartSpec(
        generator.name,
        None if values is not None else seed,
        values,
        truncation_psi=truncation_psi,
        class_index=class_index,
    )
    made = DragWidget(generator, spec, height=height)
    try:
        if settings is not None:
            made.settings = settings
        if mask is not None:
            made.mask = mask
    except DraglabError:
        made.close()
        raise
    return made


def _latent(w_plus: Tensor | NDArray[np.floating]) -> NDArray[np.float32]:
    import torch

    array = w_plus.detach().float().cpu().numpy() if isinstance(w_plus, torch.Tensor) else np.asarray(w_plus)
    return array[0] if array.ndim == 3 and len(array) == 1 else array
