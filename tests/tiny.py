"""A randomly initialised generator that is small enough to drag in a test."""

import torch

from draglab.generators import StyleGAN2, StyleGAN2Config


def tiny_generator(**changes) -> StyleGAN2:
    """32-pixel images, features at 16; the same weights every time."""
    values = {"z_dim": 16, "w_dim": 16, "img_resolution": 32, "channel_base": 512, "channel_max": 16}
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return StyleGAN2(StyleGAN2Config(**{**values, **changes}), name="tiny")
