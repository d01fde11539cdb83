"""Measures of generators that hold for any recipe: arithmetic on features, no networks and no files."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from draglab.generators import Generator


def manifold_radii(features: Tensor, k: int = 3) -> Tensor:
    """[N] distance of every feature [N, D] to its k-th nearest other one."""
    return torch.cdist(features, features).kthvalue(k + 1, dim=1).values


def share_inside(points: Tensor, centers: Tensor, radii: Tensor) -> float:
    """Share of points [N, D] that lie in at least one ball around centers [M, D]."""
    return float((torch.cdist(points, centers) <= radii[None]).any(1).double().mean())


def precision_recall(real: Tensor, made: Tensor, k: int = 3) -> tuple[float, float]:
    """Improved precision and recall (Kynkäänniemi et al. 2019) of features [N, D] and [M, D].

    Precision: share of made pictures within the manifold of real ones; recall: the other way round.
    """
    precision = share_inside(made, real, manifold_radii(real, k))
    return precision, share_inside(real, made, manifold_radii(made, k))


def nearest(points: Tensor, others: Tensor, count: int = 1) -> tuple[Tensor, Tensor]:
    """Distances [N, count] and indices [N, count] of the nearest `others` [M, D] of points [N, D]."""
    found = torch.cdist(points, others).topk(count, dim=1, largest=False)
    return found.values, found.indices


@torch.no_grad()
def path_length(
    generator: Generator,
    distance: Callable[[Tensor, Tensor], Tensor],
    count: int = 1000,
    epsilon: float = 1e-2,
    seed: int = 0,
    batch: int = 25,
) -> float:
    """Perceptual path length in W (Karras et al. 2019): mean distance of images epsilon apart, over epsilon squared.

    Args:
        distance: of two batches of images [N, 3, H, W] -> [N].
        count: pairs. epsilon: step between them, as a share of the way between two random w.
    """
    random = np.random.RandomState(seed)
    total = 0.0
    for start in range(0, count, batch):
        size = min(batch, count - start)
        ends = torch.from_numpy(random.randn(2, size, generator.z_dim)).to(generator.w_avg)
        where = torch.from_numpy(random.rand(size, 1, 1)).to(generator.w_avg)
        first, last = (generator.mapping(end) for end in ends)
        pair = [generator.image(first + (last - first) * at).clamp(-1, 1) for at in (where, where + epsilon)]
        total += float(distance(pair[0], pair[1]).sum())
    return total / count / epsilon**2
