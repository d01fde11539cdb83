"""Tracking among places that make progress only (CLIPDrag, Jiang et al. 2025)."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from draglab.dragging import FirstOrderRun, TrackingQuery
from draglab.evaluation.trackers.search import Places, search


class ForwardTracker:
    """Nearest neighbour by features, as in the paper, among the places that are no farther from the target than the
    handle is.

    Args:
        run: the drag, for its targets.
    """

    def __init__(self, run: FirstOrderRun):
        self.run = run

    def __call__(self, query: TrackingQuery) -> Tensor:
        """Return the handles' positions; see :class:`draglab.dragging.PointTracker`."""
        values = query.features.values
        left = torch.from_numpy(np.linalg.norm(self.run.targets - query.handles, axis=1)).to(values)
        targets = torch.from_numpy(self.run.targets).to(values)

        def cost(places: Places) -> Tensor:
            difference = (places.features[:, :, 0] - query.templates[:, None]).abs().sum(-1)
            behind = (places.points.to(targets) - targets[:, None]).norm(dim=-1) > left[:, None] + 1e-4
            return difference.masked_fill(behind, torch.inf)

        return search(query, cost, torch.zeros(1, 2))
