"""Tracking by optical flow between the pictures of successive steps, as in the paper's comparison with RAFT."""

from __future__ import annotations

from collections import deque

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from draglab.dragging import FirstOrderRun, TrackingQuery
from draglab.dragging.bilinear import position_tensor
from draglab.evaluation.optical_flow import OpticalFlow, bilinear
from draglab.generators import to_uint8

REMEMBERED = 32
"""Number of steps whose pictures are kept, for runs that go back to an earlier one."""


class FlowTracker:
    """Moves each handle by the flow from the picture of the step before to the present one.

    Args:
        run: the drag, for its latents.

    Raises:
        DraglabError: OpenCV is not there.
    """

    def __init__(self, run: FirstOrderRun):
        self.run, self.flow = run, OpticalFlow()
        self.past: deque[tuple[NDArray[np.float64], NDArray[np.uint8]]] = deque(maxlen=REMEMBERED)
        self.past.append((run.handles, self.picture(run.latent.start)))

    def __call__(self, query: TrackingQuery) -> Tensor:
        """Return the handles' positions; see :class:`draglab.dragging.PointTracker`."""
        now = self.picture(self.run.latent.w_plus())
        # Usually the latest; another after the run went back to its best step.
        before = next((picture for handles, picture in reversed(self.past) if np.array_equal(handles, query.handles)),
                      self.past[-1][1])  # fmt: skip
        moved = query.handles + bilinear(self.flow(before, now), query.handles)
        height, width = query.image_shape
        # Farther than the radius, no features are read for the next step.
        moved = np.clip(moved, query.handles - query.radius, query.handles + query.radius)
        found = position_tensor(np.clip(moved, 0, [width - 1, height - 1]), query.features.values)
        self.past.append((found.double().cpu().numpy(), now))
        return found

    @torch.no_grad()
    def picture(self, w_plus: Tensor) -> NDArray[np.uint8]:
        """Return the picture of a latent, uint8 [H, W, 3]."""
        return to_uint8(self.run.generator.image(w_plus))[0]
