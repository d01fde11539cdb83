"""Generator architectures in plain PyTorch: no files, no printing."""

from draglab.generators.build import build_generator, config_from_json
from draglab.generators.config import GeneratorConfig, StyleGAN2Config
from draglab.generators.generator import FeatureMaps, Generator, to_uint8
from draglab.generators.stylegan2 import StyleGAN2
from draglab.generators.stylegan3 import StyleGAN3
from draglab.generators.stylegan3_config import StyleGAN3Config

__all__ = [
    "FeatureMaps",
    "Generator",
    "GeneratorConfig",
    "StyleGAN2",
    "StyleGAN2Config",
    "StyleGAN3",
    "StyleGAN3Config",
    "build_generator",
    "config_from_json",
    "to_uint8",
]
