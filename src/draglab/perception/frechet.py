"""Fréchet distance of sets of pictures, in the features of a network. Only with Inception-v3's is it called FID."""

from __future__ import annotations

from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

from draglab.perception.lpips import LPIPS

HEIGHT = 256
"""Height in pixels to which pictures are resized for AlexNet."""


class PictureFeatures(Protocol):
    """A network that describes pictures.

    Attributes:
        title: name of the Fréchet distance in its features.
    """

    @property
    def title(self) -> str: ...

    def __call__(self, images: Tensor) -> Tensor:
        """Describe images [N, 3, H, W] in [-1, 1]: [N, D], float64."""
        ...


class AlexNetFeatures:
    """AlexNet's last convolution, averaged over the picture: 256 numbers.

    Args:
        lpips: LPIPS with AlexNet, whose network it is.
    """

    title = "Fréchet distance (AlexNet, conv5)"

    def __init__(self, lpips: LPIPS):
        assert lpips.network == "alex"
        self.lpips = lpips

    @torch.no_grad()
    def __call__(self, images: Tensor) -> Tensor:
        """Describe images [N, 3, H, W] in [-1, 1]: [N, 256], float64."""
        small = F.interpolate(images, (HEIGHT, max(1, HEIGHT * images.shape[3] // images.shape[2])), mode="area")
        return self.lpips.activations(small)[-1].double().mean((2, 3))


def frechet_distance(a: Tensor, b: Tensor) -> float:
    """Return the squared Fréchet distance of the normal distributions fitted to features [N, D] and [M, D], N, M > 1.

    |mean_a - mean_b|^2 + tr(C_a + C_b - 2 (C_a C_b)^(1/2)) (Dowson and Landau 1982), in float64. It shrinks with
    growing N and M, so compare equal counts only. It bears the name of the network that the features come from.
    """
    a, b = a.double(), b.double()
    covariances = [torch.cov(x.t()) for x in (a, b)]
    values, vectors = torch.linalg.eigh(covariances[0])
    root = vectors @ (values.clamp_min(0).sqrt()[:, None] * vectors.t())
    # tr (C_a C_b)^(1/2) is that of the symmetric root_a C_b root_a, whose eigenvalues are real.
    shared = torch.linalg.eigvalsh(root @ covariances[1] @ root).clamp_min(0).sqrt().sum()
    apart = (a.mean(0) - b.mean(0)).square().sum()
    return float(apart + covariances[0].trace() + covariances[1].trace() - 2 * shared)
