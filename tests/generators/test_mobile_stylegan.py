"""MobileStyleGAN equals its slow twin and the published model's outputs; windows, dtypes, previews, files, drags."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

import draglab
from draglab.checkpoints import save_generator
from draglab.errors import DraglabError
from draglab.generators import MobileStyleGAN, MobileStyleGANConfig, config_from_json
from draglab.generators.block_windows import BlockWindowPlan
from draglab.generators.mobile_stylegan.windows import windowed_network
from draglab.generators.windows import cut
from tests.generators.configs import random_w_plus
from tests.generators.mobile_configs import CONFIGS, make_mobile
from tests.reference.mobile_stylegan import reference_features, reference_image, reference_mapping

GOLDEN = Path(os.environ.get("DRAGLAB_GOLDEN", Path(__file__).resolve().parents[3] / "shared" / "golden"))
GOLDEN_TOLERANCE = 2e-4
"""Of the largest value, as the file's description says."""

NARROWING = make_mobile()


@pytest.mark.parametrize("name", CONFIGS)
def test_equals_the_reference(name: str) -> None:
    generator = make_mobile(name)
    tensors, config = generator.published_tensors(), generator.config
    z = torch.randn(1, config.z_dim, generator=torch.Generator().manual_seed(1)).double()
    torch.testing.assert_close(generator.mapping(z)[:, 0], reference_mapping(config, tensors, z))
    w_plus = random_w_plus(generator)
    for noise_mode in ("const", "none"):
        expected = reference_features(config, tensors, w_plus, noise=noise_mode == "const")
        assert list(expected) == generator.feature_resolutions
        for level, features in expected.items():
            torch.testing.assert_close(generator.features(w_plus, level, noise_mode), features)
        image = reference_image(config, tensors, w_plus, noise=noise_mode == "const")
        assert image.shape == (1, config.img_channels, *config.img_shape)
        torch.testing.assert_close(generator.image(w_plus, noise_mode=noise_mode), image)


def test_weights_that_are_trained_give_the_same() -> None:
    generator = make_mobile()
    w_plus = random_w_plus(generator)
    expected = generator.image(w_plus)
    torch.testing.assert_close(generator.requires_grad_(True).image(w_plus).detach(), expected)


def test_each_latent_reaches_its_own_layer_and_batches_are_single_images() -> None:
    w_plus = random_w_plus(NARROWING, count=3)
    images = NARROWING.image(w_plus)
    for one, image in zip(w_plus, images, strict=True):
        torch.testing.assert_close(NARROWING.image(one[None])[0], image)
    blocks = NARROWING.feature_resolutions
    for row in range(NARROWING.num_ws):
        changed = w_plus[:1].clone()
        changed[:, row] += 0.5
        first = 0 if row == 0 else (row + 2) // 3  # the first block that this latent reaches
        for index, level in enumerate(blocks):
            same = torch.equal(NARROWING.features(changed, level), NARROWING.features(w_plus[:1], level))
            assert same == (index < first)
        assert not torch.equal(NARROWING.image(changed), images[:1])


def test_the_image_from_features_of_any_level_and_previews() -> None:
    w_plus = random_w_plus(NARROWING)
    whole = NARROWING.image(w_plus)
    for level in NARROWING.feature_resolutions:
        torch.testing.assert_close(NARROWING.image(w_plus, NARROWING.feature_maps(w_plus, level)), whole)
        preview = NARROWING.image(w_plus, preview_resolution=level)
        torch.testing.assert_close(preview, F.avg_pool2d(whole, 64 // level))
    with pytest.raises(DraglabError, match="not a block"):
        NARROWING.image(w_plus, preview_resolution=48)


def test_random_noise_follows_its_seed_and_is_as_strong_as_the_stored() -> None:
    generator = make_mobile()
    w_plus = random_w_plus(generator)
    first, same, other = (generator.image(w_plus, noise_mode="random", noise_seed=seed) for seed in (1, 1, 2))
    assert torch.equal(first, same)
    assert not torch.equal(first, other)
    for name, tensor in generator.state_dict().items():
        if name.endswith("noise_const"):
            tensor.zero_()
    torch.testing.assert_close(generator.image(w_plus, noise_mode="random"), generator.image(w_plus))


@given(
    level=st.sampled_from([8, 16, 32]),
    whole_until=st.sampled_from([4, 8, 16]),
    size=st.tuples(st.integers(1, 9), st.integers(1, 9)),
    corners=st.lists(st.tuples(st.integers(-4, 34), st.integers(-4, 34)), min_size=1, max_size=3),
    noise_mode=st.sampled_from(["const", "none"]),
)
@settings(max_examples=100, deadline=None)
def test_windows_equal_the_whole_map(
    level: int, whole_until: int, size: tuple[int, int], corners: list[tuple[int, int]], noise_mode: str
) -> None:
    plan = BlockWindowPlan(windowed_network(NARROWING.synthesis), level, [(size, len(corners))])
    plan.whole_until = min(whole_until, level // 2)
    w_plus, origins = random_w_plus(NARROWING), np.array(corners)
    with torch.no_grad():
        windows = plan.run(w_plus, [origins], noise_mode)[0]
        whole = NARROWING.features(w_plus, level, noise_mode)  # pyright: ignore[reportArgumentType]
    assert windows.origins.tolist() == origins.tolist()
    torch.testing.assert_close(windows.values, cut(whole, origins, size), rtol=1e-9, atol=1e-9)


def test_gradients_of_windows_and_of_whole_maps_equal_those_of_the_reference() -> None:
    origins, size = np.array([[-2, 3], [13, 27], [20, 8]]), (6, 5)
    gradients = []
    for way in ("windows", "whole", "reference"):
        w_plus = random_w_plus(NARROWING).requires_grad_(True)
        if way == "windows":
            plan = BlockWindowPlan(windowed_network(NARROWING.synthesis), 32, [(size, 3)])
            plan.whole_until = 4
            values = plan.run(w_plus, [origins])[0].values
        elif way == "whole":
            values = cut(NARROWING.features(w_plus, 32), origins, size)
        else:
            values = cut(reference_features(NARROWING.config, NARROWING.published_tensors(), w_plus)[32], origins, size)
        weights = torch.linspace(-1, 1, values.numel(), dtype=values.dtype).view_as(values)
        gradients.append(torch.autograd.grad((values * weights).sum(), w_plus)[0])
    assert gradients[2].abs().max() > 1e-4
    torch.testing.assert_close(gradients[0], gradients[2], rtol=1e-8, atol=1e-9)
    torch.testing.assert_close(gradients[1], gradients[2], rtol=1e-8, atol=1e-9)


def test_half_precision_is_close() -> None:
    generator = make_mobile(dtype=torch.float32)
    w_plus = random_w_plus(generator)
    exact = generator.features(w_plus, 32)
    close = generator.feature_maps(w_plus, 32, dtype=torch.bfloat16).top
    assert close.dtype == torch.bfloat16
    assert 0 < (close.float() - exact).abs().max() < 0.05 * exact.abs().max()


def test_files_keep_it(tmp_path: Path) -> None:
    generator = make_mobile(dtype=torch.float32)
    assert config_from_json(generator.config.to_json()) == generator.config
    save_generator(generator, tmp_path / "small.safetensors")
    again = draglab.load_generator(tmp_path / "small.safetensors", "cpu")
    assert isinstance(again, MobileStyleGAN)
    assert again.sha256 == generator.sha256


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"img_resolution": 48}, "power of two"),
        ({"img_resolution": 8, "channels": (8,)}, "power of two"),
        ({"channels": (16, 12, 8)}, "one number for each block"),
        ({"channels": (16, 10, 8, 6)}, "multiples of 4"),
        ({"channels": (16, 0, 8, 6)}, "from 1 to"),
        ({"channels": (16, 12, 8, 70_000)}, "from 1 to"),
        ({"mapping_layers": 0}, "mapping_layers"),
        ({"c_dim": 3}, "no classes"),
    ],
)
def test_odd_configurations_are_refused(changes: dict[str, object], problem: str) -> None:
    with pytest.raises(DraglabError, match=problem):
        replace(CONFIGS["narrowing"], **changes)


def test_the_published_sizes() -> None:
    config = MobileStyleGANConfig()
    assert (config.num_ws, config.block_resolutions[-1], config.img_shape) == (23, 512, (1024, 1024))


@pytest.mark.parametrize("latent_space", ["w+", "w"])
def test_a_drag_with_a_mask_runs_and_equals_whole_maps(latent_space: Literal["w", "w+"]) -> None:
    generator = make_mobile()
    mask = np.zeros((64, 64), bool)
    mask[20:50, 20:50] = True
    edit = draglab.DragEdit(handles=[[30, 30]], targets=[[33, 31]], mask=mask)
    ends = []
    for windowed in (True, False):
        chosen = draglab.DragSettings(
            max_steps=4, feature_resolution=32, latent_space=latent_space, windowed=windowed, r2=40.0
        )
        ends.append(draglab.drag(generator, random_w_plus(generator), edit, chosen).w_plus)
    assert not torch.equal(ends[0], random_w_plus(generator))
    torch.testing.assert_close(ends[0], ends[1], rtol=1e-6, atol=1e-8)


def published() -> MobileStyleGAN:
    """The published FFHQ model, if DRAGLAB_MOBILE_MODEL names it (a file that draglab opens)."""
    path = os.environ.get("DRAGLAB_MOBILE_MODEL")
    if not path or not (GOLDEN / "mobile").is_dir():
        pytest.skip("needs the published model in DRAGLAB_MOBILE_MODEL, and its outputs (DRAGLAB_GOLDEN)")
    generator = draglab.load_generator(path, "cpu")
    assert isinstance(generator, MobileStyleGAN)
    return generator


def published_order(features: torch.Tensor, level: int) -> torch.Tensor:
    """Channels [C, H, W] as the published model orders them: details of a channel beside each other, until the last."""
    if level == 512:
        return features
    low, *details = features.chunk(4)
    return torch.cat([low, torch.stack(details, dim=1).flatten(0, 1)])


def test_the_published_model_gives_the_published_outputs() -> None:
    generator = published()
    stored = np.load(GOLDEN / "mobile" / "ffhq_mobile.npz")
    compared = set()

    def compare(name: str, values: torch.Tensor) -> None:
        expected = stored[name]
        assert np.abs(values.numpy() - expected).max() <= GOLDEN_TOLERANCE * np.abs(expected).max(), name
        compared.add(name)

    z = torch.from_numpy(stored["z"]).float()
    w_plus = generator.mapping(z)
    compare("w", w_plus[:, 0])
    mixed = w_plus[:1].clone()
    mixed[:, 9:] = w_plus[1:2, 9:]
    for name, latent in (("img0", w_plus[:1]), ("img1", w_plus[1:2]), ("img_mix", mixed)):
        with torch.no_grad():
            image = generator.image(latent)
        compare(f"{name}_mean4", F.avg_pool2d(image, 4)[0])
        compare(f"{name}_crop", image[0, :, 448:576, 448:576])
    for level in generator.feature_resolutions:
        with torch.no_grad():
            features = published_order(generator.features(w_plus[:1], level)[0], level)[::16]
        middle = slice(level // 2 - 16, level // 2 + 16) if level > 64 else slice(None)
        compare(f"feat{level}", features[:, middle, middle])
    assert compared == set(stored) - {"z"}
