"""Inception-v3 (Szegedy et al. 2016) as FID uses it (Heusel et al. 2017), from a file that the user has.

The weights are those that FID was published with, converted for PyTorch by the package pytorch-fid
(`pt_inception-2015-12-05-6726825d.pth`). That network differs from the later one in its pooling: averages leave the
padding out, and the last block takes maxima. Nothing is bundled, and nothing in the file is run.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import safetensors.torch
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from draglab.errors import DraglabError

SIZE = 299
"""Side of the network's input, pixels."""
SIZE_LIMIT = 256 * 2**20
"""Largest file, in bytes; the published one has 96 million."""
_Kernel = int | tuple[int, int]


class _Conv(nn.Module):
    """A convolution without bias, batch normalisation with fixed statistics, and a ReLU."""

    def __init__(self, inputs: int, outputs: int, kernel: _Kernel, stride: int = 1, padding: _Kernel = 0) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, padding, bias=False)
        self.bn = nn.BatchNorm2d(outputs, eps=0.001)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.bn(self.conv(x)))


def _across(inputs: int, outputs: int, length: int) -> _Conv:
    return _Conv(inputs, outputs, (1, length), padding=(0, length // 2))


def _down(inputs: int, outputs: int, length: int) -> _Conv:
    return _Conv(inputs, outputs, (length, 1), padding=(length // 2, 0))


def _average(x: Tensor) -> Tensor:
    return F.avg_pool2d(x, 3, 1, 1, count_include_pad=False)


class _BlockA(nn.Module):
    def __init__(self, inputs: int, pooled: int) -> None:
        super().__init__()
        self.branch1x1 = _Conv(inputs, 64, 1)
        self.branch5x5_1, self.branch5x5_2 = _Conv(inputs, 48, 1), _Conv(48, 64, 5, padding=2)
        self.branch3x3dbl_1 = _Conv(inputs, 64, 1)
        self.branch3x3dbl_2, self.branch3x3dbl_3 = _Conv(64, 96, 3, padding=1), _Conv(96, 96, 3, padding=1)
        self.branch_pool = _Conv(inputs, pooled, 1)

    def forward(self, x: Tensor) -> Tensor:
        double = self.branch3x3dbl_3(self.branch3x3dbl_2(self.branch3x3dbl_1(x)))
        parts = [self.branch1x1(x), self.branch5x5_2(self.branch5x5_1(x)), double, self.branch_pool(_average(x))]
        return torch.cat(parts, 1)


class _BlockB(nn.Module):
    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.branch3x3 = _Conv(inputs, 384, 3, 2)
        self.branch3x3dbl_1, self.branch3x3dbl_2 = _Conv(inputs, 64, 1), _Conv(64, 96, 3, padding=1)
        self.branch3x3dbl_3 = _Conv(96, 96, 3, 2)

    def forward(self, x: Tensor) -> Tensor:
        double = self.branch3x3dbl_3(self.branch3x3dbl_2(self.branch3x3dbl_1(x)))
        return torch.cat([self.branch3x3(x), double, F.max_pool2d(x, 3, 2)], 1)


class _BlockC(nn.Module):
    def __init__(self, inputs: int, inner: int) -> None:
        super().__init__()
        self.branch1x1 = _Conv(inputs, 192, 1)
        self.branch7x7_1 = _Conv(inputs, inner, 1)
        self.branch7x7_2, self.branch7x7_3 = _across(inner, inner, 7), _down(inner, 192, 7)
        self.branch7x7dbl_1 = _Conv(inputs, inner, 1)
        self.branch7x7dbl_2, self.branch7x7dbl_3 = _down(inner, inner, 7), _across(inner, inner, 7)
        self.branch7x7dbl_4, self.branch7x7dbl_5 = _down(inner, inner, 7), _across(inner, 192, 7)
        self.branch_pool = _Conv(inputs, 192, 1)

    def forward(self, x: Tensor) -> Tensor:
        single = self.branch7x7_3(self.branch7x7_2(self.branch7x7_1(x)))
        double = self.branch7x7dbl_3(self.branch7x7dbl_2(self.branch7x7dbl_1(x)))
        double = self.branch7x7dbl_5(self.branch7x7dbl_4(double))
        return torch.cat([self.branch1x1(x), single, double, self.branch_pool(_average(x))], 1)


class _BlockD(nn.Module):
    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.branch3x3_1, self.branch3x3_2 = _Conv(inputs, 192, 1), _Conv(192, 320, 3, 2)
        self.branch7x7x3_1 = _Conv(inputs, 192, 1)
        self.branch7x7x3_2 = _across(192, 192, 7)
        self.branch7x7x3_3 = _down(192, 192, 7)
        self.branch7x7x3_4 = _Conv(192, 192, 3, 2)

    def forward(self, x: Tensor) -> Tensor:
        long = self.branch7x7x3_4(self.branch7x7x3_3(self.branch7x7x3_2(self.branch7x7x3_1(x))))
        return torch.cat([self.branch3x3_2(self.branch3x3_1(x)), long, F.max_pool2d(x, 3, 2)], 1)


class _BlockE(nn.Module):
    def __init__(self, inputs: int, maximum: bool) -> None:
        super().__init__()
        self.maximum = maximum
        self.branch1x1 = _Conv(inputs, 320, 1)
        self.branch3x3_1 = _Conv(inputs, 384, 1)
        self.branch3x3_2a, self.branch3x3_2b = _across(384, 384, 3), _down(384, 384, 3)
        self.branch3x3dbl_1, self.branch3x3dbl_2 = _Conv(inputs, 448, 1), _Conv(448, 384, 3, padding=1)
        self.branch3x3dbl_3a, self.branch3x3dbl_3b = _across(384, 384, 3), _down(384, 384, 3)
        self.branch_pool = _Conv(inputs, 192, 1)

    def forward(self, x: Tensor) -> Tensor:
        single, double = self.branch3x3_1(x), self.branch3x3dbl_2(self.branch3x3dbl_1(x))
        pooled = F.max_pool2d(x, 3, 1, 1) if self.maximum else _average(x)
        parts = [self.branch1x1(x), self.branch3x3_2a(single), self.branch3x3_2b(single)]
        parts += [self.branch3x3dbl_3a(double), self.branch3x3dbl_3b(double), self.branch_pool(pooled)]
        return torch.cat(parts, 1)


class InceptionV3(nn.Module):
    """The network up to its last pooling: images [N, 3, 299, 299] in [-1, 1] -> [N, 2048]."""

    def __init__(self) -> None:
        super().__init__()
        self.Conv2d_1a_3x3, self.Conv2d_2a_3x3 = _Conv(3, 32, 3, 2), _Conv(32, 32, 3)
        self.Conv2d_2b_3x3 = _Conv(32, 64, 3, padding=1)
        self.Conv2d_3b_1x1, self.Conv2d_4a_3x3 = _Conv(64, 80, 1), _Conv(80, 192, 3)
        self.Mixed_5b, self.Mixed_5c, self.Mixed_5d = _BlockA(192, 32), _BlockA(256, 64), _BlockA(288, 64)
        self.Mixed_6a = _BlockB(288)
        self.Mixed_6b, self.Mixed_6c = _BlockC(768, 128), _BlockC(768, 160)
        self.Mixed_6d, self.Mixed_6e = _BlockC(768, 160), _BlockC(768, 192)
        self.Mixed_7a = _BlockD(768)
        self.Mixed_7b, self.Mixed_7c = _BlockE(1280, maximum=False), _BlockE(2048, maximum=True)

    def forward(self, x: Tensor) -> Tensor:
        """Compute the 2048 numbers of each image."""
        x = self.Conv2d_2b_3x3(self.Conv2d_2a_3x3(self.Conv2d_1a_3x3(x)))
        x = self.Conv2d_4a_3x3(self.Conv2d_3b_1x1(F.max_pool2d(x, 3, 2)))
        x = F.max_pool2d(x, 3, 2)
        for block in self._blocks():
            x = block(x)
        return x.mean((2, 3))

    def _blocks(self) -> Sequence[nn.Module]:
        first = (self.Mixed_5b, self.Mixed_5c, self.Mixed_5d, self.Mixed_6a)
        return (*first, self.Mixed_6b, self.Mixed_6c, self.Mixed_6d, self.Mixed_6e,
                self.Mixed_7a, self.Mixed_7b, self.Mixed_7c)  # fmt: skip


class InceptionFeatures:
    """Features of pictures whose Fréchet distance is FID (see :class:`draglab.perception.PictureFeatures`).

    Pictures are resized bilinearly to 299 pixels a side, as pytorch-fid does. FID is published for thousands of
    pictures; that of fewer is larger.

    Args:
        path: `pt_inception-2015-12-05-6726825d.pth` of pytorch-fid, or the same tensors as .safetensors.

    Raises:
        DraglabError: the file is missing, too large, damaged or of another network.
    """

    title = "FID"

    def __init__(self, path: str | Path):
        self.network = InceptionV3()
        expected = self.network.state_dict()
        tensors = _read(Path(path))
        wanted = {name: tensors.get(name) for name in expected if not name.endswith("num_batches_tracked")}
        for name, tensor in wanted.items():
            if tensor is None or tensor.shape != expected[name].shape or not bool(tensor.isfinite().all()):
                raise DraglabError(
                    f"{path} is not FID's Inception-v3 (its {name} is missing, of another shape or not finite): give "
                    "pt_inception-2015-12-05-6726825d.pth of pytorch-fid"
                )
        self.network.load_state_dict({**expected, **wanted})
        self.network.eval().requires_grad_(False)

    @torch.no_grad()
    def __call__(self, images: Tensor) -> Tensor:
        """Describe images [N, 3, H, W] in [-1, 1]: [N, 2048], float64."""
        small = F.interpolate(images.float(), (SIZE, SIZE), mode="bilinear", align_corners=False)
        return self.network.to(images.device)(small).double()


def _read(path: Path) -> dict[str, Tensor]:
    try:
        size = path.stat().st_size
    except (OSError, ValueError):
        raise DraglabError(f"there is no file of Inception weights {path}; check the name") from None
    if size > SIZE_LIMIT:
        raise DraglabError(f"{path} is larger than {SIZE_LIMIT // 2**20} MiB, which is refused; check the file")
    try:
        if path.suffix == ".safetensors":
            tensors = safetensors.torch.load_file(path)
        else:
            tensors = torch.load(path, map_location="cpu", weights_only=True)
        return {name: tensor for name, tensor in tensors.items() if isinstance(tensor, Tensor)}
    except Exception:  # torch raises many at files that are damaged or hold more than tensors
        raise DraglabError(
            f"cannot read Inception weights from {path}: give pt_inception-2015-12-05-6726825d.pth of pytorch-fid"
        ) from None
