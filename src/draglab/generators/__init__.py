"""Generator architectures in plain PyTorch, each with a folder and an entry in the registry. No files, no printing."""

from draglab.generators.base import FeatureMaps, Generator, to_uint8
from draglab.generators.config import GeneratorConfig
from draglab.generators.mobile_stylegan import MobileStyleGAN, MobileStyleGANConfig
from draglab.generators.registry import Architecture, build_generator, config_from_json, find_architecture, register
from draglab.generators.stylegan2 import StyleGAN2, StyleGAN2Config
from draglab.generators.stylegan3 import StyleGAN3, StyleGAN3Config

__all__ = [
    "Architecture",
    "FeatureMaps",
    "Generator",
    "GeneratorConfig",
    "MobileStyleGAN",
    "MobileStyleGANConfig",
    "StyleGAN2",
    "StyleGAN2Config",
    "StyleGAN3",
    "StyleGAN3Config",
    "build_generator",
    "config_from_json",
    "find_architecture",
    "register",
    "to_uint8",
]
