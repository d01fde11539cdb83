"""Hair as one continuous shell: columns from the crown down, that follow the skull and then hang.

`tau` runs down a column in degrees of polar angle around the scalp's centre; past `HANG` a degree is `CM_PER_DEGREE`
of hanging length. The length at each column decides everything: no length, no hair; short hair follows the skull to
the hairline; long hair falls beside the face and over the shoulders.
"""

from __future__ import annotations

import numpy as np

from .anatomy import SCALP_CENTER, Anatomy, smoothstep
from .raster import vertex_normals
from .scene import Scene
from .torso import grid_triangles

COLUMNS, ROWS = 224, 40
HANG, CM_PER_DEGREE = 84.0, 0.155
_BASE_THETA = np.arange(0.0, 131.0, 5.0)


class Hair:
    """Precomputed scalp grid and strands; `build` makes the shell for a scene."""

    def __init__(self, anatomy: Anatomy) -> None:
        self.tris = grid_triangles(ROWS, COLUMNS)
        self.phi = np.linspace(-np.pi, np.pi, COLUMNS, endpoint=False)
        self._attach(anatomy)
        p = self.phi
        # Fixed locks: a sum of a few frequencies around the head, and how far each reaches at the tips.
        self.strand = 0.5 * np.sin(37 * p + 1.7 * np.sin(3 * p)) + 0.3 * np.sin(61 * p + 2.0 * np.sin(5 * p + 1))
        self.lock = 0.6 * np.sin(17 * p + 1.2 * np.sin(4 * p)) + 0.4 * np.sin(29 * p + 2 * np.sin(2 * p + 2))

    def _attach(self, anatomy: Anatomy) -> None:
        """Tie a polar grid over the skull (ears left out) to its nearest vertices, to follow the identity."""
        v = anatomy.neutral.astype(np.float64)
        keep = np.flatnonzero(anatomy.skin & (np.abs(v[:, 0]) < 7.95) & (anatomy.scalp_theta < 140))
        d = v[keep] - SCALP_CENTER
        d /= np.linalg.norm(d, axis=1, keepdims=True)
        theta, phi = np.meshgrid(np.radians(_BASE_THETA), self.phi, indexing="ij")
        g = np.stack([np.sin(theta) * np.sin(phi), np.cos(theta), np.sin(theta) * np.cos(phi)], -1).reshape(-1, 3)
        near = np.empty((len(g), 12), np.int64)
        weight = np.empty((len(g), 12), np.float32)
        for at in range(0, len(g), 512):
            dist = 1.0 - g[at : at + 512] @ d.T
            pick = np.argpartition(dist, 12, axis=1)[:, :12]
            w = np.exp(-np.take_along_axis(dist, pick, 1) / 0.004) + 1e-6
            near[at : at + 512], weight[at : at + 512] = keep[pick], w / w.sum(1, keepdims=True)
        self.near, self.weight = near, weight
        # Keep the exact direction: vertices are scaled along the grid's rays on the neutral head.
        radius = (np.linalg.norm(v[near] - SCALP_CENTER, axis=2) * weight).sum(1)
        self.base = (SCALP_CENTER + g * radius[:, None]).astype(np.float32)

    def lengths(self, scene: Scene, phi: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Where the roots end and where the hair ends (both `tau`, degrees) at azimuths `phi` (0 is the front)."""
        a = np.degrees(np.abs(phi))
        front = smoothstep(80.0, 46.0, a)
        back = smoothstep(100.0, 140.0, a)
        side = 1.0 - front - back
        # Natural hairline: forehead, temples a little higher, sideburn to the ear, nape.
        brow_line = 52.0 + 2.0 * scene.hairline - 5.0 * np.exp(-(((a - 42.0) / 14.0) ** 2))
        roots = front * brow_line + side * 88.0 + back * 121.0
        sweep = 1.0 - 0.55 * smoothstep(-0.9, 0.9, np.sin(phi) * 1.6 * scene.part)
        fringe = scene.fringe * (25.0 * smoothstep(66.0, 30.0, a)) * sweep
        grow = scene.hair_length / CM_PER_DEGREE
        long_side = side * grow * (0.78 + 0.22 * scene.hair_balance)
        long_back = back * grow * (0.85 - 0.1 * scene.hair_balance)
        return roots, roots + fringe + long_side + long_back

    def build(self, scene: Scene, head: np.ndarray, neutral: np.ndarray) -> dict[str, np.ndarray]:
        """The shell for an unposed head [V, 3]: `verts`, `alpha`, `tint` (albedo factor), `tangent`, `shade`."""
        moved = (head - neutral)[self.near]
        base = (self.base + np.einsum("nkc,nk->nc", moved, self.weight)).reshape(len(_BASE_THETA), COLUMNS, 3)
        roots, ends = self.lengths(scene, self.phi)
        length = scene.hair_length / 21.0
        ends = ends + self.lock * (1.2 + 9.0 * length)
        tau = np.linspace(0.0, 1.0, ROWS)[:, None] * ends[None, :]

        at = np.clip(tau, 0.0, _BASE_THETA[-1]) / 5.0
        follow = _columns(base, at)
        hung = _columns(base, np.minimum(at, HANG / 5.0))
        drop = np.maximum(tau - HANG, 0.0) * CM_PER_DEGREE
        radial = np.stack([np.sin(self.phi), np.zeros(COLUMNS), np.cos(self.phi)], -1)[None]
        # Rounds the corner from skull to hanging, and lets the tips swing back in towards the neck.
        inward = 0.02 * drop + 0.004 * drop**2 * smoothstep(0.0, 1.0, -np.cos(self.phi) + 0.6)
        hung = hung + np.stack([0 * drop, -drop, 0 * drop], -1) - radial * inward[..., None] * 0.6
        a = np.degrees(np.abs(self.phi))[None, :]
        loose = smoothstep(0.0, 5.0, (ends - roots)[None, :] * CM_PER_DEGREE) * smoothstep(62.0, 80.0, a)
        skull = follow + loose[..., None] * (hung - follow)

        # The parting: a groove from the crown to the forehead, beside the middle.
        across = np.sin(np.radians(np.minimum(tau, 90.0)))
        off = across * (np.sin(self.phi)[None, :] - 0.75 * np.sin(np.radians(38.0) * scene.part))
        ahead = smoothstep(110.0, 60.0, a)
        groove = np.exp(-((off / 0.07) ** 2)) * ahead * smoothstep(0.6, 2.5, scene.hair_top + 0.1 * scene.hair_length)
        crown = smoothstep(95.0, 20.0, tau)
        body = 0.35 + 0.75 * scene.hair_top * crown + (0.3 + 0.22 * scene.hair_top) * smoothstep(20.0, 70.0, tau)
        body = body + length**0.7 * (1.7 * smoothstep(50.0, 95.0, tau)) * smoothstep(50.0, 85.0, a)
        # Short sides fade towards the skin; long hair keeps its body almost to the tips.
        fade = smoothstep(50.0, 80.0, a) * (1.0 - smoothstep(0.5, 7.0, scene.hair_length))
        tip = smoothstep(0.0, 13.0 + 34.0 * fade, ends[None, :] - tau)
        rise = body * (0.1 + 0.9 * tip) * (1.0 - 0.55 * groove)
        wave = np.sin(np.radians(tau) * 7.0 + 2.0 * np.sin(2 * self.phi) + 3.0 * self.lock)
        rise = rise + 0.5 * scene.wave * wave * smoothstep(40.0, 130.0, tau)
        rise = rise + 0.10 * self.lock * smoothstep(10.0, 60.0, tau) * (0.6 + scene.hair_top)
        rise = rise * scene.hair_density - 0.45 * (1.0 - tip) * (1.0 - length)
        out = skull - SCALP_CENTER
        out = out / np.linalg.norm(out, axis=-1, keepdims=True)
        out = out + loose[..., None] * smoothstep(60.0, 100.0, tau)[..., None] * (radial - out)
        verts = (skull + out * rise[..., None]).reshape(-1, 3).astype(np.float32)

        feather = 5.0 + 5.0 * length
        jagged = ends[None, :] - tau + (2.5 + 4.0 * length) * self.strand[None, :]
        alpha = smoothstep(0.0, feather, jagged - 1.0) * scene.hair_density
        alpha = np.where(alpha > 0.98, 1.0, alpha)
        grid = verts.reshape(ROWS, COLUMNS, 3)
        tangent = np.gradient(grid, axis=0)
        tangent /= np.linalg.norm(tangent, axis=-1, keepdims=True) + 1e-6
        streak = 1.0 + (0.16 * self.strand + 0.10 * self.lock)[None, :] * smoothstep(8.0, 45.0, tau)
        deep = 1.0 - 0.5 * groove
        # Roots at the nape and locks that lie under others get less light.
        shade = deep * (0.62 + 0.38 * smoothstep(-16.0, 6.0, grid[..., 1])) * (0.75 + 0.25 * tip)
        return {
            "verts": verts,
            "alpha": alpha.reshape(-1).astype(np.float32),
            "tangent": tangent.reshape(-1, 3),
            "tint": streak.reshape(-1),
            "shade": shade.reshape(-1),
        }

    def cover(self, scene: Scene, anatomy: Anatomy) -> tuple[np.ndarray, np.ndarray]:
        """Per head vertex: how much scalp hair is painted on (0..1), and the hair's contact shade (0..1, 1 is open)."""
        phi, theta = anatomy.scalp_phi, anatomy.scalp_theta
        roots, ends = self.lengths(scene, phi)
        inside = smoothstep(-3.0, 4.0, roots - theta) * (anatomy.skin & ~anatomy.ears)
        paint = scene.hair_density * inside
        reach = 4.0 + 5.0 * smoothstep(0.0, 8.0, scene.hair_length)
        below = np.maximum(theta - ends, 0.0) / reach
        strength = 0.45 * scene.hair_density * smoothstep(0.3, 2.0, scene.hair_top + 0.2 * scene.hair_length)
        return paint, 1.0 - strength * np.exp(-(below**2)) * anatomy.skin * smoothstep(0.3, 0.8, anatomy.turn)

    def light(
        self, scene: Scene, built: dict[str, np.ndarray], verts: np.ndarray, tangent: np.ndarray, eye: np.ndarray
    ) -> np.ndarray:
        """Linear RGB per vertex: soft diffuse and the two shifted highlights along the strands."""
        n = vertex_normals(verts, self.tris)
        view = eye - verts
        view /= np.linalg.norm(view, axis=1, keepdims=True)
        # Both sides of the shell are seen: mirror the normals to the viewer (continuously).
        n = n - 2.0 * np.minimum(np.sum(n * view, 1, keepdims=True), 0.0) * view
        key = np.clip((n @ scene.key_dir + 0.35) / 1.35, 0, None)
        fill = np.clip((n @ scene.fill_dir + 0.6) / 1.6, 0, None)
        half = view + scene.key_dir
        half /= np.linalg.norm(half, axis=1, keepdims=True)
        th = np.sum(half * tangent, 1)
        gloss = np.clip(n @ scene.key_dir + 0.15, 0, 1)
        first = np.exp(-(((th - 0.12) / 0.16) ** 2)) * gloss
        second = np.exp(-(((th + 0.10) / 0.30) ** 2)) * gloss
        albedo = np.asarray(scene.hair) * built["tint"][:, None]
        sky = scene.ground_rgb + (scene.sky_rgb - scene.ground_rgb) * (0.5 + 0.5 * n[:, 1:2])
        rgb = albedo * (sky + scene.fill_rgb * fill[:, None] + scene.key_rgb * key[:, None])
        glints = 0.035 * (first * built["tint"] ** 3)[:, None] + 0.55 * second[:, None] * albedo
        rgb = rgb + scene.key_rgb * glints
        return np.ascontiguousarray(rgb * built["shade"][:, None], np.float32)


def _columns(grid: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Interpolate `grid` [T, C, 3] along each column at fractional rows `at` [R, C]."""
    i = np.clip(at.astype(int), 0, len(grid) - 2)
    t = (at - i)[..., None]
    c = np.arange(grid.shape[1])[None, :]
    return grid[i, c] * (1 - t) + grid[i + 1, c] * t
