"""The drag loop (DragGAN section 3, figure 2): motion supervision and point tracking in alternation."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from draglab.dragging.features import FeatureReader, Features, window_side
from draglab.dragging.latent import EditedLatent, MakeOptimizer, optimizer_for
from draglab.dragging.losses import (
    ExactMaskTerm,
    Losses,
    LossTerm,
    SampledMaskTerm,
    directions,
    make_mask_term,
    motion_supervision,
)
from draglab.dragging.progress import Progress, SettlingPhase
from draglab.dragging.settings import DragSettings
from draglab.dragging.tracking import PointTracker, TrackingQuery, track_nearest, tracking_reach
from draglab.dragging.types import DragEdit, DragResult, DragStep, StopReason
from draglab.errors import DraglabError
from draglab.generators import Generator
from draglab.geometry import MIN_TRAVEL, Mask, disc_offsets, image_extent, validate_points

TINY = 1e-30
"""Smallest gradient norm to divide by."""


class DragRun:
    """One round of dragging; :meth:`step` makes its next step.

    Args:
        generator, w_plus, edit, settings, tracker, terms, optimizer: see :func:`drag_steps`.

    Attributes:
        start: [n, 2] handles at the beginning. handles: [n, 2] current handles. targets: [n, 2]
        pinned: [n] bool, True for handles that hold their places; only the others decide whether the run has arrived.
        stop_reason: reason why the run has ended, after which no step must be made; None while it goes on.
        last: the latest step, None before the first.

    Raises:
        DraglabError: see :func:`drag_steps`.
    """

    def __init__(
        self,
        generator: Generator,
        w_plus: Tensor,
        edit: DragEdit,
        settings: DragSettings | None = None,
        tracker: PointTracker = track_nearest,
        terms: Sequence[LossTerm] = (),
        optimizer: MakeOptimizer | None = None,
    ):
        self.generator, self.shape = generator, generator.img_shape
        self.settings = settings = settings or DragSettings()
        self.start, self.targets, mask = edit.validated(*self.shape)
        if len(w_plus) != 1:
            raise DraglabError(f"w_plus holds {len(w_plus)} latents: drag one image at a time")
        self.handles = self.start
        self.limit = settings.resolved_stop_distance(len(self.handles))
        self.distances = np.linalg.norm(self.targets - self.handles, axis=1)
        self.pinned = self.distances < MIN_TRAVEL
        self.progress = Progress(self._left())
        self.settling: SettlingPhase | None = None
        self.last: DragStep | None = None
        self.stop_reason: StopReason | None = "arrived" if self._arrived() else None
        masked = mask is not None and not (mask == 1).all()
        optimizer = optimizer or optimizer_for(settings, masked)
        self.latent = EditedLatent(generator, w_plus.detach().clone(), settings, optimizer)
        self.tracker, self.terms = tracker, terms
        self._look_at_start(mask if masked else None)

    def _look_at_start(self, mask: Mask | None) -> None:
        """Read the reference features: those of the round's start, near the handles and where the mask freezes."""
        settings, generator, shape = self.settings, self.generator, self.shape
        level = settings.feature_level(generator)
        extent = image_extent(generator.feature_shape(level), generator.feature_margin(level))
        self.offsets = disc_offsets(settings.motion_radius(shape, extent[0]))
        self.radius = settings.tracking_radius(shape)
        # Handles are tracked first, then supervised where they were found, at most one pixel ahead. Reading features
        # as if they were resized to the image interpolates between its pixels, which takes one more.
        tracked = tracking_reach(self.radius, extent, shape, settings.subpixel)
        reach = tracked + np.abs(self.offsets).max() + (1 if settings.subpixel else 2)
        dtype = settings.feature_dtype()
        self.mask_term: ExactMaskTerm | SampledMaskTerm | None = None
        if mask is not None:
            with torch.no_grad():
                start = generator.feature_maps(self.latent.w_plus(), level, dtype=dtype).top
            side = window_side(reach, extent, shape)
            self.mask_term = make_mask_term(start, generator.feature_margin(level), mask, settings, side)
        windows = None if self.mask_term is None else (self.mask_term.size, self.mask_term.count)
        self.reader = FeatureReader(generator, level, reach, len(self.start), windows, dtype, settings.windowed)
        if isinstance(self.mask_term, SampledMaskTerm) and not self.reader.windowed:
            # The whole map is computed anyway: sampling parts of it saves nothing.
            self.mask_term = self.mask_term.exact()
        self.features = self.read()
        self.templates = self.features.at(self.start[:, None], shape)[:, 0].detach()
        patches = self.start[:, None] + self.offsets
        self.anchors = self.features.at(patches, shape).detach()
        self.anchor: float | Tensor = settings.anchor
        if self.pinned.any():
            # Pins are supervised by the features of the start, whatever the anchor.
            self.anchor = torch.from_numpy(np.where(self.pinned, 1.0, settings.anchor)[:, None, None]).to(self.anchors)
        self.motion_scale = 1 / (patches.shape[1] * self.anchors.shape[2]) if settings.reduction == "mean" else 1.0

    def step(self) -> DragStep:
        """Make one iteration: motion supervision, one step of the optimiser, point tracking.

        Raises:
            DraglabError: the optimisation diverged to numbers that are not finite.
        """
        losses = self.losses()
        self.latent.descend(self.gradient(losses))
        features = self.read()
        handles = self.track(features)
        if (step := self.conclude(features, *to_host([losses], [features], [handles])[0])) is None:
            raise diverged(1 if self.last is None else self.last.index + 1)
        return step

    def losses(self) -> Losses:
        """Return the losses of the current latent: equation 1 (section 3.2), regularisation, and further terms."""
        settings, features = self.settings, self.features
        patches = self.handles[:, None] + self.offsets
        steps = directions(self.handles, self.targets, settings.clip_step, self.pinned)
        # While a drag settles, every handle holds its place, as the pins do.
        anchor = self.anchor if self.settling is None else 1.0
        motion = self.motion_scale * motion_supervision(
            features.near, patches, steps, self.shape, self.anchors, anchor, resized=not settings.subpixel
        )
        mask = motion.new_zeros(())
        if self.mask_term is not None and features.for_mask is not None:
            mask = self.mask_term(features.for_mask)
        pull = motion + self.latent.regularization()
        for term in self.terms:
            pull = pull + term(self.latent.w_plus(), features)
        return Losses(pull, settings.mask_weight * mask, motion, mask)

    def gradient(self, losses: Losses) -> Tensor:
        """Return the gradient of the sum of the losses, as the optimiser descends it.

        The mask term's share is limited to `mask_limit` times the rest, so that it does not keep the handles from
        moving. Once they have arrived, the rest is scaled to the size of the mask term's share.
        """
        limit = self.settings.mask_limit
        if self.mask_term is None or (limit is None and self.settling is None):
            return self.latent.gradient(losses.total)
        pull = self.latent.gradient(losses.pull, again=True)
        hold = self.latent.gradient(losses.hold)
        share = pull.norm() / hold.norm().clamp(min=TINY)
        if self.settling is not None:
            return hold + pull / share.clamp(min=TINY)
        return pull + hold * (share if limit is None else limit * share).clamp(max=1.0)

    def read(self) -> Features:
        """Compute the features of the current latent, near the handles and where the mask term needs them."""
        with torch.enable_grad():
            origins = None if self.mask_term is None else self.mask_term.draw()
            return self.reader.read(self.latent.w_plus(), self.handles, origins)

    def track(self, features: Features) -> Tensor:
        """Return the handles' positions in these features, [n, 2] on the features' device (section 3.3)."""
        query = TrackingQuery(
            features.near, self.templates, self.handles, self.radius, self.shape, self.settings.subpixel
        )
        return self.tracker(query)

    def conclude(
        self, features: Features, numbers: NDArray[np.float64], handles: NDArray[np.float64]
    ) -> DragStep | None:
        """Complete a step from its results.

        Args:
            features: features of the new latent.
            numbers: [4] total, motion and mask loss of the previous latent, L1 norm of the features near the handles.
            handles: [n, 2] tracked handles.

        Returns:
            the step; None if a number is not finite, so that the run has diverged.
        """
        if not np.isfinite(numbers).all():
            self.stop_reason = "diverged"
            return None
        self.features, self.handles = features, handles
        self.distances = np.linalg.norm(self.targets - self.handles, axis=1)
        arrived = self._arrived()
        maps = features.maps
        step = DragStep(
            1 if self.last is None else self.last.index + 1,
            self.handles.copy(),
            self.targets,
            self.distances,
            self.pinned,
            *numbers[:3].tolist(),
            w_plus=self.latent.w_plus().detach(),
            stop_reason=None,
            _generator=self.generator,
            # Pictures are not made from features of lower precision.
            _features=None if maps is None or maps.top.dtype != self.generator.dtype else maps.detach(),
        )
        if self.settling is not None:
            step = self.settling.take(step, arrived)
        elif arrived and self.mask_term is not None and self.settings.settle_steps:
            self.settling = SettlingPhase(self.settings.settle_steps, step)
        self.progress.note(step)
        self.stop_reason = self._reason_to_stop(step.index, arrived)
        self.last = step if self.stop_reason is None else replace(step, stop_reason=self.stop_reason)
        if self.settling is not None:
            self.latent.set_step(self.settling.step_share)
        elif self.stop_reason is None and self.progress.backs_off(step.index, self.settings.back_off):
            self._back_off()
        return self.last

    def _left(self) -> float:
        """Return the mean distance of the handles that move, image pixels."""
        return float(self.distances[~self.pinned].mean())

    def _arrived(self) -> bool:
        """Return whether the handles that move have arrived; pins do not count."""
        return bool((self.distances <= self.limit)[~self.pinned].all())

    def _reason_to_stop(self, index: int, arrived: bool) -> StopReason | None:
        spent = index >= self.settings.max_steps
        if self.settling is not None:
            return "arrived" if spent or self.settling.done else None
        if arrived:
            return "arrived"
        if self.progress.has_stalled(index, self.settings.patience):
            return "stalled"
        return "max_steps" if spent else None

    def _back_off(self) -> None:
        best = self.progress.best
        assert best is not None
        self.latent.go_on_from(best.w_plus, 0.5**self.progress.back_offs)
        self.handles, self.distances = best.handles.copy(), best.distances
        self.features = self.read()

    @property
    def best(self) -> DragStep | None:
        """The step to keep: the last one if the run arrived, else the one that came closest; None before the first."""
        return self.last if self.stop_reason == "arrived" or self.settling is not None else self.progress.best

    def go_on(self) -> None:
        """Continue a run that stalled from its last step, without patience, up to `max_steps`."""
        self.settings = replace(self.settings, patience=None)
        if self.stop_reason == "stalled":
            self.stop_reason = self._reason_to_stop(0 if self.last is None else self.last.index, arrived=False)

    def retarget(self, targets: ArrayLike) -> None:
        """Move the targets between two steps; the features of the round's start remain the reference.

        Progress is counted anew from here: a run that had arrived or stalled goes on, unless every handle is within the
        stop distance of its new target. A run that ended for another reason stays ended.

        Args:
            targets: [n, 2] (x, y) image pixels, one for each handle.

        Raises:
            DraglabError: the number of targets differs from that of the handles, or a target is outside the image.
        """
        moved = validate_points(targets, *self.shape, name="target")
        if len(moved) != len(self.start):
            raise DraglabError(f"{len(self.start)} handles but {len(moved)} targets were given: every handle needs one")
        self.targets = moved
        self.distances = np.linalg.norm(moved - self.handles, axis=1)
        self.progress = Progress(self._left(), self.last)
        if self.settling is not None:
            self.settling = None
            self.latent.set_step(1.0)
        if self.stop_reason in (None, "arrived", "stalled"):
            arrived = self._arrived()
            spent = self.last is not None and self.last.index >= self.settings.max_steps
            self.stop_reason = "arrived" if arrived else "max_steps" if spent else None


def to_host(
    losses: list[Losses], features: list[Features], handles: list[Tensor]
) -> list[tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """Copy the numbers [4] and handles [n, 2] of each run to the host, with a single synchronisation for all of them.

    The numbers are the total, motion and mask loss, and the L1 norm of the features near the handles.
    """
    rows = []
    for each, read in zip(losses, features, strict=True):
        size = torch.linalg.vector_norm(read.near.values.detach(), 1, dtype=each.total.dtype)
        rows.append(torch.stack([each.total, each.motion, each.mask, size]))
    values = torch.cat([torch.cat(rows).detach(), *(each.flatten() for each in handles)]).cpu().numpy()
    numbers, points = values[: 4 * len(rows)].reshape(-1, 4), values[4 * len(rows) :].reshape(-1, 2)
    return list(zip(numbers, np.split(points, np.cumsum([len(each) for each in handles])[:-1]), strict=True))


def diverged(step: int) -> DraglabError:
    """Return the error for a run that diverged at that step."""
    return DraglabError(f"the optimisation left the range of numbers at step {step}: lower step_size")


def drag_steps(
    generator: Generator,
    w_plus: Tensor,
    edit: DragEdit,
    settings: DragSettings | None = None,
    *,
    tracker: PointTracker = track_nearest,
    terms: Sequence[LossTerm] = (),
    optimizer: MakeOptimizer | None = None,
) -> Iterator[DragStep]:
    """Drag handles to targets, one iteration at a time; stop by not asking for more.

    Each iteration makes one forward and one backward pass through the generator up to the feature block: tracking and
    the next motion supervision share their features. Where it is cheaper, only windows around the handles are
    synthesised.

    Args:
        generator: the model.
        w_plus: [1, num_ws, w_dim], the latent to start from; not changed. Its features are the reference for tracking
            and mask, so a new round begins with a new call.
        edit: handles, targets, mask.
        settings: None = the `draglab` preset.
        tracker: finds the handles after each step; by default as in the paper.
        terms: losses that are added to the paper's.
        optimizer: makes what descends the losses; None = what the settings say.

    Yields:
        a DragStep after every iteration, none if all handles are within the stop distance from the start.

    Raises:
        DraglabError: w_plus does not fit the model, points or mask do not fit the image, the feature block or layer
            does not exist, or the step size is so large that the optimisation diverged.
    """
    generator.check_w_plus(w_plus)
    edit.validated(*generator.img_shape)
    if len(w_plus) != 1:
        raise DraglabError(f"w_plus holds {len(w_plus)} latents: drag one image at a time")

    def steps() -> Iterator[DragStep]:
        run = DragRun(generator, w_plus, edit, settings, tracker, terms, optimizer)
        while run.stop_reason is None:
            yield run.step()

    return steps()


def drag(
    generator: Generator,
    w_plus: Tensor,
    edit: DragEdit,
    settings: DragSettings | None = None,
    callback: Callable[[DragStep], bool | None] | None = None,
    *,
    tracker: PointTracker = track_nearest,
    terms: Sequence[LossTerm] = (),
    optimizer: MakeOptimizer | None = None,
) -> DragResult:
    """Drag until every handle has arrived, `max_steps`, no more progress, or the callback returns True.

    Args:
        generator, w_plus, edit, settings, tracker, terms, optimizer: see :func:`drag_steps`.
        callback: called with every DragStep; True stops the drag there.

    Raises:
        DraglabError: see :func:`drag_steps`.
    """
    begun, waited = time.perf_counter(), 0.0
    last = best = None
    for step in drag_steps(generator, w_plus, edit, settings, tracker=tracker, terms=terms, optimizer=optimizer):
        last = step
        best = step if best is None or step.left < best.left else best
        called = time.perf_counter()
        stopped = callback is not None and callback(step)
        waited += time.perf_counter() - called
        if stopped:
            break
    return result_of(generator, w_plus, edit, last, best, time.perf_counter() - begun - waited)


def result_of(
    generator: Generator, w_plus: Tensor, edit: DragEdit, last: DragStep | None, best: DragStep | None, seconds: float
) -> DragResult:
    """Build a drag's result from its last step and the one that came closest; None = arrived before the first."""
    if last is None or best is None:
        handles, targets, _ = edit.validated(*generator.img_shape)
        distances = np.linalg.norm(targets - handles, axis=1)
        return DragResult(w_plus.detach().clone(), handles, targets, distances, 0, 0, "arrived", seconds, generator)
    reason = last.stop_reason or "cancelled"
    kept = best if reason in ("stalled", "max_steps") else last
    return DragResult(
        kept.w_plus, kept.handles, kept.targets, kept.distances, last.index, kept.index, reason, seconds, generator
    )
