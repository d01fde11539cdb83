"""From training checkpoints to a model file: the running average in half precision, with w_avg and statistics."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch

from draglab.checkpoints import save_generator
from draglab.generators import StyleGAN2, StyleGAN2Config
from draglab.generators.statistics import measure_statistics
from recipes.generators import set_w_avg
from recipes.run_folder import read_checkpoint


def average_of(state: dict[str, Any], config_of: Callable[..., StyleGAN2Config]) -> StyleGAN2:
    """The averaged generator of a run's checkpoint, of any stage, with w_avg set.

    Args:
        config_of: the recipe's architecture for z_dim and resolution, which are read from the weights.
    """
    tensors = state["average"]
    z_dim = tensors["mapping_network.fc0.weight"].shape[1]
    resolution = max(int(name.split(".")[1][1:]) for name in tensors if name.startswith("synthesis.b"))
    generator = StyleGAN2(config_of(z_dim=z_dim, resolution=resolution))
    generator.load_state_dict(tensors)
    set_w_avg(generator)
    return generator


def shown_by_stage(states: Sequence[dict[str, Any]]) -> list[int]:
    """Images that the generator was shown by the runs of these checkpoints, one after the other; those of a warm-up
    were shown to the discriminator alone.

    A run that started from a model file goes on with that model's second stage: its images are added there.
    """
    before = states[0].get("shown_before", [])
    counts = [max(0, int(state["shown"]) - state.get("warm_up", 0)) for state in states]
    return [*before[:1], sum(before[1:]) + counts[0], *counts[1:]]


def export(
    runs: list[Path], path: Path, config_of: Callable[..., StyleGAN2Config], facts: dict[str, Any]
) -> dict[str, int | float | str]:
    """Write the last run's generator; the earlier runs are what it started from. Returns what the file is like."""
    states = [read_checkpoint(run) for run in runs]
    generator, shown = average_of(states[-1], config_of), shown_by_stage(states)
    path.parent.mkdir(parents=True, exist_ok=True)
    card = {**facts, "images_shown": sum(shown), "images_shown_by_stage": shown}
    generator.statistics = measure_statistics(generator)
    save_generator(generator, path, torch.float16, card)
    return {"file": path.name, "megabytes": round(path.stat().st_size / 1e6, 1), "shown": sum(shown)}


def export_command(
    about: str | None,
    name: str,
    config_of: Callable[..., StyleGAN2Config],
    facts: dict[str, Any],
    arguments: Sequence[str] | None,
) -> None:
    """The command line of a recipe's export; `about` is its help, `name` its model's."""
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=Path, nargs="+", required=True, help="run folders in order; the last is exported")
    parser.add_argument("--out", type=Path, required=True, help="the zoo's folder")
    parser.add_argument("--name", default=name)
    args = parser.parse_args(arguments)
    print(json.dumps(export(args.run, args.out / f"{args.name}.safetensors", config_of, facts)))
