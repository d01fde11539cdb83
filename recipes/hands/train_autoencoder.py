"""Stage 1: the generator as the decoder of a variational autoencoder (Kingma & Welling 2014).

    python -m recipes.hands.train_autoencoder --photos DIR --squeezenet FILE --out RUN

Gives a generator whose samples are hands, soft ones, in minutes; stage 2 (train_adversarial) sharpens them. Grows in
phases and resumes from RUN's last checkpoint, also after Ctrl-C or TERM.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

import torch
import torch._inductor.config as inductor_config
from torch import Tensor

from recipes.hands.data import Photos, jittered
from recipes.hands.model import ENCODED_SIZE, divergence, encoder_optimizers
from recipes.hands.networks import Networks
from recipes.hands.options import add_shared_options
from recipes.hands.run_folder import RunFolder
from recipes.hands.sharing import SharedCores
from recipes.heads.data import shrink
from recipes.heads.model import make_optimizers, reconstruction_loss, render_at
from recipes.heads.train import parse_phases, rate_factor
from recipes.squeezenet import perceptual_distance


class Trainer:
    """Generator, encoder, running averages and optimisers of one run folder."""

    def __init__(self, args: argparse.Namespace, photos: Photos, held_out: Photos):
        self.args, self.photos, self.held_out = args, photos, held_out
        self.folder = RunFolder(args.out, args.save_minutes)
        self.phases = parse_phases(args.phases)
        self.cores = SharedCores()
        torch.manual_seed(args.seed)
        self.dtype = torch.bfloat16 if args.bfloat16 else torch.float32
        self.networks = Networks(args.squeezenet, args.z_dim, photos.images.shape[-1], self.dtype)
        self.optimizers = make_optimizers(self.networks.generator) + encoder_optimizers(self.networks.encoder)
        self.shown = 0
        self.load()
        self.reconstruct = torch.compile(self._reconstruct, dynamic=False) if args.compile else self._reconstruct

    def state(self) -> dict[str, Any]:
        """All that a resumed run needs, and what stage 2 starts from."""
        return self.networks.state() | {
            "optimizers": [one.state_dict() for one in self.optimizers],
            "shown": self.shown,
        }

    def load(self) -> None:
        """Continue from the run folder's checkpoint, if there is one."""
        state = self.folder.load()
        if state is None:
            return
        self.networks.load(state)
        for optimizer, saved in zip(self.optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(saved)
        self.shown = state["shown"]
        print(f"resumed at {self.shown} images", flush=True)

    def _reconstruct(self, photos: Tensor, noise: Tensor, resolution: int) -> tuple[Tensor, Tensor]:
        mean, logvar = self.networks.encoder(shrink(photos, ENCODED_SIZE).to(self.dtype))
        z = mean + noise * (0.5 * logvar).exp()
        return render_at(self.networks.generator, z, resolution), divergence(mean, logvar).mean()

    def loss(self, photos: Tensor, resolution: int) -> tuple[Tensor, dict[str, float]]:
        """Loss of photos [N, 3, S, S], and its parts."""
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

    def step(self, photos: Tensor, resolution: int) -> dict[str, float]:
        """One optimiser step and the running averages."""
        factor = rate_factor(self.shown, self.phases[-1].until, self.args.cooldown)
        for optimizer in self.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = group["peak"] * factor
            optimizer.zero_grad(set_to_none=True)
        loss, parts = self.loss(photos, resolution)
        loss.backward()
        for optimizer in self.optimizers:
            optimizer.step()
        self.shown += len(photos)
        steps = self.shown / len(photos)
        self.networks.update_averages(min(self.args.average, (1 + steps) / (10 + steps)))
        return parts

    def judge(self, resolution: int) -> dict[str, float]:
        """Write a sheet; return measures."""
        measures, rows = self.networks.judge(self.held_out, resolution)
        self.folder.sheet(rows, self.shown)
        return measures

    def run(self) -> None:
        """Train to the end of the schedule, or until told to stop."""
        if self.shown >= self.phases[-1].until:
            print(f"nothing to do: {self.shown} images were shown already", flush=True)
            return
        batches = self.photos.batches(self.args.batch, self.shown)
        began = self.shown
        resolution = self.phases[0].resolution
        for phase in self.phases:
            if self.folder.stopping:
                break
            resolution = phase.resolution
            while self.shown < phase.until and not self.folder.stopping:
                threads = self.cores.adapt()
                photos = jittered(self.photos.floats(next(batches), self.photos.images.shape[-1]), self.args.jitter)
                parts = self.step(photos, resolution)
                if self.folder.due():
                    row: dict[str, Any] = {"shown": self.shown, "resolution": resolution, "threads": threads}
                    row |= {"rate": (self.shown - began) / self.folder.since_log, "minutes": self.folder.minutes}
                    began = self.shown
                    if self.folder.due_to_save():
                        row |= self.judge(resolution)
                        self.folder.save(self.state())
                    self.folder.log(row | parts)
        self.folder.save(self.state())
        self.folder.log({"shown": self.shown, "resolution": resolution} | self.judge(resolution))


def main(arguments: Sequence[str] | None = None) -> bool:
    """Command line; returns whether the schedule was finished."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_shared_options(parser, phases="32:25000,64:20000,128:15000", batch=64, average=0.99)
    parser.add_argument("--cooldown", type=float, default=0.5, help="share of the images over which the rate falls")
    args = parser.parse_args(arguments)
    torch.set_flush_denormal(True)
    inductor_config.cpp.dynamic_threads = True
    trainer = Trainer(args, Photos(args.photos, limit=args.limit), Photos(args.photos, held_out=True))
    trainer.run()
    return not trainer.folder.stopping


if __name__ == "__main__":
    main()
