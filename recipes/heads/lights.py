# numba's stubs do not know njit's flags:
# pyright: reportCallIssue=false, reportArgumentType=false
"""Soft shadows: blurred depth moments seen from a light (variance shadow maps, Donnelly and Lauritzen 2006)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit

from .filters import blur
from .geometry import unit
from .raster import FAST, solid_depth, visibility

SIZE = 176
_HALF = 21.0  # cm from the middle to the map's edge
_MIDDLE = np.array([0.0, -1.5, 0.0])
_FAR = -16.0  # depth where nothing is; not further, or the variance at silhouettes would let light through


@dataclass(frozen=True)
class ShadowMap:
    """`moments` [SIZE, SIZE, 2]: mean depth and mean squared depth; `frame` [3, 4] takes positions to u, v, depth."""

    moments: np.ndarray
    frame: np.ndarray


def light_frame(direction: np.ndarray) -> np.ndarray:
    """Affine map [3, 4] from positions (cm) to texel coordinates and depth (larger is nearer to the light)."""
    right = unit(np.cross([0.0, 1.0, 0.0], direction))
    up = np.cross(direction, right)
    scale = SIZE / (2 * _HALF)
    rows = np.stack([right * scale, -up * scale, direction])
    offset = np.array([SIZE / 2, SIZE / 2, 0.0]) - rows @ _MIDDLE
    return np.column_stack([rows, offset]).astype(np.float32)


def shadow_map(direction: np.ndarray, verts: np.ndarray, tris: np.ndarray, hairs: list, softness: float) -> ShadowMap:
    """`hairs`: (verts, fade, uv, tris, texture) of textured meshes. `softness`: blur in cm."""
    frame = light_frame(direction)
    depth, ids = np.full((SIZE, SIZE), _FAR, np.float32), np.empty((SIZE, SIZE), np.int32)
    place = verts @ frame[:, :3].T + frame[:, 3]
    visibility(np.ascontiguousarray(place[:, :2]), np.ascontiguousarray(place[:, 2]), tris, depth, ids)
    for own, fade, uv, faces, texture in hairs:
        place = own @ frame[:, :3].T + frame[:, 3]
        xy, z = np.ascontiguousarray(place[:, :2]), np.ascontiguousarray(place[:, 2])
        solid_depth(xy, z, uv, fade, faces, texture, 0.5, depth)
    sigma = softness * SIZE / (2 * _HALF)
    moments = np.stack([blur(depth, sigma), blur(depth * depth, sigma)], axis=-1)
    return ShadowMap(np.ascontiguousarray(moments), frame)


@njit(**FAST)
def lit(moments, u, v, depth, bias):
    """Share of the light, 0..1, that reaches `depth` at texel coordinates (u, v)."""
    size = moments.shape[0]
    u, v = min(max(u - 0.5, 0.0), size - 1.001), min(max(v - 0.5, 0.0), size - 1.001)
    i, j = int(u), int(v)
    s, t = u - i, v - j
    a, b, c, d = (1 - s) * (1 - t), s * (1 - t), (1 - s) * t, s * t
    mean = a * moments[j, i, 0] + b * moments[j, i + 1, 0] + c * moments[j + 1, i, 0] + d * moments[j + 1, i + 1, 0]
    square = a * moments[j, i, 1] + b * moments[j, i + 1, 1] + c * moments[j + 1, i, 1] + d * moments[j + 1, i + 1, 1]
    behind = mean - bias - depth
    if behind <= 0.0:
        return 1.0
    variance = max(square - mean * mean, 0.04)
    share = variance / (variance + behind * behind)
    # The bound is loose where layers overlap: cut its lower part off, so that no light leaks.
    return max((share - 0.2) / 0.8, 0.0)
