"""Latents that were dragged, for stage 2: its discriminator judges pictures of edits too.

Mixed styles (`mixed_latents`) move layers apart at random; a drag moves them in directions of its own, where a
generator that never saw them makes hazy pictures. The bank keeps scenes with the offset that a real drag of the running
average gave their w_plus. New drags replace the oldest, so the offsets follow the generator.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from draglab.dragging import DragEdit, DragSettings, drag_many
from draglab.generators import StyleGAN2
from recipes.heads.data import Renders

TRAVEL = (0.02, 0.1)
"""Shortest and longest way from handle to target, as a share of the width."""
MAX_STEPS = 40


class DraggedLatents:
    """A bank of scenes and offsets.

    Args:
        capacity: how many are kept.

    Attributes:
        z: [n, z_dim] scenes. offsets: [n, layers, w_dim], to be added to the first layers of their w_plus.
    """

    def __init__(self, generator: StyleGAN2, capacity: int = 256, max_steps: int = MAX_STEPS):
        self.capacity = capacity
        self.settings = DragSettings.draglab(max_steps=max_steps)
        self.z = torch.zeros(0, generator.z_dim)
        layers = min(self.settings.num_layers, generator.num_ws)
        self.offsets = torch.zeros(0, layers, generator.w_dim)

    def __len__(self) -> int:
        return len(self.z)

    def add(self, generator: StyleGAN2, renders: Renders, count: int) -> None:
        """Drag `count` random renders' scenes, each at one visible landmark in a random direction."""
        chosen = torch.randint(len(renders), (count,))
        edits = [random_edit(renders, int(index)) for index in chosen]
        z = renders.z[chosen]
        device = generator.w_avg.device
        with torch.no_grad():
            start = generator.mapping(z.to(device))
        results = drag_many(generator, start, edits, self.settings)
        usable = [result.stop_reason != "diverged" for result in results]
        ends = torch.cat([result.w_plus for result in results])
        offsets = (ends - start)[:, : self.offsets.shape[1]].cpu()
        self.z = torch.cat([self.z, z[usable]])[-self.capacity :]
        self.offsets = torch.cat([self.offsets, offsets[usable]])[-self.capacity :]

    def draw(self, count: int) -> tuple[Tensor, Tensor]:
        """Random scenes [count, z_dim] and their offsets [count, layers, w_dim]; some may come twice."""
        chosen = torch.randint(len(self), (count,)) if count else torch.zeros(0, dtype=torch.long)
        return self.z[chosen], self.offsets[chosen]

    def state(self) -> dict[str, Tensor]:
        """State for the checkpoint."""
        return {"z": self.z, "offsets": self.offsets}

    def load(self, state: dict[str, Any]) -> None:
        """Take the content of a checkpoint."""
        self.z, self.offsets = state["z"], state["offsets"]


def random_edit(renders: Renders, index: int) -> DragEdit:
    """One handle at a visible landmark of the render; its target is 2 to 10 % of the width away, within the picture."""
    size = renders.images.shape[-1]
    points = renders.landmarks[index]
    inside = ((points >= 0) & (points <= size - 1)).all(1)
    usable = (renders.visible[index] & inside).nonzero().flatten()
    handle = points[usable[torch.randint(len(usable), ())]] if len(usable) else torch.tensor([size / 2, size / 2])
    angle, share = (2 * math.pi * torch.rand(())), torch.empty(()).uniform_(*TRAVEL)
    target = handle + share * size * torch.stack([angle.cos(), angle.sin()])
    return DragEdit([tuple(handle.tolist())], [tuple(target.clamp(0, size - 1).tolist())])


def moved(w_plus: Tensor, offsets: Tensor) -> Tensor:
    """w_plus [N, num_ws, w_dim] with offsets [N, layers, w_dim] added to its first layers."""
    layers = offsets.shape[1]
    return torch.cat([w_plus[:, :layers] + offsets, w_plus[:, layers:]], dim=1)
