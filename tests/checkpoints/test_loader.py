"""Every format opens as the generator that was written, and nothing else of the file is loaded."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from draglab.checkpoints import inspect_file, open_model
from draglab.errors import DraglabError
from draglab.generators import Generator, StyleGAN2, StyleGAN2Config
from tests.checkpoints import writers
from tests.tiny import tiny_generator


def perturbed(**changes: object) -> StyleGAN2:
    """A tiny generator without zeros, behind which mistakes could hide."""
    generator = tiny_generator(**changes)
    state = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for name, tensor in generator.published_tensors().items():
            if name.endswith(("bias", "noise_strength", "w_avg")):
                tensor += 0.3 * torch.randn(tensor.shape, generator=state)
    return generator


def same(one: Generator, other: Generator, but: str = "") -> None:
    """Equal tensors, but for one name, and equal images."""
    first, second = one.published_tensors(), other.published_tensors()
    assert first.keys() == second.keys()
    for name, tensor in first.items():
        if name == but:
            continue
        # mod_bias is stored less one.
        assert torch.allclose(tensor, second[name], atol=1e-6 if "affine.bias" in name else 0), name
    w_plus = one.w_plus_from_seed(1, c=torch.eye(one.c_dim)[:1] if one.c_dim else None)
    assert torch.allclose(one.image(w_plus), other.image(w_plus), atol=1e-5)


@pytest.mark.parametrize("format_name", writers.FORMATS)
def test_every_format_opens(format_name: str, tmp_path: Path) -> None:
    generator = perturbed()
    opened = open_model(writers.write(tmp_path / "model.bin", generator, format_name))
    assert opened.name == "model"
    same(generator, opened, but="mapping.w_avg" if "state dict" in format_name else "")


@pytest.mark.parametrize(
    ("format_name", "changes"),
    [
        ("ada", {"architecture": "resnet"}),
        ("ada", {"architecture": "orig"}),
        ("ada", {"c_dim": 3}),
        ("ada", {"base_width": 2}),
        ("ada", {"conv_clamp": 0.5}),
        ("ada, flat", {"conv_clamp": None}),
        ("PTI", {"mapping_layers": 2}),
        ("rosinality", {"base_width": 2, "mapping_layers": 3}),
        ("rosinality", {"channels": (16, 8, 12, 4)}),
        ("TensorFlow", {"architecture": "orig"}),
        ("TensorFlow", {"architecture": "resnet"}),
        ("TensorFlow", {"c_dim": 3}),
        ("TensorFlow", {"c_dim": 3, "label_concat": True}),
        ("ada", {"activation": "relu", "mapping_activation": "elu"}),
        ("ada, flat", {"activation": "swish", "conv_clamp": 0.5}),
        ("TensorFlow", {"activation": "tanh", "mapping_activation": "relu"}),
    ],
)
def test_options(format_name: str, changes: dict[str, object], tmp_path: Path) -> None:
    generator = perturbed(**changes)
    opened = open_model(writers.write(tmp_path / "model.bin", generator, format_name))
    assert isinstance(opened.config, StyleGAN2Config)
    assert opened.config.conv_clamp == generator.config.conv_clamp
    assert opened.config.activation == generator.config.activation
    assert opened.config.mapping_activation == generator.config.mapping_activation
    same(generator, opened)


def test_only_the_averaged_generator_is_described(tmp_path: Path) -> None:
    path = writers.write(tmp_path / "model.pkl", tiny_generator())
    found = inspect_file(path)
    assert found.format == "pickle: training_set_kwargs, G, D, G_ema, augment_pipe"
    assert found.sizes[1] < path.stat().st_size - 4 * 1000
    parameters = sum(parameter.numel() for parameter in tiny_generator().parameters())
    assert found.parameters == parameters


def test_missing_average_and_noise_are_made_the_same_each_time(tmp_path: Path) -> None:
    generator = perturbed()
    tensors = {k: v for k, v in writers.rosinality_tensors(generator).items() if not k.startswith("noises")}
    path = tmp_path / "old.pt"
    path.write_bytes(writers.torch_dump({"g_ema": tensors}))
    one, two = open_model(path), open_model(path)
    expected = one.mapping_network(torch.randn(20_000, one.z_dim, generator=torch.Generator().manual_seed(3))).mean(0)
    assert (one.w_avg - expected).norm() < 0.05 * one.w_std() * one.w_dim**0.5
    assert all(torch.equal(a, b) for a, b in zip(one.state_dict().values(), two.state_dict().values(), strict=True))
    assert "computed" in " ".join(inspect_file(path).warnings)


def test_saved_again_it_is_the_same(tmp_path: Path) -> None:
    from draglab.checkpoints import save_generator

    generator = perturbed(channels=(16, 8, 12, 4))
    save_generator(open_model(writers.write(tmp_path / "a.pt", generator, "rosinality")), tmp_path / "a.safetensors")
    same(generator, open_model(tmp_path / "a.safetensors"))


def test_unknown_source_is_a_warning(tmp_path: Path) -> None:
    found = inspect_file(writers.write(tmp_path / "model.pkl", tiny_generator()))
    assert len(found.facts["fingerprint"]) == 12
    assert any(found.facts["fingerprint"] in warning for warning in found.warnings)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (lambda: writers.torch_dump({"GAN": {"S.net.0.weight": torch.ones(1)}}), "lucidrains"),
        (lambda: writers.torch_dump({"g_ema": {"to_rgbs.0.iwt.ll": torch.ones(1)}}), "SWAGAN"),
        (lambda: writers.torch_dump({"generator.progression.0.conv.weight": torch.ones(1)}), "StyleGAN1"),
        (lambda: writers.torch_dump({"state_dict": {"layer": torch.ones(1)}}), "no generator"),
        (lambda: writers.dump([1, 2, 3]), "list"),
        (lambda: b"<!DOCTYPE html><html>", "web page"),
        (lambda: b"\x89PNG\r\n\x1a\n1234567890", "no checkpoint that draglab knows"),
        (lambda: b"", "empty"),
    ],
)
def test_refusals_say_what_it_is(content, message: str, tmp_path: Path) -> None:
    path = tmp_path / "model.pkl"
    path.write_bytes(content())
    with pytest.raises(DraglabError, match=message) as caught:
        open_model(path)
    assert str(path) in str(caught.value)


def test_stylegan_xl_is_named(tmp_path: Path) -> None:
    tree = {"mapping": {"embed_proj": {"weight": torch.ones(2, 2)}}, "synthesis": {"input": {"freqs": torch.ones(2)}}}
    path = tmp_path / "xl.pkl"
    path.write_bytes(writers.dump({"G_ema": writers._module("Generator", tree, writers.SOURCE)}))
    with pytest.raises(DraglabError, match="StyleGAN-XL"):
        open_model(path)
