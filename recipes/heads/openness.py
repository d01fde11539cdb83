"""Ambient openness per vertex, baked once."""

from __future__ import annotations

import numpy as np

from .geometry import smoothstep, sphere
from .raster import vertex_normals, visibility


def openness(verts: np.ndarray, tris: np.ndarray, count: int = 90) -> np.ndarray:
    """Share of the sky, weighted by the cosine, that each vertex sees, 0..1 [V]."""
    normals = vertex_normals(verts, tris)
    size, scale = 256, 6.8
    open_sum, weight_sum = np.zeros(len(verts)), np.full(len(verts), 1e-6)
    for d in sphere(count):
        right = np.cross([0.0, 1.0, 0.0], d)
        right /= np.linalg.norm(right)
        up = np.cross(d, right)
        local = (verts + np.array([0, 2.5, 0])) @ np.stack([right, up, d], axis=1)
        xy = np.stack([size / 2 + scale * local[:, 0], size / 2 - scale * local[:, 1]], axis=1).astype(np.float32)
        depth = (local[:, 2] + 60.0).astype(np.float32)
        zbuf, ids = np.zeros((size, size), np.float32), np.empty((size, size), np.int32)
        visibility(xy, depth, tris, zbuf, ids)
        at = np.clip(xy.astype(np.int64), 0, size - 1)
        cosine = normals @ d
        # A slope-dependent bias keeps grazing surfaces from shadowing themselves.
        bias = 0.25 + 0.35 * (1.0 - np.clip(cosine, 0.0, 1.0))
        w = np.clip(cosine, 0.0, None)
        open_sum += w * smoothstep(bias + 0.3, bias, zbuf[at[:, 1], at[:, 0]] - depth)
        weight_sum += w
    return open_sum / weight_sum


def smoothed(values: np.ndarray, tris: np.ndarray, rounds: int) -> np.ndarray:
    """Average per-vertex values [V] over the mesh's neighbours."""
    pairs = np.concatenate([tris[:, [0, 1]], tris[:, [1, 2]], tris[:, [2, 0]]])
    pairs = np.concatenate([pairs, pairs[:, ::-1]])
    count = np.bincount(pairs[:, 0], minlength=len(values)) + 1.0
    for _ in range(rounds):
        values = (values + np.bincount(pairs[:, 0], values[pairs[:, 1]], len(values))) / count
    return values
