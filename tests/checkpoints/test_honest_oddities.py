"""What honest files hold beside the ordinary: the caution against hostile ones must not refuse it."""

from __future__ import annotations

import argparse
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from draglab.checkpoints import open_model
from draglab.generators import StyleGAN2
from tests.checkpoints import writers
from tests.checkpoints.test_loader import perturbed, same


@pytest.fixture(scope="module")
def generator() -> StyleGAN2:
    return perturbed()


def reopen(data: bytes, folder: Path) -> StyleGAN2:
    path = folder / "model.bin"
    path.write_bytes(data)
    opened = open_model(path)
    assert isinstance(opened, StyleGAN2)
    return opened


def tensors_changed(generator: StyleGAN2, change: Callable[[dict[str, Tensor]], dict[str, Tensor]]) -> dict[str, Any]:
    return {"g_ema": change(writers.rosinality_tensors(generator)), "latent_avg": generator.w_avg.clone()}


def one_buffer(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """All tensors as views of one storage."""
    flat = torch.cat([tensor.reshape(-1) for tensor in tensors.values()])
    parts = flat.split([tensor.numel() for tensor in tensors.values()])
    return {name: part.view(old.shape) for (name, old), part in zip(tensors.items(), parts, strict=True)}


def channels_last(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    kept = {name: x.contiguous(memory_format=torch.channels_last) if x.ndim == 4 else x for name, x in tensors.items()}
    assert any(not tensor.is_contiguous() for tensor in kept.values())
    return kept


def every_other(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Views with gaps."""
    return {name: x.repeat_interleave(2, -1)[..., ::2] if x.ndim else x for name, x in tensors.items()}


def transposed(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: x.t().contiguous().t() if x.ndim == 2 else x for name, x in tensors.items()}


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("change", [one_buffer, channels_last, transposed])
def test_views(change: Any, zipped: bool, generator: StyleGAN2, tmp_path: Path) -> None:
    same(generator, reopen(writers.torch_dump(tensors_changed(generator, change), zipped), tmp_path))


def test_views_with_gaps(generator: StyleGAN2, tmp_path: Path) -> None:
    same(generator, reopen(writers.torch_dump(tensors_changed(generator, every_other)), tmp_path))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_other_precisions(dtype: torch.dtype, generator: StyleGAN2, tmp_path: Path) -> None:
    rounded = perturbed()
    with torch.no_grad():
        for name, tensor in rounded.published_tensors().items():
            if name != "mapping.w_avg":  # stays as it is in the file
                tensor.copy_(tensor.to(dtype))
    changed = tensors_changed(generator, lambda tensors: {name: x.to(dtype) for name, x in tensors.items()})
    same(rounded, reopen(writers.torch_dump(changed), tmp_path))


def test_files_written_on_a_gpu(generator: StyleGAN2, tmp_path: Path) -> None:
    data = writers.torch_dump(writers.rosinality(generator), zipped=False)
    assert data.count(b"ctorch\nFloatStorage\n") > 0
    data = data.replace(b"ctorch\nFloatStorage\n", b"ctorch.cuda\nFloatStorage\n")
    same(generator, reopen(data.replace(b"X\x03\x00\x00\x00cpu", b"X\x06\x00\x00\x00cuda:0"), tmp_path))


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_everything_that_may_lie_beside_the_weights(protocol: int, generator: StyleGAN2, tmp_path: Path) -> None:
    weights = nn.Parameter(torch.ones(3))
    optimizer = torch.optim.Adam([weights])
    weights.sum().backward()
    optimizer.step()
    beside = {
        "optimizer": optimizer.state_dict(),
        "args": argparse.Namespace(size=256, path=None, rates=(0.1, 0.2)),
        "names": {"a", "b"},
        "steps": np.int64(3),
        "losses": np.arange(6.0).reshape(2, 3).T,
        "counts": {1: "one", (2, 3): "two", None: 3, False: 4, 0.5: 5},
        "long": "text" * 5000,
        "bytes": b"\xff" * 100_000,
        "shape": torch.Size([1, 2]),
        "device": torch.device("cpu"),
        "integers": torch.arange(5),
        "layers": nn.Linear(2, 2).state_dict(),
    }
    if protocol > 2:
        beside["empty"] = np.zeros((0, 3))
    if protocol > 4:
        beside["buffer"] = bytearray(b"123")
    same(generator, reopen(writers.dump(writers.snapshot(generator) | beside, protocol), tmp_path))


def module_with(generator: StyleGAN2, **arguments: Any) -> writers.Module:
    module = writers.module_of(generator)
    module.meta["state"]["_init_kwargs"].update(arguments)
    return module


@pytest.mark.parametrize("numpy_1", [False, True])
def test_numpy_numbers_as_arguments(numpy_1: bool, generator: StyleGAN2, tmp_path: Path) -> None:
    config = generator.config
    synthesis = {
        "channel_base": np.uint16(config.channel_base),
        "channel_max": np.int32(config.channel_max),
        "conv_clamp": np.float16(0.5),
        "use_noise": np.bool_(True),
        "resample_filter": np.array([1, 3, 3, 1], np.float32),
    }
    module = module_with(generator, z_dim=np.int64(config.z_dim), c_dim=np.uint8(0), synthesis_kwargs=synthesis)
    del module.meta["state"]["_modules"]["synthesis"].meta["state"]["_init_kwargs"]
    data = writers.dump({"G_ema": module}, 3)
    if numpy_1:
        assert data.count(b"cnumpy._core") > 0
        data = data.replace(b"cnumpy._core", b"cnumpy.core")
    opened = reopen(data, tmp_path)
    assert opened.config.conv_clamp == 0.5
    assert opened.config.resample_filter == (1, 3, 3, 1)
    assert all(type(value) is int for value in (opened.config.z_dim, opened.config.channel_base))
    assert opened.config.use_noise is True


def test_arguments_by_position(generator: StyleGAN2, tmp_path: Path) -> None:
    module = writers.module_of(generator)
    state = module.meta["state"]
    names = ("z_dim", "c_dim", "w_dim", "img_resolution")
    state["_init_args"] = tuple(state["_init_kwargs"].pop(name) for name in names)
    same(generator, reopen(writers.dump(module), tmp_path))


def test_parameters_with_attributes(generator: StyleGAN2, tmp_path: Path) -> None:
    """Torch pickles these by another function."""
    module = writers.module_of(generator)
    mapping = module.meta["state"]["_modules"]["mapping"].meta["state"]["_modules"]["fc0"].meta["state"]
    mapping["_parameters"]["weight"].note = "kept"
    data = writers.dump(module)
    assert b"_rebuild_parameter_with_state" in data
    same(generator, reopen(data, tmp_path))


def test_buffers_that_are_not_kept(generator: StyleGAN2, tmp_path: Path) -> None:
    module = writers.module_of(generator)
    state = module.meta["state"]
    state["_buffers"]["cache"] = torch.ones(7)
    state["_non_persistent_buffers_set"] = {"cache"}
    for protocol in (2, 4):
        same(generator, reopen(writers.dump(module, protocol), tmp_path))


def test_dicts_with_attributes(generator: StyleGAN2, tmp_path: Path) -> None:
    """The state dicts of modules carry one."""
    state = OrderedDict(writers.rosinality_tensors(generator))
    state._metadata = OrderedDict({"": {"version": 1}})  # pyright: ignore[reportAttributeAccessIssue]
    for zipped in (True, False):
        data = writers.torch_dump({"g_ema": state, "latent_avg": generator.w_avg.clone()}, zipped)
        assert b"_metadata" in data
        same(generator, reopen(data, tmp_path))
