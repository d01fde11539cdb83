"""Dragging by Gauss-Newton steps: few large steps, each the likeliest change of the latent that moves the handles.

Where a patch of features went is a function of the latent. Linearised (Lucas and Kanade 1981), a handle moves along a
unit vector u by j . dw, where

    j = d/dw [ -<g, F(w)> / |g|^2 ],   g = dF/dp u,

F are the features of the patch, dF/dp their derivative with respect to the position, by central differences, and d/dw
is one backward pass. With a row j for each handle, along its way to the target, the step is the shortest in the model's
metric (metric.py) that moves the handles by e, with damping mu (Levenberg 1944, Marquardt 1963):

    dw = Sigma' J^T (J Sigma' J^T + mu I)^-1 e

Then the patches are found again, near where the linear model expects them. docs/algorithm.md has this beside the code.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from draglab.dragging.features import FeatureReader, Features
from draglab.dragging.hold import Hold, hold_level, seen_layers
from draglab.dragging.latent import EditedLatent
from draglab.dragging.locality import Locality, damped, held_places
from draglab.dragging.losses import frozen_weights
from draglab.dragging.matching import PatchMatcher, patch_lattice
from draglab.dragging.metric import LatentMetric, metric_for
from draglab.dragging.run import DragRun
from draglab.dragging.settings import DragSettings
from draglab.dragging.texture import HALF_STEP, PATCH, position_gradient
from draglab.dragging.tracking import search_spacing
from draglab.dragging.types import DragEdit, DragStep
from draglab.errors import DraglabError
from draglab.generators import Generator
from draglab.generators.statistics import measure_statistics
from draglab.geometry import image_extent, scale_from_512

MAX_HANDLES = 8
"""Number of handles up to which the automatic choice falls on this method: each costs a backward pass a step."""
# Lengths are in pixels of a 512-pixel image.
LONGEST = 24.0
"""Longest way that a step asks for."""
SHORTEST = 2.0
"""The shortest that it is reduced to when steps bring the handles no closer."""
PRIOR = 0.0025
"""Weight of the squared distance to the expected place, beside the relative difference of patches."""
DAMPING = 0.02
"""mu, relative to the mean of the diagonal of J Sigma' J^T."""
NEARLY = 0.9
"""Share of the ways from which on a target counts as within reach: the estimate is exact to about a tenth."""
MASK_HOLD = 30.0
"""Strength of the hold of what a mask freezes, for each unit of `mask_weight`."""
SETTLE = 3
"""Number of steps after arrival with a mask, at most."""
PATIENCE = 8
"""Number of steps without progress after which a round ends."""


@dataclass(frozen=True)
class Rows:
    """Linear model of where handles go when the latent changes.

    Attributes:
        jacobian: [m, L, D]. owners: [m], the handle of each row. directions: [m, 2], the unit vector of each row.
        wanted: [m], the motion that is asked for, image pixels.
        weights: [m], how much each row counts.
    """

    jacobian: Tensor
    owners: NDArray[np.int64]
    directions: NDArray[np.float64]
    wanted: NDArray[np.float64]
    weights: NDArray[np.float64]


@dataclass(frozen=True)
class Solution:
    """One step.

    Attributes:
        change: change of the latent, [L, D]. force: what it is Sigma' times, [L, D].
        moved: motion of the handles that it is expected to make, [n, 2] image pixels.
    """

    change: Tensor
    force: Tensor
    moved: NDArray[np.float64]


def uses_gauss_newton(generator: Generator, edit: DragEdit, settings: DragSettings) -> bool:
    """Whether the settings choose this method for an edit.

    If they demand it and the model has no statistics, these are measured now, which takes some seconds.

    Raises:
        DraglabError: they demand it where it cannot be used.
    """
    if settings.descent not in ("auto", "gauss-newton"):
        return False
    _, targets, _ = edit.validated(*generator.img_shape)
    problem = None
    if settings.regularize_mean or settings.regularize_start:
        problem = "has no regularisation: set regularize_mean and regularize_start to 0"
    if settings.descent == "auto":
        return problem is None and generator.statistics is not None and len(targets) <= MAX_HANDLES
    if problem is not None:
        raise DraglabError(f"descent 'gauss-newton' {problem}, or choose descent 'auto'")
    if generator.statistics is None:
        generator.statistics = measure_statistics(generator)
    return True


def metric_of(generator: Generator, latent: EditedLatent) -> LatentMetric:
    """Return the metric of a model, which has statistics, for a latent."""
    assert generator.statistics is not None
    shared = latent.settings.latent_space == "w"
    return metric_for(generator.statistics, generator.w_avg, latent.count, shared)


class GaussNewtonRun(DragRun):
    """A round of Gauss-Newton steps.

    Args:
        generator: a model with statistics. w_plus, edit, settings: see :func:`draglab.drag_steps`.
    """

    def __init__(self, generator: Generator, w_plus: Tensor, edit: DragEdit, settings: DragSettings):
        super().__init__(generator, w_plus, edit, replace(settings, descent="gauss-newton"))
        if self.mask is not None:
            # A latent that keeps what is frozen is far in the metric, and its picture sound.
            self.settings = replace(self.settings, reach=None)
        assert generator.statistics is not None
        self.back_off, self.patience = None, None if settings.patience is None else PATIENCE
        level = settings.feature_level(generator)
        extent = image_extent(generator.feature_shape(level), generator.feature_margin(level))
        self.spacing = search_spacing(extent, self.shape, True)
        patch, self.half_step, self.longest = (self._pixels(each) for each in (PATCH, HALF_STEP, LONGEST))
        self.ease = 1.0
        self.offsets = patch_lattice(patch / self.spacing) * self.spacing
        radius = settings.tracking_radius(self.shape)
        reach = radius + float(np.abs(self.offsets).max()) + self.half_step + 2 * self.spacing
        dtype = settings.feature_dtype()
        self.reader = FeatureReader(generator, level, reach, len(self.start), None, dtype, settings.windowed)
        if self.mask is not None and settings.latent_space == "w+":
            # Only layers that are seen where the hold looks.
            seen = seen_layers(generator, self.latent.start)
            fewer = replace(settings, num_layers=min(settings.num_layers, seen))
            self.latent = EditedLatent(generator, self.latent.start, fewer)
        self.metric = metric_of(generator, self.latent)
        self.local: Locality | None = None
        self.hold = None if self.mask is None else self.make_hold()
        self.measured = self.targets
        self.reachable = self.targets
        self.force = torch.zeros_like(self.latent.offset[0])
        self.features = self.read(self.start)
        prior = PRIOR / self._pixels(1.0) ** 2
        self.matcher = PatchMatcher(self.features, self.start, self.shape, self.spacing, patch, radius, prior)

    def make_hold(self) -> Hold:
        """Return the hold of what the mask freezes."""
        assert self.mask is not None
        level = hold_level(self.generator)
        weights = frozen_weights(self.mask, self.generator.feature_shape(level), self.generator.feature_margin(level))
        return Hold(self.generator, self.latent, self.metric, weights, MASK_HOLD * self.settings.mask_weight)

    def make_local(self, rows: Rows) -> Locality | None:
        """Return what keeps the rest of the image on the way to the present targets; None = everything may follow."""
        if not self.settings.locality:
            return None
        held = held_places(self.metric.places, self.start, self.targets, self.shape)
        local = Locality(self.metric, held, self.settings.locality)
        local.give_way(rows.jacobian, self._ways(rows))
        return local

    def _ways(self, rows: Rows) -> NDArray[np.float64]:
        """Return the ways from the handles to their targets along the rows, [m] image pixels."""
        return ((self.targets - self.handles)[rows.owners] * rows.directions).sum(1)

    def _pixels(self, length: float) -> float:
        return scale_from_512(length, *self.shape)

    def attempt(self) -> DragStep | None:
        """Make one iteration: linearise, solve, move the latent, find the handles again."""
        rows = self.linearise(self.wanted())
        moved_on = np.linalg.norm(self.targets - self.measured, axis=1).max()
        if self.hold is None and (self.last is None or moved_on > self._pixels(LONGEST)):
            self.local, self.measured = self.make_local(rows), self.targets
        share = self.reachable_share(rows)
        self.reachable = self.handles + share * (self.targets - self.handles)
        solution = self.solve(rows)
        limited = self.share_within_reach(solution) < 1
        if limited:
            solution = self.along_reach(rows, solution)
        self.latent.move(solution.change)
        self.force = self.force + solution.force
        expected = np.clip(self.handles + solution.moved, 0, np.array([self.shape[1] - 1, self.shape[0] - 1]))
        features = self.read(expected)
        found, mismatch = self.matcher.find(features.near, expected)
        size = float(torch.linalg.vector_norm(solution.change))
        loss, held = float(mismatch.mean()), 0.0 if self.hold is None else self.hold.loss
        step = self.conclude(features, np.array([loss + held, loss, held, size]), found)
        if step is not None and self.settling is None and self.progress.index < step.index:
            if self.hold is None and self.local is None:
                self.longest = max(self.longest / 2, self._pixels(SHORTEST))
            else:
                self.ease /= 2
        beyond = limited or (share < 1 and self.stop_reason == "stalled")
        if step is not None and beyond and self.stop_reason in (None, "stalled"):
            self.stop_reason, self.reachable = "out_of_reach", self.handles
            self.last = step = replace(step, stop_reason=self.stop_reason, reachable=self.reachable)
        return step

    @torch.no_grad()
    def reachable_share(self, rows: Rows) -> float:
        """Estimate the share of the handles' ways to their targets that is within `reach`, from 0 to 1."""
        weights = torch.from_numpy(rows.weights).to(rows.jacobian)[:, None, None]
        whole = self._shortest(rows, rows.jacobian * weights, rows.weights * self._ways(rows), np.inf)
        share = self.share_within_reach(whole)
        return share if share < NEARLY else 1.0

    @torch.no_grad()
    def share_within_reach(self, solution: Solution) -> float:
        """Return the share of a step, from 0 to 1, with which the latent stays within `reach` of the round's start.

        The distance of the offset o in the metric is sqrt(o^T Sigma'^-1 o) = sqrt(o . u), where o = Sigma' u.
        """
        if self.settings.reach is None:
            return 1.0
        offset = self.latent.offset[0]
        square = float((solution.force * solution.change).sum())
        cross = float((self.force * solution.change).sum() + (solution.force * offset).sum())
        room = self.settings.reach**2 - float((self.force * offset).sum())
        if cross + square <= room:
            return 1.0
        root = float(np.sqrt(max(cross**2 + 4 * square * room, 0.0)))
        return float(np.clip((root - cross) / max(2 * square, 1e-30), 0, 1))

    @property
    def settles(self) -> bool:
        """Whether steps follow arrival that take back what changed where the mask freezes."""
        return self.mask is not None and self.settings.settle_steps is not None

    @property
    def settle_steps(self) -> int:
        """Number of those steps."""
        return min(SETTLE, self.settings.settle_steps or 0)

    @torch.no_grad()
    def along_reach(self, rows: Rows, solution: Solution) -> Solution:
        """Return the step to where a step that leads out of reach would, drawn back towards the round's start.

        So the image goes on to follow a target that moves about out of reach.
        """
        assert self.settings.reach is not None
        offset = self.latent.offset[0]
        whole, force = offset + solution.change, self.force + solution.force
        share = self.settings.reach / float((whole * force).sum()) ** 0.5
        change = share * whole - offset
        return Solution(change, share * force - self.force, self._motion(rows, change))

    def go_on(self) -> None:
        """Continue a run that gave up from its last step, without patience or a limit of its reach."""
        self.settings = replace(self.settings, reach=None)
        super().go_on()

    def wanted(self) -> NDArray[np.float64]:
        """Return e, the motion of each handle that the next step asks for: [n, 2] image pixels.

        One factor limits all of them, so that a motion of several handles keeps its shape.
        """
        way = self.targets - self.handles
        return way * min(1.0, self.longest / max(float(np.linalg.norm(way, axis=1).max()), 1e-9))

    def linearise(self, wanted: NDArray[np.float64]) -> Rows:
        """Return the rows for the motion `wanted` [n, 2].

        A handle on its way has one row, along that way. One that is to stay has two, along the directions in which its
        patch changes most and least with the position, the latter counting less.
        """
        at = self.handles[:, None] + self.offsets
        gradient = position_gradient(self.features, at, self.half_step, self.shape)
        values = self.features.at(at, self.shape).flatten(1)
        owners: list[int] = []
        directions: list[NDArray[np.float64]] = []
        weights: list[float] = []
        for index, (way, jacobian) in enumerate(zip(wanted, gradient, strict=True)):
            length = float(np.linalg.norm(way))
            if length >= 0.5 * self.limit and not self.pinned[index]:
                owners.append(index)
                directions.append(way / length)
                weights.append(1.0)
                continue
            sizes, axes = np.linalg.eigh((jacobian.t() @ jacobian).double().cpu().numpy())
            for size, axis in zip(sizes, axes.T, strict=True):
                owners.append(index)
                directions.append(axis)
                weights.append(float(np.sqrt(max(size, 0) / max(sizes[-1], 1e-30))))
        found: list[Tensor] = []
        for row, (owner, direction) in enumerate(zip(owners, directions, strict=True)):
            along = gradient[owner] @ torch.from_numpy(direction).to(gradient)
            position = -(along * values[owner]).sum() / along.square().sum().clamp(min=1e-30)
            found.append(self.latent.gradient(position, again=row + 1 < len(owners))[0])
        chosen, ways = np.array(owners), np.stack(directions)
        return Rows(torch.stack(found), chosen, ways, (ways * wanted[chosen]).sum(1), np.array(weights))

    @torch.no_grad()
    def solve(self, rows: Rows) -> Solution:
        """Return the step for these rows."""
        weights = torch.from_numpy(rows.weights).to(rows.jacobian)
        jacobian = rows.jacobian * weights[:, None, None]
        wanted = rows.weights * rows.wanted
        largest = self.settings.largest_step * np.sqrt(len(self.handles))
        if self.hold is not None:
            change, force = self.hold.solve(self.force, jacobian, wanted, DAMPING, self.ease)
        elif self.local is not None:
            change, force = self.local.step(self.force, jacobian, wanted, DAMPING, largest, self.ease)
        else:
            return self._shortest(rows, jacobian, wanted, largest)
        return Solution(change, force, self._motion(rows, change))

    def _shortest(self, rows: Rows, jacobian: Tensor, wanted: NDArray[np.float64], largest: float) -> Solution:
        """Return the shortest step in the metric, at most of length `largest`; arguments with weights."""
        changes = self.metric(jacobian)
        gram = torch.einsum("ald,bld->ab", jacobian, changes).double().cpu().numpy()
        shares = torch.from_numpy(damped(gram, wanted, DAMPING, largest)).to(changes)
        change, force = (torch.einsum("m,mld->ld", shares, each) for each in (changes, jacobian))
        return Solution(change, force, self._motion(rows, change))

    def _motion(self, rows: Rows, change: Tensor) -> NDArray[np.float64]:
        """Return the motion of the handles that a change of the latent is expected to make, [n, 2] image pixels."""
        along = torch.einsum("mld,ld->m", rows.jacobian, change).double().cpu().numpy()
        moved = np.zeros_like(self.handles)
        np.add.at(moved, rows.owners, along[:, None] * rows.directions)
        length = np.linalg.norm(moved, axis=1, keepdims=True)
        return moved * np.minimum(1, 1.5 * self.longest / np.maximum(length, 1e-9))

    def read(self, near: NDArray[np.float64]) -> Features:
        """Compute the features of the current latent near points [n, 2]."""
        with torch.enable_grad():
            return self.reader.read(self.latent.w_plus(), near)

    def set_step(self, share: float) -> None:
        """Set the longest way that a step asks for to this share of the usual."""
        self.longest, self.ease = max(share * self._pixels(LONGEST), self._pixels(SHORTEST)), 1.0

    def resume(self, share: float) -> None:
        """Go on from the present latent and handles."""
        self.set_step(share)
        self.features = self.read(self.handles)
