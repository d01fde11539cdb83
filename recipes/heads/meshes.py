"""Wavefront meshes of the MakeHuman assets."""

from __future__ import annotations

from pathlib import Path

import numpy as np


def load_obj(path: str | Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Vertices [V, 3], texture coordinates [V, 2] (v down), triangles [T, 3]; a vertex per position and texel pair."""
    positions, texels, faces = [], [], []
    with open(path) as lines:
        for line in lines:
            words = line.split()
            if not words:
                continue
            if words[0] == "v":
                positions.append([float(w) for w in words[1:4]])
            elif words[0] == "vt":
                texels.append([float(w) for w in words[1:3]])
            elif words[0] == "f":
                corners = [tuple(int(i) - 1 for i in w.split("/")[:2]) for w in words[1:]]
                faces.extend((corners[0], corners[i], corners[i + 1]) for i in range(1, len(corners) - 1))
    pairs, index = np.unique(np.array(faces).reshape(-1, 2), axis=0, return_inverse=True)
    uv = np.array(texels)[pairs[:, 1]]
    return (
        np.array(positions)[pairs[:, 0]],
        np.stack([uv[:, 0], 1.0 - uv[:, 1]], axis=1),
        index.reshape(-1, 3).astype(np.int32),
    )
