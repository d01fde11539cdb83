"""Model files: what is written is read back, and nothing but DraglabError comes of damaged ones."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import safetensors.torch
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import draglab
from draglab.checkpoints import list_models, read_generator, read_header, save_generator
from draglab.errors import DraglabError
from draglab.generators import StyleGAN2
from tests.generators.configs import CONFIGS, make_generator, random_w_plus
from tests.generators.stylegan3_configs import make_stylegan3


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("models") / "small.safetensors"
    save_generator(make_generator("skip", torch.float32), path, card={"licence": "none"})
    return path


def write(path: Path, metadata: dict[str, str], generator: StyleGAN2 | None = None) -> Path:
    """A file with the tensors of a small generator and any metadata."""
    generator = generator or make_generator("skip", torch.float32)
    tensors = {name: tensor.contiguous() for name, tensor in generator.published_tensors().items()}
    safetensors.torch.save_file(tensors, path, metadata)
    return path


@pytest.mark.parametrize("name", CONFIGS)
def test_round_trip(name: str, tmp_path: Path) -> None:
    generator = make_generator(name, torch.float32)
    path = tmp_path / "model.safetensors"
    save_generator(generator, path)
    again = read_generator(path)
    assert (again.config, again.name, len(again.sha256)) == (generator.config, "model", 64)
    w_plus = random_w_plus(generator)
    assert torch.equal(again.image(w_plus), generator.image(w_plus))
    assert not any(parameter.requires_grad for parameter in again.parameters())
    assert list(tmp_path.iterdir()) == [path]


def test_half_precision_halves_the_file_and_runs_in_float32(saved: Path, tmp_path: Path) -> None:
    path = tmp_path / "half.safetensors"
    save_generator(read_generator(saved), path, torch.float16)
    again = read_generator(path)
    assert again.dtype == torch.float32
    assert path.stat().st_size < 0.7 * saved.stat().st_size
    w_plus = random_w_plus(again)
    whole = read_generator(saved).image(w_plus)
    assert 0 < (again.image(w_plus) - whole).norm() < 1e-2 * whole.norm()


def test_header_without_tensors(saved: Path) -> None:
    header = read_header(saved)
    generator = read_generator(saved)
    assert header.config == generator.config
    assert header.parameters == sum(parameter.numel() for parameter in generator.parameters())
    assert header.card == {"licence": "none"}
    assert header.dtype == "F32"


def test_loading_by_path_and_the_same_hash_for_the_same_file(saved: Path) -> None:
    one, two = draglab.load_generator(saved), draglab.load_generator(str(saved), device="cpu")
    assert one.sha256 == two.sha256
    with pytest.raises(DraglabError, match="device 'tpu' cannot be used"):
        draglab.load_generator(saved, device="tpu")


@pytest.mark.parametrize("name", ["no-such-model", "../heads", "missing.safetensors", ""])
def test_unknown_models(name: str) -> None:
    with pytest.raises(DraglabError, match="there is no model|give the path"):
        draglab.load_generator(name)


def test_files_that_are_something_else(tmp_path: Path) -> None:
    config = json.dumps(CONFIGS["skip"].to_json())
    cases = {
        "not a safetensors file": b"PK\x03\x04 something",
        "not a safetensors": b"",
    }
    for message, content in cases.items():
        path = tmp_path / "other.safetensors"
        path.write_bytes(content)
        with pytest.raises(DraglabError, match=message):
            read_header(path)
    with pytest.raises(DraglabError, match="not a model of draglab"):
        read_header(write(tmp_path / "a.safetensors", {"format": "pt"}))
    newer = {"format": "draglab-model", "version": "2", "config": config}
    with pytest.raises(DraglabError, match="newer draglab"):
        read_header(write(tmp_path / "b.safetensors", newer))
    with pytest.raises(DraglabError, match="damaged"):
        read_header(write(tmp_path / "c.safetensors", {"format": "draglab-model", "version": "1"}))
    with pytest.raises(DraglabError, match="there is no model file"):
        read_header(tmp_path / "absent.safetensors")
    with pytest.raises(DraglabError, match="cannot read"):
        read_header(tmp_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"channel_base": 2**40, "channel_max": 2**30}, "limits"),
        ({"img_resolution": 2**60}, "limits"),
        ({"mapping_layers": 10**9}, "limits"),
        ({"w_dim": 2**40}, "limits"),
        ({"channel_base": 2**21, "channel_max": 2**16}, "do not fit"),
        ({"img_resolution": "big"}, "configuration is not usable"),
    ],
)
def test_boastful_configurations_allocate_nothing(change: dict[str, object], message: str, tmp_path: Path) -> None:
    config = json.dumps(CONFIGS["skip"].to_json() | change)
    path = write(tmp_path / "m.safetensors", {"format": "draglab-model", "version": "1", "config": config})
    with pytest.raises(DraglabError, match=message):
        read_generator(path)


@pytest.mark.parametrize("shape", ['[1000000000, "aaaa"]', "[1000000000, [1, 2, 3, 4]]", "7", '["4x"]'])
def test_shapes_are_numbers(shape: str, tmp_path: Path) -> None:
    """Multiplied with a number, text and lists would become gigabytes of themselves."""
    config = json.dumps(json.dumps(CONFIGS["skip"].to_json()))
    metadata = f'{{"format": "draglab-model", "version": "1", "config": {config}}}'
    tensor = f'{{"dtype": "F32", "shape": {shape}, "data_offsets": [0, 4]}}'
    header = f'{{"__metadata__": {metadata}, "x": {tensor}}}'.encode()
    path = tmp_path / "m.safetensors"
    path.write_bytes(len(header).to_bytes(8, "little") + header + bytes(4))
    with pytest.raises(DraglabError, match="damaged"):
        read_header(path)


@given(st.data())
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_damaged_files_give_a_clear_error(saved: Path, tmp_path: Path, data: st.DataObject) -> None:
    content = bytearray(saved.read_bytes())
    header = 8 + int.from_bytes(content[:8], "little")
    if data.draw(st.booleans()):
        del content[data.draw(st.integers(0, len(content) - 1)) :]
    else:
        for _ in range(data.draw(st.integers(1, 4))):
            content[data.draw(st.integers(0, header - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path / "damaged.safetensors"
    path.write_bytes(content)
    try:
        read_generator(path)
    except DraglabError as error:
        assert "\n" not in str(error)


def test_unwritable_places(saved: Path, tmp_path: Path) -> None:
    with pytest.raises(DraglabError, match=r"cannot write .*no such directory"):
        save_generator(read_generator(saved), tmp_path / "no" / "such" / "folder.safetensors")
    with pytest.raises(DraglabError, match="not a regular file"):
        save_generator(read_generator(saved), "/dev/null")


def test_bundled_models_say_what_they_are() -> None:
    entries = list_models()
    assert {"heads", "hands"} <= {entry.name for entry in entries}
    for entry in entries:
        assert entry.size < 15_000_000
        assert entry.header.card["licence"]
        assert entry.path.with_suffix(".md").exists()


def test_halves_keep_what_shows_in_the_picture(tmp_path: Path) -> None:
    generator = make_stylegan3("r", torch.float32)
    path = tmp_path / "half.safetensors"
    save_generator(generator, path, torch.float16)
    stored, own = read_generator(path).published_tensors(), generator.published_tensors()
    exact = [name for name in own if torch.equal(stored[name], own[name])]
    assert any(name.endswith("up_filter") for name in exact)
    assert {name for name in own if "freqs" in name or "phases" in name} <= set(exact)
    assert "synthesis.input.weight" not in exact
    assert read_header(path).dtype == "F16"
    assert read_header(path).parameters == sum(parameter.numel() for parameter in generator.parameters())
