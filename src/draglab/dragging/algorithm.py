"""The drag loop (DragGAN section 3, figure 2): motion supervision and point tracking in alternation."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from draglab.dragging.features import FeatureReader, Features, window_side
from draglab.dragging.gauss_newton import GaussNewtonRun, uses_gauss_newton
from draglab.dragging.latent import MakeOptimizer, optimizer_for
from draglab.dragging.losses import (
    ExactMaskTerm,
    Losses,
    LossTerm,
    SampledMaskTerm,
    directions,
    make_mask_term,
    motion_supervision,
)
from draglab.dragging.run import DragRun
from draglab.dragging.settings import DragSettings
from draglab.dragging.tracking import PointTracker, TrackingQuery, track_nearest, tracking_reach
from draglab.dragging.types import KEEPS_BEST, DragEdit, DragResult, DragStep
from draglab.errors import DraglabError
from draglab.generators import Generator
from draglab.geometry import Mask, disc_offsets, image_extent

TINY = 1e-30
"""Smallest gradient norm to divide by."""


class FirstOrderRun(DragRun):
    """A round that descends the losses of section 3.2 by a first-order optimiser, in the paper Adam.

    Args:
        generator, w_plus, edit, settings, tracker, terms, optimizer: see :func:`drag_steps`.
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
        settings = settings or DragSettings.for_model(generator)
        if settings.descent in ("auto", "gauss-newton"):
            settings = replace(settings, descent="first-order")
        super().__init__(generator, w_plus, edit, settings)
        self.step_size = self.settings.resolved_step_size(generator)
        self.make_optimizer = optimizer or optimizer_for(self.settings, self.mask is not None)
        self.optimizer = self.make_optimizer(self.latent.offset, self.step_size, self.settings)
        self.tracker, self.terms = tracker, terms
        self._look_at_start(self.mask)

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

    def attempt(self) -> DragStep | None:
        """Make one iteration: motion supervision, one step of the optimiser, point tracking."""
        losses = self.losses()
        self.optimizer.step(self.gradient(losses))
        features = self.read()
        handles = self.track(features)
        return self.conclude(features, *to_host([losses], [features], [handles])[0])

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

    @property
    def settles(self) -> bool:
        """Whether steps follow arrival that take back what changed where the image is frozen."""
        return self.mask_term is not None and bool(self.settings.settle_steps)

    def set_step(self, share: float) -> None:
        """Set the step size of the following steps to this share of the settings' step size."""
        self.optimizer.step_size = share * self.step_size

    def resume(self, share: float) -> None:
        """Go on from the present latent with a new optimiser, at this share of the step size."""
        self.optimizer = self.make_optimizer(self.latent.offset, share * self.step_size, self.settings)
        self.features = self.read()


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


def start_run(
    generator: Generator,
    w_plus: Tensor,
    edit: DragEdit,
    settings: DragSettings | None = None,
    tracker: PointTracker = track_nearest,
    terms: Sequence[LossTerm] = (),
    optimizer: MakeOptimizer | None = None,
) -> DragRun:
    """Begin a round with the method that the settings choose (:attr:`DragSettings.descent`); see :func:`drag_steps`.

    Another tracker, further losses and another optimiser belong to the first-order method.
    """
    settings = settings or DragSettings.for_model(generator)
    own = tracker is not track_nearest or bool(terms) or optimizer is not None
    if not own and uses_gauss_newton(generator, edit, settings):
        return GaussNewtonRun(generator, w_plus, edit, settings)
    return FirstOrderRun(generator, w_plus, edit, settings, tracker, terms, optimizer)


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
        settings: None = those that suit the model, :meth:`DragSettings.for_model`.
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
        run = start_run(generator, w_plus, edit, settings, tracker, terms, optimizer)
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
    kept = best if reason in KEEPS_BEST else last
    return DragResult(
        kept.w_plus, kept.handles, kept.targets, kept.distances, last.index, kept.index, reason, seconds, generator
    )
