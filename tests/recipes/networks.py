"""Stand-ins for networks that recipes read from the asset folder."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from recipes.squeezenet import CHANNELS, STAGES


def write_squeezenet(path: Path) -> Path:
    """Random weights under the names and in the shapes of the real file."""
    random = np.random.RandomState(0)
    arrays: dict[str, np.ndarray] = {}

    def add(name: str, outputs: int, inputs: int, size: int) -> None:
        scale = np.sqrt(2 / (inputs * size * size))
        arrays[name] = (random.randn(outputs, inputs, size, size) * scale).astype(np.float32)
        arrays[name + ".b"] = np.zeros(outputs, np.float32)

    add("conv1", 96, 3, 7)
    inputs = 96
    for name in STAGES[1:]:
        squeezed, half = CHANNELS[name] // 8, CHANNELS[name] // 2
        add(f"{name}__squeeze1x1", squeezed, inputs, 1)
        add(f"{name}__expand1x1", half, squeezed, 1)
        add(f"{name}__expand3x3", half, squeezed, 3)
        inputs = CHANNELS[name]
    np.savez(path, **arrays)  # pyright: ignore[reportArgumentType]
    return path
