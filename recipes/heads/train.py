"""Stage 1: train `heads` with supervision: image = G(z), where z is the scene that render.py drew.

    python -m recipes.heads.train --data DIR --held-out DIR --assets DIR --out RUN

Grows in phases (32, 64, 128 px): training the lower blocks first is far faster and ends better. Stage 2 trains the last
block. Resumes from RUN's last checkpoint, also after Ctrl-C or TERM, with whatever schedule it is given then. Exits
with 1 if it was stopped.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

import torch
from torch import Tensor

from recipes.generators import make_optimizers, reconstruction_loss, render_at
from recipes.heads.data import Renders
from recipes.heads.emphasis import emphasised
from recipes.heads.networks import Networks
from recipes.heads.options import add_shared_options
from recipes.squeezenet import perceptual_distance
from recipes.supervised import SupervisedTrainer


class Trainer(SupervisedTrainer[Networks]):
    """Generator, its running average and optimisers of one run folder."""

    def __init__(self, args: argparse.Namespace, renders: Renders, held_out: Renders):
        self.order = emphasised(renders.z)
        super().__init__(args, len(self.order))
        self.renders, self.held_out = renders, held_out
        torch.manual_seed(args.seed)
        self.device = torch.device(args.device)
        self.dtype = torch.bfloat16 if args.bfloat16 else torch.float32
        self.networks = Networks(args.assets, renders, self.dtype, self.device)
        self.prepare(make_optimizers(self.networks.generator))
        self.render = torch.compile(render_at, dynamic=False) if args.compile else render_at
        self.distance = torch.compile(self._distance, dynamic=False) if args.compile else self._distance

    def _distance(self, images: Tensor, references: Tensor, weights: Tensor) -> Tensor:
        squeezenet = self.networks.squeezenet
        with torch.no_grad():
            wanted = squeezenet(references, "fire4")
        return perceptual_distance(squeezenet(images, "fire4"), wanted, weights).mean()

    def loss(self, batch: Tensor, resolution: int) -> tuple[Tensor, dict[str, float]]:
        """Training loss of a batch of places in `order`, and its parts."""
        batch = self.order[batch]
        references = self.networks.references(self.renders, batch, resolution)
        weights = self.networks.weights(self.renders, batch, resolution)
        images = self.render(self.networks.generator, self.renders.z[batch].to(self.device), resolution)
        pixels = reconstruction_loss(images, references, weights)
        parts = {"pixels": pixels.item()}
        if self.args.perceptual and resolution >= 64:
            perceptual = self.distance(images.to(self.dtype), references.to(self.dtype), weights)
            parts["perceptual"] = perceptual.item()
            return pixels + self.args.perceptual * perceptual, parts
        return pixels, parts

    def judge(self, resolution: int) -> dict[str, float]:
        """Write a sheet of held-out renders above what the average makes of them; return measures."""
        measures, rows = self.networks.judge(self.held_out, resolution, samples=False)
        self.folder.sheet(rows, self.shown)
        return measures


def main(arguments: Sequence[str] | None = None) -> bool:
    """Command line; returns whether the schedule was finished."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_shared_options(parser, "32:30000,64:40000,128:48000", batch=32, average=0.995, save=4)
    parser.add_argument("--cooldown", type=float, default=0.7, help="share of the images over which the rate falls")
    args = parser.parse_args(arguments)
    torch.set_flush_denormal(True)
    return Trainer(args, Renders(args.data, args.limit), Renders(args.held_out)).run()


if __name__ == "__main__":
    sys.exit(not main())
