"""Construction arguments of published StyleGAN3 files."""

from __future__ import annotations

import pytest

from draglab.errors import DraglabError
from draglab.generators.stylegan3 import StyleGAN3Config, config_from_published

BASE = {"z_dim": 8, "c_dim": 0, "w_dim": 8, "img_resolution": 32, "img_channels": 3}


def test_omitted_arguments_mean_the_defaults() -> None:
    config = config_from_published({**BASE, "mapping_kwargs": {"w_avg_beta": 0.9}, "num_fp16_res": 0})
    assert config == StyleGAN3Config(32, z_dim=8, w_dim=8)
    assert (config.mapping_layers, config.conv_clamp) == (2, 256)


def test_arguments_reach_the_configuration() -> None:
    given = {"mapping_kwargs": {"num_layers": 5, "lr_multiplier": 0.1}, "conv_kernel": 1, "use_radial_filters": True}
    config = config_from_published({**BASE, **given, "conv_clamp": None, "margin_size": 3})
    assert (config.mapping_layers, config.mapping_lr_multiplier) == (5, 0.1)
    assert (config.conv_kernel, config.use_radial_filters, config.conv_clamp) == (1, True, None)
    assert config.margin_size == 3


def test_unknown_arguments_are_refused() -> None:
    with pytest.raises(DraglabError, match=r"does not know: fancy, mapping_kwargs\.depth"):
        config_from_published({**BASE, "fancy": 1, "mapping_kwargs": {"depth": 2}})
    with pytest.raises(DraglabError, match="not usable"):
        config_from_published({**BASE, "margin_size": "wide"})
