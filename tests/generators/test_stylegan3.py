"""StyleGAN3 agrees with its slow twin; its configuration, its layers, its transform."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from draglab.errors import DraglabError
from draglab.generators import StyleGAN2Config, StyleGAN3, StyleGAN3Config, build_generator, config_from_json
from tests.generators.configs import random_w_plus
from tests.generators.stylegan3_configs import CONFIGS, make_stylegan3
from tests.reference.gradients import check_gradients
from tests.reference.stylegan3 import ReferenceStyleGAN3

EVERY = pytest.mark.parametrize("name", CONFIGS)


@EVERY
def test_forward_equals_the_slow_twin(name: str) -> None:
    """Every layer and the image, two latents at once, with the picture turned and moved."""
    generator = make_stylegan3(name)
    generator.synthesis.input.transform.copy_(torch.tensor([[0.8, -0.5, 0.1], [0.5, 0.9, -0.2], [0, 0, 1]]))
    w_plus = random_w_plus(generator, 2)
    layers = {layer: generator.features(w_plus, layer) for layer in range(generator.config.num_layers)}
    layers[-1] = generator.synthesis.run_layers(w_plus, -1)
    image = generator.image(w_plus)
    reference = ReferenceStyleGAN3(generator.config, generator.published_tensors())
    for index in range(2):
        outputs, expected = reference(w_plus[index : index + 1])
        torch.testing.assert_close(image[index : index + 1], expected, rtol=1e-9, atol=1e-9)
        for layer, found in layers.items():
            torch.testing.assert_close(found[index : index + 1], outputs[layer], rtol=1e-9, atol=1e-9)
            assert layer < 0 or tuple(found.shape[2:]) == generator.feature_shape(layer)


@EVERY
def test_gradient_equals_the_slow_twin(name: str) -> None:
    generator = make_stylegan3(name)
    reference = ReferenceStyleGAN3(generator.config, generator.published_tensors())
    check_gradients(generator.image, lambda w: reference(w)[1], random_w_plus(generator))


@pytest.mark.parametrize("name", ["t", "r"])
def test_image_goes_on_from_features_of_any_layer(name: str) -> None:
    generator = make_stylegan3(name)
    w_plus = random_w_plus(generator)
    whole = generator.image(w_plus)
    for layer in range(generator.config.num_layers):
        maps = generator.feature_maps(w_plus, layer)
        torch.testing.assert_close(generator.image(w_plus, from_features=maps), whole, rtol=0, atol=0)


def test_features_depend_on_nothing_above_their_layer_and_weights_get_no_gradients() -> None:
    generator = make_stylegan3("t")
    w_plus = random_w_plus(generator).requires_grad_(True)
    generator.features(w_plus, 2).square().sum().backward()
    assert w_plus.grad is not None
    assert (w_plus.grad[0, :4] != 0).any(dim=1).all()
    assert (w_plus.grad[0, 4:] == 0).all()
    assert all(parameter.grad is None for parameter in generator.parameters())


def test_trained_weights_get_gradients() -> None:
    generator = make_stylegan3("t").requires_grad_(True)
    weight = generator.synthesis.get_submodule(generator.synthesis.specs[1].name).get_parameter("weight")
    (gradient,) = torch.autograd.grad(generator.image(random_w_plus(generator)).square().sum(), weight)
    # Demodulation makes the image independent of the weight's scale, so its gradient along the weight vanishes.
    assert gradient.norm() > 1e-3
    assert abs((gradient * weight).sum().item()) < 1e-6 * (gradient.norm() * weight.norm()).item()


def test_the_transform_moves_the_picture() -> None:
    """By whole pixels of a map, every value is found elsewhere in it: that is what the network is made for."""
    generator = make_stylegan3("t")
    with torch.no_grad():
        generator.synthesis.input.affine.weight.zero_()
        generator.synthesis.input.affine.bias.copy_(torch.tensor([1.0, 0, 0, 0]))
    w_plus = random_w_plus(generator)
    layer = 0
    before = generator.features(w_plus, layer)
    assert generator.synthesis.specs[layer].outputs.rate == 8
    generator.synthesis.input.transform[:2, 2] = torch.tensor([-2.0, 1.0]) / 8
    after = generator.features(w_plus, layer)[..., 4:-4, 4:-4]
    moved = before.roll((-1, 2), dims=(2, 3))[..., 4:-4, 4:-4]
    assert (after - before[..., 4:-4, 4:-4]).norm() > 10 * (after - moved).norm()


def test_layers_of_the_published_configuration() -> None:
    """Sampling rates and sizes of figure 4 in the paper, for 1024 pixels."""
    t, r = StyleGAN3Config(1024), StyleGAN3Config(1024, conv_kernel=1, use_radial_filters=True)
    names = [spec.name for spec in t.layers]
    assert names[:3] == ["L0_36_512", "L1_36_512", "L2_52_512"]
    assert names[-3:] == ["L12_1044_32", "L13_1024_32", "L14_1024_3"]
    assert [spec.radial for spec in r.layers] == [True] * 12 + [False] * 3
    assert t.num_ws == 16
    for spec in t.layers[:-1]:
        fine = 2 * max(spec.inputs.rate, spec.outputs.rate)
        assert spec.inputs.rate * spec.up == spec.outputs.rate * spec.down == fine


def test_levels() -> None:
    generator = StyleGAN3(StyleGAN3Config(64, z_dim=4, w_dim=4, channel_base=128, channel_max=2))
    assert generator.feature_resolutions == [16, 32, 64]
    assert [generator.feature_level(resolution) for resolution in (16, 32, 64)] == [0, 4, 8]
    assert generator.feature_level(32, layer=5) == 5
    assert (generator.feature_shape(5), generator.feature_margin(5)) == ((52, 52), 10)
    assert (generator.feature_shape(13), generator.feature_margin(13)) == ((64, 64), 0)
    with pytest.raises(DraglabError, match="not a rate of this model: choose one of 16, 32, 64"):
        generator.feature_level(24)
    for layer in (-1, 14):
        with pytest.raises(DraglabError, match="choose one from 0 to 13"):
            generator.feature_level(32, layer)
        with pytest.raises(DraglabError, match="choose one from 0 to 13"):
            generator.features(random_w_plus(generator), layer)


def test_mapping_of_classes_and_seeds() -> None:
    generator = make_stylegan3("conditional", torch.float32)
    with pytest.raises(DraglabError, match="this model needs"):
        generator.w_plus_from_seed(1)
    first, second = (generator.w_plus_from_seed(1, c=torch.eye(3)[i : i + 1]) for i in (0, 1))
    assert first.shape == (1, 7, 8)
    assert not torch.equal(first, second)
    assert generator.w_std() > 0


def test_previews_are_averages() -> None:
    generator = make_stylegan3("t")
    w_plus = random_w_plus(generator)
    preview = generator.image(w_plus, preview_resolution=8)
    torch.testing.assert_close(preview, torch.nn.functional.avg_pool2d(generator.image(w_plus), 2))
    with pytest.raises(DraglabError, match="choose one of 8, 16"):
        generator.image(w_plus, preview_resolution=12)


@pytest.mark.parametrize("name", ["t", "r"])
def test_bfloat16_features_stay_close(name: str) -> None:
    generator = make_stylegan3(name, torch.float32)
    w_plus = random_w_plus(generator)
    exact = generator.features(w_plus, 3)
    rough = generator.feature_maps(w_plus, 3, dtype=torch.bfloat16).top
    assert rough.dtype == torch.bfloat16
    assert 0 < (rough.float() - exact).norm() / exact.norm() < 3e-2


@EVERY
def test_configuration_survives_json(name: str) -> None:
    config = CONFIGS[name]
    assert config_from_json(config.to_json()) == config
    assert StyleGAN3Config.from_json(config.to_json()) == config


def test_the_kind_says_which_architecture() -> None:
    two = StyleGAN2Config(16)
    assert config_from_json(two.to_json()) == two
    assert type(build_generator(CONFIGS["t"])) is StyleGAN3
    with pytest.raises(DraglabError, match="unknown kind 'stylegan9'"):
        config_from_json({"kind": "stylegan9"})
    with pytest.raises(DraglabError, match="not usable: .*surprise"):
        config_from_json({"kind": "stylegan3", "img_resolution": 16, "surprise": 1})
    with pytest.raises(DraglabError, match="not usable"):
        config_from_json({"kind": "stylegan3", "img_resolution": 16, "num_layers": "14"})


@pytest.mark.parametrize(
    "change",
    [
        {"img_resolution": 48},
        {"num_layers": 1},
        {"num_layers": 65},
        {"num_critical": 0},
        {"num_critical": 14},
        {"conv_kernel": 5},
        {"margin_size": -1},
        {"margin_size": 10**6},
        {"lrelu_upsampling": 3},
        {"lrelu_upsampling": 99},
        {"filter_size": 0},
        {"filter_size": 10**6},
        {"first_cutoff": 0.0},
        {"first_cutoff": float("nan")},
        {"first_cutoff": 33.0},
        {"first_stopband": 0.1},
        {"first_stopband": 1e9},
        {"last_stopband_rel": float("inf")},
        {"output_scale": -1.0},
        {"channel_base": 32},
        {"channel_max": 0},
        {"channel_max": 10**6},
        {"first_stopband": 30.0, "last_stopband_rel": 1.0, "first_cutoff": 32.0},
    ],
)
def test_impossible_configurations_are_refused(change: dict[str, object]) -> None:
    with pytest.raises(DraglabError):
        StyleGAN3Config(**{"img_resolution": 64, **change})  # pyright: ignore[reportArgumentType]


def test_weights_that_do_not_fit_are_named() -> None:
    generator = make_stylegan3("t", torch.float32)
    tensors = generator.published_tensors()
    with torch.device("meta"):
        empty = StyleGAN3(generator.config)
    empty.load_published(tensors)
    w_plus = random_w_plus(generator)
    assert torch.equal(empty.image(w_plus), generator.image(w_plus))
    assert np.shape(tensors["synthesis.input.transform"]) == (3, 3)
    lacking = {name: tensor for name, tensor in tensors.items() if name != "synthesis.input.freqs"}
    with pytest.raises(DraglabError, match=r"freqs is missing"):
        StyleGAN3(generator.config).load_published(lacking)
    with pytest.raises(DraglabError, match="extra is unknown"):
        StyleGAN3(generator.config).load_published(tensors | {"extra": torch.zeros(1)})
