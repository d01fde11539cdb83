"""Every nonlinearity of the published programs computes what its definition says, wherever it is run."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from draglab.errors import DraglabError
from draglab.generators import StyleGAN2, StyleGAN2Config, config_from_json
from draglab.generators.activations import ACTIVATIONS
from draglab.generators.windows import cut
from tests.generators.configs import make_generator, plan_of, random_w_plus
from tests.reference.gradients import check_gradients
from tests.reference.stylegan2 import ReferenceStyleGAN2, reference_mapping


def with_activation(base: str, activation: str) -> tuple[StyleGAN2, ReferenceStyleGAN2]:
    """A small generator and its slow twin."""
    generator = make_generator(base, activation=activation, mapping_activation=activation)
    return generator, ReferenceStyleGAN2(generator.config, generator.published_tensors())


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("base", ["skip", "resnet_clamp", "no_noise"])
def test_it_equals_the_slow_twin(base: str, activation: str) -> None:
    generator, twin = with_activation(base, activation)
    w_plus = random_w_plus(generator)
    features, image = twin(w_plus)
    torch.testing.assert_close(generator.image(w_plus), image, rtol=1e-8, atol=1e-8)
    for resolution, expected in features.items():
        torch.testing.assert_close(generator.features(w_plus, resolution), expected, rtol=1e-8, atol=1e-8)
    check_gradients(generator.image, lambda w_plus: twin(w_plus)[1], w_plus)
    z = generator.z_from_seed(1)
    expected = reference_mapping(generator.config, generator.published_tensors(), z)
    torch.testing.assert_close(generator.mapping(z)[:, 0], expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_windows_equal_the_whole_map(activation: str) -> None:
    """Also those of which zero is no fixed point: beyond the borders the next convolution pads with zeros."""
    generator, _ = with_activation("resnet", activation)
    origins, size = np.array([[-2, 3], [13, 27], [20, 8]]), (6, 5)
    gradients = []
    for windowed in (True, False):
        w_plus = random_w_plus(generator).requires_grad_(True)
        if windowed:
            values = plan_of(generator, 32, [(size, 3)], 4).run(w_plus, [origins])[0].values
        else:
            values = cut(generator.features(w_plus, 32), origins, size)
        weights = torch.linspace(-1, 1, values.numel(), dtype=values.dtype).view_as(values)
        gradients.append((values.detach(), torch.autograd.grad((values * weights).sum(), w_plus)[0]))
    torch.testing.assert_close(gradients[0], gradients[1], rtol=1e-8, atol=1e-9)


def test_files_name_unusual_ones_only() -> None:
    """Files of other models are what they were, and older versions read them."""
    known = (
        "img_resolution img_channels z_dim w_dim c_dim mapping_layers mapping_features embed_features "
        "mapping_lr_multiplier label_concat channel_base channel_max architecture conv_clamp resample_filter "
        "use_noise base_width channels"
    )
    assert list(StyleGAN2Config(32).to_json()) == known.split()
    odd = StyleGAN2Config(32, activation="relu")
    assert odd.to_json()["activation"] == "relu"
    assert config_from_json(odd.to_json()) == odd


@pytest.mark.parametrize("name", ["cube", "", "LReLU"])
def test_others_are_refused(name: str) -> None:
    with pytest.raises(DraglabError, match=r"unknown activation .*: draglab knows linear, relu, lrelu"):
        StyleGAN2Config(32, activation=name)
    with pytest.raises(DraglabError, match="unknown activation"):
        StyleGAN2Config(32, mapping_activation=name)
