"""Training small networks for so many minutes, with a schedule that follows the clock."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from torch import Tensor

WARM_UP = 3000


def add_timed_options(parser: argparse.ArgumentParser, minutes: float, batch: int) -> None:
    """Inputs and ways of training small networks on renders; the defaults that differ are given."""
    parser.add_argument("--data", required=True, help="folder of rendered shards")
    parser.add_argument("--held-out", required=True, help="folder of rendered shards that are only looked at")
    parser.add_argument("--out", type=Path, required=True, help="safetensors file")
    parser.add_argument("--size", type=int, default=128, help="pixels that the network looks at")
    parser.add_argument("--minutes", type=float, default=minutes)
    parser.add_argument("--batch", type=int, default=batch, help="renders a step")
    parser.add_argument("--limit", type=int, help="use only the first so many renders")
    parser.add_argument("--seed", type=int, default=0)


def train_for(
    minutes: float,
    optimizers: list[torch.optim.Optimizer],
    batches: Iterator[Tensor],
    loss_of: Callable[[Tensor], Tensor],
) -> int:
    """Lower `loss_of` batches of indices; at least one step. Prints a line every half minute.

    Step sizes rise to each group's "peak" over 3,000 samples and fall to 1 % of it over the second half of the time.

    Returns:
        Samples seen.
    """
    begun = reported = time.monotonic()
    shown = 0
    for batch in batches:
        used = (time.monotonic() - begun) / (60 * minutes)
        if used >= 1 and shown:
            break
        for optimizer in optimizers:
            for group in optimizer.param_groups:
                group["lr"] = group["peak"] * min(1.0, (shown + 1) / WARM_UP, 1e-2 + 2 * max(0.0, 1 - used))
            optimizer.zero_grad()
        loss = loss_of(batch)
        loss.backward()
        for optimizer in optimizers:
            optimizer.step()
        shown += len(batch)
        if time.monotonic() - reported > 30:
            reported = time.monotonic()
            print(f"{shown} samples, loss {loss.item():.3f}, {shown / (reported - begun):.0f} a second", flush=True)
    return shown
