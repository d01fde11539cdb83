"""The adversarial stage that recipes share: a projected discriminator beside a loss to references.

Every step makes pictures of two kinds: some whose reference is known (reconstructions, rendered scenes) and some that
are mere samples. The discriminator judges both; the loss to references goes on and keeps what the first stage learnt.
"""

from __future__ import annotations

import argparse
from abc import abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from recipes.augment import Augmentation
from recipes.data import enlarged
from recipes.discriminator import ProjectedDiscriminator, features_for, hinge_losses
from recipes.generators import channels_last, reconstruction_loss
from recipes.squeezenet import SqueezeNet, perceptual_distance
from recipes.starts import load_start
from recipes.trainer import N, PhasedTrainer

BETAS = (0.0, 0.99)
WEIGH_EVERY = 4
"""Steps between two looks at the ratio of the losses' gradients, each of which costs a second way back."""


def add_adversarial_options(parser: argparse.ArgumentParser) -> None:
    """What every adversarial stage takes on the command line."""
    parser.add_argument("--start", type=Path, required=True, help="stage 1's run folder, or an exported model file")
    parser.add_argument("--warm-up", type=int, default=0, help="images from which only the discriminator learns first")
    parser.add_argument("--rate", type=float, default=0.25, help="step sizes, relative to stage 1's peak")
    parser.add_argument("--discriminator-rate", type=float, default=1e-4)
    parser.add_argument("--adversarial", type=float, default=1.0, help="its gradient, relative to that to references")
    parser.add_argument("--judge-every", type=int, default=3, help="measure and write a sheet at every so many saves")
    parser.add_argument("--augment", type=float, default=1.0, help="strength of the shared augmentation")


class Adversary:
    """Discriminator, its optimiser, and the weight of its gradient.

    Attributes:
        weight: what scales the adversarial gradient to that of the loss to references; follows their ratio.
    """

    def __init__(self, args: argparse.Namespace, squeezenet: SqueezeNet, size: int, device: torch.device):
        """`args`: see :func:`add_adversarial_options`, with perceptual, seed, bfloat16 and compile. `size`: of the
        pictures in pixels, at least; smaller ones are enlarged."""
        self.args, self.size, self.device = args, size, device
        self.dtype = torch.bfloat16 if args.bfloat16 else torch.float32
        self.squeezenet = squeezenet
        self.discriminator: ProjectedDiscriminator = channels_last(ProjectedDiscriminator(size, args.seed).to(device))
        self.optimizer = torch.optim.Adam(self.discriminator.parameters(), args.discriminator_rate, betas=BETAS)
        self.weight = 0.0
        self.steps = 0
        self.look = torch.compile(self._look, dynamic=False) if args.compile else self._look

    def _look(self, images: Tensor) -> dict[str, Tensor]:
        return features_for(self.squeezenet, images, self.dtype)

    def _judged(self, mixed: dict[str, Tensor]) -> Tensor:
        """Logits of mixed features; the heads compute in `dtype`."""
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.dtype == torch.bfloat16):
            return self.discriminator(mixed)

    def _weigh(self, ratio: float) -> None:
        """Follow the ratio of the two losses' gradients slowly: while the discriminator is new, it means little."""
        self.weight = ratio if self.weight == 0 else 0.96 * self.weight + 0.04 * min(ratio, 2 * self.weight)

    @torch.no_grad()
    def calibrate(self, images: Tensor) -> None:
        """Take the scales of features from real pictures [N, 3, H, W] in [-1, 1]."""
        self.discriminator.mixing.calibrate(self.squeezenet(enlarged(images, self.size)))

    def step(self, made: Tensor, references: Tensor, weights: Tensor | None = None) -> tuple[Tensor, dict[str, float]]:
        """One step of the discriminator.

        Args:
            made: [N + M, 3, r, r], of which the first N have references; references: [N, 3, r, r].
            weights: of the pixels' loss, see :func:`reconstruction_loss`.

        Returns:
            The gradient of all losses at `made`, as the discriminator was before the step, and the losses.
        """
        args, count = self.args, len(references)
        # Both losses' gradients are taken at the images, so that one pass through the generator serves both and the
        # adversarial one can be scaled to the other (as Esser et al. 2021 do at the last layer).
        images = made.detach().requires_grad_()
        pixels = reconstruction_loss(images[:count], references, weights)
        # Picture i is changed as reference i is, so that one look serves distance and discriminator.
        change = Augmentation.draw(len(made), args.augment, self.device)
        seen = self.look(change(enlarged(images, self.size)))
        with torch.no_grad():
            real = self.look(change[:count](enlarged(references, self.size)))
            mixed_real = self.discriminator.mixing(real)
        mixed = self.discriminator.mixing(seen)
        self.discriminator.requires_grad_(False)
        perceptual = perceptual_distance({name: x[:count] for name, x in seen.items()}, real).mean()
        adversarial = -self._judged(mixed).mean(0).sum()
        supervised = pixels + args.perceptual * perceptual
        if self.weight == 0 or self.steps % WEIGH_EVERY == 0:
            (pull,) = torch.autograd.grad(supervised, images, retain_graph=True)
            (push,) = torch.autograd.grad(adversarial, images)
            self._weigh(float(pull[:count].norm() / (push[:count].norm() + 1e-12)))
            gradient = pull + args.adversarial * self.weight * push
        else:
            # One way back through the features for both.
            (gradient,) = torch.autograd.grad(supervised + args.adversarial * self.weight * adversarial, images)
        self.steps += 1

        self.discriminator.requires_grad_(True)
        parts = {"pixels": pixels.item(), "perceptual": perceptual.item(), "weight": self.weight}
        return gradient, parts | self._learn(mixed_real, {name: x.detach() for name, x in mixed.items()}, count)

    @torch.no_grad()
    def opinion(self, images: Tensor) -> float:
        """Mean logit of pictures [N, 3, r, r] as a step sees them; of real ones that were held out it falls below the
        log's "real" when the discriminator knows the training pictures by heart."""
        change = Augmentation.draw(len(images), self.args.augment, self.device)
        return self._judged(self.discriminator.mixing(self.look(change(enlarged(images, self.size))))).mean().item()

    def practise(self, made: Tensor, references: Tensor) -> dict[str, float]:
        """One step of the discriminator alone, on pictures as in :meth:`step`; returns its losses."""
        change = Augmentation.draw(len(made), self.args.augment, self.device)
        with torch.no_grad():
            seen, real = (
                self.discriminator.mixing(self.look(change[: len(images)](enlarged(images, self.size))))
                for images in (made, references)
            )
        return self._learn(real, seen, len(references))

    def _learn(self, real: dict[str, Tensor], made: dict[str, Tensor], count: int) -> dict[str, float]:
        """Step down the hinge loss of mixed features; the first `count` made ones are of reconstructions."""
        logits_real, logits = self._judged(real), self._judged(made)
        judging = hinge_losses(logits_real, logits)
        self.optimizer.zero_grad(set_to_none=True)
        judging.backward()
        self.optimizer.step()
        parts = {
            "real": logits_real.mean().item(),
            "reconstructed": logits[:count].mean().item(),
            "judging": judging.item(),
        }
        if len(logits) > count:
            parts["sampled"] = logits[count:].mean().item()
        return parts


class AdversarialTrainer(PhasedTrainer[N]):
    """An adversarial run that starts from averages (see :func:`load_start`); recipes add their networks.

    What makes the pictures keeps stage 1's optimisers, with smaller steps: 2,300 images after the same start, `heads`
    at 128 px had a Fréchet distance of 4,472 with Muon (0.3 of its peak) and of 6,097 with Adam (2e-3), from 10,848.

    Attributes:
        adversary: judges. optimizers: of the networks that make the pictures.
        shown_before: images that the model of the file it started from had been shown, by stage.
    """

    adversary: Adversary
    optimizers: list[torch.optim.Optimizer]
    shown_before: list[int]

    @property
    def judge_every(self) -> int:
        """Number of saves for each evaluation of the measures."""
        return self.args.judge_every

    def prepare(self, adversary: Adversary, optimizers: list[torch.optim.Optimizer]) -> dict[str, Any] | None:
        """Begin, or resume and return the checkpoint. `optimizers`: of what makes pictures, with peak step sizes."""
        self.adversary, self.optimizers = adversary, optimizers
        state = self.resume(self._optimizers())
        if state is None:
            self.shown_before = load_start(self.networks, self.args.start)
            adversary.calibrate(self.examples())
        else:
            adversary.discriminator.load_state_dict(state["discriminator"])
            adversary.weight = state["weight"]
            self.shown_before = state.get("shown_before", [])
        for optimizer in optimizers:
            for group in optimizer.param_groups:
                group["lr"] = group["peak"] * self.args.rate
        # A stopped run goes on with other pictures and latents than it began with.
        torch.manual_seed(self.args.seed + self.shown)
        return state

    def _optimizers(self) -> list[torch.optim.Optimizer]:
        return [*self.optimizers, self.adversary.optimizer]

    @property
    def warming_up(self) -> bool:
        """Whether the warm-up still runs, in which only the discriminator learns."""
        return self.shown < self.args.warm_up

    def learn(
        self, made: Tensor, references: Tensor, weights: Tensor | None = None, further: Sequence[Tensor] = ()
    ) -> dict[str, float]:
        """One step of the discriminator and, after the warm-up, of the networks that made the pictures.

        Args:
            made, references, weights: see :meth:`Adversary.step`. further: losses beside those of the pictures.
        """
        if self.warming_up:
            parts = self.adversary.practise(made.detach(), references)
        else:
            gradient, parts = self.adversary.step(made, references, weights)
            self._update(made, gradient, further)
        self.count(len(references))
        return parts

    def _update(self, made: Tensor, gradient: Tensor, losses: Sequence[Tensor]) -> None:
        """One step of the networks that made the pictures, down their gradient and that of further losses."""
        for optimizer in self.optimizers:
            optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward([made, *losses], [gradient, *map(torch.ones_like, losses)])
        for optimizer in self.optimizers:
            optimizer.step()

    @abstractmethod
    def examples(self) -> Tensor:
        """Some real pictures [N, 3, H, W] in [-1, 1] of the full size, to calibrate the adversary on."""

    def state(self) -> dict[str, Any]:
        """All that a resumed run needs."""
        return self.common_state(self._optimizers()) | {
            "discriminator": self.adversary.discriminator.state_dict(),
            "weight": self.adversary.weight,
            "shown_before": self.shown_before,
            "warm_up": self.args.warm_up,
        }

    def run(self) -> bool:
        """As always, but a new run first judges what it starts from."""
        if self.shown == 0:
            self.folder.log({"shown": 0} | self.judge(self.phases[0].resolution))
        return super().run()
