"""Turn a training checkpoint into a model file.

    python -m recipes.hands.export --run RUN --out DIR

Writes DIR/hands.safetensors: the running average in half precision, with w_avg. Card and contact sheet are
`recipes.hands.measure`'s, which takes their figures from the file.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from draglab.checkpoints import save_generator
from draglab.generators import StyleGAN2
from recipes.hands.model import hands_config

ATTRIBUTION = "trained on the Sign Language Digits Dataset, copyright 2017 Arda Mavi, Apache-2.0"


def average_of(run: Path) -> tuple[StyleGAN2, int]:
    """The averaged generator of either stage's run, with w_avg set, and the images it was shown."""
    state = torch.load(run / "checkpoint.pt", weights_only=True)
    tensors = state["average"]
    z_dim = tensors["mapping_network.fc0.weight"].shape[1]
    resolution = max(int(name.split(".")[1][1:]) for name in tensors if name.startswith("synthesis.b"))
    generator = StyleGAN2(hands_config(resolution, z_dim))
    generator.load_state_dict(tensors)
    z = torch.from_numpy(np.random.RandomState(123).randn(10_000, z_dim)).float()
    generator.mapping_network.w_avg.copy_(generator.mapping_network(z).mean(0))
    return generator, int(state["shown"])


def export(runs: list[Path], out: Path, name: str) -> Path:
    """Write the last run's generator; the earlier runs are what it started from."""
    generator, last = average_of(runs[-1])
    shown = [average_of(run)[1] for run in runs[:-1]] + [last]
    out.mkdir(parents=True, exist_ok=True)
    path = out / f"{name}.safetensors"
    card = {
        "description": "Hands that sign the digits 0 to 9: fingers to bend and spread",
        "licence": f"Apache-2.0 ({ATTRIBUTION})",
        "images_shown": sum(shown),
        "images_shown_by_stage": shown,
    }
    save_generator(generator, path, torch.float16, card)
    return path


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=Path, nargs="+", required=True, help="run folders in order; the last is exported")
    parser.add_argument("--out", type=Path, required=True, help="the zoo's folder")
    parser.add_argument("--name", default="hands")
    args = parser.parse_args(arguments)
    path = export(args.run, args.out, args.name)
    print(json.dumps({"file": path.name, "megabytes": round(path.stat().st_size / 1e6, 1)}))


if __name__ == "__main__":
    main()
