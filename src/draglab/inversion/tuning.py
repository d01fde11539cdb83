"""Pivotal tuning: a copy of the generator learns to show a photo at a fixed latent, the pivot.

Roich et al. 2021, "Pivotal Tuning for Latent-based Editing of Real Images". Each tensor's steps are a share of the
spread of its values, so that layers of any scale learn alike. All weights of the synthesis network learn but those that
make styles of latents (at one latent, their biases do the same, and a drag finds the model's own directions), and but
layers that are finer than the photo.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor

from draglab.generators import Generator
from draglab.inversion.descent import Adam, ramp
from draglab.inversion.differences import own_copy
from draglab.inversion.likeness import Likeness, smaller
from draglab.inversion.settings import InversionSettings

_RAMP_UP, _RAMP_DOWN = 0.05, 0.5


class Tuning:
    """The tuning, step by step.

    Args:
        original: the model; it stays as it is. likeness: the photo. settings: see :class:`InversionSettings`.
        pivot: w_plus [1, num_ws, w_dim].

    Attributes:
        generator: the copy that learns.
        done: number of steps made. best_lpips: the smallest LPIPS so far.
        enough: whether the LPIPS is as small as the settings ask.
        shown: image [1, 3, H, W] of the last step; None before the first.
    """

    shown: Tensor | None = None

    def __init__(self, original: Generator, likeness: Likeness, settings: InversionSettings, pivot: Tensor):
        self.original, self.likeness, self.settings, self.pivot = original, likeness, settings, pivot
        self.generator = own_copy(original)
        weights = weights_to_tune(self.generator, likeness, settings)
        absolute = settings.tuning_absolute
        sizes = {name: settings.tuning_step * (1 if absolute else step_of(weight)) for name, weight in weights.items()}
        self.adam = Adam(weights, sizes)
        self.random = torch.Generator().manual_seed(settings.seed)
        self.done, self.enough = 0, False
        self.best_lpips = float("inf")
        self.best = {name: weight.clone() for name, weight in weights.items()}

    def step(self) -> float:
        """Make a step; return the LPIPS of the weights before it."""
        settings, weights = self.settings, list(self.adam.tensors.values())
        with learning(weights):
            image = self.generator.image(self.pivot)
            self.shown = image.detach()
            lpips = self.likeness.as_seen(image)[0]
            loss = lpips + settings.tuning_pixel_weight * self.likeness.pixels(image)[0]
            if settings.detail_weight > 0 and self.likeness.sharp:
                loss = loss + settings.detail_weight * self.likeness.detail(image, self.random)[0]
            if settings.locality > 0:
                loss = loss + settings.locality * self._elsewhere()
            found = torch.autograd.grad(loss, weights, allow_unused=True)
        value = float(lpips.detach())
        self._note(value)
        if not self.enough:
            share = self.done / max(1, settings.tuning_steps)
            gradients = {name: g for name, g in zip(self.adam.tensors, found, strict=True) if g is not None}
            self.adam.step(gradients, ramp(share + _RAMP_UP / 2, _RAMP_UP, _RAMP_DOWN))
            self.done += 1
        return value

    def _note(self, lpips: float) -> None:
        if lpips < self.best_lpips:
            self.best_lpips = lpips
            for name, weight in self.adam.tensors.items():
                self.best[name].copy_(weight)
        self.enough = self.best_lpips <= self.settings.enough

    def _elsewhere(self) -> Tensor:
        """Return how much the tuning changes another image, near the pivot: LPIPS and mean square."""
        z = torch.randn(1, self.original.z_dim, generator=self.random).to(self.pivot)
        c = None
        if self.original.c_dim:
            c = self.original.class_vector(int(torch.randint(self.original.c_dim, (1,), generator=self.random)))
        way = self.original.mapping(z, c, truncation_psi=0.5) - self.pivot
        length = torch.linalg.vector_norm(way, dim=2, keepdim=True).clamp(min=1e-8)
        other = self.pivot + way * (self.settings.locality_distance / length)
        with torch.no_grad():
            wanted = self.original.image(other)
        image = self.generator.image(other)
        lpips = self.likeness.network(smaller(image), smaller(wanted))[0]
        return lpips + (image - wanted).square().mean()

    @torch.no_grad()
    def finish(self) -> None:
        """Look at the weights of the last step as well, and take the best."""
        if not self.enough:
            self._note(float(self.likeness.as_seen(self.generator.image(self.pivot))))
        for name, weight in self.adam.tensors.items():
            weight.copy_(self.best[name])

    def state(self) -> dict[str, Tensor]:
        """Return tensors from which :meth:`restore` goes on."""
        kept = {f"best.{name}": weight for name, weight in self.best.items()}
        kept |= {"best_lpips": torch.tensor(self.best_lpips), "done": torch.tensor(self.done), "pivot": self.pivot}
        return self.adam.state() | kept | {"random": self.random.get_state()}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Go on from a state of the same pivot."""
        self.adam.restore(state)
        for name, weight in self.best.items():
            weight.copy_(state[f"best.{name}"])
        self.best_lpips, self.done = float(state["best_lpips"]), int(state["done"])
        self.enough = self.best_lpips <= self.settings.enough
        self.random.set_state(state["random"])


def weights_to_tune(generator: Generator, likeness: Likeness, settings: InversionSettings) -> dict[str, Tensor]:
    """Return the weights of the synthesis network that learn, by name."""
    weights = {name: weight for name, weight in generator.synthesis.named_parameters() if step_of(weight) > 0}
    finest = generator.img_resolution if settings.tune_finer else likeness.finest
    return {
        name: weight
        for name, weight in weights.items()
        if (settings.tune_styles or not name.endswith("affine.weight")) and _resolution(name, generator) <= finest
    }


def _resolution(name: str, generator: Generator) -> int:
    """Return the resolution of a weight's layer; 0 if its name does not say it, as in StyleGAN3."""
    if name.startswith("to_img."):
        return generator.img_resolution
    block = re.match(r"b(\d+)\.", name)
    return int(block[1]) if block else 0


@contextmanager
def learning(weights: Sequence[Tensor]) -> Iterator[None]:
    """Let gradients reach weights within the block."""
    for weight in weights:
        weight.requires_grad_(True)
    try:
        yield
    finally:
        for weight in weights:
            weight.requires_grad_(False)


def step_of(weight: Tensor) -> float:
    """Return the spread of a tensor's values, by which its steps are measured: of a single number, its size."""
    return float(weight.detach().std() if weight.numel() > 1 else weight.detach().abs().mean())
