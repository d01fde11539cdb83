"""Train UserControllableLT for a model, the paper's main baseline (draglab/evaluation/methods/latent_transformer.py).

    python -m benchmarks.train_latent_transformer --model heads --hours 2 --out lt_heads.safetensors
    draglab bench landmarks --model heads --method user-controllable-lt:weights=lt_heads.safetensors -o RUN

Every sample is a random latent and one a tenth of the way towards another on the first layers; the optical flow between
their images at 1 to 32 random pixels is the input, the difference of the latents the target. Needs the extra `flow`.
The file is written every 5 minutes; the same command with --resume goes on from it, with a new optimiser.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

import draglab
from benchmarks.drags import positive
from draglab.dragging import DragSettings
from draglab.dragging.features import whole_features
from draglab.evaluation.methods.latent_transformer import (
    MIXED,
    LatentTransformer,
    TransformerConfig,
    load_transformer,
    point_inputs,
    save_transformer,
)
from draglab.evaluation.optical_flow import OpticalFlow, bilinear
from draglab.evaluation.pairs import random_pixels
from draglab.generators import Generator, to_uint8

BATCH = 16
MOST_POINTS = 32
STEP_SIZE = 3e-4
WARM_UP = 100
"""Number of steps over which the step size rises."""
SAVE_EVERY = 300.0
Sample = tuple[Tensor, Tensor, Tensor, Tensor, Tensor]
"""w_plus [1, num_ws, w_dim], features [1, 32, C], places [1, 32, 2], motions [1, 32, 2], change [1, layers, w_dim]."""


@torch.no_grad()
def make_sample(generator: Generator, network: LatentTransformer, flow: OpticalFlow, seed: int) -> Sample:
    """Make the training sample of a seed."""
    layers = network.config.layers
    random = np.random.RandomState(seed)
    z = torch.from_numpy(random.randn(2, generator.z_dim)).to(generator.w_avg)
    first, other = generator.mapping(z).split(1)
    second = first.clone()
    second[:, :layers] = first[:, :layers].lerp(other[:, :layers], MIXED)
    level = generator.feature_level(network.config.feature_resolution)
    features = whole_features(generator, first, level)
    pictures = [to_uint8(generator.image(latent, maps))[0] for latent, maps in ((first, features.maps), (second, None))]
    height, width = pictures[0].shape[:2]
    handles = random_pixels(width, height, MOST_POINTS, seed)
    targets = handles + bilinear(flow(pictures[0], pictures[1]), handles)
    change = (second - first)[:, :layers] / network.change_unit
    return (first, *point_inputs(generator, features, handles, targets), change)


def start_network(generator: Generator, seeds: Sequence[int]) -> LatentTransformer:
    """Return a network that is not trained yet, which knows the features' mean and spread over some images."""
    settings = DragSettings.for_model(generator)
    resolution = settings.resolved_feature_resolution(generator.img_resolution)
    level = settings.feature_level(generator)
    with torch.no_grad():
        maps = [generator.features(generator.w_plus_from_seed(seed), level)[0].flatten(1) for seed in seeds]
    values = torch.cat(maps, 1)
    layers = min(settings.num_layers, generator.num_ws)
    config = TransformerConfig(generator.sha256, generator.w_dim, layers, len(values), resolution)
    torch.manual_seed(0)
    network = LatentTransformer(config, generator.w_avg, generator.w_std()).to(generator.w_avg)
    network.get_buffer("feature_mean").copy_(values.mean(1))
    network.get_buffer("feature_std").copy_(values.std(1).clamp(min=1e-6))
    return network


def train_step(
    network: LatentTransformer, optimizer: torch.optim.Optimizer, samples: Sequence[Sample], points: int
) -> float:
    """Make a step on a batch, with so many points an image; return the mean squared error of the changes."""
    w_plus, features, places, motions, change = (torch.cat(each) for each in zip(*samples, strict=True))
    found = network(w_plus, features[:, :points], places[:, :points], motions[:, :points])
    loss = (found - change).square().mean()
    optimizer.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
    optimizer.step()
    return float(loss.detach())


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="heads")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--hours", type=float, default=2.0)
    parser.add_argument("--steps", type=positive, default=1_000_000, help="most steps of the optimiser")
    parser.add_argument("--first-seed", type=int, default=1_000_000_000, help="first seed of the samples")
    parser.add_argument("--resume", action="store_true", help="go on from --out")
    args = parser.parse_args(arguments)
    generator, flow = draglab.load_generator(args.model), OpticalFlow()
    network = load_transformer(args.out, generator) if args.resume else start_network(generator, range(16))
    network.train().requires_grad_(True)
    optimizer = torch.optim.AdamW(network.parameters(), STEP_SIZE, weight_decay=0.01)
    random = np.random.default_rng(args.first_seed)
    begun = saved = time.monotonic()
    losses: list[float] = []
    for step in range(args.steps):
        spent = time.monotonic() - begun
        if spent > 3600 * args.hours:
            break
        for group in optimizer.param_groups:
            share = max(step / args.steps, spent / (3600 * args.hours))
            group["lr"] = STEP_SIZE * min(1, (step + 1) / WARM_UP) * (1 - 0.9 * share)
        seeds = args.first_seed + BATCH * step + np.arange(BATCH)
        samples = [make_sample(generator, network, flow, int(seed)) for seed in seeds]
        losses.append(train_step(network, optimizer, samples, int(random.integers(1, MOST_POINTS + 1))))
        if (step + 1) % 50 == 0:
            print(f"step {step + 1}, {spent / 60:.1f} min: error {np.mean(losses[-50:]):.4f}", flush=True)
        if time.monotonic() - saved > SAVE_EVERY:
            save_transformer(args.out, network)
            saved = time.monotonic()
    save_transformer(args.out, network)
    minutes = (time.monotonic() - begun) / 60
    print(f"{len(losses)} steps of {BATCH} in {minutes:.1f} min; error {np.mean(losses[-50:]):.4f}; wrote {args.out}")


if __name__ == "__main__":
    main()
