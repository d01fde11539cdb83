"""Lashes as textured strips, and the shade of the lids on the eyeballs."""

from __future__ import annotations

import numpy as np

from .anatomy import Anatomy
from .geometry import smoothstep

_STRIPS = 6  # rows of lashes in the mesh's texture tile


def lash_strips(anatomy: Anatomy) -> tuple[np.ndarray, np.ndarray]:
    """Texture coordinates [V, 2] (u along the lid, v from the root, 0, to the tips, 1), and a texture [S, S, 2]."""
    u, v = anatomy.lash_uv.T
    t = ((0.9885 - v) * _STRIPS / 0.9885) % 1.0
    row = np.clip(t / 0.86, 0.0, 1.0)
    size = 64
    x, y = np.meshgrid((np.arange(size) + 0.5) / size, (np.arange(size) + 0.5) / size)
    # Lashes stand in tufts that part towards the tips.
    tuft = 0.5 + 0.5 * np.cos(2 * np.pi * 15 * (x + 0.03 * y))
    alpha = smoothstep(1.0, 0.35, y + 0.55 * y * tuft) * (0.9 - 0.25 * y)
    # None at the inner corner.
    alpha *= smoothstep(0.0, 0.16, np.minimum(x, 1.0 - x))
    return (
        np.stack([(u - 6.0) % 1.0, row], axis=1).astype(np.float32),
        np.stack([np.ones_like(alpha), alpha], axis=-1).astype(np.float32),
    )


def lid_shade(anatomy: Anatomy, head: np.ndarray) -> np.ndarray:
    """Openness of the eyeballs' vertices [V] under the lids of an unposed head; 1 elsewhere."""
    shade = np.ones(len(head))
    marks = head[anatomy.landmarks]
    for name, ids in (("sclera_right", range(36, 42)), ("sclera_left", range(42, 48))):
        own = anatomy.parts[name]
        corner, upper1, upper2, other, lower1, lower2 = (marks[i] for i in ids)
        p = head[own]
        line = np.array([corner, upper1, upper2, other])
        order = np.argsort(line[:, 0])
        top = np.interp(p[:, 0], line[order, 0], line[order, 1])
        line = np.array([corner, lower2, lower1, other])
        order = np.argsort(line[:, 0])
        low = np.interp(p[:, 0], line[order, 0], line[order, 1])
        under = 1.0 - 0.62 * np.exp(-np.maximum(top - p[:, 1], 0.0) / 0.26)
        over = 1.0 - 0.25 * np.exp(-np.maximum(p[:, 1] - low, 0.0) / 0.12)
        ends = np.minimum(np.abs(p[:, 0] - corner[0]), np.abs(p[:, 0] - other[0]))
        shade[own] = under * over * (0.62 + 0.38 * smoothstep(0.0, 0.6, ends))
    return shade
