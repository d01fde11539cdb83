"""The drag itself: one optimiser step and one tracking step after the other (DragGAN section 3, figure 2)."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from draglab.drag.edit import DragEdit
from draglab.drag.latent import EditedLatent
from draglab.drag.round import Round
from draglab.drag.settings import DragSettings
from draglab.errors import DraglabError
from draglab.generators import FeatureMaps, StyleGAN2, to_uint8

StopReason = Literal["arrived", "max_steps", "stalled", "cancelled"]
STALL_IMPROVEMENT = 0.1
"""The mean distance must shrink by this many image pixels within `patience` steps."""


@dataclass(frozen=True)
class DragStep:
    """The state after one iteration.

    Attributes:
        index: counts from 1.
        handles: [n, 2] (x, y), where the points are now, image pixels. targets: [n, 2].
        distances: [n] from handles to targets, image pixels.
        loss: the loss that this step descended. motion_loss, mask_loss: its parts, mask_loss without its weight.
        w_plus: [1, num_ws, w_dim], the edited latent.
        arrived: every handle is within the stop distance.
        stalled: the mean distance has not improved for `patience` steps.
    """

    index: int
    handles: NDArray[np.float64]
    targets: NDArray[np.float64]
    distances: NDArray[np.float64]
    loss: float
    motion_loss: float
    mask_loss: float
    w_plus: Tensor
    arrived: bool
    stalled: bool
    _generator: StyleGAN2
    _features: FeatureMaps | None

    def image(self) -> NDArray[np.uint8]:
        """The edited image, uint8 [H, W, C]; computed now, from what the step has of the features."""
        with torch.no_grad():
            return to_uint8(self._generator.image(self.w_plus, from_features=self._features))[0]


@dataclass(frozen=True)
class DragResult:
    """How a drag ended.

    Attributes:
        w_plus: [1, num_ws, w_dim], the edited latent. handles, targets: [n, 2]; distances: [n], image pixels.
        steps: iterations done.
        stop_reason: "arrived", "max_steps", "stalled" or "cancelled" (by the callback).
        seconds: wall-clock time of the drag, without images.
    """

    w_plus: Tensor
    handles: NDArray[np.float64]
    targets: NDArray[np.float64]
    distances: NDArray[np.float64]
    steps: int
    stop_reason: StopReason
    seconds: float
    _generator: StyleGAN2

    def image(self) -> NDArray[np.uint8]:
        """The edited image, uint8 [H, W, C]."""
        with torch.no_grad():
            return to_uint8(self._generator.image(self.w_plus))[0]


def drag_steps(
    generator: StyleGAN2, w_plus: Tensor, edit: DragEdit, settings: DragSettings | None = None
) -> Iterator[DragStep]:
    """Drag handles to targets, one iteration at a time; stop by not asking for more.

    Each iteration runs the generator once up to the feature block, and back: the features that tracking reads are those
    that the next motion supervision starts from. Only windows around the handles are synthesised where that is cheaper.

    Args:
        generator: the model.
        w_plus: [1, num_ws, w_dim], the latent to start from; not changed. Features of it are the reference for tracking
            and mask, so a new round begins with a new call.
        edit: handles, targets, mask.
        settings: None = the `draglab` preset.

    Yields:
        a DragStep after every iteration, none if all handles are within the stop distance from the start.

    Raises:
        DraglabError: points or mask do not fit the image, the feature block does not exist, or the step size is so
            large that the optimisation left the range of numbers.
    """
    settings = settings or DragSettings()
    shape = generator.img_shape
    handles, targets, mask = edit.validated(*shape)
    if len(w_plus) != 1:
        raise DraglabError(f"w_plus holds {len(w_plus)} latents: drag one image at a time")
    return _iterate(generator, w_plus.detach().clone(), handles, targets, mask, settings)


def _iterate(
    generator: StyleGAN2,
    w_plus: Tensor,
    handles: NDArray[np.float64],
    targets: NDArray[np.float64],
    mask: NDArray[np.bool_] | None,
    settings: DragSettings,
) -> Iterator[DragStep]:
    latent = EditedLatent(generator, w_plus, settings)
    this = Round(generator, latent, handles, mask, settings)
    limit = settings.resolved_stop_distance(len(handles))
    distances = np.linalg.norm(targets - handles, axis=1)
    best, best_index, stalled = distances.mean(), 0, False
    for index in range(1, settings.max_steps + 1):
        if stalled or (distances <= limit).all():
            return
        motion, kept = this.losses(handles, targets)
        loss = motion + settings.mask_weight * kept + latent.regularization()
        latent.descend(loss)
        this.read(handles)
        handles = this.track(handles)
        values = torch.stack([loss, motion, kept]).detach().cpu().tolist()
        if not np.isfinite(values).all():
            raise DraglabError(f"the optimisation left the range of numbers at step {index}: lower step_size")
        distances = np.linalg.norm(targets - handles, axis=1)
        if distances.mean() < best - STALL_IMPROVEMENT:
            best, best_index = distances.mean(), index
        stalled = settings.patience is not None and index - best_index >= settings.patience
        yield DragStep(
            index,
            handles.copy(),
            targets,
            distances,
            *values,
            w_plus=latent.w_plus().detach(),
            arrived=bool((distances <= limit).all()),
            stalled=stalled,
            _generator=generator,
            _features=None if this.maps is None else this.maps.detach(),
        )


def drag(
    generator: StyleGAN2,
    w_plus: Tensor,
    edit: DragEdit,
    settings: DragSettings | None = None,
    callback: Callable[[DragStep], bool | None] | None = None,
) -> DragResult:
    """Drag to the end: until every handle arrived, `max_steps`, no more progress, or the callback returns True.

    Args:
        generator, w_plus, edit, settings: see :func:`drag_steps`.
        callback: called with every DragStep; True stops the drag there.

    Raises:
        DraglabError: see :func:`drag_steps`.
    """
    begun = time.perf_counter()
    steps = drag_steps(generator, w_plus, edit, settings)
    handles, targets, _ = edit.validated(*generator.img_shape)
    last: DragStep | None = None
    reason: StopReason = "arrived"
    waited = 0.0
    for last in steps:
        called = time.perf_counter()
        cancelled = callback is not None and callback(last)
        waited += time.perf_counter() - called
        if cancelled and not last.arrived:
            reason = "cancelled"
            break
    else:
        if last is not None and not last.arrived:
            reason = "stalled" if last.stalled else "max_steps"
    seconds = time.perf_counter() - begun - waited
    if last is None:
        distances = np.linalg.norm(targets - handles, axis=1)
        return DragResult(w_plus.detach().clone(), handles, targets, distances, 0, reason, seconds, generator)
    return DragResult(last.w_plus, last.handles, targets, last.distances, last.index, reason, seconds, generator)
