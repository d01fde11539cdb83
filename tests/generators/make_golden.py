"""Make golden.npz: what the slow twin computes in float64 for the generators of configs.py.

    python -m tests.generators.make_golden

Only to be run when a configuration is added; a change of existing values would be a change of the method.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from tests.generators.configs import CONFIGS, make_generator, random_w_plus
from tests.reference.stylegan2 import ReferenceStyleGAN2

GOLDEN = Path(__file__).with_name("golden.npz")


def main() -> None:
    """Write the file."""
    arrays: dict[str, np.ndarray] = {}
    for name, config in CONFIGS.items():
        generator = make_generator(name)
        w_plus = random_w_plus(generator)
        with torch.no_grad():
            features, image = ReferenceStyleGAN2(config, generator.published_tensors())(w_plus)
        arrays[f"{name}.image"] = image.numpy().astype(np.float32)
        for resolution, block in features.items():
            arrays[f"{name}.b{resolution}"] = block.numpy().astype(np.float32)[:, :3]
        z = generator.z_from_seed(1)
        c = torch.eye(config.c_dim, dtype=z.dtype)[:1] if config.c_dim else None
        arrays[f"{name}.w"] = generator.mapping(z, c)[0, 0].numpy().astype(np.float32)
    np.savez_compressed(GOLDEN, allow_pickle=False, **arrays)
    print(f"{GOLDEN.name}: {GOLDEN.stat().st_size / 1024:.0f} KiB")


if __name__ == "__main__":
    main()
