"""What both stages train: the generator, its running average, and how a run judges it."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import torch
from torch import Tensor

from draglab.generators import StyleGAN2
from draglab.perception import frechet_distance
from recipes.data import shrink, to_float
from recipes.generators import channels_last, render_at, set_activation_dtype
from recipes.heads.data import Renders
from recipes.heads.emphasis import attention
from recipes.heads.model import heads_config
from recipes.networks import AveragedNetworks
from recipes.squeezenet import SqueezeNet, pooled

SQUEEZENET = Path("metrics") / "squeezenet_v1.0_dc.npz"
SAMPLES = 256
COLUMNS = 8


class Networks(AveragedNetworks):
    """Generator with its running average, and SqueezeNet, on one device.

    Attributes:
        generator: in training, activations in `dtype`. average: float32, what is exported.
    """

    PAIRS: ClassVar = (("generator", "average"),)

    def __init__(self, assets: str | Path, renders: Renders, dtype: torch.dtype, device: torch.device):
        self.device = device
        config = heads_config(renders.z.shape[1], renders.images.shape[-1])
        self.generator: StyleGAN2 = channels_last(StyleGAN2(config).requires_grad_(True).to(device))
        self.average = StyleGAN2(config).to(device)
        self.average.load_state_dict(self.generator.state_dict())
        self.squeezenet: SqueezeNet = channels_last(SqueezeNet(Path(assets) / SQUEEZENET).to(device))
        set_activation_dtype(self.generator, dtype)

    def references(self, renders: Renders, batch: Tensor | slice, resolution: int) -> Tensor:
        """Renders [N, 3, r, r] in [-1, 1]."""
        images = shrink(to_float(renders.images[batch].to(self.device)), resolution)
        return images.contiguous(memory_format=torch.channels_last)

    def weights(self, renders: Renders, batch: Tensor, resolution: int) -> Tensor:
        """Weights of their pixels, [N, 1, r, r]."""
        return attention(renders.landmarks[batch].to(self.device), renders.images.shape[-1], resolution)

    @torch.no_grad()
    def judge(self, held_out: Renders, resolution: int, samples: bool) -> tuple[dict[str, float], list[Tensor]]:
        """Measures of the average, and rows of a sheet: held-out renders, what it makes of their scenes, samples.

        held_out: mean absolute error of 256 scenes, in steps of 255. frechet, with `samples`: distance of 256 other
        scenes to those renders in pooled fire9; so few are good for comparisons within a run only.
        """
        parts = [slice(start, start + 32) for start in range(0, min(SAMPLES, len(held_out)), 32)]
        references = torch.cat([self.references(held_out, part, resolution) for part in parts])
        made = torch.cat([render_at(self.average, held_out.z[part].to(self.device), resolution) for part in parts])
        measures = {"held_out": float((made - references).abs().mean()) * 127.5}
        rows = [row for start in (0, COLUMNS) for row in (x[start : start + COLUMNS] for x in (references, made))]
        if samples:
            fixed = torch.randn(SAMPLES, held_out.z.shape[1], generator=torch.Generator().manual_seed(1))
            others = torch.cat([render_at(self.average, z.to(self.device), resolution) for z in fixed.split(32)])
            features = [pooled(self.squeezenet, images) for images in (references, others)]
            measures["frechet"] = frechet_distance(*features)
            rows += others[: 2 * COLUMNS].split(COLUMNS)
        return measures, [row for row in rows if len(row) == COLUMNS]
