"""The distance from a photo that an inversion makes small: LPIPS at 256 px and the pixels."""

from __future__ import annotations

import math

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from draglab.generators import Generator
from draglab.perception import LPIPS

SIZE = 256
"""Largest height of the images that LPIPS compares."""
SMALLEST = 64
"""Smallest height."""


class Likeness:
    """Distances of a model's images from one photo.

    Args:
        generator: the model, for its device and the size of its images.
        crop: the photo, uint8 [H, W, 3] of that size.
        size: height of the crop in pixels of the photo, which is compared at its own resolution: a small face that was
            enlarged is blurred, and a model that has to show blur forgets how faces move. None = H.

    Attributes:
        target: [1, 3, H, W] in [-1, 1]. compared: height of the images that LPIPS compares, at most 256.
        sharp: whether the photo has details that LPIPS does not see at that height.
        finest: resolution of the layers that make the photo's finest detail, a power of 2.
    """

    def __init__(self, generator: Generator, crop: NDArray[np.uint8], size: float | None = None):
        pixels = torch.from_numpy(np.array(crop)).permute(2, 0, 1)[None]
        self.target = pixels.to(generator.device, generator.dtype) / 127.5 - 1
        height = len(crop)
        own = height if size is None else min(size, height)
        # By a whole factor, so that images are averaged.
        self.compared = max(SMALLEST, height // max(round(height / own), -(-height // SIZE), 1))
        self.sharp = own > SIZE
        self.finest = 2 ** math.ceil(math.log2(own if self.sharp else self.compared))
        self.network = LPIPS().to(generator.device)
        self.small = resized(self.target, self.compared)
        wanted = [one for one in generator.feature_resolutions if self.compared <= one < height]
        self.preview = next((one for one in wanted if one % self.compared == 0), None)
        """Resolution of the images that are enough for LPIPS; None = the full one."""

    def perceptual(self, images: Tensor) -> Tensor:
        """Return the LPIPS [N] of images [N, 3, h, w] of any size at the photo's resolution, differentiable."""
        return self.network(resized(images, self.compared), self.small)

    def as_seen(self, images: Tensor) -> Tensor:
        """Return the LPIPS [N] at 256 px of images with the photo's detail, as pasting back shows them; differentiable.

        At the photo's own resolution, LPIPS says less about a small face.
        """
        return self.network(self._seen(images), self._seen(self.target))

    def _seen(self, images: Tensor) -> Tensor:
        wanted = smaller(self.target).shape[2:]
        if self.sharp or self.compared >= wanted[0]:
            return smaller(images)
        return F.interpolate(resized(images, self.compared), wanted, mode="bicubic", align_corners=False)

    def enlarged(self, images: Tensor) -> Tensor:
        """Return the LPIPS [N] at 256 px, whatever the photo's resolution."""
        return self.network(smaller(images), smaller(self.target))

    def as_in_photo(self, images: Tensor) -> Tensor:
        """Return images [N, 3, H, W] with no more detail than the photo has, enlarged again if it has less."""
        if self.sharp:
            return images
        small = resized(images, self.compared)
        return F.interpolate(small, images.shape[2:], mode="bicubic", align_corners=False)

    def detail(self, images: Tensor, random: torch.Generator) -> Tensor:
        """Return the LPIPS [N] of a random part of images [N, 3, H, W] of full size, of 256 px at most a side.

        LPIPS of the whole does not see what is finer than 256 px.
        """
        height, width = images.shape[2:]
        top, left = (int(torch.randint(max(1, side - SIZE + 1), (1,), generator=random)) for side in (height, width))
        part = (..., slice(top, top + SIZE), slice(left, left + SIZE))
        return self.network(images[part], self.target[part])

    def pixels(self, images: Tensor) -> Tensor:
        """Return the mean squared difference [N] of images [N, 3, h, w], at the photo's resolution if it is low."""
        height = images.shape[2] if self.sharp else min(images.shape[2], self.compared)
        return (resized(images, height) - resized(self.target, height)).square().mean((1, 2, 3))


def smaller(images: Tensor) -> Tensor:
    """Return images [N, C, H, W] at a height of 256 px at most, and 64 px at least."""
    return resized(images, max(SMALLEST, min(SIZE, images.shape[2])))


def resized(images: Tensor, height: int) -> Tensor:
    """Resize images [N, C, H, W] to a height, averaging where they become smaller by a whole factor."""
    if images.shape[2] == height:
        return images
    factor = images.shape[2] // height
    if factor * height == images.shape[2]:
        return F.avg_pool2d(images, factor)
    size = (height, max(1, round(images.shape[3] * height / images.shape[2])))
    return F.interpolate(images, size, mode="bilinear", align_corners=False, antialias=True)
