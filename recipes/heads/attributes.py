"""What a portrait shows, in a few numbers: exactly from its scene, or read off a picture by a small network."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import safetensors
import safetensors.torch
import torch
import torch.nn.functional as F
from torch import Tensor

from recipes.convnet import ConvNet
from recipes.data import to_float
from recipes.heads.hair import grown_length, presence
from recipes.heads.hairstyles import FITS
from recipes.heads.scene import Z_DIM, Scene, scene_from_z

NAMES = ("yaw", "pitch", "jaw", "smile", "blink", "skin", "hair_length")
_LUMINANCE = np.array([0.2126, 0.7152, 0.0722])


def attributes_of(scene: Scene) -> np.ndarray:
    """[7] float32 in the order of NAMES.

    yaw and pitch: degrees. jaw: how far it is open, 0..1. smile: -0.55 (frown) to 1. blink: how far the lids are
    closed, mean of both eyes, 0..1. skin: cube root of its luminance, which steps evenly to the eye. hair_length: cm
    from the hairline to which the longest style that is there is cut, 0 without any.
    """
    shapes = scene.expression
    lengths = [share * grown_length(scene, FITS[style]) for style, share in presence(scene).items()]
    values = (
        scene.yaw,
        scene.pitch,
        shapes["jawOpen"],
        shapes["mouthSmile_L"] - shapes["mouthFrown_L"],
        0.5 * (shapes["eyeBlink_L"] + shapes["eyeBlink_R"]),
        float(np.cbrt(_LUMINANCE @ np.array(scene.skin))),
        max(lengths, default=0.0),
    )
    return np.array(values, np.float32)


def attributes_of_all(z: Tensor) -> Tensor:
    """[N, 7] of latents [N, Z_DIM]."""
    if z.shape[1] != Z_DIM:
        raise SystemExit(f"these scenes have {z.shape[1]} numbers, and scene.py reads {Z_DIM}: render them anew")
    return torch.from_numpy(np.stack([attributes_of(scene_from_z(one)) for one in z.numpy()]))


class AttributeNet(ConvNet):
    """Images [N, 3, H, W] in [-1, 1] -> [N, 7] attributes in the units of :func:`attributes_of`.

    Args:
        size: pixels that it looks at; pictures of another size are resized.
    """

    def __init__(self, size: int = 128):
        super().__init__(len(NAMES), size)
        self.register_buffer("mean", torch.zeros(len(NAMES)))
        self.register_buffer("spread", torch.ones(len(NAMES)))

    def standardize(self, values: Tensor) -> Tensor:
        """Attributes [N, 7] with mean 0 and standard deviation 1 over the training set."""
        return (values - self.get_buffer("mean")) / self.get_buffer("spread")

    def forward(self, images: Tensor) -> Tensor:
        """Attributes, float32."""
        if images.shape[-1] != self.size:
            images = F.interpolate(images, (self.size, self.size), mode="bilinear", antialias=True)
        return super().forward(images) * self.get_buffer("spread") + self.get_buffer("mean")


@torch.no_grad()
def read_off(net: AttributeNet, images: Tensor, batch: int = 50) -> Tensor:
    """Attributes [N, 7] of pictures [N, 3, H, W], uint8 or floats in [-1, 1]."""
    parts = (part if part.is_floating_point() else to_float(part) for part in images.split(batch))
    return torch.cat([net(part) for part in parts])


def save_attribute_net(net: AttributeNet, path: Path) -> None:
    """Write it as safetensors, complete or not at all."""
    metadata = {"format": "draglab-attributes", "size": str(net.size), "names": json.dumps(NAMES)}
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".tmp")
    safetensors.torch.save_file(
        {name: tensor.contiguous() for name, tensor in net.state_dict().items()}, temporary, metadata
    )
    os.replace(temporary, path)


def load_attribute_net(path: Path) -> AttributeNet:
    """What `save_attribute_net` wrote, frozen."""
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        if json.loads(metadata.get("names", "[]")) != list(NAMES):
            raise SystemExit(f"{path} does not read {', '.join(NAMES)}: train it anew (recipes.heads.train_attributes)")
        net = AttributeNet(int(metadata["size"]))
        net.load_state_dict(tensors)
    except (OSError, safetensors.SafetensorError) as error:
        raise SystemExit(f"cannot read {path}: {error}; train it with recipes.heads.train_attributes") from None
    return net.eval().requires_grad_(False)
