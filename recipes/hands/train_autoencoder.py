"""Stage 1: the generator as the decoder of a variational autoencoder (Kingma & Welling 2014).

    python -m recipes.hands.train_autoencoder --photos DIR --squeezenet FILE --out RUN

Gives a generator whose samples are hands, soft ones, in minutes; stage 2 (train_adversarial) sharpens them. Grows in
phases and resumes from RUN's last checkpoint, also after Ctrl-C or TERM.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

import torch
import torch._inductor.config as inductor_config
from torch import Tensor

from recipes.convnet import convnet_optimizers
from recipes.data import shrink
from recipes.generators import make_optimizers, reconstruction_loss, render_at
from recipes.hands.data import Photos, jittered
from recipes.hands.model import ENCODED_SIZE, divergence
from recipes.hands.networks import Networks
from recipes.hands.options import add_shared_options
from recipes.squeezenet import perceptual_distance
from recipes.supervised import SupervisedTrainer


class Trainer(SupervisedTrainer[Networks]):
    """Generator, encoder, running averages and optimisers of one run folder."""

    def __init__(self, args: argparse.Namespace, photos: Photos, held_out: Photos):
        super().__init__(args, len(photos))
        self.photos, self.held_out = photos, held_out
        torch.manual_seed(args.seed)
        self.dtype = torch.bfloat16 if args.bfloat16 else torch.float32
        self.networks = Networks(args.squeezenet, args.z_dim, photos.images.shape[-1], self.dtype)
        self.prepare(make_optimizers(self.networks.generator) + convnet_optimizers(self.networks.encoder))
        self.reconstruct = torch.compile(self._reconstruct, dynamic=False) if args.compile else self._reconstruct

    def _reconstruct(self, photos: Tensor, noise: Tensor, resolution: int) -> tuple[Tensor, Tensor]:
        mean, logvar = self.networks.encoder(shrink(photos, ENCODED_SIZE).to(self.dtype))
        z = mean + noise * (0.5 * logvar).exp()
        return render_at(self.networks.generator, z, resolution), divergence(mean, logvar).mean()

    def loss(self, batch: Tensor, resolution: int) -> tuple[Tensor, dict[str, float]]:
        """Loss of the photos of these indices, and its parts."""
        photos = jittered(self.photos.floats(batch, self.photos.images.shape[-1]), self.args.jitter)
        noise = torch.randn(len(photos), self.args.z_dim)
        images, nats = self.reconstruct(photos, noise, resolution)
        references = shrink(photos, resolution)
        pixels = reconstruction_loss(images, references)
        parts = {"pixels": pixels.item(), "nats": nats.item()}
        loss = pixels + self.args.divergence * nats
        if self.args.perceptual and resolution >= 64:
            with torch.no_grad():
                wanted = self.networks.squeezenet(references.to(self.dtype), "fire4")
            found = self.networks.squeezenet(images.to(self.dtype), "fire4")
            perceptual = perceptual_distance(found, wanted).mean()
            parts["perceptual"] = perceptual.item()
            loss = loss + self.args.perceptual * perceptual
        return loss, parts

    def judge(self, resolution: int) -> dict[str, float]:
        """Write a sheet; return measures."""
        measures, rows = self.networks.judge(self.held_out, resolution)
        self.folder.sheet(rows, self.shown)
        return measures


def main(arguments: Sequence[str] | None = None) -> bool:
    """Command line; returns whether the schedule was finished."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_shared_options(parser, phases="32:25000,64:20000,128:15000", batch=64, average=0.99, save=2)
    parser.add_argument("--cooldown", type=float, default=0.5, help="share of the images over which the rate falls")
    args = parser.parse_args(arguments)
    torch.set_flush_denormal(True)
    inductor_config.cpp.dynamic_threads = True
    return Trainer(args, Photos(args.photos, limit=args.limit), Photos(args.photos, held_out=True)).run()


if __name__ == "__main__":
    main()
