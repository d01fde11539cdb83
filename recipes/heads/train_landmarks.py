"""Train the judge: a landmark network on renders, with their exact landmarks.

    python -m recipes.heads.train_landmarks --data DIR --held-out DIR --out judge.safetensors --minutes 6

Renders are blurred, tinted, shifted and scaled at random, so that it also reads images that are softer than renders.
"""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path

import safetensors.torch
import torch
import torch.nn.functional as F
from torch import Tensor

from draglab.evaluation.landmarks import LandmarkNet
from recipes.heads.data import Renders, to_float

BATCH = 32


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
    if torch.rand(()) < 0.5:
        small = F.interpolate(images, scale_factor=float(0.4 + 0.5 * torch.rand(())), mode="bilinear", antialias=True)
        images = F.interpolate(small, (size, size), mode="bilinear")
    tint = 1 + 0.2 * (torch.rand(count, 3, 1, 1) * 2 - 1)
    return images * tint + 0.1 * (torch.rand(count, 1, 1, 1) * 2 - 1), landmarks


@torch.no_grad()
def held_out_error(net: LandmarkNet, renders: Renders) -> Tensor:
    """Mean distance in pixels for every landmark, [68]."""
    net.eval()
    found = torch.cat([net(to_float(images)) for images in renders.images.split(50)])
    net.train()
    return (found - renders.landmarks).norm(dim=-1).mean(0)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True)
    parser.add_argument("--held-out", required=True)
    parser.add_argument("--out", required=True, help="safetensors file")
    parser.add_argument("--minutes", type=float, default=6)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    torch.set_flush_denormal(True)
    torch.manual_seed(args.seed)
    renders, held_out = Renders(args.data), Renders(args.held_out)
    net = LandmarkNet().to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
    optimizer = torch.optim.AdamW(net.parameters(), lr=2e-3, weight_decay=1e-3)
    begun = reported = time.monotonic()
    shown = 0
    for batch in renders.batches(BATCH, 0, args.seed):
        used = (time.monotonic() - begun) / (60 * args.minutes)
        if used >= 1:
            break
        for group in optimizer.param_groups:
            group["lr"] = 2e-3 * min(1.0, (shown + 1) / 3000, 1e-2 + 2 * (1 - used))
        images, landmarks = augment(to_float(renders.images[batch]), renders.landmarks[batch])
        with torch.autocast("cpu", torch.bfloat16):
            found = net(images.contiguous(memory_format=torch.channels_last))
        loss = F.smooth_l1_loss(found, landmarks, beta=1.0)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        shown += BATCH
        if time.monotonic() - reported > 30:
            reported = time.monotonic()
            print(f"{shown} images, loss {loss.item():.3f}, {shown / (reported - begun):.0f} a second", flush=True)
    error = held_out_error(net, held_out)
    print(
        f"held-out error {error.mean():.3f} px; nose tip {error[30]:.3f}, chin {error[8]:.3f}, "
        f"mouth corners {error[48]:.3f} {error[54]:.3f}"
    )
    tensors = {name: tensor.half().contiguous() for name, tensor in net.state_dict().items()}
    path = Path(args.out)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".tmp")
    safetensors.torch.save_file(tensors, temporary, {"format": "draglab-landmarks", "error_px": f"{error.mean():.3f}"})
    os.replace(temporary, path)


if __name__ == "__main__":
    main()
