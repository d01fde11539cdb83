"""MobileStyleGAN opens from OpenVINO's IR: in a folder, below it, in a wheel, converted; nothing of it is run."""

from __future__ import annotations

import os
import re
import zipfile
from collections import Counter
from pathlib import Path

import pytest
import torch

import draglab
from draglab.checkpoints import find_model, inspect_file, open_model, save_generator
from draglab.errors import DraglabError
from draglab.generators import Generator, MobileStyleGAN, MobileStyleGANConfig
from tests.checkpoints.ir_writer import ir_files, synthesis_ir, wheel, write_folder
from tests.generators.mobile_configs import CONFIGS, make_mobile
from tests.reference.openvino_ir import evaluate

WHEEL = os.environ.get("DRAGLAB_MOBILE_WHEEL")


def small(name: str = "narrowing") -> MobileStyleGAN:
    return make_mobile(name, torch.float32)


def same(one: Generator, other: Generator) -> None:
    """Equal weights; the average is not in the file."""
    first, second = one.published_tensors(), other.published_tensors()
    assert first.keys() == second.keys()
    assert all(torch.equal(tensor, second[name]) for name, tensor in first.items() if name != "mapping.w_avg")


@pytest.mark.parametrize("name", CONFIGS)
def test_a_folder_and_a_wheel_open_as_what_was_written(name: str, tmp_path: Path) -> None:
    generator = small(name)
    files = ir_files(generator)
    (tmp_path / "small.whl").write_bytes(wheel(files))
    write_folder(tmp_path / "flat", files)
    write_folder(tmp_path / "unpacked" / "random_face" / "data", files)
    for path in (tmp_path / "flat", tmp_path / "unpacked", tmp_path / "small.whl"):
        opened = open_model(path)
        assert (opened.name, opened.config) == (path.stem, generator.config)
        same(generator, opened)
    z = torch.randn(20_000, generator.z_dim, generator=torch.Generator().manual_seed(3))
    mean = opened.mapping_network(z).mean(0)
    assert (opened.w_avg - mean).norm() < 0.05 * opened.w_std() * opened.w_dim**0.5


@pytest.mark.parametrize("name", CONFIGS)
def test_the_graph_and_the_model_compute_the_same(name: str, tmp_path: Path) -> None:
    """The order of channels and the meaning of every constant, against an evaluation of the graph itself."""
    files = ir_files(small(name))
    generator = open_model(write_folder(tmp_path, files)).double()
    z = torch.randn(1, generator.z_dim, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    w = evaluate(files["MappingNetwork.xml"], files["MappingNetwork.bin"], z)
    torch.testing.assert_close(generator.mapping_network(z), w, rtol=1e-5, atol=1e-6)
    image = evaluate(files["SynthesisNetwork.xml"], files["SynthesisNetwork.bin"], w)
    expected = generator.image(w[:, None].expand(1, generator.num_ws, -1))
    torch.testing.assert_close(image, expected, rtol=1e-4, atol=1e-5)


def test_the_writer_writes_the_layers_of_the_published_graph() -> None:
    """Their numbers, but for the constants, and for computed shapes that the exporter shared or not."""
    xml, _ = synthesis_ir(MobileStyleGAN(MobileStyleGANConfig(channels=(4,) * 8, w_dim=2, z_dim=2, mapping_layers=1)))
    written = Counter(re.findall(r' type="(\w+)"', xml.decode()))
    bookkeeping = {"Const", "ShapeOf", "Gather", "Unsqueeze", "Concat", "Broadcast"}
    assert {kind: count for kind, count in written.items() if kind not in bookkeeping} == {
        "Add": 78,
        "GroupConvolutionBackpropData": 48,
        "Multiply": 39,
        "Reshape": 31,
        "Squeeze": 24,
        "MatMul": 23,
        "Convolution": 16,
        "VariadicSplit": 16,
        "PReLU": 15,
        "GroupConvolution": 14,
        "Parameter": 1,
        "Tile": 1,
        "Result": 1,
    }


def test_names_do_not_matter(tmp_path: Path) -> None:
    generator = small()
    files = ir_files(generator)
    for name in ("MappingNetwork.xml", "SynthesisNetwork.xml"):
        files[name] = re.sub(rb' name="[^"]*"', b' name="x"', files[name])
    same(generator, open_model(write_folder(tmp_path, files)))


def test_inspecting_loads_no_tensor(tmp_path: Path) -> None:
    generator = small()
    files = ir_files(generator)
    found = inspect_file(write_folder(tmp_path, files))
    assert (found.format, found.architecture) == ("OpenVINO IR in a folder", "MobileStyleGAN")
    assert found.bytes == sum(map(len, files.values()))
    assert found.parameters == sum(parameter.numel() for parameter in generator.parameters())
    tensors = generator.published_tensors()
    assert found.sizes == (len(tensors) - 1, 4 * sum(tensor.numel() for tensor in tensors.values()) - 4 * 10)
    assert "10,000 fixed samples" in found.warnings[0]


def test_a_converted_model_is_the_same_model(tmp_path: Path) -> None:
    (tmp_path / "small.whl").write_bytes(wheel(ir_files(small())))
    opened = open_model(tmp_path / "small.whl")
    save_generator(opened, tmp_path / "small.safetensors")
    assert open_model(tmp_path / "small.safetensors").sha256 == opened.sha256


def test_loading_by_path_and_other_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DRAGLAB_MODELS", str(tmp_path / "models"))
    monkeypatch.chdir(tmp_path)
    path = write_folder(tmp_path / "mobile", ir_files(small()))
    assert draglab.load_generator("mobile", "cpu").name == "mobile"
    assert find_model(path) == (path, "mobile")
    # A folder without the files is not a model, whatever its name.
    (tmp_path / "ffhq-512").mkdir()
    with pytest.raises(DraglabError, match="'ffhq-512' is not downloaded"):
        find_model("ffhq-512")
    with pytest.raises(DraglabError, match="is a folder, not a file: give a model file"):
        inspect_file(tmp_path / "ffhq-512")


def test_other_zip_files_are_read_as_before(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.whl", "w") as archive:
        archive.writestr("random_face/__init__.py", "")
    with pytest.raises(DraglabError, match="not one that PyTorch wrote"):
        open_model(tmp_path / "a.whl")


@pytest.mark.skipif(
    WHEEL is None, reason="no published wheel: set DRAGLAB_MOBILE_WHEEL to random_face-2021.7.21.1-*.whl"
)
def test_the_published_wheel() -> None:
    found = inspect_file(str(WHEEL))
    assert found.config == MobileStyleGANConfig()
    assert (found.parameters, found.sizes) == (9_407_628, (124, 40_426_608))
    generator = open_model(str(WHEEL))
    assert generator.sha256 == "28219d85fb28b4930bd17e6893c9138cd42940d4bbdd09ecaba8dea90f2526cd"
    assert abs(generator.w_std() - 0.46) < 0.03
