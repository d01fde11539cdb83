"""FreeDrag's loop (Ling et al., CVPR 2024), from its description: no tracking, a line search instead.

A template of 3 x 3 feature samples belongs to each handle. A sub-motion of up to 5 optimiser steps makes the features
at a place ahead of the handle like the template; then the template takes over some of what is there now, and the next
place is looked for on the line to the target: of 10 candidates within d feature pixels, the one whose difference from
the template is nearest to l. Where the difference has grown, the place is looked for behind.

The description leaves open how a difference is measured and when a sub-motion is complete: here differences are
relative to the size of the template, and a sub-motion is complete below `COMPLETE` times l.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from draglab.dragging import DragEdit, DragSettings, Features, FirstOrderRun
from draglab.dragging.bilinear import position_tensor, sample_positions
from draglab.dragging.losses import Losses
from draglab.evaluation.trackers.template import PATCH, relative_difference, update_share
from draglab.generators import Generator
from draglab.geometry import REFERENCE_SIZE, feature_scale, image_extent

EXPECTED, FARTHEST = 0.3, 3.0
"""l, and d in feature pixels: the paper's for all but lions and elephants."""
CANDIDATES, SUB_STEPS, COMPLETE = 10, 5, 0.5


class FreeDragRun(FirstOrderRun):
    """A round of sub-motions; each step is one of the optimiser. Handles are where complete sub-motions have led.

    Args:
        generator, w_plus, edit, settings: see :func:`draglab.drag_steps`.
    """

    def __init__(self, generator: Generator, w_plus: Tensor, edit: DragEdit, settings: DragSettings):
        level = settings.feature_level(generator)
        height = image_extent(generator.feature_shape(level), generator.feature_margin(level))[0]
        # Features are read as far as the search and its patches go.
        far = (FARTHEST + 2) * REFERENCE_SIZE / height
        self.ahead: NDArray[np.float64] | None = None
        super().__init__(generator, w_plus, edit, replace(settings, r2=max(settings.r2, far)))
        near = self.features.near
        scale = feature_scale(self.shape, near.map_shape, near.margin)
        self.around = position_tensor(PATCH.numpy() / scale, near.values)
        self.farthest = FARTHEST / scale.min()
        self.patches = self.at(self.features, self.start[:, None])[:, 0].detach()
        self.reached = self.start.copy()
        self.made = 0
        self.ahead = self.place_ahead(self.features, self.start)
        self.features = self.read()
        self.first = self.difference(self.features)

    def at(self, features: Features, points: NDArray[np.float64]) -> Tensor:
        """Return the features [n, k, 9, C] of the patches around points [n, k, 2]."""
        places = position_tensor(points, features.near.values)
        samples = (places[:, :, None] + self.around).flatten(1, 2)
        return sample_positions(features.near, samples, self.shape).unflatten(1, (points.shape[1], len(PATCH)))

    def difference(self, features: Features) -> NDArray[np.float64]:
        """Return how much the patches ahead differ from the templates, relative to their size, [n]."""
        assert self.ahead is not None
        with torch.no_grad():
            found = relative_difference(self.at(features, self.ahead[:, None])[:, 0], self.patches)
        return found.double().cpu().numpy()

    def place_ahead(self, features: Features, reached: NDArray[np.float64]) -> NDArray[np.float64]:
        """Search the line from each reached place to its target, at most d feature pixels long."""
        way = self.targets - reached
        length = np.linalg.norm(way, axis=1, keepdims=True)
        end = reached + way * np.minimum(1.0, self.farthest / np.maximum(length, 1e-9))
        return self.line_search(features, reached, end)

    @torch.no_grad()
    def line_search(
        self, features: Features, start: NDArray[np.float64], end: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Return, for each handle, the one of 10 places from `start` (without it) to `end` [n, 2] whose patch differs
        from the template by what is nearest to l."""
        shares = np.linspace(0, 1, CANDIDATES + 1)[1:, None]
        places = start[:, None] + shares * (end - start)[:, None]
        found = relative_difference(self.at(features, places), self.patches)
        best = (found - EXPECTED).abs().argmin(1).cpu().numpy()
        return places[np.arange(len(best)), best]

    def read(self) -> Features:
        """Compute the features around the places ahead; see :meth:`FirstOrderRun.read`."""
        if self.ahead is None:
            return super().read()
        with torch.enable_grad():
            origins = None if self.mask_term is None else self.mask_term.draw()
            return self.reader.read(self.latent.w_plus(), self.ahead, origins)

    def losses(self) -> Losses:
        """Return the difference of the patches ahead from the templates, and the mask term."""
        assert self.ahead is not None
        now = self.at(self.features, self.ahead[:, None])[:, 0]
        motion = self.motion_scale * (now - self.patches).abs().sum()
        mask = motion.new_zeros(())
        if self.mask_term is not None and self.features.for_mask is not None:
            mask = self.mask_term(self.features.for_mask)
        return Losses(motion + self.latent.regularization(), self.settings.mask_weight * mask, motion, mask)

    def track(self, features: Features) -> Tensor:
        """Count the step; at the end of a sub-motion, update templates and places. Return the reached places."""
        self.made += 1
        last = self.difference(features)
        if self.made >= SUB_STEPS or (last <= COMPLETE * EXPECTED).all():
            self.end_sub_motion(features, last)
        return position_tensor(self.reached, features.near.values)

    def end_sub_motion(self, features: Features, last: NDArray[np.float64]) -> None:
        """Decide for each handle whether to go on, stay or go back; `last`: differences [n] after the last step."""
        assert self.ahead is not None
        complete, worse = last <= COMPLETE * EXPECTED, last > self.first
        now = self.at(features, self.ahead[:, None])[:, 0].detach()
        share = update_share(torch.from_numpy(np.where(worse, np.inf, last)), EXPECTED).to(now)
        self.patches = torch.lerp(self.patches, now, share[:, None, None])
        self.reached = np.where(complete[:, None], self.ahead, self.reached)
        behind = self.line_search(features, self.reached, self.ahead)
        onward = self.place_ahead(features, self.reached)
        self.ahead = np.where(complete[:, None], onward, np.where(worse[:, None], behind, self.ahead))
        self.first, self.made = self.difference(features), 0
