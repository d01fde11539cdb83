"""Sketches: quick pictures of the images near one, for the time while an image moves.

The upper blocks of a large network are most of its time. Near one image, colours are almost a linear function of the
features of a lower block, so a convolution from these to the picture serves, fitted by least squares to that image
alone. What it lacks there is added wherever the picture has hardly changed since: at first, a sketch is the picture.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from draglab.generators import FeatureMaps, Generator, to_uint8

RESOLUTION = 128
"""Resolution of the features."""
SCALE = 4
"""Height of a sketch, in heights of the features' maps."""
RIDGE = 1e-3
"""Weight of the squared coefficients, relative to the mean square of the features."""
CHANGED = 12.0
"""Mean difference of 255 at which a block of pixels has changed too much for what the fit lacked there."""
BLOCK = 8
"""Side of those blocks, pixels of the sketch."""
TAPS = ((1, 1), (0, 1), (2, 1), (1, 0), (1, 2))
"""Places (row, column) of a 3x3 kernel that are used. All nine took 2.4 instead of 0.9 s to fit, and gave little."""


@dataclass(frozen=True)
class Sketch:
    """The fit to one image.

    Attributes:
        w_plus: its latent, [1, num_ws, w_dim].
        weight, bias: the convolution to pixels, [img_channels SCALE^2, C, 3, 3] and as many numbers.
        colours: what it makes of that image, [1, img_channels, H, W]. lack: what is missing there, likewise.
    """

    w_plus: Tensor
    weight: Tensor
    bias: Tensor
    colours: Tensor
    lack: Tensor

    @classmethod
    @torch.no_grad()
    def fit(cls, generator: Generator, w_plus: Tensor) -> Sketch:
        """Fit a sketch to the image of a latent [1, num_ws, w_dim] of a model that :func:`can_be_sketched`."""
        maps = moving_features(generator, w_plus, RESOLUTION)
        known = _known(generator, w_plus, maps)
        height, width = known.shape[2:]
        image = F.interpolate(generator.image(w_plus, maps), (SCALE * height, SCALE * width), mode="area")
        padded = F.pad(known.to(image.dtype), (1, 1, 1, 1))[0]
        shifted = [padded[:, row : row + height, column : column + width].flatten(1) for row, column in TAPS]
        inputs = torch.cat([*shifted, torch.ones_like(shifted[0][:1])])
        outputs = F.pixel_unshuffle(image, SCALE)[0].flatten(1)
        square = (inputs @ inputs.t()).double()
        square.diagonal().add_(RIDGE * square.diagonal().mean())
        solution = torch.linalg.solve(square, (inputs @ outputs.t()).double()).to(known.dtype)
        weight = torch.zeros(len(outputs), len(padded), 3, 3, dtype=solution.dtype, device=solution.device)
        for index, (row, column) in enumerate(TAPS):
            weight[:, :, row, column] = solution[index * len(padded) : (index + 1) * len(padded)].t()
        colours = _colours(known, weight, solution[-1])
        return cls(w_plus, weight, solution[-1], colours, image.float() - colours)

    @torch.no_grad()
    def picture(self, generator: Generator, w_plus: Tensor) -> NDArray[np.uint8]:
        """Sketch the image of a latent near the fitted one: uint8 [H, W, 3]."""
        known = _known(generator, w_plus, moving_features(generator, w_plus, RESOLUTION))
        colours = _colours(known, self.weight, self.bias)
        changed = F.avg_pool2d((colours - self.colours).abs().mean(1, keepdim=True), BLOCK, ceil_mode=True) * 127.5
        changed = F.max_pool2d(changed, 3, stride=1, padding=1)
        same = F.interpolate(torch.exp(-((changed / CHANGED) ** 2)), colours.shape[2:], mode="bilinear")
        return to_uint8(colours + same * self.lack)[0]


def can_be_sketched(generator: Generator) -> bool:
    """Return whether sketches of a model's images are much quicker than pictures, and show no less than the stage."""
    if generator.img_resolution < SCALE * RESOLUTION or RESOLUTION not in generator.feature_resolutions:
        return False
    return generator.device.type == "cpu" and not generator.feature_margin(generator.feature_level(RESOLUTION))


def moving_features(generator: Generator, w_plus: Tensor, resolution: int) -> FeatureMaps:
    """Compute features of a latent in the precision of pictures that move: bfloat16 where it is quicker."""
    quick = generator.dtype == torch.float32 and quick_bfloat16(generator.device)
    return generator.feature_maps(w_plus, generator.feature_level(resolution), dtype=torch.bfloat16 if quick else None)


def quick_bfloat16(device: torch.device) -> bool:
    """Return whether images take less time in bfloat16 than in float32: on processors with instructions for it.

    Others compute such numbers by way of float32, which takes longer.
    """
    supported = getattr(torch.cpu, "_is_avx512_bf16_supported", None)
    return device.type == "cpu" and supported is not None and supported()


def _known(generator: Generator, w_plus: Tensor, maps: FeatureMaps) -> Tensor:
    """Return the inputs of a sketch, [N, C, H, W]: the features and, if the network has them by then, the colours."""
    if not generator.has_previews:
        return maps.top
    preview = generator.image(w_plus, maps, preview_resolution=RESOLUTION)
    return torch.cat([maps.top, preview.to(maps.top.dtype)], dim=1)


def _colours(features: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Return pixels [N, img_channels, SCALE H, SCALE W], float32, from features [N, C, H, W]."""
    return F.pixel_shuffle(F.conv2d(features, weight, bias, padding=1), SCALE).float()
