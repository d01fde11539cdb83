"""A 68-landmark network for the bundled `heads`, an independent judge of where a dragged point ends.

It was trained on renders with their exact landmarks (recipes/heads/train_landmarks.py), without the generator.
Landmarks follow the Multi-PIE order (detector.MULTI_PIE).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import safetensors
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from draglab.errors import DraglabError
from draglab.perception.detector import MULTI_PIE, Images, Layout, checked_images

INPUT_SIZE = 128
"""Input size in pixels of a network whose file does not state it."""
HEADS_JUDGE = Path(__file__).resolve().parent.parent / "zoo" / "judges" / "heads_landmarks68.safetensors"


def _unit(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False), nn.GroupNorm(8, outputs), nn.LeakyReLU(0.1, inplace=True)
    )


class _Residual(nn.Module):
    def __init__(self, channels: int):
        super().__init__()
        self.first, self.second = _unit(channels, channels), _unit(channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.second(self.first(x))


class LandmarkNet(nn.Module):
    """An hourglass network: images -> 68 heat maps of a quarter of their size, whose centres of mass are landmarks.

    Args:
        input_size: side of its input in pixels, a multiple of 16; images of another size are resized.
    """

    def __init__(self, input_size: int = INPUT_SIZE) -> None:
        super().__init__()
        self.input_size = input_size
        self.stem = nn.Sequential(_unit(3, 32, 2), _unit(32, 64, 2), _Residual(64))
        self.down = nn.Sequential(_unit(64, 96, 2), _Residual(96))
        self.bottom = nn.Sequential(_unit(96, 128, 2), _Residual(128), _Residual(128))
        self.up = nn.Sequential(_unit(128, 96), _Residual(96))
        self.top = nn.Sequential(_unit(96, 64), _Residual(64))
        self.heat = nn.Conv2d(64, MULTI_PIE.count, 1)

    def forward(self, images: Tensor) -> Tensor:
        """Find the landmarks of images.

        Args:
            images: [N, 3, H, W] in [-1, 1].

        Returns:
            [N, 68, 2] (x, y) in pixels of the images as given.
        """
        height, width = images.shape[2:]
        x = images
        if (height, width) != (self.input_size, self.input_size):
            x = F.interpolate(x, (self.input_size, self.input_size), mode="bilinear", antialias=True)
        fine = self.stem(x)
        middle = self.down(fine)
        coarse = self.bottom(middle)
        middle = middle + F.interpolate(self.up(coarse), scale_factor=2, mode="bilinear")
        fine = fine + F.interpolate(self.top(middle), scale_factor=2, mode="bilinear")
        heat = self.heat(fine).float()
        share = heat.flatten(2).softmax(2).view_as(heat)
        axis = (torch.arange(heat.shape[-1], device=heat.device) + 0.5) / heat.shape[-1]
        centre = torch.stack([(share.sum(2) * axis).sum(-1), (share.sum(3) * axis).sum(-1)], dim=-1)
        # A centre of mass cannot reach the map's border, so the range is stretched.
        stretched = (centre - 0.5) * 1.25 + 0.5
        return stretched * torch.tensor([width, height], device=heat.device) - 0.5


def load_landmark_net(path: str | Path = HEADS_JUDGE) -> LandmarkNet:
    """Load the bundled judge, or another file of the same network.

    Raises:
        DraglabError: the file is missing or does not fit.
    """
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name).float() for name in file.keys()}  # noqa: SIM118
        net = LandmarkNet(int(metadata.get("input_size", INPUT_SIZE)))
        net.load_state_dict(tensors)
    except (OSError, safetensors.SafetensorError, RuntimeError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise DraglabError(f"cannot load the landmark network from {path}: {reason}") from None
    return net.eval().requires_grad_(False)


class HeadLandmarks:
    """The judge as a landmark detector (:class:`draglab.perception.LandmarkDetector`); it finds a head in any picture.

    Args:
        path: another file of the same network; None = the bundled one. batch: most images at once.

    Raises:
        DraglabError: the file is missing or does not fit.
    """

    def __init__(self, path: str | Path | None = None, batch: int = 16) -> None:
        self.net = load_landmark_net(HEADS_JUDGE if path is None else path)
        self.batch = batch

    @property
    def layout(self) -> Layout:
        """Meaning of the points."""
        return MULTI_PIE

    @torch.no_grad()
    def __call__(self, images: Images) -> NDArray[np.float64]:
        """Find the 68 landmarks of each image; see :class:`draglab.perception.LandmarkDetector`."""
        pictures = checked_images(images)
        points = np.empty((len(pictures), MULTI_PIE.count, 2))
        by_size: dict[tuple[int, ...], list[int]] = {}
        for index, picture in enumerate(pictures):
            by_size.setdefault(picture.shape, []).append(index)
        for same in by_size.values():
            for start in range(0, len(same), self.batch):
                part = same[start : start + self.batch]
                pixels = torch.from_numpy(np.stack([pictures[index] for index in part]))
                points[part] = self.net(pixels.permute(0, 3, 1, 2).float() / 127.5 - 1).numpy()
        return points
