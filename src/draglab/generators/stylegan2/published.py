"""Conversion of the arguments that published StyleGAN2 programs store to a StyleGAN2Config."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from draglab.errors import DraglabError
from draglab.generators.stylegan2.config import StyleGAN2Config

_IGNORED = {"num_fp16_res", "fused_modconv_default", "w_avg_beta", "use_fp16", "num_ws"}
"""Arguments that only affect training or half-precision kernels; otherwise the function is the same."""

_SYNTHESIS = {"channel_base", "channel_max", "architecture", "conv_clamp", "resample_filter", "use_noise", "activation"}


def config_from_published(arguments: Mapping[str, Any]) -> StyleGAN2Config:
    """Read the arguments of a published generator.

    The stylegan2-ada programs nest the synthesis arguments under `synthesis_kwargs`; the stylegan3 programs keep them
    flat. An omitted conv_clamp means 256 in the latter, and no clamp in the former.

    Args:
        arguments: z_dim, c_dim, w_dim, img_resolution, img_channels, mapping_kwargs and the synthesis arguments.

    Raises:
        DraglabError: an argument that draglab does not know or cannot run.
    """
    top = dict(arguments)
    nested = "synthesis_kwargs" in top
    mapping, synthesis = top.pop("mapping_kwargs", {}), top.pop("synthesis_kwargs", {})
    if not isinstance(mapping, Mapping) or not isinstance(synthesis, Mapping):
        raise DraglabError("the model's mapping_kwargs or synthesis_kwargs are no list of arguments: get it again")
    mapping, synthesis = dict(mapping), dict(synthesis)
    if not nested:
        synthesis = {name: top.pop(name) for name in list(top) if name in _SYNTHESIS | _IGNORED}
        synthesis.setdefault("conv_clamp", 256)
    square = top.pop("square", True)
    values: dict[str, Any] = {"base_width": 4 if square else 2}
    for name in ("z_dim", "c_dim", "w_dim", "img_resolution", "img_channels"):
        if name in top:
            values[name] = top.pop(name)
    renamed = {
        "num_layers": "mapping_layers",
        "layer_features": "mapping_features",
        "embed_features": "embed_features",
        "lr_multiplier": "mapping_lr_multiplier",
        "activation": "mapping_activation",
    }
    for published, own in renamed.items():
        if published in mapping:
            values[own] = mapping.pop(published)
    for name in _SYNTHESIS & set(synthesis):
        values[name] = synthesis.pop(name)
    unknown = sorted((set(top) | set(mapping) | set(synthesis)) - _IGNORED)
    if unknown:
        raise DraglabError(f"the model has arguments that draglab does not know: {', '.join(unknown)}")
    return StyleGAN2Config.from_json(values)
