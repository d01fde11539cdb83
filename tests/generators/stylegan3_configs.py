"""Small StyleGAN3 generators that together cover the configuration space, with weights in which nothing hides."""

from __future__ import annotations

from typing import Any

import torch

from draglab.generators import StyleGAN3, StyleGAN3Config


def _config(**changes: Any) -> StyleGAN3Config:
    base = {"img_resolution": 16, "z_dim": 9, "w_dim": 8, "channel_base": 64, "channel_max": 4, "num_layers": 5}
    base |= {"first_cutoff": 1.0, "first_stopband": 3.0, "margin_size": 3, "filter_size": 4}
    return StyleGAN3Config(**{**base, **changes})


CONFIGS: dict[str, StyleGAN3Config] = {
    "t": _config(),
    "r": _config(conv_kernel=1, use_radial_filters=True, channel_base=128, channel_max=6),
    "clamp": _config(conv_clamp=0.3),
    "no_clamp": _config(conv_clamp=None),
    "conditional": _config(c_dim=3),
    "published_filters": _config(filter_size=6, margin_size=5, num_layers=3, num_critical=1, channel_max=2),
    "fine_nonlinearity": _config(lrelu_upsampling=4, filter_size=3, num_layers=3, channel_max=2),
    "no_margin": _config(margin_size=0, num_layers=4),
    "short_filters": _config(filter_size=1, conv_kernel=1, num_layers=4),
}


def make_stylegan3(name: str, dtype: torch.dtype = torch.float64) -> StyleGAN3:
    """The generator of CONFIGS[name]; the same weights every time and for every dtype."""
    with torch.random.fork_rng():
        torch.manual_seed(sum(name.encode()))
        generator = StyleGAN3(CONFIGS[name], name)
        for key, tensor in generator.state_dict().items():
            if key.endswith(("bias", "w_avg", "input.affine.weight")):
                tensor.add_(0.3 * torch.randn(tensor.shape))
            if key.endswith("magnitude_ema"):
                tensor.uniform_(0.5, 2)
    return generator.to(dtype)
