"""Stage 2: sharpen stage 1's generator with a projected discriminator, on samples and reconstructions.

    python -m recipes.hands.train_adversarial --photos DIR --squeezenet FILE --start STAGE_1_RUN --out RUN

The autoencoder's losses go on beside the adversarial one: they keep every photo within reach of some z, so no digit is
forgotten. Resumes from RUN's last checkpoint, also after Ctrl-C or TERM.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
import torch._inductor.config as inductor_config
from torch import Tensor

from recipes.hands.augment import Augmentation
from recipes.hands.data import Photos, jittered
from recipes.hands.discriminator import ProjectedDiscriminator, features_for, hinge_losses
from recipes.hands.model import ENCODED_SIZE, divergence
from recipes.hands.networks import Networks, channels_last, enlarged
from recipes.hands.options import add_shared_options
from recipes.hands.run_folder import RunFolder
from recipes.hands.sharing import SharedCores
from recipes.heads.data import shrink
from recipes.heads.model import reconstruction_loss, render_at
from recipes.heads.train import parse_phases
from recipes.squeezenet import perceptual_distance

BETAS = (0.0, 0.99)


class Trainer:
    """Networks, discriminator and optimisers of one run folder."""

    def __init__(self, args: argparse.Namespace, photos: Photos, held_out: Photos):
        self.args, self.photos, self.held_out = args, photos, held_out
        self.folder = RunFolder(args.out, args.save_minutes)
        self.phases = parse_phases(args.phases)
        self.cores = SharedCores()
        torch.manual_seed(args.seed)
        self.dtype = torch.bfloat16 if args.bfloat16 else torch.float32
        self.networks = Networks(args.squeezenet, args.z_dim, photos.images.shape[-1], self.dtype)
        self.discriminator = channels_last(ProjectedDiscriminator(seed=args.seed))
        networks = self.networks
        # Each encoder weight acts as one of the generator's does: stored with variance 1, scaled at run time.
        made_by = [*networks.generator.parameters(), *networks.encoder.parameters()]
        self.generator_optimizer = torch.optim.Adam(made_by, args.rate, betas=BETAS)
        self.discriminator_optimizer = torch.optim.Adam(
            self.discriminator.parameters(), args.discriminator_rate, betas=BETAS
        )
        self.shown = 0
        self.weight = 0.0
        self.load()
        # A stopped run goes on with other photos and latents than it began with.
        torch.manual_seed(args.seed + self.shown)
        self.make = torch.compile(self._make, dynamic=False) if args.compile else self._make
        self.look = torch.compile(self._look, dynamic=False) if args.compile else self._look

    def state(self) -> dict[str, Any]:
        """All that a resumed run needs."""
        return self.networks.state() | {
            "discriminator": self.discriminator.state_dict(),
            "optimizers": [self.generator_optimizer.state_dict(), self.discriminator_optimizer.state_dict()],
            "shown": self.shown,
            "weight": self.weight,
        }

    def load(self) -> None:
        """Continue from the run folder's checkpoint; if there is none, start from stage 1's."""
        state = self.folder.load()
        if state is None:
            path = Path(self.args.start) / "checkpoint.pt"
            self.networks.load(torch.load(path, weights_only=True))
            for name in ("generator", "encoder"):
                average = getattr(self.networks, "average" if name == "generator" else "average_encoder")
                getattr(self.networks, name).load_state_dict(average.state_dict())
            with torch.no_grad():
                photos = self.photos.floats(slice(None, None, max(1, len(self.photos) // 64)), 128)
                self.discriminator.mixing.calibrate(self.networks.squeezenet(photos))
            return
        self.networks.load(state)
        self.discriminator.load_state_dict(state["discriminator"])
        for optimizer, saved in zip(
            (self.generator_optimizer, self.discriminator_optimizer), state["optimizers"], strict=True
        ):
            optimizer.load_state_dict(saved)
        self.shown, self.weight = state["shown"], state["weight"]
        print(f"resumed at {self.shown} images", flush=True)

    def _make(self, photos: Tensor, noise: Tensor, z: Tensor, resolution: int) -> tuple[Tensor, Tensor]:
        """Reconstructions above samples [2N, 3, r, r], and the divergence of z from N(0, I) in nats."""
        mean, logvar = self.networks.encoder(shrink(photos, ENCODED_SIZE).to(self.dtype))
        both = torch.cat([mean + noise * (0.5 * logvar).exp(), z])
        return render_at(self.networks.generator, both, resolution), divergence(mean, logvar).mean()

    def _look(self, images: Tensor) -> dict[str, Tensor]:
        return features_for(self.networks.squeezenet, images, self.dtype)

    def judged(self, mixed: dict[str, Tensor]) -> Tensor:
        """Logits of mixed features; the heads compute in `dtype`."""
        with torch.autocast("cpu", torch.bfloat16, enabled=self.args.bfloat16):
            return self.discriminator(mixed)

    def weigh(self, ratio: float) -> None:
        """Follow the ratio of the two losses' gradients slowly: while the discriminator is new, it means little."""
        self.weight = ratio if self.weight == 0 else 0.99 * self.weight + 0.01 * min(ratio, 2 * self.weight)

    def step(self, photos: Tensor, resolution: int) -> dict[str, float]:
        """One step of the generator and encoder, then one of the discriminator on the same pictures."""
        args, count = self.args, len(photos)
        noise, z = torch.randn(2, count, args.z_dim)
        references = shrink(photos, resolution)
        made, nats = self.make(photos, noise, z, resolution)
        # Both losses' gradients are taken at the images, so that one pass through the generator serves both and the
        # adversarial one can be scaled to the other (as Esser et al. 2021 do at the last layer).
        images = made.detach().requires_grad_()
        pixels = reconstruction_loss(images[:count], references)
        # Reconstruction i is changed as photo i is, so that one look serves distance and discriminator.
        change = Augmentation.draw(2 * count, args.augment)
        seen = self.look(change(enlarged(images)))
        with torch.no_grad():
            real = self.look(change[:count](enlarged(references)))
            mixed_real = self.discriminator.mixing(real)
        mixed = self.discriminator.mixing(seen)
        self.discriminator.requires_grad_(False)
        perceptual = perceptual_distance({name: x[:count] for name, x in seen.items()}, real).mean()
        adversarial = -self.judged(mixed).mean(0).sum()
        (pull,) = torch.autograd.grad(pixels + args.perceptual * perceptual, images, retain_graph=True)
        (push,) = torch.autograd.grad(adversarial, images)
        self.weigh(float(pull[:count].norm() / (push[:count].norm() + 1e-12)))
        self.generator_optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(
            [made, args.divergence * nats], [pull + args.adversarial * self.weight * push, torch.ones([])]
        )
        self.generator_optimizer.step()

        self.discriminator.requires_grad_(True)
        logits_real = self.judged(mixed_real)
        logits = self.judged({name: x.detach() for name, x in mixed.items()})
        judging = hinge_losses(logits_real, logits)
        self.discriminator_optimizer.zero_grad(set_to_none=True)
        judging.backward()
        self.discriminator_optimizer.step()

        self.shown += count
        steps = self.shown / count
        self.networks.update_averages(min(args.average, (1 + steps) / (10 + steps)))
        return {
            "pixels": pixels.item(),
            "perceptual": perceptual.item(),
            "nats": nats.item(),
            "real": logits_real.mean().item(),
            "reconstructed": logits[:count].mean().item(),
            "sampled": logits[count:].mean().item(),
            "judging": judging.item(),
            "weight": self.weight,
        }

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
        if self.shown == 0:
            self.folder.log({"shown": 0} | self.judge(resolution))
        for phase in self.phases:
            if self.folder.stopping:
                break
            resolution = phase.resolution
            while self.shown < phase.until and not self.folder.stopping:
                threads = self.cores.adapt()
                photos = self.photos.floats(next(batches), self.photos.images.shape[-1])
                parts = self.step(jittered(photos, self.args.jitter), resolution)
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
    add_shared_options(parser, phases="128:300000", batch=16, average=0.998)
    parser.add_argument("--start", required=True, help="stage 1's run folder")
    parser.add_argument("--rate", type=float, default=2e-3, help="Adam's step size for generator and encoder")
    parser.add_argument("--discriminator-rate", type=float, default=1e-4)
    parser.add_argument("--adversarial", type=float, default=1.0, help="its gradient, relative to reconstruction's")
    parser.add_argument("--augment", type=float, default=1.0, help="strength of the shared augmentation")
    args = parser.parse_args(arguments)
    torch.set_flush_denormal(True)
    inductor_config.cpp.dynamic_threads = True
    trainer = Trainer(args, Photos(args.photos, limit=args.limit), Photos(args.photos, held_out=True))
    trainer.run()
    return not trainer.folder.stopping


if __name__ == "__main__":
    main()
