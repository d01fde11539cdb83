"""Measure a model file of `heads` against held-out renders, and write its card.

    python -m recipes.heads.measure --model heads.safetensors --data DIR --held-out DIR --assets DIR \\
        --attributes attributes.safetensors --out DIR

Writes measures.json, heads.md (the card with the figures filled in), heads.webp (64 seeds and 8 interpolations),
heads_beside_renders.webp (64 seeds, 64 training renders) and heads_neighbours.webp (16 samples above their three
nearest training renders).
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from draglab.checkpoints import read_generator
from draglab.generators import Generator
from recipes.data import to_float
from recipes.heads.attributes import AttributeNet, attributes_of_all, load_attribute_net, read_off
from recipes.heads.coverage import BAR, coverage, coverage_table
from recipes.heads.data import Renders
from recipes.heads.networks import SQUEEZENET
from recipes.measuring import file_facts, measures_of, write_card, write_pictures
from recipes.squeezenet import SqueezeNet, pooled

CARD = Path(__file__).with_name("card.md")


def check_fit(generator: Generator, renders: Renders) -> None:
    """Refuse a model of other scenes or of another size."""
    model = (generator.z_dim, generator.img_resolution)
    data = (renders.z.shape[1], renders.images.shape[-1])
    if model != data:
        raise SystemExit(
            f"the model has {model[0]} scene numbers and {model[1]} px, the renders {data[0]} and {data[1]}: "
            "measure it with renders of the recipe that made it"
        )


@torch.no_grad()
def of_held_out(
    generator: Generator, net: AttributeNet, held_out: Renders, batch: int = 25
) -> tuple[float, dict[str, dict[str, float]]]:
    """Mean absolute difference to held-out renders of the same scenes, in steps of 255, and attribute coverage.

    The model's pictures are of the held-out scenes: samples of z that it never learnt from. That the renders show the
    same ones keeps chance out of the comparison.
    """
    total, read = 0.0, []
    for z, images in zip(held_out.z.split(batch), held_out.images.split(batch), strict=True):
        made = generator(z).clamp(-1, 1)
        total += float((made - to_float(images)).abs().mean()) * 127.5 * len(z)
        read.append(net(made))
    of_renders: Tensor = read_off(net, held_out.images)
    return total / len(held_out), coverage(attributes_of_all(held_out.z), of_renders, torch.cat(read))


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--data", required=True, help="folder of the renders that it learnt from")
    parser.add_argument("--held-out", required=True, help="folder of renders that it did not see")
    parser.add_argument("--assets", type=Path, required=True, help="folder with metrics/squeezenet_v1.0_dc.npz")
    parser.add_argument("--attributes", type=Path, required=True, help="what recipes.heads.train_attributes wrote")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--pairs", type=int, default=500, help="pairs of images for the path length")
    parser.add_argument("--limit", type=int, help="look for neighbours among the first so many renders only")
    args = parser.parse_args(arguments)
    generator, net = read_generator(args.model), load_attribute_net(args.attributes)
    held_out = Renders(args.held_out)
    check_fit(generator, held_out)
    train = Renders(args.data, args.limit)
    args.out.mkdir(parents=True, exist_ok=True)
    squeezenet = SqueezeNet(args.assets / SQUEEZENET)
    features = [pooled(squeezenet, renders.images) for renders in (train, held_out)]
    measures = measures_of(generator, squeezenet, *features, count=len(held_out), pairs=args.pairs)
    measures["held_out_error"], covered = of_held_out(generator, net, held_out)
    write_pictures(generator, squeezenet, train.images, features[0], args.out, "heads", "renders")
    size = generator.img_resolution
    facts = {
        "size": str(size),
        "half": str(size // 2),
        "z_dim": str(generator.z_dim),
        "num_ws": str(generator.num_ws),
        "train": f"{len(train):,}",
        "held_out": f"{len(held_out):,}",
        "pairs": f"{args.pairs:,}",
        "error": f"{measures['held_out_error']:.1f}",
        "bar": f"{100 * BAR:.0f} %",
        "coverage": coverage_table(covered),
    }
    write_card(CARD, args.out, "heads", measures | {"coverage": covered}, facts | file_facts(args.model))


if __name__ == "__main__":
    main()
