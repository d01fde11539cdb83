"""Stage 2: sharpen stage 1's generator with a projected discriminator, on samples and reconstructions.

    python -m recipes.hands.train_adversarial --photos DIR --squeezenet FILE --start STAGE_1_RUN --out RUN

The autoencoder's losses go on beside the adversarial one: they keep every photo within reach of some z, so no digit is
forgotten. Resumes from RUN's last checkpoint, also after Ctrl-C or TERM.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

import torch
import torch._inductor.config as inductor_config
from torch import Tensor

from recipes.adversarial import AdversarialTrainer, Adversary, add_adversarial_options
from recipes.convnet import convnet_optimizers
from recipes.data import shrink
from recipes.generators import make_optimizers, render_at
from recipes.hands.data import Photos, jittered
from recipes.hands.model import ENCODED_SIZE, divergence
from recipes.hands.networks import Networks
from recipes.hands.options import add_shared_options

DISCRIMINATOR_SIZE = 128


class Trainer(AdversarialTrainer[Networks]):
    """Generator and encoder against a discriminator."""

    def __init__(self, args: argparse.Namespace, photos: Photos, held_out: Photos):
        super().__init__(args, len(photos))
        self.photos, self.held_out = photos, held_out
        torch.manual_seed(args.seed)
        self.dtype = torch.bfloat16 if args.bfloat16 else torch.float32
        networks = self.networks = Networks(args.squeezenet, args.z_dim, photos.images.shape[-1], self.dtype)
        self.make = torch.compile(self._make, dynamic=False) if args.compile else self._make
        adversary = Adversary(args, networks.squeezenet, DISCRIMINATOR_SIZE, torch.device("cpu"))
        self.prepare(adversary, make_optimizers(networks.generator) + convnet_optimizers(networks.encoder))

    def examples(self) -> Tensor:
        """Some 64 photos from all over the set."""
        return self.photos.floats(slice(None, None, max(1, len(self.photos) // 64)), self.photos.images.shape[-1])

    def _make(self, photos: Tensor, noise: Tensor, z: Tensor, resolution: int) -> tuple[Tensor, Tensor]:
        """Reconstructions above samples [2N, 3, r, r], and the divergence of z from N(0, I) in nats."""
        mean, logvar = self.networks.encoder(shrink(photos, ENCODED_SIZE).to(self.dtype))
        both = torch.cat([mean + noise * (0.5 * logvar).exp(), z])
        return render_at(self.networks.generator, both, resolution), divergence(mean, logvar).mean()

    def step(self, batch: Tensor, resolution: int) -> dict[str, float]:
        """One step of the generator and encoder, and one of the discriminator on the same pictures."""
        args = self.args
        photos = jittered(self.photos.floats(batch, self.photos.images.shape[-1]), args.jitter)
        noise, z = torch.randn(2, len(photos), args.z_dim)
        with torch.set_grad_enabled(not self.warming_up):
            made, nats = self.make(photos, noise, z, resolution)
        parts = self.learn(made, shrink(photos, resolution), further=[args.divergence * nats])
        return parts | {"nats": nats.item()}

    def judge(self, resolution: int) -> dict[str, float]:
        """Write a sheet; return measures."""
        measures, rows = self.networks.judge(self.held_out, resolution)
        self.folder.sheet(rows, self.shown)
        return measures


def main(arguments: Sequence[str] | None = None) -> bool:
    """Command line; returns whether the schedule was finished."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_shared_options(parser, phases="128:300000", batch=16, average=0.998, save=10)
    add_adversarial_options(parser)
    args = parser.parse_args(arguments)
    torch.set_flush_denormal(True)
    inductor_config.cpp.dynamic_threads = True
    return Trainer(args, Photos(args.photos, limit=args.limit), Photos(args.photos, held_out=True)).run()


if __name__ == "__main__":
    main()
