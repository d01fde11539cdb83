"""No tracking: every handle is taken to be where motion supervision pushed it."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from draglab.dragging import FirstOrderRun, TrackingQuery


class Untracked:
    """Each step is taken to move each handle by one pixel towards its target, as motion supervision asks for.

    Args:
        run: the drag, for its targets.
    """

    def __init__(self, run: FirstOrderRun):
        self.run = run

    def __call__(self, query: TrackingQuery) -> Tensor:
        """Return the handles' positions; see :class:`draglab.dragging.PointTracker`."""
        way = self.run.targets - query.handles
        length = np.linalg.norm(way, axis=1, keepdims=True)
        moved = query.handles + way * np.minimum(1.0, 1.0 / np.maximum(length, 1e-9))
        return torch.from_numpy(moved).to(query.features.values.device)
