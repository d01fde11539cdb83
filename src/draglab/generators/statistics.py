"""Statistics of a model's latents: how they vary, and how much each direction changes which part of the features.

A second-order drag measures the length of its steps by them (draglab/dragging/metric.py), and knows what else in the
image a step alters (draglab/dragging/locality.py). They are measured once a model, from the model alone.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from draglab.geometry import image_extent

if TYPE_CHECKING:
    from draglab.generators.base import Generator

SAMPLES = 4000
"""Number of samples of w for its covariance."""
IMAGES = 36
"""Number of images whose features are examined."""
PULLS = 16
"""Number of places that are examined in each image. All of them together are spread evenly."""
RANK = 256
"""Number of combinations of the pulls that are kept."""
SPREAD = 1 / 32
"""Standard deviation of the surroundings of a place, as a share of the image's sides."""
HIGHEST = 64
"""Highest resolution of the features that are examined."""
FIRST_SEED = 20_000
TRUNCATION = 0.7
"""Truncation of the images that are examined: people drag images like these."""


@dataclass(frozen=True, eq=False)
class LatentStatistics:
    """Statistics of a model's latents.

    A *pull* is J^T v for a random image, J the Jacobian of the features with respect to w_plus, and a random v,
    independent at each position, whose variance is a Gaussian about a place. The mean outer product of all pulls
    estimates the mean of J^T J, which says how much a change of the latent changes the features; that of pulls near a
    place, how much it changes them there. Their common scale means nothing.

    Attributes:
        covariance: covariance of w over z, and over uniformly drawn classes: [w_dim, w_dim].
        pulls: [r, num_ws, w_dim], from which the pulls follow as shares @ pulls, and with the same mean outer product.
        shares: [k, r], with orthonormal columns.
        places: [k, 2], the place of each pull, (x, y) from 0 to 1 across the image.
    """

    covariance: Tensor
    pulls: Tensor
    shares: Tensor
    places: Tensor

    def to(self, like: Tensor) -> LatentStatistics:
        """Return the same values with the device and dtype of a tensor."""
        return LatentStatistics(self.covariance.to(like), self.pulls.to(like), self.shares.to(like), self.places)


def measure_statistics(generator: Generator, progress: Callable[[float], None] | None = None) -> LatentStatistics:
    """Measure a model's statistics: about a minute at 1024 px on a CPU core.

    Args:
        generator: the model.
        progress: called with the share that is done, from 0 to 1; it may raise an exception to stop.
    """
    random = np.random.RandomState(0)
    with torch.no_grad():
        z = torch.from_numpy(random.randn(SAMPLES, generator.z_dim)).to(generator.device, generator.dtype)
        c = None
        if generator.c_dim:
            classes = torch.from_numpy(random.randint(generator.c_dim, size=SAMPLES))
            c = torch.eye(generator.c_dim)[classes].to(z)
        covariance = torch.cov(generator.mapping(z, c)[:, 0].double().t())
    level = statistics_level(generator)
    margin = generator.feature_margin(level)
    height, width = image_extent(generator.feature_shape(level), margin)
    places = spread_places(IMAGES * PULLS, random)
    pulls: list[Tensor] = []
    for image, around in enumerate(places.reshape(IMAGES, PULLS, 2)):
        chosen = None if generator.c_dim == 0 else image % generator.c_dim
        w_plus = generator.w_plus_from_seed(FIRST_SEED + image, TRUNCATION, c=chosen).requires_grad_(True)
        top = generator.feature_maps(w_plus, level).top
        source = torch.Generator().manual_seed(image)
        for index, place in enumerate(around):
            if progress is not None:
                progress((image * PULLS + index) / (IMAGES * PULLS))
            along, down = (
                np.exp(-((((np.arange(count) - margin + 0.5) / side - centre) / SPREAD) ** 2) / 4)
                for count, side, centre in zip(top.shape[:1:-1], (width, height), place, strict=True)
            )
            random_change = torch.randn(top.shape, generator=source).to(top)
            random_change *= torch.from_numpy(np.outer(down, along)).to(top)
            more = index + 1 < PULLS
            pulls.append(torch.autograd.grad((top * random_change).sum(), w_plus, retain_graph=more)[0][0])
    if progress is not None:
        progress(1.0)
    shares, found = principal(torch.stack(pulls).double(), covariance.to(pulls[0].device), RANK)
    # Rounded as files keep them, so that a drag is the same whether they were measured or read.
    found = (found / found.square().mean().sqrt().clamp(min=1e-30)).half()
    like = generator.w_avg
    return LatentStatistics(covariance.float(), found, shares.half(), torch.from_numpy(places).float()).to(like)


def principal(pulls: Tensor, covariance: Tensor, rank: int) -> tuple[Tensor, Tensor]:
    """Return U [k, r] with orthonormal columns, and U^T times pulls [k, num_ws, w_dim], r <= rank.

    Of all U, it is the one that keeps most of the changes that likely latents make.
    """
    values, vectors = torch.linalg.eigh(torch.einsum("ald,de,ble->ab", pulls, covariance, pulls))
    kept = vectors.flip(1)[:, : min(rank, int((values > 1e-12 * values[-1]).sum()))]
    return kept, torch.einsum("kr,kld->rld", kept, pulls)


def spread_places(count: int, random: np.random.RandomState) -> NDArray[np.float64]:
    """Return random places, [count, 2] from 0 to 1, one in each cell of a grid, in random order; count is a square."""
    side = math.isqrt(count)
    cells = np.stack(np.divmod(random.permutation(side * side), side), axis=1)
    return (cells + random.rand(side * side, 2)) / side


def statistics_level(generator: Generator) -> int:
    """Return the level of the features that are examined: a quarter of the image's size, at most 64 pixels."""
    wanted = min(HIGHEST, generator.img_resolution // 4)
    fitting = [resolution for resolution in generator.feature_resolutions if resolution <= wanted]
    return generator.feature_level(max(fitting, default=generator.feature_resolutions[0]))
