"""Generator architectures in plain PyTorch: no files, no printing."""

from draglab.generators.config import StyleGAN2Config
from draglab.generators.stylegan2 import FeatureMaps, StyleGAN2, to_uint8

__all__ = ["FeatureMaps", "StyleGAN2", "StyleGAN2Config", "to_uint8"]
