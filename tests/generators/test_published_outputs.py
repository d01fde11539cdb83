"""Agreement with what the published programs computed (reference outputs beside the repository, or DRAGLAB_GOLDEN)."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
import torch

from draglab.checkpoints import config_from_published
from draglab.errors import DraglabError
from draglab.generators import StyleGAN2

FOLDER = Path(os.environ.get("DRAGLAB_GOLDEN", Path(__file__).resolve().parents[3] / "shared" / "golden"))
NAMES = [
    "human/stylegan_human_v2_style_64x32",
    "sg2ada/sg2ada_32_clamp",
    "sg2ada/sg2ada_32_cond10",
    "sg2ada/sg2ada_32_resnet",
    "sg2ada/sg2ada_64",
    "sg3repo/sg3repo_stylegan2_64",
]
pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason=f"no reference outputs in {FOLDER}: set DRAGLAB_GOLDEN")


def load(name: str) -> tuple[StyleGAN2, dict[str, np.ndarray]]:
    """The generator of a pair of files, and its expected outputs."""
    with np.load(FOLDER / f"{name}.weights.npz") as weights:
        config = config_from_published(json.loads(str(weights["__config__"])))
        tensors = {key: torch.from_numpy(weights[key]) for key in weights.files if key != "__config__"}
    generator = StyleGAN2(config, name)
    generator.load_published(tensors)
    with np.load(FOLDER / f"{name}.npz") as outputs:
        return generator, dict(outputs)


def check(found: torch.Tensor, expected: np.ndarray) -> None:
    """The tolerance that the reference outputs come with."""
    assert tuple(found.shape) == expected.shape
    assert np.abs(found.numpy() - expected).max() <= 5e-6 * np.abs(expected).max() + 1e-6


@pytest.mark.parametrize("name", NAMES)
def test_published_outputs(name: str) -> None:
    generator, expected = load(name)
    z = torch.from_numpy(expected["z"]).float()
    c = torch.from_numpy(expected["c"]).float() if generator.c_dim else None
    w = generator.mapping(z, c)
    check(w, expected["w"])
    truncated = generator.mapping(z, c, truncation_psi=0.7)
    check(truncated, expected["w_psi0.7"])
    check(generator.mapping(z, c, truncation_psi=0.5, truncation_cutoff=3), expected["w_psi0.5_cutoff3"])
    for resolution in generator.feature_resolutions:
        check(generator.features(w, resolution), expected[f"feat_b{resolution}"])
    check(generator.image(w), expected["img"])
    check(generator.image(truncated), expected["img_psi0.7"])
    check(generator.image(w, noise_mode="none"), expected["img_nonoise"])
    check(generator.image(torch.from_numpy(expected["wplus"])), expected["img_wplus"])
    seeds = [int(seed) for seed in expected["seeds"]]
    classes = [None if c is None else c[i : i + 1] for i in range(len(seeds))]
    drawn = [generator.w_plus_from_seed(seed, c=label) for seed, label in zip(seeds, classes, strict=True)]
    check(torch.cat(drawn), expected["w"])


def test_unknown_arguments_are_refused() -> None:
    base = {"z_dim": 8, "c_dim": 0, "w_dim": 8, "img_resolution": 32, "img_channels": 3}
    with pytest.raises(DraglabError, match="does not know: fancy"):
        config_from_published(base | {"synthesis_kwargs": {"fancy": 1}})
    with pytest.raises(DraglabError, match="unknown activation 'cube'"):
        config_from_published(base | {"mapping_kwargs": {"activation": "cube"}})


def test_omitted_clamp_means_different_things_in_the_two_families() -> None:
    base = {"z_dim": 8, "c_dim": 0, "w_dim": 8, "img_resolution": 32, "img_channels": 3}
    assert config_from_published(base | {"synthesis_kwargs": {}}).conv_clamp is None
    assert config_from_published(base | {"channel_base": 512}).conv_clamp == 256
