"""Train the judge: a landmark network on renders, with their exact landmarks.

    python -m recipes.heads.train_landmarks --data DIR --held-out DIR --out judge.safetensors --minutes 6

Renders are shrunk to the size that the network looks at, blurred, tinted, shifted and scaled at random, so that it also
reads images that are softer than renders.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence

import safetensors.torch
import torch
import torch.nn.functional as F
from torch import Tensor

from draglab.perception import LandmarkNet
from recipes.augment import softened
from recipes.data import batches_of, shrink, to_float
from recipes.generators import channels_last
from recipes.heads.data import Renders
from recipes.timed import add_timed_options, train_for

RATE = 2e-3


def augment(images: Tensor, landmarks: Tensor) -> tuple[Tensor, Tensor]:
    """Random shift, scale, blur, tint and contrast for a batch: images [N, 3, S, S], landmarks [N, 68, 2] pixels."""
    count, size = len(images), images.shape[-1]
    scale = 1 + 0.12 * (torch.rand(count) * 2 - 1)
    shift = 0.16 * (torch.rand(count, 2) * 2 - 1)
    theta = torch.zeros(count, 2, 3)
    theta[:, 0, 0], theta[:, 1, 1], theta[:, :, 2] = scale, scale, shift
    grid = F.affine_grid(theta, list(images.shape), align_corners=False)
    images = F.grid_sample(images, grid, padding_mode="border", align_corners=False)
    # grid_sample takes output position u from input scale * u + shift, in [-1, 1] across the image.
    unit = (landmarks + 0.5) * 2 / size - 1
    landmarks = ((unit - shift[:, None]) / scale[:, None, None] + 1) * size / 2 - 0.5
    images = softened(images)
    tint = 1 + 0.2 * (torch.rand(count, 3, 1, 1) * 2 - 1)
    return images * tint + 0.1 * (torch.rand(count, 1, 1, 1) * 2 - 1), landmarks


@torch.no_grad()
def held_out_error(net: LandmarkNet, renders: Renders) -> Tensor:
    """Mean distance for every landmark, in pixels of the renders, [68]."""
    net.eval()
    found = torch.cat([net(to_float(images)) for images in renders.images.split(50)])
    net.train()
    return (found - renders.landmarks).norm(dim=-1).mean(0)


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_timed_options(parser, minutes=6, batch=32)
    args = parser.parse_args(arguments)
    torch.set_flush_denormal(True)
    torch.manual_seed(args.seed)
    renders, held_out = Renders(args.data, args.limit), Renders(args.held_out)
    factor = renders.size_factor(args.size)
    net: LandmarkNet = channels_last(LandmarkNet(args.size))
    groups = [{"params": net.parameters(), "peak": RATE}]
    optimizer = torch.optim.AdamW(groups, lr=RATE, weight_decay=1e-3)

    def loss_of(batch: Tensor) -> Tensor:
        # The same points in pixels of the shrunk renders (docs/conventions.md).
        points = (renders.landmarks[batch] + 0.5) / factor - 0.5
        images, landmarks = augment(shrink(to_float(renders.images[batch]), args.size), points)
        with torch.autocast("cpu", torch.bfloat16):
            found = net(images.contiguous(memory_format=torch.channels_last))
        return F.smooth_l1_loss(found, landmarks, beta=1.0)

    train_for(args.minutes, [optimizer], batches_of(len(renders), min(args.batch, len(renders)), 0, args.seed), loss_of)
    error = held_out_error(net, held_out)
    percent = 100 * error.mean() / held_out.images.shape[-1]
    print(
        f"held-out error {error.mean():.3f} px, {percent:.2f} % of the width; nose tip {error[30]:.3f}, "
        f"chin {error[8]:.3f}, mouth corners {error[48]:.3f} {error[54]:.3f}"
    )
    tensors = {name: tensor.half().contiguous() for name, tensor in net.state_dict().items()}
    metadata = {"format": "draglab-landmarks", "input_size": str(args.size), "error_percent": f"{percent:.3f}"}
    args.out.parent.mkdir(parents=True, exist_ok=True)
    temporary = args.out.with_suffix(".tmp")
    safetensors.torch.save_file(tensors, temporary, metadata)
    os.replace(temporary, args.out)


if __name__ == "__main__":
    main()
