"""Train the regressor that reads a portrait's attributes off its picture, for the coverage measure.

    python -m recipes.heads.train_attributes --data DIR --held-out DIR --out attributes.safetensors --minutes 6

Labels are exact: z is the scene. Every other batch is blurred, so that it also reads pictures that are softer than
renders. It is a tool of measuring and is not shipped. Prints its correlation with the truth on held-out renders.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence

import torch
from torch import Tensor

from recipes.augment import softened
from recipes.convnet import convnet_optimizers
from recipes.data import batches_of, shrink, to_float
from recipes.generators import channels_last
from recipes.heads.attributes import NAMES, AttributeNet, attributes_of_all, read_off, save_attribute_net
from recipes.heads.coverage import correlation
from recipes.heads.data import Renders
from recipes.timed import add_timed_options, train_for


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_timed_options(parser, minutes=6, batch=32)
    args = parser.parse_args(arguments)
    torch.set_flush_denormal(True)
    torch.manual_seed(args.seed)
    renders, held_out = Renders(args.data, args.limit), Renders(args.held_out)
    renders.size_factor(args.size)
    wanted = attributes_of_all(renders.z)
    net: AttributeNet = channels_last(AttributeNet(args.size))
    net.get_buffer("mean").copy_(wanted.mean(0))
    net.get_buffer("spread").copy_(wanted.std(0).clamp_min(1e-6))
    targets = net.standardize(wanted)

    def loss_of(batch: Tensor) -> Tensor:
        images = softened(shrink(to_float(renders.images[batch]), args.size))
        with torch.autocast("cpu", torch.bfloat16):
            found = net(images.contiguous(memory_format=torch.channels_last))
        return (net.standardize(found.float()) - targets[batch]).square().mean()

    size = min(args.batch, len(renders))
    train_for(args.minutes, convnet_optimizers(net), batches_of(len(renders), size, 0, args.seed), loss_of)
    read = correlation(attributes_of_all(held_out.z), read_off(net, held_out.images))
    save_attribute_net(net, args.out)
    print(json.dumps({name: round(float(value), 3) for name, value in zip(NAMES, read, strict=True)}))


if __name__ == "__main__":
    main()
