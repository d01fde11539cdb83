"""The architecture of `heads`."""

from __future__ import annotations

from draglab.generators import StyleGAN2Config


def heads_config(z_dim: int, resolution: int = 256) -> StyleGAN2Config:
    """32 channels in the last block, twice as many in each below, at most 256: 64 at half the resolution, where drags
    look. No noise, so that z alone explains the image."""
    return StyleGAN2Config(
        img_resolution=resolution,
        z_dim=z_dim,
        w_dim=256,
        mapping_layers=4,
        channel_base=32 * resolution,
        channel_max=256,
        use_noise=False,
    )
