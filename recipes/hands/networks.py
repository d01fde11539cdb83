"""What both stages train: generator and encoder, their running averages, and how a run judges them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from draglab.generators import StyleGAN2
from recipes.hands.data import Photos
from recipes.hands.model import ENCODED_SIZE, Encoder, hands_config
from recipes.heads.data import shrink
from recipes.heads.model import render_at, set_activation_dtype
from recipes.measures import frechet_distance
from recipes.squeezenet import SqueezeNet

NAMES = ("generator", "encoder", "average", "average_encoder")
SAMPLES = 256
COLUMNS = 16


class Networks:
    """Generator and encoder with their running averages, and SqueezeNet.

    Attributes:
        generator, encoder: in training, activations in `dtype`. average, average_encoder: float32, what is exported.
    """

    def __init__(self, squeezenet: str | Path, z_dim: int, size: int, dtype: torch.dtype):
        self.z_dim, self.dtype = z_dim, dtype
        config = hands_config(size, z_dim)
        self.generator = channels_last(StyleGAN2(config).requires_grad_(True))
        self.encoder = channels_last(Encoder(z_dim))
        self.average = StyleGAN2(config)
        self.average.load_state_dict(self.generator.state_dict())
        self.average_encoder = Encoder(z_dim).requires_grad_(False)
        self.average_encoder.load_state_dict(self.encoder.state_dict())
        self.squeezenet = channels_last(SqueezeNet(squeezenet))
        set_activation_dtype(self.generator, dtype)

    def state(self) -> dict[str, Any]:
        """Weights for a checkpoint."""
        return {name: getattr(self, name).state_dict() for name in NAMES}

    def load(self, state: dict[str, Any]) -> None:
        """Take the weights of a checkpoint of either stage."""
        for name in NAMES:
            getattr(self, name).load_state_dict(state[name])

    @torch.no_grad()
    def update_averages(self, keep: float) -> None:
        """Move the running averages towards the current weights."""
        for average, current in ((self.average, self.generator), (self.average_encoder, self.encoder)):
            for averaged, now in zip(average.parameters(), current.parameters(), strict=True):
                averaged.lerp_(now, 1 - keep)

    @torch.no_grad()
    def judge(self, held_out: Photos, resolution: int) -> tuple[dict[str, float], list[Tensor]]:
        """Measures of the averages, and rows of a sheet: held-out photos, their reconstructions, samples.

        held_out: mean absolute error of reconstructions, in steps of 255. frechet: distance of 256 samples to the
        held-out photos in pooled fire9; the photos are few, so it is good for comparisons within a run only.
        """
        originals = held_out.floats(slice(None), held_out.images.shape[-1])
        references = shrink(originals, resolution)
        chosen = torch.linspace(0, len(originals) - 1, COLUMNS).long()
        few = references[chosen]
        mean, _ = self.average_encoder(shrink(originals[chosen], ENCODED_SIZE))
        made = render_at(self.average, mean, resolution)
        fixed = torch.randn(SAMPLES, self.z_dim, generator=torch.Generator().manual_seed(1))
        samples = torch.cat([render_at(self.average, z, resolution) for z in fixed.split(32)])
        distance = frechet_distance(pooled(self.squeezenet, references), pooled(self.squeezenet, samples))
        error = float((made - few).abs().mean()) * 127.5
        return {"held_out": error, "frechet": distance}, [few, made, *samples[: 4 * COLUMNS].split(COLUMNS)]


def channels_last(module: nn.Module) -> Any:
    """The module with its weights in channels_last order."""
    return module.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]


@torch.no_grad()
def pooled(squeezenet: SqueezeNet, images: Tensor, batch: int = 32) -> Tensor:
    """Mean over space of fire9, [N, 512], of images [N, 3, H, W] enlarged to 128 px if they are smaller."""
    parts = [squeezenet(enlarged(part).clamp(-1, 1))["fire9"].mean((2, 3)) for part in images.split(batch)]
    return torch.cat(parts)


def enlarged(images: Tensor, size: int = 128) -> Tensor:
    """Images of at least `size` px, bilinear."""
    return F.interpolate(images, (size, size), mode="bilinear") if images.shape[-1] < size else images
