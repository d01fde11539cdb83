"""Statistics of a model's latents: how they vary, and how much each direction changes the features.

A second-order drag measures the length of its steps by them (draglab/dragging/metric.py). They are measured once a
model, from the model alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

if TYPE_CHECKING:
    from draglab.generators.base import Generator

SAMPLES = 4000
"""Number of samples of w for its covariance."""
IMAGES = 16
"""Number of images whose features are examined."""
PULLS = 10
"""Number of random directions in feature space, for each image."""
HIGHEST = 64
"""Highest resolution of the features that are examined."""
FIRST_SEED = 20_000


@dataclass(frozen=True, eq=False)
class LatentStatistics:
    """Statistics of a model's latents.

    Attributes:
        covariance: covariance of w over z, and over uniformly drawn classes: [w_dim, w_dim].
        pulls: [k, num_ws, w_dim]. Each is J^T v for a random image and a random v with the unit matrix as covariance,
            J the Jacobian of the features with respect to w_plus: their mean outer product estimates the mean of J^T J,
            which says how much a change of the latent changes the features. Their common scale means nothing.
    """

    covariance: Tensor
    pulls: Tensor

    def to(self, like: Tensor) -> LatentStatistics:
        """Return the same values with the device and dtype of a tensor."""
        return LatentStatistics(self.covariance.to(like), self.pulls.to(like))


def measure_statistics(generator: Generator, progress: Callable[[float], None] | None = None) -> LatentStatistics:
    """Measure a model's statistics: about 20 s at 1024 px on a CPU core.

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
    pulls: list[Tensor] = []
    for image in range(IMAGES):
        chosen = None if generator.c_dim == 0 else image % generator.c_dim
        w_plus = generator.w_plus_from_seed(FIRST_SEED + image, c=chosen).requires_grad_(True)
        top = generator.feature_maps(w_plus, level).top
        source = torch.Generator().manual_seed(image)
        for pull in range(PULLS):
            if progress is not None:
                progress((image * PULLS + pull) / (IMAGES * PULLS))
            direction = torch.randn(top.shape, generator=source).to(top)
            more = pull + 1 < PULLS
            pulls.append(torch.autograd.grad((top * direction).sum(), w_plus, retain_graph=more)[0][0])
    if progress is not None:
        progress(1.0)
    # Rounded as files keep them, so that a drag is the same whether they were measured or read.
    found = torch.stack(pulls).float()
    found = (found / found.square().mean().sqrt().clamp(min=1e-30)).half()
    return LatentStatistics(covariance.float().to(generator.dtype), found.to(generator.dtype))


def statistics_level(generator: Generator) -> int:
    """Return the level of the features that are examined: a quarter of the image's size, at most 64 pixels."""
    wanted = min(HIGHEST, generator.img_resolution // 4)
    fitting = [resolution for resolution in generator.feature_resolutions if resolution <= wanted]
    return generator.feature_level(max(fitting, default=generator.feature_resolutions[0]))
