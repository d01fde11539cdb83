"""Agreement with what the published StyleGAN3 program computed (see test_published_outputs.py)."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from draglab.checkpoints.materialize import read_tensors
from draglab.checkpoints.sandbox import read_description
from draglab.generators.stylegan3 import StyleGAN3, config_from_published
from tests.generators.test_published_outputs import FOLDER, check

pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason=f"no reference outputs in {FOLDER}: set DRAGLAB_GOLDEN")


@pytest.mark.parametrize("name", ["sg3repo/stylegan3-t_64", "sg3repo/stylegan3-r_64"])
def test_published_outputs(name: str) -> None:
    description = read_description(FOLDER / f"{name}.pkl")
    tensors = read_tensors(FOLDER / f"{name}.pkl", description)
    generator = StyleGAN3(config_from_published(description.arguments), name)
    for key, computed in generator.published_tensors().items():
        if key.endswith("_filter"):
            torch.testing.assert_close(computed, tensors[key], rtol=0, atol=1e-7, msg=key)
    generator.load_published(tensors)
    with np.load(FOLDER / f"{name}.npz") as outputs:
        expected = dict(outputs)

    z = torch.from_numpy(expected["z"])
    w = generator.mapping(z)
    check(w, expected["w"])
    truncated = generator.mapping(z, truncation_psi=0.7)
    check(truncated, expected["w_psi0.7"])
    check(generator.mapping(z, truncation_psi=0.5, truncation_cutoff=3), expected["w_psi0.5_cutoff3"])
    check(torch.cat([generator.w_plus_from_seed(int(seed)) for seed in expected["seeds"]]), expected["w"])
    *layers, colours = expected["feature_order"]
    known = None
    for index, layer in enumerate(layers, start=-1):
        features = generator.synthesis.run_layers(w, index, known)
        known = index, features
        check(features[:, :8], expected[f"feat_{layer}_ch0to8"])
        check(features.mean(dim=(2, 3)), expected[f"feat_{layer}_mean_hw"])
        check(features.std(dim=(2, 3)), expected[f"feat_{layer}_std_hw"])
    check(generator.features(w, 5)[:, :8], expected[f"feat_{layers[6]}_ch0to8"])
    check(generator.synthesis.run_layers(w, len(layers) - 1, known), expected[f"feat_{colours}"])
    check(generator.image(w), expected["img"])
    check(generator.image(truncated), expected["img_psi0.7"])
    check(generator.image(torch.from_numpy(expected["wplus"])), expected["img_wplus"])
    generator.synthesis.input.transform.copy_(torch.from_numpy(expected["transform"]))
    check(generator.image(w), expected["img_transform"])
