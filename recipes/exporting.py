"""From training checkpoints to a model file: the running average in half precision, with w_avg."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from pathlib import Path

import torch

from draglab.checkpoints import save_generator
from draglab.generators import StyleGAN2, StyleGAN2Config
from recipes.generators import set_w_avg
from recipes.run_folder import read_checkpoint


def average_of(run: Path, config_of: Callable[..., StyleGAN2Config]) -> tuple[StyleGAN2, int]:
    """The averaged generator of a run of any stage, with w_avg set, and the images it was shown.

    Args:
        config_of: the recipe's architecture for z_dim and resolution, which are read from the weights.
    """
    state = read_checkpoint(run)
    tensors = state["average"]
    z_dim = tensors["mapping_network.fc0.weight"].shape[1]
    resolution = max(int(name.split(".")[1][1:]) for name in tensors if name.startswith("synthesis.b"))
    generator = StyleGAN2(config_of(z_dim=z_dim, resolution=resolution))
    generator.load_state_dict(tensors)
    set_w_avg(generator)
    return generator, int(state["shown"])


def export(
    runs: list[Path], path: Path, config_of: Callable[..., StyleGAN2Config], facts: dict[str, str]
) -> dict[str, int | float | str]:
    """Write the last run's generator; the earlier runs are what it started from. Returns what the file is like."""
    generator, last = average_of(runs[-1], config_of)
    shown = [int(read_checkpoint(run)["shown"]) for run in runs[:-1]] + [last]
    path.parent.mkdir(parents=True, exist_ok=True)
    card = {**facts, "images_shown": sum(shown), "images_shown_by_stage": shown}
    save_generator(generator, path, torch.float16, card)
    return {"file": path.name, "megabytes": round(path.stat().st_size / 1e6, 1), "shown": sum(shown)}


def export_command(
    about: str | None,
    name: str,
    config_of: Callable[..., StyleGAN2Config],
    facts: dict[str, str],
    arguments: Sequence[str] | None,
) -> None:
    """The command line of a recipe's export; `about` is its help, `name` its model's."""
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=Path, nargs="+", required=True, help="run folders in order; the last is exported")
    parser.add_argument("--out", type=Path, required=True, help="the zoo's folder")
    parser.add_argument("--name", default=name)
    args = parser.parse_args(arguments)
    print(json.dumps(export(args.run, args.out / f"{args.name}.safetensors", config_of, facts)))
