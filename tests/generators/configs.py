"""Small generators that together cover the configuration space, with weights in which nothing hides behind zeros."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch

from draglab.generators import Generator, StyleGAN2, StyleGAN2Config
from draglab.generators.block_windows import BlockWindowPlan
from draglab.generators.stylegan2.windows import windowed_network


def _config(**changes: Any) -> StyleGAN2Config:
    base = {"img_resolution": 32, "z_dim": 12, "w_dim": 10, "channel_base": 256, "channel_max": 12, "mapping_layers": 2}
    return StyleGAN2Config(**{**base, **changes})


CONFIGS: dict[str, StyleGAN2Config] = {
    "skip": _config(),
    "orig": _config(architecture="orig"),
    "resnet": _config(architecture="resnet"),
    "clamp": _config(conv_clamp=0.6),
    "resnet_clamp": _config(architecture="resnet", conv_clamp=0.6),
    "conditional": _config(c_dim=3, embed_features=7, mapping_features=9),
    "no_noise": _config(use_noise=False),
    "two_taps": _config(resample_filter=(1.0, 1.0)),
    "three_taps": _config(resample_filter=(1.0, 2.0, 1.0)),
    "lopsided_taps": _config(resample_filter=(1.0, 2.0, 4.0, 1.0)),
    "rectangular": _config(base_width=2),
    "smallest": _config(img_resolution=8, mapping_layers=1),
}


def make_generator(name: str, dtype: torch.dtype = torch.float64, **changes: Any) -> StyleGAN2:
    """The generator of CONFIGS[name], with changes; the same weights every time and for every dtype."""
    with torch.random.fork_rng():
        torch.manual_seed(sum(name.encode()))
        generator = StyleGAN2(replace(CONFIGS[name], **changes), name)
        for key, tensor in generator.state_dict().items():
            if key.endswith(("bias", "noise_strength", "w_avg")):
                tensor.add_(0.3 * torch.randn(tensor.shape))
    return generator.to(dtype)


def random_w_plus(generator: Generator, count: int = 1, seed: int = 0) -> torch.Tensor:
    """Another latent for every layer: [count, num_ws, w_dim]."""
    source = torch.Generator().manual_seed(seed)
    shape = (count, generator.num_ws, generator.w_dim)
    return torch.randn(shape, generator=source, dtype=torch.float64).to(generator.dtype)


def plan_of(
    generator: StyleGAN2,
    resolution: int,
    groups: Sequence[tuple[tuple[int, int], int]],
    whole_until: int,
    samples: int = 1,
) -> BlockWindowPlan:
    """A plan that runs whole up to a block of the test's choice, whatever is cheapest."""
    plan = BlockWindowPlan(windowed_network(generator.synthesis), resolution, groups, samples)
    plan.whole_until = whole_until
    return plan
