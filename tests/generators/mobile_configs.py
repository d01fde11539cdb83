"""Small MobileStyleGAN generators, with weights in which nothing hides behind zeros."""

from __future__ import annotations

import torch

from draglab.generators import MobileStyleGAN, MobileStyleGANConfig

CONFIGS = {
    "narrowing": MobileStyleGANConfig(64, z_dim=12, w_dim=10, channels=(16, 12, 8, 6), mapping_layers=2),
    "smallest": MobileStyleGANConfig(16, z_dim=5, w_dim=7, channels=(8, 3), mapping_layers=1),
    "grey": MobileStyleGANConfig(32, img_channels=1, z_dim=6, w_dim=6, channels=(16, 16, 8), mapping_layers=3),
}


def make_mobile(name: str = "narrowing", dtype: torch.dtype = torch.float64) -> MobileStyleGAN:
    """The generator of CONFIGS[name]; the same weights every time and for every dtype."""
    with torch.random.fork_rng():
        torch.manual_seed(sum(name.encode()))
        generator = MobileStyleGAN(CONFIGS[name], name)
        for key, tensor in generator.state_dict().items():
            if key.endswith(("bias", "w_avg")):
                tensor.add_(0.3 * torch.randn(tensor.shape))
            elif key.endswith("affine.weight"):
                tensor.copy_(0.4 * torch.randn(tensor.shape))
    return generator.to(dtype)
