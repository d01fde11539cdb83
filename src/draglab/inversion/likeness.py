"""The distance from a photo that an inversion makes small: LPIPS at 256 px and the pixels."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from draglab.generators import Generator
from draglab.perception import LPIPS

SIZE = 256
"""Height of the images that LPIPS compares; smaller ones are compared as they are, but at 64 px at least."""


class Likeness:
    """Distances of a model's images from one photo.

    Args:
        generator: the model, for its device and the size of its images.
        crop: the photo, uint8 [H, W, 3] of that size.
        sharp: whether the photo itself has details finer than 256 px.

    Attributes:
        target: [1, 3, H, W] in [-1, 1].
    """

    def __init__(self, generator: Generator, crop: NDArray[np.uint8], sharp: bool = True):
        pixels = torch.from_numpy(np.array(crop)).permute(2, 0, 1)[None]
        self.target = pixels.to(generator.device, generator.dtype) / 127.5 - 1
        self.sharp = sharp
        self.network = LPIPS().to(generator.device)
        self.small = smaller(self.target)
        wanted = [one for one in generator.feature_resolutions if SIZE <= one < generator.img_resolution]
        self.preview = min(wanted, default=None)
        """Resolution of the images that are enough for LPIPS; None = the full one."""

    def perceptual(self, images: Tensor) -> Tensor:
        """Return the LPIPS [N] of images [N, 3, h, w] of any size, differentiable."""
        return self.network(smaller(images), self.small)

    def detail(self, images: Tensor, random: torch.Generator) -> Tensor:
        """Return the LPIPS [N] of a random part of images [N, 3, H, W] of full size, of 256 px at most a side.

        LPIPS of the whole does not see what is finer than 256 px.
        """
        height, width = images.shape[2:]
        if height < 64 or width < 64:
            return self.perceptual(images)
        top, left = (int(torch.randint(max(1, side - SIZE + 1), (1,), generator=random)) for side in (height, width))
        part = (..., slice(top, top + SIZE), slice(left, left + SIZE))
        return self.network(images[part], self.target[part])

    def pixels(self, images: Tensor) -> Tensor:
        """Return the mean squared difference [N] of images [N, 3, h, w] of any size from the photo of that size."""
        target = self.target if images.shape[2:] == self.target.shape[2:] else resized(self.target, images.shape[2])
        return (images - target).square().mean((1, 2, 3))


def smaller(images: Tensor) -> Tensor:
    """Return images [N, C, H, W] at the size that LPIPS compares."""
    height = images.shape[2]
    return resized(images, max(64, min(SIZE, height)))


def resized(images: Tensor, height: int) -> Tensor:
    """Resize images [N, C, H, W] to a height, averaging where they become smaller by a whole factor."""
    if images.shape[2] == height:
        return images
    factor = images.shape[2] // height
    if factor * height == images.shape[2]:
        return F.avg_pool2d(images, factor)
    size = (height, max(1, round(images.shape[3] * height / images.shape[2])))
    return F.interpolate(images, size, mode="bilinear", align_corners=False, antialias=True)
