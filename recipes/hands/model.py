"""The networks of `hands`: generator, encoder."""

from __future__ import annotations

from torch import Tensor

from draglab.generators import StyleGAN2Config
from recipes.convnet import ConvNet

Z_DIM = 64
ENCODED_SIZE = 64


def hands_config(resolution: int = 128, z_dim: int = Z_DIM) -> StyleGAN2Config:
    """256 channels up to 16 px, 128 at 32, 64 at 64, 32 at 128; no noise, so that z alone explains the image."""
    return StyleGAN2Config(
        img_resolution=resolution,
        z_dim=z_dim,
        w_dim=256,
        mapping_layers=4,
        channel_base=4096,
        channel_max=256,
        use_noise=False,
    )


class Encoder(ConvNet):
    """Photos [N, 3, 64, 64] -> mean and log-variance of z, [N, z_dim] each, float32."""

    def __init__(self, z_dim: int = Z_DIM):
        super().__init__(2 * z_dim, ENCODED_SIZE)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log-variance."""
        mean, logvar = super().forward(images).chunk(2, dim=1)
        return mean, logvar.clamp(-10, 2)


def divergence(mean: Tensor, logvar: Tensor) -> Tensor:
    """[N] Kullback-Leibler divergence in nats from N(0, I) (Kingma & Welling 2014, appendix B)."""
    return 0.5 * (mean.square() + logvar.exp() - 1 - logvar).sum(1)
