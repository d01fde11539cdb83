"""Make the bundled LPIPS weights (src/draglab/zoo/judges/lpips_alex.safetensors) from the published ones.

    python -m recipes.lpips_weights --npz lpips_alex_v0.1.npz --out lpips_alex.safetensors

The .npz holds AlexNet's five convolutions (conv0.weight [O, I, H, W], conv0.bias, ...) and the linear layers lin0 to
lin4 of LPIPS v0.1. Kernels are stored in half precision, which changes no distance by more than 1e-3; the rest is
small and stays as it is.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import safetensors.torch
import torch

from draglab.perception.lpips import weight_shapes

FACTS = {
    "network": "AlexNet with the linear layers of LPIPS v0.1",
    "source": "torchvision's AlexNet (ImageNet) and richzhang/PerceptualSimilarity",
    "licence": "BSD-3-Clause (torchvision), BSD-2-Clause (PerceptualSimilarity); see NOTICE",
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--npz", type=Path, required=True, help="the published weights")
    parser.add_argument("--out", type=Path, required=True, help=".safetensors")
    args = parser.parse_args(arguments)
    with np.load(args.npz) as arrays:
        tensors = {name: torch.from_numpy(arrays[name]) for name in weight_shapes("alex")}
    stored = {name: tensor.half() if name.endswith(".weight") else tensor for name, tensor in tensors.items()}
    args.out.write_bytes(safetensors.torch.save(stored, FACTS))


if __name__ == "__main__":
    main()
