"""Spots: features are how near each pixel is to the spots, an image is a mixture of their colours."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from draglab.errors import DraglabError
from draglab.generators import FeatureMaps, Generator
from draglab.generators.base import NoiseMode
from tests.extending.toy_architecture.config import SpotsConfig


class SpotsMapping(nn.Module):
    """w is one linear map of z."""

    w_avg: Tensor

    def __init__(self, config: SpotsConfig):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(config.w_dim, config.z_dim) / config.z_dim**0.5)
        self.register_buffer("w_avg", torch.zeros(config.w_dim))

    def forward(self, z: Tensor, c: Tensor | None = None) -> Tensor:
        """z [N, z_dim] -> w [N, w_dim]; these models have no classes."""
        return F.linear(z, self.weight)


class SpotsSynthesis(nn.Module):
    """Places and colours of the spots from w, and a mixture of features to colours."""

    def __init__(self, config: SpotsConfig):
        super().__init__()
        self.widths = config.widths
        self.place = nn.Parameter(torch.randn(config.spots, 2, config.w_dim) / config.w_dim**0.5)
        self.strength = nn.Parameter(torch.randn(len(config.widths), config.spots, config.w_dim) / config.w_dim**0.5)
        self.colour = nn.Parameter(torch.randn(config.img_channels, len(config.widths)))

    def features(self, w_plus: Tensor, size: int) -> Tensor:
        """[N, widths, size, size]."""
        places = torch.einsum("nw,saw->nsa", w_plus[:, 0], self.place).tanh() / 2 + 0.5
        strengths = torch.einsum("nw,csw->ncs", w_plus[:, 1], self.strength)
        axis = (torch.arange(size, dtype=w_plus.dtype, device=w_plus.device) + 0.5) / size
        across = (axis - places[:, :, 0, None]).square()
        down = (axis - places[:, :, 1, None]).square()
        distances = down[:, :, :, None] + across[:, :, None, :]
        near = torch.stack([(-distances / width**2).exp() for width in self.widths], dim=1)
        return torch.einsum("ncshw,ncs->nchw", near, strengths)

    def image(self, features: Tensor) -> Tensor:
        """[N, img_channels, H, W]."""
        return torch.einsum("nchw,ic->nihw", features, self.colour)


class Spots(Generator):
    """A generator of spots, with features of one resolution: the image's."""

    config: SpotsConfig
    synthesis: SpotsSynthesis

    def __init__(self, config: SpotsConfig, name: str = "unnamed"):
        super().__init__(config, name, SpotsMapping(config), SpotsSynthesis(config))

    @property
    def feature_resolutions(self) -> list[int]:
        """The image's."""
        return [self.img_resolution]

    def feature_level(self, resolution: int, layer: int | None = None) -> int:
        """The one that there is."""
        if resolution != self.img_resolution or layer is not None:
            raise DraglabError(f"this model has features of {self.img_resolution} pixels only")
        return resolution

    def feature_shape(self, level: int) -> tuple[int, int]:
        """(height, width) of the maps."""
        return level, level

    def feature_maps(
        self,
        w_plus: Tensor,
        level: int,
        noise_mode: NoiseMode = "const",
        noise_seed: int | None = None,
        dtype: torch.dtype | None = None,
    ) -> FeatureMaps:
        """The maps; there is no noise."""
        self.check_w_plus(w_plus)
        return FeatureMaps({level: self.synthesis.features(w_plus, level).to(dtype or self.dtype)})

    def image(
        self,
        w_plus: Tensor,
        from_features: FeatureMaps | None = None,
        noise_mode: NoiseMode = "const",
        noise_seed: int | None = None,
        preview_resolution: int | None = None,
    ) -> Tensor:
        """Images; previews are computed at their own size."""
        size = preview_resolution or self.img_resolution
        if from_features is not None and from_features.level == size:
            return self.synthesis.image(from_features.top)
        self.check_w_plus(w_plus)
        return self.synthesis.image(self.synthesis.features(w_plus, size))
