"""Pictures of a video between two steps of a drag."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from draglab.editor.pictures import render
from draglab.generators import Generator
from draglab.media.overlay import draw_edit

FPS = 20
FRAMES_PER_STEP = 4
"""Pictures for each step, as a drag may arrive in five steps; between two steps the latent is interpolated linearly."""


@dataclass(frozen=True)
class Moment:
    """A latent [1, num_ws, w_dim] and its handles [n, 2], image pixels."""

    w_plus: Tensor
    handles: NDArray[np.float64]


def pictures_between(
    generator: Generator, before: Moment, after: Moment, targets: ArrayLike
) -> Iterator[NDArray[np.uint8]]:
    """Yield pictures after one moment up to another, uint8 [H, W, 3], with handles and targets [n, 2] drawn."""
    for share in np.arange(1, FRAMES_PER_STEP + 1) / FRAMES_PER_STEP:
        picture = render(generator, torch.lerp(before.w_plus, after.w_plus, float(share)))
        yield draw_edit(picture, before.handles + (after.handles - before.handles) * share, targets)
