"""StyleGAN2 (Karras et al. 2020, "Analyzing and Improving the Image Quality of StyleGAN")."""

from draglab.generators.registry import Architecture, register
from draglab.generators.stylegan2.config import StyleGAN2Config
from draglab.generators.stylegan2.generator import StyleGAN2
from draglab.generators.stylegan2.published import config_from_published

__all__ = ["StyleGAN2", "StyleGAN2Config", "config_from_published"]

register(Architecture(StyleGAN2Config, StyleGAN2, config_from_published))
