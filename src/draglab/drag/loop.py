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
from draglab.drag.features import FeatureReader
from draglab.drag.frozen import SampledMaskLoss, frozen_weights, mask_loss
from draglab.drag.motion import directions, motion_loss
from draglab.drag.sampling import sample_points
from draglab.drag.settings import DragSettings
from draglab.drag.tracking import track_points, tracking_reach
from draglab.errors import DraglabError
from draglab.generators import FeatureMaps, StyleGAN2, to_uint8
from draglab.generators.windows import Windows
from draglab.geometry import disc_offsets, to_feature_coordinates

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


class _Latent:
    """The latent under optimisation: the first layers of W+, or one vector shared by all layers."""

    def __init__(self, generator: StyleGAN2, w_plus: Tensor, settings: DragSettings):
        self.start = w_plus
        self.spread = generator.w_std()
        self.settings = settings
        self.count = generator.num_ws if settings.latent_space == "w" else min(settings.num_layers, generator.num_ws)
        rows = 1 if settings.latent_space == "w" else self.count
        self.offset = torch.zeros(1, rows, generator.w_dim, device=w_plus.device, dtype=w_plus.dtype)
        self.offset.requires_grad_(True)
        self.w_avg = generator.w_avg
        scale = self.spread if settings.step_unit == "w_std" else 1.0
        self.optimizer = torch.optim.Adam([self.offset], lr=settings.step_size * scale)

    def w_plus(self) -> Tensor:
        """[1, num_ws, w_dim], differentiable with respect to the optimised part."""
        return torch.cat([self.start[:, : self.count] + self.offset, self.start[:, self.count :]], dim=1)

    def regularization(self) -> Tensor | float:
        """Weighted squared distances to the start and to the mean, per coordinate, in units of the spread of w."""
        loss: Tensor | float = 0.0
        if self.settings.regularize_start:
            loss = loss + self.settings.regularize_start * (self.offset / self.spread).square().mean()
        if self.settings.regularize_mean:
            away = self.start[:, : self.count] + self.offset - self.w_avg
            loss = loss + self.settings.regularize_mean * (away / self.spread).square().mean()
        return loss


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
    shape = generator.img_shape
    resolution = settings.resolved_feature_resolution(generator.img_resolution)
    generator.check_feature_resolution(resolution)
    latent = _Latent(generator, w_plus, settings)
    limit = settings.resolved_stop_distance(len(handles))
    map_shape = generator.synthesis.shape_at(resolution)
    offsets = disc_offsets(settings.motion_radius(shape, map_shape[0]))
    radius = settings.tracking_radius(shape)
    # Handles are tracked first, then supervised where they were found, one pixel ahead at most.
    reach = tracking_reach(radius, map_shape, shape, settings.subpixel) + np.abs(offsets).max() + 1
    sampled = mask is not None and settings.mask_term == "sampled"
    tiles = settings.mask_windows if sampled else 0
    exact = mask is not None and not sampled
    reader = FeatureReader(generator, resolution, reach, len(handles), tiles, whole=exact)
    sampled = sampled and reader.plan is not None
    estimate: SampledMaskLoss | None = None
    frozen: Tensor | None = None
    with torch.no_grad():
        # A mask needs the whole map of the start, also if later steps look at parts of it only.
        near = reader.read(latent.w_plus(), handles)[0] if mask is None else reader.read_whole(latent.w_plus())[0]
    start, channels = near.values, near.values.shape[1]
    templates = _at(near, handles[:, None], shape)[:, 0]
    anchors = _at(near, handles[:, None] + offsets[None], shape) if settings.anchor else None
    averaged = settings.reduction == "mean"
    motion_scale = 1 / (len(offsets) * channels) if averaged else 1.0
    mask_scale = 1.0
    if mask is not None:
        frozen = frozen_weights(mask, map_shape)
        mask_scale = 1 / (frozen.sum().item() * channels) if averaged else 1.0
        if sampled:
            estimate = SampledMaskLoss(start, frozen, reader.side, settings.mask_windows, settings.seed)
        frozen = frozen.to(start)
    windows, others, maps = _read(reader, latent, handles, estimate)
    distances = np.linalg.norm(targets - handles, axis=1)
    best, best_index = distances.mean(), 0

    for index in range(1, settings.max_steps + 1):
        if (distances <= limit).all():
            return
        steps = directions(handles, targets, settings.clip_step)
        supervised = (handles, steps, offsets, shape, anchors, settings.anchor, not settings.subpixel)
        motion = motion_loss(windows, *supervised) * motion_scale
        kept = motion.new_zeros(())
        if estimate is not None and others is not None:
            kept = estimate(others) * mask_scale
        elif frozen is not None:
            kept = mask_loss(windows.values, start, frozen) * mask_scale
        loss = motion + settings.mask_weight * kept + latent.regularization()
        latent.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        latent.optimizer.step()
        windows, others, maps = _read(reader, latent, handles, estimate)
        handles = track_points(windows, templates, handles, radius, shape, settings.subpixel)
        values = torch.stack([loss, motion, kept]).detach().cpu().tolist()
        if not np.isfinite(values).all():
            raise DraglabError(f"the optimisation left the range of numbers at step {index}: lower step_size")
        distances = np.linalg.norm(targets - handles, axis=1)
        if distances.mean() < best - STALL_IMPROVEMENT:
            best, best_index = distances.mean(), index
        yield DragStep(
            index,
            handles.copy(),
            targets,
            distances,
            *values,
            w_plus=latent.w_plus().detach(),
            arrived=bool((distances <= limit).all()),
            stalled=settings.patience is not None and index - best_index >= settings.patience,
            _generator=generator,
            _features=None if maps is None else maps.detach(),
        )
        if settings.patience is not None and index - best_index >= settings.patience:
            return


def _read(
    reader: FeatureReader, latent: _Latent, handles: NDArray[np.float64], estimate: SampledMaskLoss | None
) -> tuple[Windows, Windows | None, FeatureMaps | None]:
    with torch.enable_grad():
        return reader.read(latent.w_plus(), handles, None if estimate is None else estimate.draw())


@torch.no_grad()
def _at(windows: Windows, pixels: NDArray[np.float64], shape: tuple[int, int]) -> Tensor:
    return sample_points(windows, to_feature_coordinates(pixels, shape, windows.map_shape))


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
