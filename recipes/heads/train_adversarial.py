"""Stage 2: sharpen stage 1's generator with a projected discriminator that sees its pictures beside the renders.

    python -m recipes.heads.train_adversarial --data DIR --held-out DIR --assets DIR --start STAGE_1_RUN --out RUN

STAGE_1_RUN may also be an exported model file. Its discriminator is gone, so let a new one catch up first: --warm-up.

Supervision goes on beside the adversarial loss: it keeps z the scene. Blocks that stage 1 did not reach begin here.
Resumes from RUN's last checkpoint, also after Ctrl-C or TERM; exits with 1 if it was stopped.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import Any

import torch
import torch._inductor.config as inductor_config
from torch import Tensor

from recipes.adversarial import AdversarialTrainer, Adversary, add_adversarial_options
from recipes.generators import make_optimizers, mixed_latents, render_latents
from recipes.heads.data import Renders
from recipes.heads.dragged import DraggedLatents, moved
from recipes.heads.emphasis import emphasised
from recipes.heads.networks import Networks
from recipes.heads.options import add_shared_options

FIRST_DRAGS, DRAGS_TOGETHER, DRAG_EVERY = 32, 8, 16
"""Drags before the first step; then so many together, every so many steps."""


class Trainer(AdversarialTrainer[Networks]):
    """Generator against a discriminator that sees pictures of the full size."""

    def __init__(self, args: argparse.Namespace, renders: Renders, held_out: Renders):
        self.order = emphasised(renders.z)
        super().__init__(args, len(self.order))
        self.renders, self.held_out = renders, held_out
        torch.manual_seed(args.seed)
        self.device = torch.device(args.device)
        dtype = torch.bfloat16 if args.bfloat16 else torch.float32
        self.networks = Networks(args.assets, renders, dtype, self.device)
        self.render = torch.compile(render_latents, dynamic=False) if args.compile else render_latents
        self.size = self.phases[-1].resolution
        adversary = Adversary(args, self.networks.squeezenet, self.size, self.device)
        state = self.prepare(adversary, make_optimizers(self.networks.generator))
        self.dragged = DraggedLatents(self.networks.average)
        if state is not None and "dragged" in state:
            self.dragged.load(state["dragged"])
        self.steps = 0

    def examples(self) -> Tensor:
        """Some 64 renders from all over the set."""
        some = torch.linspace(0, len(self.renders) - 1, min(64, len(self.renders))).long()
        return self.networks.references(self.renders, some, self.size)

    def step(self, batch: Tensor, resolution: int) -> dict[str, float]:
        """One step of the generator, and one of the discriminator on the same pictures."""
        batch = self.order[batch]
        self._drag()
        with torch.set_grad_enabled(not self.warming_up):
            made = self.render(self.networks.generator, self.latents(self.renders.z[batch]), resolution)
        references = self.networks.references(self.renders, batch, resolution)
        return self.learn(made, references, self.networks.weights(self.renders, batch, resolution))

    def _drag(self) -> None:
        """Keep the bank of drags fresh."""
        if self.args.dragged and self.steps % DRAG_EVERY == 0:
            count = DRAGS_TOGETHER if len(self.dragged) else FIRST_DRAGS
            self.dragged.add(self.networks.average, self.renders, count)
        self.steps += 1

    def latents(self, z: Tensor) -> Tensor:
        """w_plus of the scenes z, below it that of mixed and that of dragged ones."""
        others, (dragged, offsets) = self.args.others, self.dragged.draw(self.args.dragged)
        every = torch.cat([z, torch.randn(2 * others, z.shape[1]), dragged]).to(self.device)
        parts = self.networks.generator.mapping(every).split([len(z), others, others, len(dragged)])
        return torch.cat([parts[0], mixed_latents(parts[1], parts[2]), moved(parts[3], offsets.to(self.device))])

    def state(self) -> dict[str, Any]:
        """All that a resumed run needs."""
        return super().state() | {"dragged": self.dragged.state()}

    def judge(self, resolution: int) -> dict[str, float]:
        """Write a sheet; return measures, with the discriminator's opinion of held-out renders."""
        measures, rows = self.networks.judge(self.held_out, resolution, samples=True)
        some = self.networks.references(self.held_out, slice(0, 64), resolution)
        measures["real_held_out"] = self.adversary.opinion(some)
        self.folder.sheet(rows, self.shown)
        return measures


def main(arguments: Sequence[str] | None = None) -> bool:
    """Command line; returns whether the schedule was finished."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_shared_options(parser, "256:30000", batch=8, average=0.998, save=10)
    add_adversarial_options(parser)
    parser.add_argument("--dragged", type=int, default=4, help="dragged scenes a step (recipes/heads/dragged.py)")
    parser.add_argument("--others", type=int, default=2, help="mixed scenes a step, which were never rendered")
    args = parser.parse_args(arguments)
    torch.set_flush_denormal(True)
    inductor_config.cpp.dynamic_threads = True
    return Trainer(args, Renders(args.data, args.limit), Renders(args.held_out)).run()


if __name__ == "__main__":
    sys.exit(not main())
