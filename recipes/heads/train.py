"""Train `heads` with supervision: image = G(z), where z is the scene that render.py drew.

    python -m recipes.heads.train --data DIR --held-out DIR --assets DIR --out RUN

Grows in phases (32, 64, 128, 256 px): training the lower blocks first is far faster and ends better. Resumes from RUN's
last checkpoint, also after Ctrl-C, with whatever schedule it is given then.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from draglab.generators import StyleGAN2, to_uint8
from recipes.heads.data import Renders, shrink, to_float
from recipes.heads.model import heads_config, make_optimizers, reconstruction_loss, render_at, set_activation_dtype
from recipes.squeezenet import SqueezeNet, perceptual_distance


@dataclass(frozen=True)
class Phase:
    """Train at `resolution` until `until` images were shown in all."""

    resolution: int
    until: int


def parse_phases(text: str) -> list[Phase]:
    """ "32:60000,64:60000,128:200000" (images per phase) -> phases with running totals."""
    phases, total = [], 0
    for part in text.split(","):
        resolution, count = part.split(":")
        total += int(count)
        phases.append(Phase(int(resolution), total))
    return phases


def rate_factor(shown: int, total: int, cooldown: float, warm_up: int = 2000) -> float:
    """Step size relative to its peak: a short warm-up, then constant, linear to 2 % over the last `cooldown` of all."""
    remaining = (total - shown) / (cooldown * total)
    return min(1.0, (shown + 1) / warm_up, max(0.02, remaining))


class Trainer:
    """Generator, its running average, optimiser and log of one run folder."""

    def __init__(self, args: argparse.Namespace, renders: Renders, held_out: Renders):
        self.args, self.renders, self.held_out = args, renders, held_out
        self.out = Path(args.out)
        self.out.mkdir(parents=True, exist_ok=True)
        self.phases = parse_phases(args.phases)
        torch.manual_seed(args.seed)
        self.device = torch.device(args.device)
        config = heads_config(renders.z.shape[1], renders.images.shape[-1])
        self.generator = StyleGAN2(config).requires_grad_(True)
        self.generator.to(self.device, memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
        self.average = StyleGAN2(config).to(self.device)
        self.average.load_state_dict(self.generator.state_dict())
        self.optimizers = make_optimizers(self.generator)
        self.squeezenet = SqueezeNet(Path(args.assets) / "metrics" / "squeezenet_v1.0_dc.npz")
        self.squeezenet.to(self.device, memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
        self.shown = 0
        if (self.out / "checkpoint.pt").exists():
            self.load()
        if args.bfloat16:
            set_activation_dtype(self.generator, torch.bfloat16)
        self.render = torch.compile(render_at, dynamic=False) if args.compile else render_at
        self.distance = torch.compile(self._distance, dynamic=False) if args.compile else self._distance

    def _distance(self, images: Tensor, references: Tensor) -> Tensor:
        with torch.no_grad():
            wanted = self.squeezenet(references, "fire4")
        return perceptual_distance(self.squeezenet(images, "fire4"), wanted).mean()

    def load(self) -> None:
        """Continue from the run folder's checkpoint."""
        state = torch.load(self.out / "checkpoint.pt", map_location=self.device, weights_only=True)
        self.generator.load_state_dict(state["generator"])
        self.average.load_state_dict(state["average"])
        for optimizer, saved in zip(self.optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(saved)
        self.shown = state["shown"]
        print(f"resumed at {self.shown} images", flush=True)

    def save(self) -> None:
        """Write the checkpoint, never leaving half of one."""
        state = {
            "generator": self.generator.state_dict(),
            "average": self.average.state_dict(),
            "optimizers": [optimizer.state_dict() for optimizer in self.optimizers],
            "shown": self.shown,
        }
        torch.save(state, self.out / "checkpoint.tmp")
        os.replace(self.out / "checkpoint.tmp", self.out / "checkpoint.pt")

    def loss(self, batch: Tensor, resolution: int) -> tuple[Tensor, dict[str, float]]:
        """Training loss of a batch of indices, and its parts."""
        references = shrink(to_float(self.renders.images[batch].to(self.device)), resolution)
        references = references.contiguous(memory_format=torch.channels_last)
        images = self.render(self.generator, self.renders.z[batch].to(self.device), resolution)
        pixels = reconstruction_loss(images, references)
        parts = {"pixels": pixels.item()}
        if self.args.perceptual and resolution >= 64:
            dtype = torch.bfloat16 if self.args.bfloat16 else torch.float32
            perceptual = self.distance(images.to(dtype), references.to(dtype))
            parts["perceptual"] = perceptual.item()
            return pixels + self.args.perceptual * perceptual, parts
        return pixels, parts

    def _pair(self, part: slice, resolution: int) -> tuple[Tensor, Tensor]:
        """What the averaged generator makes of held-out scenes, and their renders."""
        images = render_at(self.average, self.held_out.z[part].to(self.device), resolution)
        return images, shrink(to_float(self.held_out.images[part].to(self.device)), resolution)

    @torch.no_grad()
    def held_out_error(self, resolution: int, count: int = 256) -> float:
        """Mean absolute error of the averaged generator on held-out renders, in steps of 255."""
        total = 0.0
        for start in range(0, count, 32):
            images, references = self._pair(slice(start, start + 32), resolution)
            total += (images - references).abs().mean().item() * 127.5 * len(references)
        return total / count

    @torch.no_grad()
    def sheet(self, resolution: int) -> None:
        """Held-out renders above what the averaged generator makes of them."""
        from PIL import Image

        rows = []
        for start in (0, 8):
            images, references = self._pair(slice(start, start + 8), resolution)
            rows += [torch.cat(list(references), dim=2), torch.cat(list(images), dim=2)]
        picture = Image.fromarray(to_uint8(torch.cat(rows, dim=1)[None])[0])
        picture.save(self.out / f"sheet_{self.shown:07d}.png")

    def step(self, batch: Tensor, resolution: int) -> dict[str, float]:
        """One optimiser step and the running average."""
        factor = rate_factor(self.shown, self.phases[-1].until, self.args.cooldown)
        for optimizer in self.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = group["peak"] * factor
            optimizer.zero_grad(set_to_none=True)
        loss, parts = self.loss(batch, resolution)
        loss.backward()
        for optimizer in self.optimizers:
            optimizer.step()
        self.shown += len(batch)
        with torch.no_grad():
            pairs = zip(self.average.parameters(), self.generator.parameters(), strict=True)
            for averaged, current in pairs:
                averaged.lerp_(current, 1 - self.args.average)
        return parts

    def run(self) -> None:
        """Train to the end of the schedule; Ctrl-C saves and leaves."""
        log = (self.out / "log.jsonl").open("a")
        saved = reported = time.monotonic()
        batches = self.renders.batches(self.args.batch, self.shown)
        counted, since = 0, time.monotonic()
        try:
            for phase in self.phases:
                while self.shown < phase.until:
                    parts = self.step(next(batches), phase.resolution)
                    counted += self.args.batch
                    now = time.monotonic()
                    if now - reported > 30:
                        row = {"shown": self.shown, "resolution": phase.resolution, "rate": counted / (now - since)}
                        row |= parts | {"minutes": (now - since) / 60}
                        if now - saved > self.args.save_minutes * 60:
                            row["held_out"] = self.held_out_error(phase.resolution)
                            self.sheet(phase.resolution)
                            self.save()
                            saved = time.monotonic()
                        log.write(json.dumps(row) + "\n")
                        log.flush()
                        print({name: round(value, 4) for name, value in row.items()}, flush=True)
                        reported = now
        except KeyboardInterrupt:
            print("stopped; the next call goes on from here")
        self.save()
        self.sheet(max(phase.resolution for phase in self.phases if phase.until <= max(self.shown, phase.until)))


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, help="folder of rendered shards")
    parser.add_argument("--held-out", required=True, help="folder of rendered shards that are only looked at")
    parser.add_argument("--assets", required=True, help="folder with metrics/squeezenet_v1.0_dc.npz")
    parser.add_argument("--out", required=True, help="run folder: checkpoint, log, sheets")
    parser.add_argument("--phases", default="32:30000,64:40000,128:60000,256:60000", help="resolution:images, ...")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--cooldown", type=float, default=0.7, help="share of the images over which the rate falls")
    parser.add_argument("--average", type=float, default=0.995, help="running average of weights, per step")
    parser.add_argument("--perceptual", type=float, default=0.1, help="weight of the SqueezeNet distance from 64 px on")
    parser.add_argument("--limit", type=int, help="use only the first so many renders")
    parser.add_argument("--save-minutes", type=float, default=4)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--bfloat16", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--compile", action=argparse.BooleanOptionalAction, default=True)
    args = parser.parse_args()
    torch.set_flush_denormal(True)
    Trainer(args, Renders(args.data, args.limit), Renders(args.held_out)).run()


if __name__ == "__main__":
    main()
