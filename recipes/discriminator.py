"""A discriminator on SqueezeNet's features (Sauer et al. 2021, "Projected GANs Converge Faster").

Small convolutional heads judge features of four depths. Before that, fixed random convolutions mix the features across
channels and, from deep to shallow, across scales, so that no head can live on the few easiest ones.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from recipes.convnet import activated
from recipes.squeezenet import CHANNELS, STRIDES, SqueezeNet

LEVELS = {"conv1": 32, "fire4": 64, "fire8": 96, "fire9": 96}
"""Stages of SqueezeNet that are judged, and channels each is mixed down to."""
_HEAD_WIDTH = 64
_SMALLEST = 4


class RandomMixing(nn.Module):
    """Features by stage -> mixed features by stage; random, never trained."""

    def __init__(self, random: torch.Generator):
        super().__init__()
        names = list(LEVELS)
        for index, name in enumerate(names):
            width = LEVELS[name]
            self.register_buffer(f"across_{name}", _random_weight(width, CHANNELS[name], 1, random))
            if index + 1 < len(names):
                deeper = LEVELS[names[index + 1]]
                self.register_buffer(f"down_{name}", _random_weight(width, deeper, 1, random))
                self.register_buffer(f"mix_{name}", _random_weight(width, width, 3, random))
        # Root mean square of each stage over photos; without it, one stage would drown another.
        self.register_buffer("scales", torch.ones(len(names)))

    @torch.no_grad()
    def calibrate(self, found: dict[str, Tensor]) -> None:
        """Take the stages' scales from features of photos."""
        self.get_buffer("scales").copy_(torch.stack([found[name].float().square().mean().sqrt() for name in LEVELS]))

    def forward(self, found: dict[str, Tensor]) -> dict[str, Tensor]:
        """[N, C, H, W] by stage -> [N, LEVELS[stage], H, W] by stage."""
        mixed: dict[str, Tensor] = {}
        above: Tensor | None = None
        for index, name in reversed(list(enumerate(LEVELS))):
            x = found[name]
            x = F.conv2d(x / self.get_buffer("scales")[index].to(x.dtype), self._weight("across", name, x))
            if above is not None:
                deeper = F.conv2d(above, self._weight("down", name, x))
                x = (x + F.interpolate(deeper, x.shape[2:], mode="bilinear")) * math.sqrt(0.5)
                x = F.conv2d(x, self._weight("mix", name, x), padding=1)
            mixed[name] = above = x
        return mixed

    def _weight(self, kind: str, name: str, like: Tensor) -> Tensor:
        return self.get_buffer(f"{kind}_{name}").to(like.dtype)


class Head(nn.Module):
    """[N, C, H, W] -> [N, h, w] logits: stride-2 convolutions down to 4 px, spectrally normalised."""

    def __init__(self, inputs: int, resolution: int):
        super().__init__()
        layers: list[nn.Module] = []
        width = inputs
        while resolution > _SMALLEST:
            layers.append(spectral_norm(nn.Conv2d(width, _HEAD_WIDTH, 4, 2, 1)))
            width, resolution = _HEAD_WIDTH, resolution // 2
        layers.append(spectral_norm(nn.Conv2d(width, _HEAD_WIDTH, 3, 1, 1)))
        self.layers = nn.ModuleList(layers)
        self.last = spectral_norm(nn.Conv2d(_HEAD_WIDTH, 1, _SMALLEST))

    def forward(self, x: Tensor) -> Tensor:
        """Logits, larger for more real."""
        for layer in self.layers:
            # The activation keeps the variance; without that, deep heads answer near 0 and learn slowly.
            x = activated(layer(x))
        return self.last(x).squeeze(1)


class ProjectedDiscriminator(nn.Module):
    """Logits of several heads from SqueezeNet's features of images of `size` px."""

    def __init__(self, size: int = 128, seed: int = 0):
        super().__init__()
        self.mixing = RandomMixing(torch.Generator().manual_seed(seed))
        self.heads = nn.ModuleList(Head(width, size // STRIDES[name]) for name, width in LEVELS.items())

    def forward(self, mixed: dict[str, Tensor]) -> Tensor:
        """[N, logits] float32 of what `mixing` returned, one column for each head."""
        logits = [head(mixed[name]) for head, name in zip(self.heads, LEVELS, strict=True)]
        return torch.cat([logit.float().flatten(1).mean(1, keepdim=True) for logit in logits], dim=1)


def hinge_losses(real: Tensor, made: Tensor) -> Tensor:
    """The discriminator's hinge loss of logits [N, L] and [M, L], summed over heads."""
    return (F.relu(1 - real).mean(0) + F.relu(1 + made).mean(0)).sum()


def features_for(squeezenet: SqueezeNet, images: Tensor, dtype: torch.dtype) -> dict[str, Tensor]:
    """The features that distance and discriminator share, of images [N, 3, H, W] in [-1, 1]."""
    return squeezenet(images.to(dtype).contiguous(memory_format=torch.channels_last))


def _random_weight(outputs: int, inputs: int, size: int, random: torch.Generator) -> Tensor:
    return torch.randn(outputs, inputs, size, size, generator=random) / math.sqrt(inputs * size * size)
