"""Texture: how well a patch of features tells where it went, in whichever direction.

With G = dF/dp, the derivative of the patch's features with respect to the position (gauss_newton.py), the least
eigenvalue of G^T G says how much the patch changes along the direction in which it changes least (Shi and Tomasi 1994,
"Good Features to Track"). It is near 0 in plain areas, and along straight edges.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from draglab.dragging.features import Features, whole_features
from draglab.dragging.matching import patch_lattice
from draglab.dragging.settings import DragSettings
from draglab.dragging.tracking import search_spacing
from draglab.generators import Generator
from draglab.geometry import image_extent, scale_from_512

PATCH = 6.0
"""Radius of the patches, in pixels of a 512-pixel image."""
HALF_STEP = 2.0
"""Half the distance of central differences, in pixels of a 512-pixel image."""


class Texture:
    """Texture of one image, whose features are kept.

    Args:
        generator: the model. w_plus: [1, num_ws, w_dim]. settings: for the features; None = the defaults.
    """

    @torch.no_grad()
    def __init__(self, generator: Generator, w_plus: Tensor, settings: DragSettings | None = None) -> None:
        settings = settings or DragSettings()
        self.shape = generator.img_shape
        level = settings.feature_level(generator)
        spacing = search_spacing(
            image_extent(generator.feature_shape(level), generator.feature_margin(level)), self.shape, True
        )
        self.offsets = patch_lattice(scale_from_512(PATCH, *self.shape) / spacing) * spacing
        self.half_step = scale_from_512(HALF_STEP, *self.shape)
        self.features = whole_features(generator, w_plus, level, settings.feature_dtype())

    @torch.no_grad()
    def __call__(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the least eigenvalue of G^T G at points [n, 2] (x, y), image pixels: [n], at least 0."""
        return least_eigenvalues(self.features, points[:, None] + self.offsets, self.half_step, self.shape)


@torch.no_grad()
def least_eigenvalues(
    features: Features, at: NDArray[np.float64], half_step: float, image_shape: tuple[int, int]
) -> NDArray[np.float64]:
    """Return the least eigenvalue of G^T G of each patch, [n]; the arguments are those of :func:`position_gradient`."""
    gradient = position_gradient(features, at, half_step, image_shape)
    squares = torch.einsum("nka,nkb->nab", gradient, gradient).double().cpu().numpy()
    return np.linalg.eigvalsh(squares)[:, 0].clip(0)


@torch.no_grad()
def position_gradient(
    features: Features, at: NDArray[np.float64], half_step: float, image_shape: tuple[int, int]
) -> Tensor:
    """Return dF/dp of the patches' features at points [n, k, 2], per image pixel: [n, k C, 2].

    Args:
        half_step: half the distance of central differences, image pixels. image_shape: (height, width).
    """
    parts = []
    for axis in np.eye(2) * half_step:
        ahead, behind = (features.at(at + sign * axis, image_shape) for sign in (1, -1))
        parts.append(((ahead - behind) / (2 * half_step)).flatten(1))
    return torch.stack(parts, dim=-1)
