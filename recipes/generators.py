"""How a training step sees a StyleGAN2: images of its lower blocks, its loss, its optimisers."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from draglab.generators import StyleGAN2
from recipes.muon import Muon

MUON_RATE = 1e-2
ADAM_RATE = 6e-3


def render_at(generator: StyleGAN2, z: Tensor, resolution: int) -> Tensor:
    """Images of z at one of the lower resolutions: the sum of RGB branches up to that block, [N, 3, r, r]."""
    return render_latents(generator, generator.mapping(z), resolution)


def render_latents(generator: StyleGAN2, w_plus: Tensor, resolution: int) -> Tensor:
    """As :func:`render_at`, of w_plus [N, num_ws, w_dim]."""
    synthesis = generator.synthesis
    blocks = synthesis.run_blocks(w_plus, resolution, lambda *_: None)
    rgb: Tensor | None = None
    for size, x in blocks.items():
        rgb = synthesis.block(size).add_rgb(rgb, x, w_plus, synthesis.kernel)
    assert rgb is not None
    return rgb


def mixed_latents(coarse: Tensor, fine: Tensor) -> Tensor:
    """Style mixing (Karras et al. 2019, section 3.1): from a random layer on, latents of others.

    Without it a generator only knows w_plus whose layers are all the same, and pictures go soft when a drag moves the
    layers apart. Both [N, num_ws, w_dim].
    """
    first = torch.randint(1, coarse.shape[1], (len(coarse), 1, 1), device=coarse.device)
    return torch.where(torch.arange(coarse.shape[1], device=coarse.device)[:, None] < first, coarse, fine)


def reconstruction_loss(images: Tensor, references: Tensor, weights: Tensor | None = None) -> Tensor:
    """Mean absolute difference + 0.7 x that of horizontal and vertical gradients at three scales.

    `weights`: of pixels, [N, 1, H, W], with mean 1; without them all count the same.
    """
    difference = images - references
    weights = torch.ones_like(difference[:, :1]) if weights is None else weights
    loss = (weights * difference.abs()).mean()
    for scale in range(3):
        if scale:
            difference, weights = F.avg_pool2d(difference, 2), F.avg_pool2d(weights, 2)
        horizontal = (weights[..., 1:] * (difference[..., 1:] - difference[..., :-1]).abs()).mean()
        vertical = (weights[..., 1:, :] * (difference[..., 1:, :] - difference[..., :-1, :]).abs()).mean()
        loss = loss + 0.7 * (horizontal + vertical)
    return loss


def make_optimizers(generator: StyleGAN2) -> list[torch.optim.Optimizer]:
    """Muon for weight matrices, Adam for the rest, each group with its peak step size as "peak".

    Steps are relative to the weights, which the published layout scales at run time: the mapping's are stored a hundred
    times as large as they act, so its steps are too.
    """
    matrices: list[nn.Parameter] = []
    mapping: list[nn.Parameter] = []
    rest: list[nn.Parameter] = []
    for name, parameter in generator.named_parameters():
        if parameter.ndim < 2 or name.endswith("const") or parameter.shape[-1] == 1:
            rest.append(parameter)
        else:
            (mapping if name.startswith("mapping") else matrices).append(parameter)
    groups = [{"params": mapping, "lr": MUON_RATE / 0.01}, {"params": matrices, "lr": MUON_RATE}]
    optimizers: list[torch.optim.Optimizer] = [Muon(groups), torch.optim.Adam(rest, ADAM_RATE, betas=(0.9, 0.99))]
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["peak"] = group["lr"]
    return optimizers


def set_activation_dtype(generator: StyleGAN2, dtype: torch.dtype | None) -> None:
    """Compute the synthesis network's activations in `dtype`; None = as the weights."""
    generator.synthesis.block(4).activation_dtype = dtype


@torch.no_grad()
def set_w_avg(generator: StyleGAN2) -> None:
    """Set w_avg to the mean w of 10,000 latents."""
    z = torch.from_numpy(np.random.RandomState(123).randn(10_000, generator.z_dim)).float()
    generator.mapping_network.w_avg.copy_(generator.mapping_network(z).mean(0))


def channels_last(module: nn.Module) -> Any:
    """The module with its weights in channels_last order."""
    return module.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
