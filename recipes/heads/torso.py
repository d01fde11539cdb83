"""A simple upright torso with a collar, so that the head does not float."""

from __future__ import annotations

import numpy as np

from .geometry import smoothstep
from .raster import visibility
from .scene import Scene

COLUMNS, ROWS = 72, 22

# Profiles from the collar outwards: (height, distance) in cm at the front, the sides and the back.
_FRONT = np.array([(-12.6, 5.4), (-14.6, 7.2), (-16.6, 9.6), (-18.6, 11.6), (-21.5, 13.4), (-27.0, 14.8), (-46, 15.5)])
_SIDE = np.array([(-9.6, 6.2), (-10.9, 7.6), (-12.2, 10.6), (-14.0, 15.0), (-17.2, 18.8), (-24.5, 20.8), (-46.0, 21.0)])
_BACK = np.array([(-8.6, 8.0), (-10.4, 9.0), (-13.4, 10.6), (-16.0, 11.8), (-20.0, 12.6), (-27.0, 13.2), (-46.0, 13.5)])


def grid_triangles(rows: int, columns: int) -> np.ndarray:
    """Triangles of a [rows, columns] grid that wraps around in its columns."""
    i, j = np.meshgrid(np.arange(rows - 1), np.arange(columns), indexing="ij")
    k = (j + 1) % columns
    a, b, c, d = i * columns + j, i * columns + k, (i + 1) * columns + j, (i + 1) * columns + k
    return np.stack([np.stack([a, c, b], -1), np.stack([b, c, d], -1)]).reshape(-1, 3).astype(np.int32)


def _profile(points: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Points along a profile at knots `at` (cubic Hermite, so that the cloth has no creases)."""
    i = np.clip(at.astype(int), 0, len(points) - 2)
    t = (at - i)[..., None]
    tangent = np.gradient(points, axis=0)
    p, q, a, b = points[i], points[i + 1], tangent[i], tangent[i + 1]
    return (2 * t**3 - 3 * t**2 + 1) * p + (t**3 - 2 * t**2 + t) * a + (3 * t**2 - 2 * t**3) * q + (t**3 - t**2) * b


class Torso:
    """Builds the cloth surface [ROWS * COLUMNS, 3] and its baked shade."""

    def __init__(self) -> None:
        self.tris = grid_triangles(ROWS, COLUMNS)
        self.phi = np.linspace(-np.pi, np.pi, COLUMNS, endpoint=False)
        self.row = np.linspace(0.0, 1.0, ROWS - 1)

    def build(self, scene: Scene) -> tuple[np.ndarray, np.ndarray]:
        """Vertices in cm, and openness 0..1 (darker towards the neck)."""
        s, c = np.sin(self.phi), np.cos(self.phi)
        front = np.clip(c, 0.0, None) ** 2
        # A lower neckline starts further along the front profile.
        start = 0.25 + 0.55 * scene.collar + (0.12 + 1.1 * scene.collar) * front
        at = start + (6.0 - start) * self.row[:, None] ** 1.3
        f, d, b = (_profile(p, at) for p in (_FRONT, _SIDE, _BACK))
        ahead = (c > 0)[None, :, None]
        fb = np.where(ahead, f, b)
        side = (s**2)[None, :]
        # Superellipse, a bit boxy towards the shoulders.
        round_ = 1.0 / (np.abs(s) ** 2.4 + np.abs(c) ** 2.4) ** (1 / 2.4)
        x = d[..., 1] * s * round_
        z = fb[..., 1] * c * round_ - 0.8
        y = d[..., 0] * side + fb[..., 0] * (1.0 - side)
        verts = np.stack([x, y, z], -1)
        # A hem: the first row tucks inwards and down, which gives the collar an edge.
        hem = verts[:1] * np.array([0.93, 1.0, 0.93]) - np.array([0.0, 0.7, 0.0])
        verts = np.concatenate([hem, verts])
        depth = np.concatenate([[0.0], self.row])
        shade = np.repeat((0.45 + 0.55 * np.clip(depth * 3.5, 0, 1) ** 0.6)[:, None], COLUMNS, axis=1)
        # The collar's ribbing is a little darker; soft folds fan out from it.
        shade *= 1.0 - 0.16 * smoothstep(0.10, 0.06, depth)[:, None]
        fan = np.sin(9 * self.phi + 1.3 * np.sin(2 * self.phi)) * np.cos(4 * self.phi + 0.6)
        shade *= 1.0 + 0.07 * fan * (smoothstep(0.1, 0.3, depth) * smoothstep(1.0, 0.5, depth))[:, None]
        return verts.reshape(-1, 3).astype(np.float32), shade.reshape(-1).astype(np.float32)

    def heights(self, verts: np.ndarray, size: int = 72, extent: float = 26.0) -> np.ndarray:
        """Height of the cloth over a square of +-`extent` cm, [size, size]; rows run forwards; -60: there is none."""
        at = (verts[:, [0, 2]] + extent) / (2 * extent) * size
        out, ids = np.full((size, size), -60.0, np.float32), np.empty((size, size), np.int32)
        visibility(at.astype(np.float32), np.ascontiguousarray(verts[:, 1]), self.tris, out, ids)
        return out
