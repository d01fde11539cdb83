"""Distances, ramps and rotations that several parts share."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit


def smoothstep(lo: Any, hi: Any, x: Any) -> Any:
    """0 below `lo`, 1 above `hi` (also falling, for lo > hi); numbers or arrays that broadcast."""
    t = np.clip((x - lo) / (hi - lo), 0.0, 1.0)
    return t * t * (3.0 - 2.0 * t)


@njit(cache=True, nogil=True)
def polyline_distance(points, line):
    """Distance of `points` [N, D] to an open polyline [K, D], and where along it (0..1) the nearest point lies."""
    best, where = np.empty(len(points)), np.zeros(len(points))
    parts, dims = len(line) - 1, points.shape[1]
    for n in range(len(points)):
        nearest = np.inf
        for i in range(parts):
            dot, square = 0.0, 0.0
            for k in range(dims):
                d = line[i + 1, k] - line[i, k]
                dot += (points[n, k] - line[i, k]) * d
                square += d * d
            t = min(max(dot / square, 0.0), 1.0)
            off = 0.0
            for k in range(dims):
                off += (points[n, k] - line[i, k] - t * (line[i + 1, k] - line[i, k])) ** 2
            if off < nearest:
                nearest, where[n] = off, (i + t) / parts
        best[n] = np.sqrt(nearest)
    return best, where


def inside(points: np.ndarray, polygon: np.ndarray) -> np.ndarray:
    """Even-odd test of [N, 2] points against a closed polygon."""
    x, y = points[:, 0], points[:, 1]
    hit = np.zeros(len(points), bool)
    for (ax, ay), (bx, by) in zip(polygon, np.roll(polygon, -1, axis=0), strict=True):
        cross = (ay > y) != (by > y)
        hit ^= cross & (x < (bx - ax) * (y - ay) / np.where(by == ay, 1e-9, by - ay) + ax)
    return hit


def unit(v: np.ndarray) -> np.ndarray:
    """Vectors [..., 3] scaled to length 1."""
    return v / (np.linalg.norm(v, axis=-1, keepdims=True) + 1e-9)


def sphere(count: int) -> np.ndarray:
    """Evenly spread directions (golden spiral), [count, 3]."""
    i = np.arange(count) + 0.5
    y, a = 1 - 2 * i / count, np.pi * (1 + 5**0.5) * i
    r = np.sqrt(1 - y * y)
    return np.stack([r * np.cos(a), y, r * np.sin(a)], axis=1)


def rotation(yaw: np.ndarray | float, pitch: np.ndarray | float, roll: np.ndarray | float) -> np.ndarray:
    """Rotation matrices [..., 3, 3] (radians): roll about z, then pitch about x, then yaw about y."""
    cy, sy, cx, sx, cz, sz = np.cos(yaw), np.sin(yaw), np.cos(pitch), np.sin(pitch), np.cos(roll), np.sin(roll)
    row = lambda *v: np.stack(v, -1)  # noqa: E731
    return np.stack(
        [
            row(cy * cz - sy * sx * sz, cy * sz + sy * sx * cz, sy * cx),
            row(-cx * sz, cx * cz, -sx),
            row(-sy * cz - cy * sx * sz, -sy * sz + cy * sx * cz, cy * cx),
        ],
        -2,
    )
