"""The hold: what a mask freezes stays in a Gauss-Newton drag.

The step minimises, with o the change of the latent since the round's start, F the features that the hold looks at and
F0 those of the start, W how much each of them is to stay, and j, e, mu the rows, motions and damping of the handles,

    (o + dw)^T Sigma'^-1 (o + dw) + lambda dw^T Sigma'^-1 dw + gamma |W^(1/2) (F + J dw - F0)|^2 + |j dw - e|^2 / mu

A few conjugate gradients (Hestenes and Stiefel 1952) solve the linear system that follows. J is never formed: J v is
the difference of two passes forward, J^T v a pass back, and F are small maps of a low block. The preconditioner is the
same matrix with J^T W J estimated from the pulls of the image's cells (cells.py).
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from draglab.dragging.cells import cell_counts, local_level, local_pulls
from draglab.dragging.latent import EditedLatent
from draglab.dragging.metric import LatentMetric, StiffMetric
from draglab.generators import Generator
from draglab.geometry import image_extent

ITERATIONS = 4
"""Number of conjugate gradients for a step."""
DAMPED = 2.0
"""1 + lambda."""
PROBE = 0.1
"""Length of the change by which J v is measured, standard deviations."""


class Hold:
    """What is to stay in one round.

    Args:
        generator: the model. latent: the latent that is edited. metric: Sigma'.
        weights: W, how much each place of the features' maps is to stay, [h, w] on any scale.
        strength: gamma, in units of 1 / tr(Sigma' J^T W J).

    Attributes:
        loss: gamma |W^(1/2) (F - F0)|^2 / 2 of the latent that :meth:`solve` was last called for.
    """

    def __init__(
        self, generator: Generator, latent: EditedLatent, metric: LatentMetric, weights: Tensor, strength: float
    ):
        self.generator, self.latent, self.metric = generator, latent, metric
        self.level = local_level(generator)
        with torch.no_grad():
            self.start = generator.feature_maps(latent.start, self.level).top
        pulls = metric.edited(local_pulls(generator, latent.start).flatten(0, 1))
        shares = cell_means(weights, generator.feature_margin(self.level), generator.img_shape).to(pulls)
        rows = pulls * shares.sqrt()[:, None, None]
        scale = strength / (metric(rows) * rows).sum().clamp(min=1e-30)
        self.weights = weights.to(self.start) * scale
        self.rows = rows[shares > 0] * scale.sqrt()
        self.loss = 0.0

    @torch.no_grad()
    def solve(
        self, offset_force: Tensor, jacobian: Tensor, wanted: NDArray[np.float64], damping: float, ease: float = 1.0
    ) -> tuple[Tensor, Tensor]:
        """Return the step, and Sigma'^-1 times it: [L, D] each.

        Args:
            offset_force: Sigma'^-1 o, [L, D].
            jacobian, wanted: j [m, L, D] and e [m]. damping: mu, relative to the mean diagonal of j A j^T, where A is
                the preconditioner without the handles.
            ease: how much of what has already changed is to be taken back, from 0 to 1.
        """
        motion = torch.from_numpy(wanted).to(jacobian)
        stiff = StiffMetric(self.metric, self.rows, DAMPED)
        changes = stiff(jacobian)
        gram = torch.einsum("ald,bld->ab", jacobian, changes)
        mu = damping * gram.diagonal().mean().clamp(min=1e-30)
        handles = jacobian / mu.sqrt()
        precondition = StiffMetric(self.metric, torch.cat([self.rows, handles]), DAMPED)
        with torch.enable_grad():
            features = self.generator.feature_maps(self.latent.w_plus(), self.level).top
        now = features.detach()
        away = now - self.start
        self.loss = float((self.weights * away.square()).sum()) / 2

        def pulled_back(values: Tensor) -> Tensor:
            return torch.autograd.grad(features, self.latent.offset, self.weights * values, retain_graph=True)[0][0]

        residual = torch.einsum("m,mld->ld", motion / mu, jacobian)
        residual = residual - ease * (offset_force + pulled_back(away))
        change, force = torch.zeros_like(residual), torch.zeros_like(residual)
        way, way_force, previous = change, force, 0.0
        for _ in range(ITERATIONS):
            ahead = precondition(residual[None])
            ahead_force = precondition.force(residual[None], ahead)[0]
            square = float((residual * ahead[0]).sum())
            share = square / previous if previous else 0.0
            way, way_force, previous = ahead[0] + share * way, ahead_force + share * way_force, square
            probe = PROBE / float((way * way_force).sum().clamp(min=1e-30).sqrt())
            moved = self.generator.feature_maps(self.latent.w_plus(probe * way), self.level).top
            curved = DAMPED * way_force + pulled_back((moved - now) / probe)
            curved = curved + torch.einsum("m,mld->ld", torch.einsum("mld,ld->m", handles, way), handles)
            length = square / max(float((way * curved).sum()), 1e-30)
            change, force = change + length * way, force + length * way_force
            residual = residual - length * curved
        # What the handles still lack, exactly but for mu.
        lack = motion - torch.einsum("mld,ld->m", jacobian, change)
        unit = torch.eye(len(gram), dtype=gram.dtype, device=gram.device)
        shares = torch.linalg.solve(gram + mu * unit, lack)
        rest, rest_row = (torch.einsum("m,mld->ld", shares, each) for each in (changes, jacobian))
        return change + rest, force + stiff.force(rest_row[None], rest[None])[0]


def cell_means(weights: Tensor, margin: int, image_shape: tuple[int, int]) -> Tensor:
    """Return the means of weights [h, w] of a map, with its margin, over the image's cells: [rows * columns]."""
    height, width = image_extent((weights.shape[0], weights.shape[1]), margin)
    inner = weights[margin : margin + height, margin : margin + width]
    return torch.nn.functional.adaptive_avg_pool2d(inner[None, None], cell_counts(image_shape)).flatten()
