"""StyleGAN3 (Karras et al. 2021, "Alias-Free Generative Adversarial Networks")."""

from draglab.generators.registry import Architecture, register
from draglab.generators.stylegan3.config import StyleGAN3Config
from draglab.generators.stylegan3.generator import StyleGAN3
from draglab.generators.stylegan3.published import config_from_published

__all__ = ["StyleGAN3", "StyleGAN3Config", "config_from_published"]

register(Architecture(StyleGAN3Config, StyleGAN3, config_from_published))
