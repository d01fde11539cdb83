"""The plain implementation that speed is measured against does what the slow twins do."""

from __future__ import annotations

from itertools import islice

import pytest
import torch

from benchmarks.plain import PlainStyleGAN2, plain_drag_steps
from benchmarks.plain_mobile import PlainMobileStyleGAN
from draglab.generators import StyleGAN2, StyleGAN2Config
from tests.generators.configs import random_w_plus
from tests.generators.mobile_configs import make_mobile
from tests.reference.drag import reference_drag
from tests.reference.mobile_stylegan import reference_features, reference_image
from tests.reference.stylegan2 import ReferenceStyleGAN2


@pytest.fixture(scope="module")
def generator() -> StyleGAN2:
    torch.manual_seed(5)
    return StyleGAN2(StyleGAN2Config(img_resolution=32, z_dim=8, w_dim=8, channel_base=256, channel_max=8))


def test_synthesis(generator: StyleGAN2) -> None:
    w_plus = generator.w_plus_from_seed(1)
    features, image = PlainStyleGAN2(generator)(w_plus, 16)
    expected, expected_image = ReferenceStyleGAN2(generator.config, generator.published_tensors())(w_plus)
    torch.testing.assert_close(features, expected[16], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(image, expected_image, rtol=1e-4, atol=1e-5)


def test_synthesis_of_mobile_stylegan() -> None:
    mobile = make_mobile(dtype=torch.float32)
    w_plus = random_w_plus(mobile)
    features, image = PlainMobileStyleGAN(mobile)(w_plus, 16)
    tensors = mobile.published_tensors()
    torch.testing.assert_close(features, reference_features(mobile.config, tensors, w_plus)[16], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(image, reference_image(mobile.config, tensors, w_plus), rtol=1e-4, atol=1e-4)


def test_drag(generator: StyleGAN2) -> None:
    w_plus = generator.w_plus_from_seed(1)
    handles, targets = [(10, 12)], [(18, 14)]
    plain = plain_drag_steps(generator, w_plus, torch.tensor([[10.0, 12]]), torch.tensor([[18.0, 14]]), None, 16)
    synthesis = ReferenceStyleGAN2(generator.config, generator.published_tensors())
    slow = reference_drag(synthesis, w_plus, handles, targets, None, 4, 16)
    for (points, latent), reference in zip(islice(plain, 4), slow, strict=True):
        assert [tuple(point) for point in points.long().tolist()] == reference.handles
        torch.testing.assert_close(latent, reference.w_plus, rtol=1e-4, atol=1e-4)
