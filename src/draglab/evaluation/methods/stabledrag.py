"""StableDrag's tracking and supervision (Cui et al. 2024), from its description.

A 1x1 filter for each handle is trained once, on the features of the start: it is to answer with 1 at the handle and
with less around it. Handles are found where filter and feature matching together answer most; where the answer is weak,
the handle is supervised by the start's features instead of those where it is now.

The description names these parts. The ridge regression, the equal weights and the threshold are choices of this file.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from draglab.dragging import DragEdit, DragSettings, Features, FirstOrderRun, TrackingQuery
from draglab.dragging.bilinear import position_tensor, sample_positions
from draglab.evaluation.trackers.search import Places, features_at, search
from draglab.generators import Generator
from draglab.geometry import feature_scale

WIDTH = 1.5
"""Standard deviation of the wanted answer around the handle, feature pixels."""
RIDGE = 0.1
CONFIDENT = 0.7
"""Share of the start's answer from which on a handle counts as found."""


class StableDragRun(FirstOrderRun):
    """A round that falls back on the start's features where tracking is not sure.

    Args:
        generator, w_plus, edit, settings: see :func:`draglab.drag_steps`.
    """

    def __init__(self, generator: Generator, w_plus: Tensor, edit: DragEdit, settings: DragSettings):
        super().__init__(generator, w_plus, edit, settings, tracker=self.find)
        self.filters = self.trained_filters()
        own = F.normalize(self.templates, dim=-1)
        self.usual = self.answer(own[:, None])[:, 0]
        self.confident = torch.ones(len(self.start), dtype=torch.bool, device=self.templates.device)
        self.always = self.anchor

    def trained_filters(self) -> Tensor:
        """Return the filters [n, C] by ridge regression on the places within r2 of the handles."""
        near = self.features.near
        spacing = 1 / feature_scale(self.shape, near.map_shape, near.margin).min()
        reach = max(1, int(self.radius / spacing))
        line = np.arange(-reach, reach + 1) * spacing
        grid = np.stack(np.meshgrid(line, line), axis=-1).reshape(-1, 2)
        points = position_tensor(self.start[:, None] + grid, near.values)
        found = F.normalize(sample_positions(near, points, self.shape).detach(), dim=-1).double()
        away = (grid**2).sum(1) / (WIDTH * spacing) ** 2
        wanted = torch.from_numpy(np.exp(-away / 2)).to(found)
        # In the dual form, which is small: as many unknowns as places.
        gram = found @ found.transpose(1, 2) + RIDGE * torch.eye(found.shape[1], device=found.device).to(found)
        weights = torch.linalg.solve(gram, wanted.expand(len(found), -1)[..., None])
        return (found.transpose(1, 2) @ weights)[..., 0].to(self.templates)

    def answer(self, unit: Tensor) -> Tensor:
        """Return how well features [n, k, C] of length 1 fit, [n, k]: the mean of filter and cosine."""
        templates = F.normalize(self.templates, dim=-1)
        return 0.5 * (torch.einsum("nkc,nc->nk", unit, self.filters) + torch.einsum("nkc,nc->nk", unit, templates))

    @torch.no_grad()
    def find(self, query: TrackingQuery) -> Tensor:
        """Find the handles, and note which are sure."""
        here = torch.zeros(1, 2)

        def cost(places: Places) -> Tensor:
            return -self.answer(F.normalize(places.features[:, :, 0], dim=-1))

        found = search(query, cost, here)
        unit = F.normalize(features_at(query, found[:, None], here)[:, :, 0], dim=-1)
        self.confident = self.answer(unit)[:, 0] >= CONFIDENT * self.usual
        return found

    def track(self, features: Features) -> Tensor:
        """Return the handles, and choose what supervises them in the next step."""
        handles = super().track(features)
        shares = torch.where(self.confident[:, None, None], torch.as_tensor(self.always).to(handles), 1.0)
        self.anchor = shares.to(self.anchors)
        return handles
