"""Small checkpoints in the formats of other programs, written from a draglab generator without these programs.

Names that only those programs have are given to stand-ins while Python's pickle writes them. Tensors are pickled by
torch itself.
"""

from __future__ import annotations

import argparse
import io
import pickle
import sys
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from draglab.generators import StyleGAN2

SOURCE = "raise RuntimeError('source code of a checkpoint was run')\n"


def _reconstruct_persistent_obj(meta: Any) -> Any:
    raise AssertionError("never called: this test only writes")


class EasyDict(dict):
    """Stands in for dnnlib.util.EasyDict."""


class Network:
    """Stands in for dnnlib.tflib.network.Network."""

    def __init__(self, state: dict[str, Any]):
        self.state = state

    def __getstate__(self) -> dict[str, Any]:
        return self.state


class Module:
    """Stands in for a persistent module."""

    def __init__(self, class_name: str, state: dict[str, Any], source: str = SOURCE):
        self.meta = {"type": "class", "version": 6, "module_src": source, "class_name": class_name, "state": state}

    def __reduce__(self) -> tuple[Any, ...]:
        return _reconstruct_persistent_obj, (EasyDict(self.meta),)


_HOMES = {
    _reconstruct_persistent_obj: "torch_utils.persistence",
    EasyDict: "dnnlib.util",
    Network: "dnnlib.tflib.network",
}


@contextmanager
def foreign_names() -> Iterator[None]:
    """Within it, the stand-ins are pickled under the names of the originals."""
    own = {thing: thing.__module__ for thing in _HOMES}
    # Pickle imports packages before their modules.
    names = {".".join(home.split(".")[:depth]) for home in _HOMES.values() for depth in (1, 2, 3)}
    missing = [name for name in names if name not in sys.modules]
    try:
        sys.modules.update({name: ModuleType(name) for name in missing})
        for thing, home in _HOMES.items():
            setattr(sys.modules[home], thing.__name__, thing)
            thing.__module__ = home
        yield
    finally:
        for thing, home in own.items():
            thing.__module__ = home
        for name in missing:
            del sys.modules[name]


def dump(value: Any, protocol: int = 4) -> bytes:
    """A bare pickle."""
    with foreign_names():
        return pickle.dumps(value, protocol)


def torch_dump(value: Any, zipped: bool = True) -> bytes:
    """torch.save, in its present layout or in that from before 1.6."""
    buffer = io.BytesIO()
    with foreign_names():
        torch.save(value, buffer, _use_new_zipfile_serialization=zipped)
    return buffer.getvalue()


def module_of(generator: StyleGAN2, source: str = SOURCE, flat: bool = False) -> Module:
    """The generator as the NVIDIA programs pickle it; `flat` = with the arguments of the stylegan3 repository."""
    config = generator.config
    synthesis = {"channel_base": config.channel_base, "channel_max": config.channel_max}
    synthesis |= {"architecture": config.architecture, "conv_clamp": config.conv_clamp}
    if config.activation != "lrelu":
        synthesis["activation"] = config.activation
    arguments: dict[str, Any] = {
        "z_dim": config.z_dim,
        "c_dim": config.c_dim,
        "w_dim": config.w_dim,
        "img_resolution": config.img_resolution,
        "img_channels": config.img_channels,
        "mapping_kwargs": EasyDict(num_layers=config.mapping_layers, activation=config.mapping_activation),
    }
    arguments |= synthesis if flat else {"synthesis_kwargs": EasyDict(synthesis)}
    if config.base_width == 2:
        arguments["square"] = False
    tree: dict[str, Any] = {}
    for name, tensor in generator.published_tensors().items():
        *path, last = name.split(".")
        node = tree
        for part in path:
            node = node.setdefault(part, {})
        buffer = last in ("noise_const", "w_avg")
        node[last] = tensor.clone() if buffer else nn.Parameter(tensor.clone(), requires_grad=False)
    return _module("Generator", tree, source, arguments)


def _module(name: str, tree: dict[str, Any], source: str, arguments: dict[str, Any] | None = None) -> Module:
    leaves = {key: value for key, value in tree.items() if isinstance(value, Tensor)}
    children = {key: value for key, value in tree.items() if isinstance(value, dict)}
    parameters = OrderedDict((key, value) for key, value in leaves.items() if isinstance(value, nn.Parameter))
    buffers = OrderedDict((key, value) for key, value in leaves.items() if not isinstance(value, nn.Parameter))
    state = {
        "training": False,
        "_parameters": parameters,
        "_buffers": buffers | {"not_there": None},
        "_non_persistent_buffers_set": set(),
        "_modules": OrderedDict((key, _module(key, value, source)) for key, value in children.items()),
        "_init_args": (),
        "_init_kwargs": EasyDict(arguments or {}),
        "weight_gain": np.float64(0.5),
    }
    return Module(name, state, source)


def snapshot(generator: StyleGAN2, **options: Any) -> dict[str, Any]:
    """What training writes: other networks before and after G_ema."""
    other = nn.Parameter(torch.full([1000], 7.0), requires_grad=False)
    rest = _module("Discriminator", {"b4": {"weight": other}}, SOURCE)
    return {
        "training_set_kwargs": EasyDict(class_name="dataset", path="somewhere", use_labels=False),
        "G": rest,
        "D": rest,
        "G_ema": module_of(generator, **options),
        "augment_pipe": None,
    }


# rosinality's names, written out once more: the reader's tables are what is tested.
def rosinality_tensors(generator: StyleGAN2) -> dict[str, Tensor]:
    """The generator's state dict under rosinality's names."""
    published = generator.published_tensors()
    found: dict[str, Tensor] = {"input.input": published["synthesis.b4.const"][None]}
    for index in range(generator.config.mapping_layers):
        for part in ("weight", "bias"):
            found[f"style.{index + 1}.{part}"] = published[f"mapping.fc{index}.{part}"]
    conv = noise = colour = 0
    for size in generator.config.block_resolutions:
        for layer in ("conv0", "conv1"):
            own = f"synthesis.b{size}.{layer}"
            if f"{own}.weight" not in published:
                continue
            if size == 4:
                name = "conv1"
            else:
                name, conv = f"convs.{conv}", conv + 1
            found[f"{name}.conv.weight"] = published[f"{own}.weight"][None]
            found[f"{name}.conv.modulation.weight"] = published[f"{own}.affine.weight"]
            found[f"{name}.conv.modulation.bias"] = published[f"{own}.affine.bias"]
            found[f"{name}.noise.weight"] = published[f"{own}.noise_strength"][None]
            found[f"{name}.activate.bias"] = published[f"{own}.bias"]
            if layer == "conv0":
                found[f"{name}.conv.blur.kernel"] = torch.ones(4, 4) / 4
            found[f"noises.noise_{noise}"] = published[f"{own}.noise_const"][None, None]
            noise += 1
        if size == 4:
            name = "to_rgb1"
        else:
            name, colour = f"to_rgbs.{colour}", colour + 1
        own = f"synthesis.b{size}.torgb"
        found[f"{name}.conv.weight"] = published[f"{own}.weight"][None]
        found[f"{name}.conv.modulation.weight"] = published[f"{own}.affine.weight"]
        found[f"{name}.conv.modulation.bias"] = published[f"{own}.affine.bias"]
        found[f"{name}.bias"] = published[f"{own}.bias"][None, :, None, None]
    return found


def rosinality(generator: StyleGAN2, training: bool = False) -> dict[str, Any]:
    """What rosinality's programs save; `training` = with optimisers and arguments."""
    found: dict[str, Any] = {"g_ema": OrderedDict(rosinality_tensors(generator)), "latent_avg": generator.w_avg.clone()}
    if training:
        weights = [nn.Parameter(torch.ones(3))]
        optimizer = torch.optim.Adam(weights)
        found |= {"g_optim": optimizer.state_dict(), "args": argparse.Namespace(size=32, path="x"), "ada_aug_p": 0.1}
    return found


def e4e(generator: StyleGAN2) -> dict[str, Any]:
    """What encoders save: the generator as their decoder, the average once for every layer."""
    tensors = {f"decoder.{name}": tensor for name, tensor in rosinality_tensors(generator).items()}
    tensors["encoder.input_layer.0.weight"] = torch.ones(2, 2)
    average = generator.w_avg.repeat(generator.num_ws, 1)
    return {"state_dict": tensors, "latent_avg": average, "opts": {"stylegan_size": 32}}


def tensorflow(generator: StyleGAN2, version: int = 4, **arguments: Any) -> tuple[Network, Network, Network]:
    """(G, D, Gs) as the TensorFlow programs pickle them."""
    mapping: list[tuple[str, Any]] = []
    synthesis: list[tuple[str, Any]] = []
    for name, tensor in generator.published_tensors().items():
        value = tensor.numpy()
        parts = name.split(".")
        if parts[0] == "mapping" and parts[1] != "w_avg":
            place = "LabelEmbed" if parts[1] == "embed" else parts[1].replace("fc", "Dense")
            if parts[1] == "label_concat":
                mapping.append(("LabelConcat/weight", value))
            else:
                mapping.append((f"{place}/{parts[2]}", value.T if parts[2] == "weight" else value))
        elif parts[0] == "synthesis":
            last = generator.img_resolution if generator.config.architecture == "orig" else 0
            synthesis.append(_tensorflow_array(parts[1:], value, last))
    config = generator.config
    given = {"resolution": generator.img_resolution, "label_size": generator.c_dim}
    given |= {"nonlinearity": config.activation, "mapping_nonlinearity": config.mapping_activation} | arguments
    inner = {
        "synthesis": _network("G_synthesis", version, given, synthesis),
        "mapping": _network("G_mapping", version, given, mapping),
    }
    outer = [("lod", np.float32(0)), ("dlatent_avg", generator.w_avg.numpy())]
    whole = _network("Gs", version, given, outer, inner)
    return _network("G", version, given, []), _network("D", version, {}, []), whole


def _tensorflow_array(parts: list[str], value: np.ndarray, lone_colours: int) -> tuple[str, Any]:
    size = int(parts[0][1:])
    if parts[1] == "const":
        return "4x4/Const/const", value[None]
    layer, last = parts[1], ".".join(parts[2:])
    if last == "noise_const":
        number = 0 if size == 4 else 2 * int(np.log2(size)) - (5 if layer == "conv0" else 4)
        return f"noise{number}", value[None, None]
    kind = {"conv0": "Conv0_up", "conv1": "Conv" if size == 4 else "Conv1", "torgb": "ToRGB", "skip": "Skip"}[layer]
    place = f"{size}x{size}/{kind}"
    if layer == "torgb" and size == lone_colours:
        place = "ToRGB_lod0"
    if last == "weight":
        flipped = value[:, :, ::-1, ::-1] if layer in ("conv0", "skip") else value
        return f"{place}/weight", np.ascontiguousarray(flipped.transpose(2, 3, 1, 0))
    if last == "affine.weight":
        return f"{place}/mod_weight", np.ascontiguousarray(value.T)
    if last == "affine.bias":
        return f"{place}/mod_bias", value - 1
    return f"{place}/{last}", value[()] if value.ndim == 0 else value


def _network(
    name: str, version: int, arguments: dict[str, Any], variables: list[tuple[str, Any]], components: Any = None
) -> Network:
    return Network(
        {
            "version": version,
            "name": name,
            "static_kwargs": dict(arguments),
            "components": components or {},
            "build_module_src": SOURCE,
            "build_func_name": name,
            "variables": variables,
        }
    )


FORMATS: dict[str, Callable[[StyleGAN2], bytes]] = {
    "ada": lambda generator: dump(snapshot(generator)),
    "ada, protocol 2": lambda generator: dump(snapshot(generator), 2),
    "ada, protocol 3": lambda generator: dump(snapshot(generator), 3),
    "ada, protocol 5": lambda generator: dump(snapshot(generator), 5),
    "ada, flat": lambda generator: dump(snapshot(generator, flat=True)),
    "ada, G_ema alone": lambda generator: dump({"G_ema": module_of(generator)}),
    "ada, bare module": lambda generator: dump(module_of(generator)),
    "PTI": lambda generator: torch_dump(module_of(generator)),
    "PTI, before 1.6": lambda generator: torch_dump(module_of(generator), zipped=False),
    "rosinality": lambda generator: torch_dump(rosinality(generator)),
    "rosinality, before 1.6": lambda generator: torch_dump(rosinality(generator), zipped=False),
    "rosinality, training": lambda generator: torch_dump(rosinality(generator, training=True)),
    "rosinality, state dict": lambda generator: torch_dump(rosinality_tensors(generator)),
    "e4e": lambda generator: torch_dump(e4e(generator)),
    "TensorFlow": lambda generator: dump(tensorflow(generator)),
    "TensorFlow, protocol 2": lambda generator: dump(tensorflow(generator), 2),
    "TensorFlow, protocol 5": lambda generator: dump(tensorflow(generator, version=5), 5),
}
"""Every format, as bytes of a file."""


def write(path: Path, generator: StyleGAN2, format_name: str = "ada") -> Path:
    """The generator as a file of that format."""
    path.write_bytes(FORMATS[format_name](generator))
    return path
