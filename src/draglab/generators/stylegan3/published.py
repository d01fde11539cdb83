"""Conversion of the arguments that the published StyleGAN3 program stores to a StyleGAN3Config."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from draglab.errors import DraglabError
from draglab.generators.stylegan3.config import StyleGAN3Config

_IGNORED = {"num_fp16_res", "magnitude_ema_beta"}
"""Arguments that only affect training or half-precision kernels; otherwise the function is the same."""

_SAME = {
    "z_dim",
    "c_dim",
    "w_dim",
    "img_resolution",
    "img_channels",
    "channel_base",
    "channel_max",
    "num_layers",
    "num_critical",
    "first_cutoff",
    "first_stopband",
    "last_stopband_rel",
    "margin_size",
    "output_scale",
    "conv_kernel",
    "filter_size",
    "lrelu_upsampling",
    "use_radial_filters",
    "conv_clamp",
}
"""Arguments with the same names in StyleGAN3Config; if omitted, its defaults apply."""

_MAPPING = {"num_layers": "mapping_layers", "lr_multiplier": "mapping_lr_multiplier"}
_MAPPING_IGNORED = {"w_avg_beta"}


def config_from_published(arguments: Mapping[str, Any]) -> StyleGAN3Config:
    """Read the arguments of a published StyleGAN3 generator, T or R.

    Args:
        arguments: z_dim, c_dim, w_dim, img_resolution, img_channels, mapping_kwargs and, not nested, the synthesis
            arguments.

    Raises:
        DraglabError: an argument that draglab does not know or cannot run.
    """
    top = {name: value for name, value in arguments.items() if name not in _IGNORED}
    mapping = top.pop("mapping_kwargs", None) or {}
    if not isinstance(mapping, Mapping):
        raise DraglabError("the model's mapping_kwargs are no list of arguments: get it again")
    mapping = {name: value for name, value in mapping.items() if name not in _MAPPING_IGNORED}
    unknown = sorted(set(top) - _SAME) + sorted(f"mapping_kwargs.{name}" for name in set(mapping) - set(_MAPPING))
    if unknown:
        raise DraglabError(f"the model has arguments that draglab does not know: {', '.join(unknown)}")
    return StyleGAN3Config.from_json(top | {_MAPPING[name]: value for name, value in mapping.items()})
