"""Construction arguments as the published StyleGAN3 program stores them -> StyleGAN3Config."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from draglab.errors import DraglabError
from draglab.generators.stylegan3.config import StyleGAN3Config

_IGNORED = {"num_fp16_res", "magnitude_ema_beta"}
"""Arguments that change training or half-precision kernels only: away from them the function is the same."""

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
"""Arguments that StyleGAN3Config has under the same names; omitted means its defaults."""

_MAPPING = {"num_layers": "mapping_layers", "lr_multiplier": "mapping_lr_multiplier"}
_MAPPING_IGNORED = {"w_avg_beta"}


def config_from_published(arguments: Mapping[str, Any]) -> StyleGAN3Config:
    """Read the arguments of a published StyleGAN3 generator, T or R.

    Args:
        arguments: z_dim, c_dim, w_dim, img_resolution, img_channels, mapping_kwargs and, flat, those of the synthesis.

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
