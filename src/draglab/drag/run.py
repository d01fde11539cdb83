"""One drag as a state that is advanced step by step, alone or together with others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from draglab.drag.edit import DragEdit
from draglab.drag.features import read_together
from draglab.drag.latent import EditedLatent
from draglab.drag.round import Round
from draglab.drag.settings import DragSettings
from draglab.errors import DraglabError
from draglab.generators import FeatureMaps, Generator, to_uint8
from draglab.geometry import validate_points

StopReason = Literal["arrived", "max_steps", "stalled", "cancelled", "diverged"]
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
    _generator: Generator
    _features: FeatureMaps | None

    def image(self, preview_resolution: int | None = None) -> NDArray[np.uint8]:
        """The edited image, uint8 [H, W, C]; computed now, from what the step has of the features.

        Args:
            preview_resolution: height of a smaller and quicker one, see :meth:`draglab.generators.Generator.image`.
        """
        with torch.no_grad():
            images = self._generator.image(self.w_plus, self._features, preview_resolution=preview_resolution)
            return to_uint8(images)[0]


class DragRun:
    """A drag between two of its steps; :func:`advance` makes the next one.

    Args:
        generator, w_plus, edit, settings: see :func:`draglab.drag_steps`.

    Attributes:
        start: [n, 2] the handles at the beginning. handles: [n, 2] where they are now. targets: [n, 2]
        stop_reason: None while there is more to do; no step must be made after that.
        last: the step made last, None before the first.

    Raises:
        DraglabError: see :func:`draglab.drag_steps`.
    """

    def __init__(self, generator: Generator, w_plus: Tensor, edit: DragEdit, settings: DragSettings | None = None):
        self.settings = settings = settings or DragSettings()
        self.generator = generator
        self.start, self.targets, mask = edit.validated(*generator.img_shape)
        self.handles = self.start
        if len(w_plus) != 1:
            raise DraglabError(f"w_plus holds {len(w_plus)} latents: drag one image at a time")
        self.limit = settings.resolved_stop_distance(len(self.handles))
        self.distances = np.linalg.norm(self.targets - self.handles, axis=1)
        self.best, self.best_index = float(self.distances.mean()), 0
        self.last: DragStep | None = None
        self.stop_reason: StopReason | None = "arrived" if (self.distances <= self.limit).all() else None
        self.latent = EditedLatent(generator, w_plus.detach().clone(), settings)
        self.round = Round(generator, self.latent, self.handles, mask, settings)

    def retarget(self, targets: ArrayLike) -> None:
        """Move the targets between two steps; what is tracked and kept stays that of the round's start.

        Progress counts anew from here: a run that had arrived or stalled goes on, unless every handle is within the
        stop distance of its new target. One that ended otherwise stays ended.

        Args:
            targets: [n, 2] (x, y) image pixels, one for each handle.

        Raises:
            DraglabError: not as many targets as handles, or one of them is no point of the image.
        """
        moved = validate_points(targets, *self.generator.img_shape, name="target")
        if len(moved) != len(self.start):
            raise DraglabError(f"{len(self.start)} handles but {len(moved)} targets were given: every handle needs one")
        self.targets = moved
        self.distances = np.linalg.norm(moved - self.handles, axis=1)
        self.best, self.best_index = float(self.distances.mean()), 0 if self.last is None else self.last.index
        if self.stop_reason in (None, "arrived", "stalled"):
            arrived = bool((self.distances <= self.limit).all())
            spent = self.last is not None and self.last.index >= self.settings.max_steps
            self.stop_reason = "arrived" if arrived else "max_steps" if spent else None

    def losses(self) -> Tensor:
        """Of the present latent, [3]: what is descended, its motion part, its mask part without weight."""
        motion, kept = self.round.losses(self.handles, self.targets)
        total = motion + self.settings.mask_weight * kept + self.latent.regularization()
        return torch.stack([total, motion, kept])

    def finish(self, losses: list[float], handles: NDArray[np.float64]) -> DragStep:
        """The step that brought the handles there."""
        index = 1 if self.last is None else self.last.index + 1
        self.handles = handles
        self.distances = np.linalg.norm(self.targets - self.handles, axis=1)
        mean = float(self.distances.mean())
        if mean < self.best - STALL_IMPROVEMENT:
            self.best, self.best_index = mean, index
        patience = self.settings.patience
        if (self.distances <= self.limit).all():
            self.stop_reason = "arrived"
        elif patience is not None and index - self.best_index >= patience:
            self.stop_reason = "stalled"
        elif index >= self.settings.max_steps:
            self.stop_reason = "max_steps"
        maps = self.round.reading.maps
        self.last = DragStep(
            index,
            self.handles.copy(),
            self.targets,
            self.distances,
            *losses,
            w_plus=self.latent.w_plus().detach(),
            arrived=self.stop_reason == "arrived",
            stalled=self.stop_reason == "stalled",
            _generator=self.generator,
            # A picture is not made from features of less precision.
            _features=None if maps is None or maps.top.dtype != self.generator.dtype else maps.detach(),
        )
        return self.last


def advance(runs: Sequence[DragRun]) -> list[DragStep | None]:
    """One step of each run. Those of one model without masks and with windows of one size are computed as one batch.

    Args:
        runs: all different, none with a stop_reason.

    Returns:
        each run's step; None if it left the range of numbers, which its `stop_reason` then says.
    """
    losses = [run.losses() for run in runs]
    gradients = torch.autograd.grad(
        torch.stack([loss[0] for loss in losses]).sum(), [run.latent.offset for run in runs]
    )
    for run, gradient in zip(runs, gradients, strict=True):
        run.latent.descend(gradient)
    batches: dict[tuple[int, ...], list[DragRun]] = {}
    for index, run in enumerate(runs):
        key = run.round.reader.batch_key
        batches.setdefault((index,) if key is None else key, []).append(run)
    for batch in batches.values():
        _read(batch)
    tracked = [run.round.track(run.handles).flatten() for run in runs]
    # Waiting for the device once for all that is needed here.
    numbers = torch.cat([torch.stack(losses).detach().flatten(), *tracked]).cpu().numpy()
    values, points = numbers[: 3 * len(runs)].reshape(-1, 3), numbers[3 * len(runs) :].reshape(-1, 2)
    ends = np.cumsum([len(run.handles) for run in runs])
    steps: list[DragStep | None] = []
    for run, own, end in zip(runs, values, ends, strict=True):
        if np.isfinite(own).all():
            steps.append(run.finish(own.tolist(), points[end - len(run.handles) : end]))
        else:
            run.stop_reason = "diverged"
            steps.append(None)
    return steps


def diverged(step: int) -> DraglabError:
    """What to say of a run that left the range of numbers at that step."""
    return DraglabError(f"the optimisation left the range of numbers at step {step}: lower step_size")


def _read(batch: list[DragRun]) -> None:
    if len(batch) == 1:
        batch[0].round.reading = batch[0].round.read(batch[0].handles)
        return
    rounds = [run.round for run in batch]
    latents = [each.latent.w_plus() for each in rounds]
    readings = read_together([each.reader for each in rounds], latents, [run.handles for run in batch])
    for each, reading in zip(rounds, readings, strict=True):
        each.reading = reading
