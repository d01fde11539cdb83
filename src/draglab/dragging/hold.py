"""The hold: what a mask freezes stays in a Gauss-Newton drag.

The step minimises, with o the change of the latent since the round's start, F the features that the hold looks at and
F0 those of the start, W how much each of them is to stay, and j, e, mu the rows, motions and damping of the handles,

    (o + dw)^T Sigma'^-1 (o + dw) + lambda dw^T Sigma'^-1 dw + gamma |W^(1/2) (F + J dw - F0)|^2 + |j dw - e|^2 / mu

A few conjugate gradients (Hestenes and Stiefel 1952) solve the linear system that follows. J is never formed: J v is
the difference of two passes forward, J^T v a pass back, and F are small maps of a low block. The preconditioner begins
with what the model's images see on average, as locality does (locality.py), and learns from every conjugate direction
of the round what this image sees, by the limited-memory BFGS formula (Morales and Nocedal 2000).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from draglab.dragging.latent import EditedLatent
from draglab.dragging.locality import Locality
from draglab.dragging.metric import LatentMetric
from draglab.generators import Generator
from draglab.geometry import image_extent

RESOLUTION = 16
"""Resolution of the features that the hold looks at."""
ITERATIONS = 3
"""Number of conjugate gradients for a step."""
DAMPED = 2.0
"""1 + lambda."""
PROBE = 0.1
"""Length of the change by which J v is measured, standard deviations."""
PULLS = 4
"""Number of random pulls from which tr(Sigma' J^T W J) is estimated."""
AVERAGE = 2.0
"""Weight of what the model's images see on average in the preconditioner."""
LEARNT = 40
"""Number of conjugate directions that are remembered."""


@dataclass(frozen=True)
class Direction:
    """A direction s of which B s is known, where B is the matrix of the step without the handles; s^T B s = 1.

    Attributes:
        change: s, [L, D]. force: Sigma'^-1 s. curved: B s.
    """

    change: Tensor
    force: Tensor
    curved: Tensor


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
        self.generator, self.latent = generator, latent
        self.level = hold_level(generator)
        margin = generator.feature_margin(self.level)
        self.average = Locality(metric, weights_at(weights, margin, metric.places), AVERAGE * strength)
        self.learnt: list[Direction] = []
        features = self._features()
        self.start = features.detach()
        size, source = 0.0, torch.Generator().manual_seed(0)
        for _ in range(PULLS):
            random = torch.randn(features.shape, generator=source).to(features)
            values = weights.to(features).sqrt() * random
            (pull,) = torch.autograd.grad(features, latent.offset, values, retain_graph=True)
            size += float((metric(pull) * pull).sum()) / PULLS
        self.weights = weights.to(features) * (strength / max(size, 1e-30))
        self.loss = 0.0

    def _features(self) -> Tensor:
        with torch.enable_grad():
            return self.generator.feature_maps(self.latent.w_plus(), self.level).top

    def stiff(self, forces: Tensor) -> tuple[Tensor, Tensor]:
        """Return about B^-1 times forces [m, L, D], and Sigma'^-1 times that."""
        shares = []
        for known in reversed(self.learnt):
            share = torch.einsum("ld,mld->m", known.change, forces)
            forces = forces - share[:, None, None] * known.curved
            shares.append(share)
        changes, forces = self.average.changes(forces, DAMPED)
        for known, share in zip(self.learnt, reversed(shares), strict=True):
            lack = (share - torch.einsum("ld,mld->m", known.curved, changes))[:, None, None]
            changes, forces = changes + lack * known.change, forces + lack * known.force
        return changes, forces

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
        changes, forces = self.stiff(jacobian)
        gram = torch.einsum("ald,bld->ab", jacobian, changes)
        mu = damping * gram.diagonal().mean().clamp(min=1e-30)
        handles = jacobian / mu.sqrt()
        damped = gram + mu * torch.eye(len(gram), dtype=gram.dtype, device=gram.device)
        features = self._features()
        now = features.detach()
        away = now - self.start
        self.loss = float((self.weights * away.square()).sum()) / 2

        def pulled_back(values: Tensor) -> Tensor:
            return torch.autograd.grad(features, self.latent.offset, self.weights * values, retain_graph=True)[0][0]

        def along(shares: Tensor) -> tuple[Tensor, Tensor]:
            change, force = (torch.einsum("m,mld->ld", shares, each) for each in (changes, forces))
            return change, force

        def precondition(force: Tensor) -> tuple[Tensor, Tensor]:
            change, own = (each[0] for each in self.stiff(force[None]))
            lack, lack_force = along(torch.linalg.solve(damped, torch.einsum("mld,ld->m", jacobian, change)))
            return change - lack, own - lack_force

        residual = torch.einsum("m,mld->ld", motion / mu, jacobian)
        residual = residual - ease * (offset_force + pulled_back(away))
        change, force = torch.zeros_like(residual), torch.zeros_like(residual)
        way, way_force, previous, found = change, force, 0.0, []
        for _ in range(ITERATIONS):
            ahead, ahead_force = precondition(residual)
            square = float((residual * ahead).sum())
            share = square / previous if previous else 0.0
            way, way_force, previous = ahead + share * way, ahead_force + share * way_force, square
            probe = PROBE / float((way * way_force).sum().clamp(min=1e-30).sqrt())
            moved = self.generator.feature_maps(self.latent.w_plus(probe * way), self.level).top
            curved = DAMPED * way_force + pulled_back((moved - now) / probe)
            size = float((way * curved).sum())
            if size > 0:
                root = size**0.5
                found.append(Direction(way / root, way_force / root, curved / root))
            curved = curved + torch.einsum("m,mld->ld", torch.einsum("mld,ld->m", handles, way), handles)
            length = square / max(float((way * curved).sum()), 1e-30)
            change, force = change + length * way, force + length * way_force
            residual = residual - length * curved
        # What the handles still lack, exactly but for mu.
        rest, rest_force = along(torch.linalg.solve(damped, motion - torch.einsum("mld,ld->m", jacobian, change)))
        self.learnt = (self.learnt + found)[-LEARNT:]
        return change + rest, force + rest_force


def hold_level(generator: Generator) -> int:
    """Return the level of the features that the hold looks at."""
    fitting = [resolution for resolution in generator.feature_resolutions if resolution <= RESOLUTION]
    return generator.feature_level(max(fitting, default=generator.feature_resolutions[0]))


def seen_layers(generator: Generator, w_plus: Tensor) -> int:
    """Return the number of the first layers on which the features that the hold looks at depend."""
    latent = w_plus.detach().clone().requires_grad_(True)
    with torch.enable_grad():
        top = generator.feature_maps(latent, hold_level(generator)).top
        random = torch.randn(top.shape, generator=torch.Generator().manual_seed(0)).to(top)
        (pull,) = torch.autograd.grad((top * random).sum(), latent)
    return int((pull[0].abs().amax(1) > 0).sum())


def weights_at(weights: Tensor, margin: int, places: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return weights [h, w] of a map, with its margin, at places [k, 2], (x, y) from 0 to 1: shares of the largest."""
    height, width = image_extent((weights.shape[0], weights.shape[1]), margin)
    column, row = (places * [width, height]).astype(int).clip(0, [width - 1, height - 1]).T
    values = weights.double().cpu().numpy()[margin + row, margin + column]
    return values / max(float(weights.max()), 1e-30)
