"""What both stages train: generator and encoder, their running averages, and how a run judges them."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import torch
from torch import Tensor

from draglab.generators import StyleGAN2
from draglab.perception import frechet_distance
from recipes.data import shrink
from recipes.generators import channels_last, render_at, set_activation_dtype
from recipes.hands.data import Photos
from recipes.hands.model import ENCODED_SIZE, Encoder, hands_config
from recipes.networks import AveragedNetworks
from recipes.squeezenet import SqueezeNet, pooled

SAMPLES = 256
COLUMNS = 16


class Networks(AveragedNetworks):
    """Generator and encoder with their running averages, and SqueezeNet.

    Attributes:
        generator, encoder: in training, activations in `dtype`. average, average_encoder: float32, what is exported.
    """

    PAIRS: ClassVar = (("generator", "average"), ("encoder", "average_encoder"))

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
