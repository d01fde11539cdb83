"""Train an encoder: a portrait -> the w that makes one like it, a start for inverting photos.

    python -m recipes.heads.train_encoder --model heads.safetensors --data DIR --held-out DIR --out encoder.safetensors

Learns from renders, whose z is known, and from the model's own samples, half and half. Every other batch is blurred.
Prints the mean absolute difference to held-out renders, in steps of 255, of what the model makes of the encoder's w, of
the exact z and of w_avg.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Sequence
from pathlib import Path

import safetensors.torch
import torch
import torch.nn.functional as F
from torch import Tensor

from draglab.checkpoints import read_generator
from draglab.generators import Generator
from recipes.augment import softened
from recipes.convnet import ConvNet, convnet_optimizers
from recipes.data import batches_of, shrink, to_float
from recipes.generators import channels_last
from recipes.heads.data import Renders
from recipes.heads.measure import check_fit
from recipes.timed import add_timed_options, train_for


class LatentEncoder(ConvNet):
    """Images [N, 3, H, W] in [-1, 1] -> w_plus [N, num_ws, w_dim], the same w for every layer.

    Args:
        size: pixels that it looks at; pictures of another size are resized.
    """

    def __init__(self, generator: Generator, size: int):
        super().__init__(generator.w_dim, size)
        self.num_ws = generator.num_ws
        self.register_buffer("w_avg", generator.w_avg.clone())
        self.register_buffer("w_std", torch.tensor(generator.w_std()))

    def w(self, images: Tensor) -> Tensor:
        """[N, w_dim]."""
        if images.shape[-1] != self.size:
            images = F.interpolate(images, (self.size, self.size), mode="bilinear", antialias=True)
        return super().forward(images) * self.get_buffer("w_std") + self.get_buffer("w_avg")

    def forward(self, images: Tensor) -> Tensor:
        """w_plus, float32."""
        return self.w(images)[:, None].repeat(1, self.num_ws, 1)


@torch.no_grad()
def differences(generator: Generator, encoder: LatentEncoder, held_out: Renders, batch: int = 25) -> dict[str, float]:
    """Mean absolute difference to held-out renders, in steps of 255, by what was asked for: encoded, exact, average."""
    totals = {"encoded": 0.0, "exact": 0.0, "average": 0.0}
    average = generator.image(generator.w_avg.expand(1, generator.num_ws, -1))
    for z, pixels in zip(held_out.z.split(batch), held_out.images.split(batch), strict=True):
        images = to_float(pixels)
        made = {"encoded": generator.image(encoder(images)), "exact": generator(z), "average": average}
        for name, picture in made.items():
            totals[name] += float((picture.clamp(-1, 1) - images).abs().mean()) * 127.5 * len(z)
    return {name: total / len(held_out) for name, total in totals.items()}


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, required=True)
    add_timed_options(parser, minutes=20, batch=16)
    args = parser.parse_args(arguments)
    torch.set_flush_denormal(True)
    torch.manual_seed(args.seed)
    generator, held_out = read_generator(args.model), Renders(args.held_out)
    check_fit(generator, held_out)
    renders = Renders(args.data, args.limit)
    renders.size_factor(args.size)
    encoder: LatentEncoder = channels_last(LatentEncoder(generator, args.size))
    scale = generator.w_std()

    def loss_of(batch: Tensor) -> Tensor:
        with torch.no_grad():
            z = torch.cat([renders.z[batch], torch.randn(len(batch), generator.z_dim)])
            w_plus = generator.mapping(z)
            samples = generator.image(w_plus[len(batch) :]).clamp(-1, 1)
            images = torch.cat([to_float(renders.images[batch]), samples])
            images = softened(shrink(images, args.size)).contiguous(memory_format=torch.channels_last)
        with torch.autocast("cpu", torch.bfloat16):
            found = encoder.w(images)
        return ((found.float() - w_plus[:, 0]) / scale).square().mean()

    size = min(args.batch, len(renders))
    train_for(args.minutes, convnet_optimizers(encoder), batches_of(len(renders), size, 0, args.seed), loss_of)
    found = differences(generator, encoder, held_out)
    args.out.parent.mkdir(parents=True, exist_ok=True)
    temporary = args.out.with_suffix(".tmp")
    tensors = {name: tensor.half().contiguous() for name, tensor in encoder.state_dict().items()}
    metadata = {"format": "draglab-encoder", "size": str(args.size), "num_ws": str(generator.num_ws)}
    safetensors.torch.save_file(tensors, temporary, metadata)
    os.replace(temporary, args.out)
    print(json.dumps({name: round(value, 2) for name, value in found.items()}))


if __name__ == "__main__":
    main()
