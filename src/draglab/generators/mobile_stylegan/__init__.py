"""MobileStyleGAN (Belousov 2021, "MobileStyleGAN: A Lightweight Convolutional Neural Network for High-Fidelity Image
Synthesis", arXiv 2104.04767): StyleGAN2 distilled to depthwise-separable convolutions and wavelets."""

from draglab.generators.mobile_stylegan.config import MobileStyleGANConfig
from draglab.generators.mobile_stylegan.generator import MobileStyleGAN
from draglab.generators.registry import Architecture, register

__all__ = ["MobileStyleGAN", "MobileStyleGANConfig"]

register(Architecture(MobileStyleGANConfig, MobileStyleGAN))
