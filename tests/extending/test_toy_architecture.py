"""The example of docs/extending.md: an architecture in a folder of its own, which draglab knows nothing about."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

import draglab
from draglab.checkpoints import inspect_file, open_model, save_generator
from draglab.errors import DraglabError
from draglab.generators import Architecture, Generator, StyleGAN2, build_generator, config_from_json, register
from tests.extending.toy_architecture import Spots, SpotsConfig


@pytest.fixture
def generator() -> Generator:
    with torch.random.fork_rng():
        torch.manual_seed(1)
        return build_generator(SpotsConfig(32, z_dim=6, w_dim=6), "toy")


def test_it_is_built_frozen(generator: Generator) -> None:
    assert isinstance(generator, Spots)
    assert not generator.training
    assert not any(parameter.requires_grad for parameter in generator.parameters())
    assert generator.image(generator.w_plus_from_seed(1)).shape == (1, 3, 32, 32)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
def test_saved_and_opened_it_is_the_same(generator: Generator, tmp_path: Path, dtype: torch.dtype) -> None:
    path = tmp_path / "toy.safetensors"
    save_generator(generator.to(dtype).float(), path, dtype, card={"licence": "CC0"})
    found = inspect_file(path)
    assert (found.architecture, found.config) == ("spots", generator.config)
    assert found.parameters == sum(parameter.numel() for parameter in generator.parameters())
    opened = open_model(path)
    assert isinstance(opened, Spots)
    assert opened.sha256 == generator.sha256
    w_plus = generator.w_plus_from_seed(2)
    assert torch.equal(opened.image(w_plus), generator.image(w_plus))
    assert isinstance(draglab.load_generator(path, device="cpu"), Spots)


def test_it_is_dragged(generator: Generator) -> None:
    """Until a spot is where it was asked to go; several at once, and with a mask, too."""
    w_plus = generator.w_plus_from_seed(3)
    start = generator.features(w_plus, 32)[0].abs().sum(0)
    y, x = (int(index) for index in np.unravel_index(int(start[4:-4, 4:-4].argmax()), (24, 24)))
    edit = draglab.DragEdit([[x + 4, y + 4]], [[x + 7, y + 4]])
    settings = draglab.DragSettings(feature_resolution=32, max_steps=150)
    steps = list(draglab.drag_steps(generator, w_plus, edit, settings))
    assert steps[-1].arrived
    assert steps[-1].image().shape == (32, 32, 3)
    mask = np.ones((32, 32), bool)
    mask[:, :2] = False
    masked = draglab.DragEdit(edit.handles, edit.targets, mask)
    few = draglab.DragSettings(feature_resolution=32, max_steps=2, precision="bfloat16", mask_term="sampled")
    assert len(list(draglab.drag_steps(generator, w_plus, masked, few))) == 2
    both = draglab.drag_many(generator, w_plus.repeat(2, 1, 1), [edit, edit], settings)
    assert all(torch.allclose(result.w_plus, steps[-1].w_plus, atol=1e-4) for result in both)


def test_mistakes_are_said(generator: Generator) -> None:
    with pytest.raises(DraglabError, match="1 to 64 spots"):
        config_from_json({"kind": "spots", "img_resolution": 32, "spots": 0})
    with pytest.raises(DraglabError, match="spots is 'many'"):
        config_from_json({"kind": "spots", "img_resolution": 32, "spots": "many"})
    with pytest.raises(DraglabError, match="features of 32 pixels only"):
        list(draglab.drag_steps(generator, generator.w_plus_from_seed(1), draglab.DragEdit([[1, 1]], [[9, 9]])))
    with pytest.raises(ValueError, match="'spots' is taken by SpotsConfig"):
        register(Architecture(SpotsConfig, StyleGAN2))
