"""Turn a training checkpoint into the bundled model: weights, card with contact sheet.

    python -m recipes.heads.export --run RUN --held-out DIR --out src/draglab/zoo

Writes heads.safetensors (half precision), heads.md and heads.png.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import torch

from draglab.checkpoints import read_generator, save_generator
from draglab.generators import StyleGAN2
from recipes import pictures
from recipes.heads.data import Renders, to_float
from recipes.heads.model import heads_config

CARD = Path(__file__).with_name("card.md")


def average_of(run: Path, z_dim: int, resolution: int) -> tuple[StyleGAN2, int]:
    """The averaged generator of a run, with w_avg set, and the images it was shown."""
    state = torch.load(run / "checkpoint.pt", map_location="cpu", weights_only=True)
    generator = StyleGAN2(heads_config(z_dim, resolution))
    generator.load_state_dict(state["average"])
    z = torch.from_numpy(np.random.RandomState(123).randn(10_000, z_dim)).float()
    generator.mapping_network.w_avg.copy_(generator.mapping_network(z).mean(0))
    return generator, int(state["shown"])


@torch.no_grad()
def held_out_error(generator: StyleGAN2, renders: Renders) -> float:
    """Mean absolute difference to held-out renders, in steps of 255."""
    total = 0.0
    for z, images in zip(renders.z.split(50), renders.images.split(50), strict=True):
        difference = generator(z).clamp(-1, 1) - to_float(images)
        total += difference.abs().mean().item() * 127.5 * len(z)
    return total / len(renders)


def contact_sheet(generator: StyleGAN2) -> np.ndarray:
    """64 seeds, and below them 8 rows that interpolate in w between two more seeds each."""
    seeds = pictures.samples_of(generator, list(range(1, 65)))
    return pictures.beneath(pictures.grid(seeds), pictures.grid(pictures.interpolations(generator)))


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=Path, required=True, help="run folder of train.py")
    parser.add_argument("--held-out", required=True, help="folder of rendered shards that training did not see")
    parser.add_argument("--out", type=Path, required=True, help="the zoo's folder")
    parser.add_argument("--name", default="heads")
    args = parser.parse_args()
    renders = Renders(args.held_out)
    generator, shown = average_of(args.run, renders.z.shape[1], renders.images.shape[-1])
    args.out.mkdir(parents=True, exist_ok=True)
    path = args.out / f"{args.name}.safetensors"
    card = {
        "description": "Synthetic heads: pose, expression, shape, hair, light",
        "licence": "Apache-2.0 (rendered from ICT-FaceKit, MIT, and MakeHuman hair, CC0)",
        "images_shown": shown,
    }
    save_generator(generator, path, torch.float16, card)
    stored = read_generator(path)
    error = held_out_error(stored, renders)
    pictures.save(contact_sheet(stored), args.out / f"{args.name}.png")
    facts = {"shown": f"{shown:,}", "error": f"{error:.1f}", "megabytes": f"{path.stat().st_size / 1e6:.1f}"}
    parameters = sum(parameter.numel() for parameter in stored.parameters())
    sizes = {"size": stored.img_resolution, "half": stored.img_resolution // 2}
    sizes |= {"z_dim": stored.z_dim, "num_ws": stored.num_ws, "held_out": len(renders)}
    text = CARD.read_text().format(**facts, **sizes, parameters=f"{parameters / 1e6:.1f}")
    (args.out / f"{args.name}.md").write_text(text)
    print(json.dumps(facts))


if __name__ == "__main__":
    main()
