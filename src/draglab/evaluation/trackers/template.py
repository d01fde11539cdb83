"""Tracking by templates that follow what they find (after FreeDrag, Ling et al. 2024)."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from draglab.dragging import FirstOrderRun, TrackingQuery
from draglab.dragging.bilinear import position_tensor, sample_positions
from draglab.evaluation.trackers.search import Places, features_at, search
from draglab.geometry import feature_scale

PATCH = torch.tensor([(x, y) for y in (-1.0, 0.0, 1.0) for x in (-1.0, 0.0, 1.0)], dtype=torch.float64)
"""The nine samples of a template, in pixels of the feature map."""


def update_share(difference: Tensor, expected: float) -> Tensor:
    """Return k = 1 / (1 + exp(a (L - b))), how much of the present features a template takes over, from 0 to 1.

    b = 0.2 l and a = ln 9 / (0.6 l), so that k is 1/2 at L = 0.2 l, and 0.1 at L = 0.8 l: the better the place fits,
    the more of it is taken.

    Args:
        difference: L, any shape. expected: l.
    """
    return torch.sigmoid(-(math.log(9) / (0.6 * expected)) * (difference - 0.2 * expected))


def relative_difference(features: Tensor, templates: Tensor) -> Tensor:
    """Return |F - T|_1 / |T|_1 over the last two dimensions of features [n, ..., c, C] and templates [n, c, C]."""
    shaped = templates.view(len(templates), *[1] * (features.dim() - 3), *templates.shape[1:])
    return (features - shaped).abs().sum((-1, -2)) / shaped.abs().sum((-1, -2)).clamp(min=1e-12)


class TemplateTracker:
    """Nearest neighbour of a template of 3 x 3 samples, which is updated after every step by `update_share`.

    FreeDrag states its differences L for the features of its models; here they are relative to the size of the
    template, so that one l suits all.

    Args:
        run: the drag, whose start gives the first templates.
        expected: l, the relative difference from which on little is taken over.
    """

    def __init__(self, run: FirstOrderRun, expected: float = 0.4):
        self.expected = expected
        near = run.features.near
        self.around = PATCH / torch.from_numpy(feature_scale(run.shape, near.map_shape, near.margin))
        patches = position_tensor(run.start[:, None] + self.around.numpy(), near.values)
        self.templates = sample_positions(near, patches, run.shape).detach()

    def __call__(self, query: TrackingQuery) -> Tensor:
        """Return the handles' positions; see :class:`draglab.dragging.PointTracker`."""

        def cost(places: Places) -> Tensor:
            return relative_difference(places.features, self.templates)

        found = search(query, cost, self.around)
        now = features_at(query, found[:, None], self.around)[:, 0]
        share = update_share(relative_difference(now, self.templates), self.expected)
        self.templates = torch.lerp(self.templates, now, share[:, None, None])
        return found
