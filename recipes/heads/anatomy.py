"""The morphable head: loading, painted masks, and light that was precomputed per vertex."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from .raster import MAT_EYE, MAT_MOUTH, MAT_SKIN, MAT_TEETH, vertex_normals, visibility
from .scene import IDENTITY_COUNT

LABELS = ("background", "skin", "brows", "eyes", "lips", "mouth", "teeth", "hair", "ears", "neck", "clothes")
L_BACK, L_SKIN, L_BROW, L_EYE, L_LIP, L_MOUTH, L_TEETH, L_HAIR, L_EAR, L_NECK, L_CLOTH = range(len(LABELS))

SCALP_CENTER = np.array([0.0, 4.5, 1.0])
EXPRESSIONS = (
    "jawOpen mouthPucker mouthSmile_L mouthSmile_R mouthFrown_L mouthFrown_R mouthStretch_L mouthStretch_R "
    "mouthPress_L mouthPress_R mouthUpperUp_L mouthUpperUp_R mouthLowerDown_L mouthLowerDown_R cheekRaiser_L "
    "cheekRaiser_R browDown_L browDown_R browOuterUp_L browOuterUp_R browInnerUp_L browInnerUp_R eyeWide_L eyeWide_R "
    "eyeSquint_L eyeSquint_R eyeLookUp_L eyeLookUp_R eyeLookDown_L eyeLookDown_R eyeBlink_L eyeBlink_R eyeLookOut_L "
    "eyeLookOut_R eyeLookIn_L eyeLookIn_R"
).split()
_USED = {
    "M_Face": MAT_SKIN,
    "M_BackHead": MAT_SKIN,
    "M_ScleraLeft": MAT_EYE,
    "M_ScleraRight": MAT_EYE,
    "M_Teeth": MAT_TEETH,
    "M_GumsTongue": MAT_MOUTH,
}


def smoothstep(lo: Any, hi: Any, x: Any) -> Any:
    """0 below `lo`, 1 above `hi` (also falling, for lo > hi); numbers or arrays that broadcast."""
    t = np.clip((x - lo) / (hi - lo), 0.0, 1.0)
    return t * t * (3.0 - 2.0 * t)


def polyline_distance(points: np.ndarray, line: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Distance of `points` [N, D] to an open polyline [K, D], and where along it (0..1) the nearest point lies."""
    best, where = np.full(len(points), np.inf), np.zeros(len(points))
    for i in range(len(line) - 1):
        d = line[i + 1] - line[i]
        t = np.clip((points - line[i]) @ d / (d @ d), 0.0, 1.0)
        dist = np.linalg.norm(points - line[i] - t[:, None] * d, axis=1)
        near = dist < best
        best[near], where[near] = dist[near], ((i + t) / (len(line) - 1))[near]
    return best, where


def _inside(points: np.ndarray, polygon: np.ndarray) -> np.ndarray:
    """Even-odd test of [N, 2] points against a closed polygon."""
    x, y = points[:, 0], points[:, 1]
    hit = np.zeros(len(points), bool)
    for (ax, ay), (bx, by) in zip(polygon, np.roll(polygon, -1, axis=0), strict=True):
        cross = (ay > y) != (by > y)
        hit ^= cross & (x < (bx - ax) * (y - ay) / np.where(by == ay, 1e-9, by - ay) + ax)
    return hit


def sh_basis(d: np.ndarray) -> np.ndarray:
    """Real spherical harmonics up to order 3 at unit vectors [N, 3] -> [N, 16]."""
    x, y, z = d[:, 0], d[:, 1], d[:, 2]
    one = np.ones_like(x)
    return np.stack(
        [
            0.282095 * one,
            0.488603 * y,
            0.488603 * z,
            0.488603 * x,
            1.092548 * x * y,
            1.092548 * y * z,
            0.315392 * (3 * z * z - 1),
            1.092548 * x * z,
            0.546274 * (x * x - y * y),
            0.590044 * y * (3 * x * x - y * y),
            2.890611 * x * y * z,
            0.457046 * y * (5 * z * z - 1),
            0.373176 * z * (5 * z * z - 3),
            0.457046 * x * (5 * z * z - 1),
            1.445306 * z * (x * x - y * y),
            0.590044 * x * (x * x - 3 * y * y),
        ],
        axis=1,
    )


def _sphere(count: int) -> np.ndarray:
    """Evenly spread directions (golden spiral), [count, 3]."""
    i = np.arange(count) + 0.5
    y, a = 1 - 2 * i / count, np.pi * (1 + 5**0.5) * i
    r = np.sqrt(1 - y * y)
    return np.stack([r * np.cos(a), y, r * np.sin(a)], axis=1)


def baked_light(verts: np.ndarray, tris: np.ndarray, count: int = 180) -> tuple[np.ndarray, np.ndarray]:
    """Per vertex: ambient openness 0..1 [V], and key-light visibility by direction as harmonics [V, 16]."""
    verts = verts.astype(np.float32)
    normals = vertex_normals(verts, tris)
    solid = np.ones(len(verts), np.float32)
    size, scale = 320, 8.5
    open_sum, weight_sum = np.zeros(len(verts)), np.full(len(verts), 1e-6)
    harmonics = np.zeros((len(verts), 16))
    for d in _sphere(count):
        right = np.cross([0.0, 1.0, 0.0], d)
        right /= np.linalg.norm(right)
        up = np.cross(d, right)
        local = (verts + np.array([0, 2.5, 0])) @ np.stack([right, up, d], axis=1)
        xy = np.stack([size / 2 + scale * local[:, 0], size / 2 - scale * local[:, 1]], axis=1).astype(np.float32)
        depth = (local[:, 2] + 60.0).astype(np.float32)
        zbuf, ids = np.zeros((size, size), np.float32), np.full((size, size), -1, np.int32)
        visibility(xy, depth, tris, solid, zbuf, ids)
        at = np.clip(xy.astype(np.int64), 0, size - 1)
        cosine = normals @ d
        # A slope-dependent bias keeps grazing surfaces from shadowing themselves.
        bias = 0.25 + 0.35 * (1.0 - np.clip(cosine, 0.0, 1.0))
        seen = smoothstep(bias + 0.3, bias, zbuf[at[:, 1], at[:, 0]] - depth)
        w = np.clip(cosine, 0.0, None)
        open_sum += w * seen
        weight_sum += w
        # Directions from below the surface are lit or not by the cosine already; call them visible.
        soft = np.where(cosine > -0.05, seen, 1.0)
        harmonics += soft[:, None] * sh_basis(d[None]) * (4 * np.pi / count)
    return open_sum / weight_sum, harmonics


def _smooth(values: np.ndarray, tris: np.ndarray, rounds: int) -> np.ndarray:
    """Average per-vertex values [V, K] over the mesh's neighbours."""
    pairs = np.concatenate([tris[:, [0, 1]], tris[:, [1, 2]], tris[:, [2, 0]]])
    pairs = np.concatenate([pairs, pairs[:, ::-1]])
    count = np.bincount(pairs[:, 0], minlength=len(values))[:, None] + 1.0
    for _ in range(rounds):
        columns = [np.bincount(pairs[:, 0], column[pairs[:, 1]], len(values)) for column in values.T]
        values = (values + np.stack(columns, axis=1)) / count
    return values


class Anatomy:
    """The head's base shapes with the unused parts dropped, painted masks [V] and precomputed light."""

    def __init__(self, assets_dir: str | Path) -> None:
        path = Path(assets_dir)
        path = path / "ict_facekit" / "ict_facekit.npz" if path.is_dir() else path
        data = np.load(path)
        names, ids = [str(n) for n in data["material_names"]], data["triangle_material"]
        material = np.array([_USED.get(n, -1) for n in names])[ids]
        # The shoulders of the mesh end in an open rim; the cloth takes over from there.
        where = data["neutral"][data["triangles"]].mean(axis=1)
        material[(where[:, 1] < -10.5) & (np.hypot(where[:, 0], np.minimum(where[:, 2] + 1.0, 0.0)) > 8.2)] = -1
        used = np.unique(data["triangles"][material >= 0])
        remap = np.full(len(data["neutral"]), -1, np.int32)
        remap[used] = np.arange(len(used), dtype=np.int32)

        self.neutral = data["neutral"][used].astype(np.float32)
        self.tris = np.ascontiguousarray(remap[data["triangles"][material >= 0]])
        self.mats = material[material >= 0].astype(np.int32)
        self.landmarks = remap[data["landmarks68"]]
        order = [str(n) for n in data["expression_names"]]
        shapes = [data["expression"][order.index(n)] for n in EXPRESSIONS]
        basis = np.concatenate([data["identity"][:IDENTITY_COUNT], np.stack(shapes)])[:, used]
        # The base of the neck keeps its neutral shape, so that the collar fits every identity.
        low = self.neutral[:, 1] + 0.25 * self.neutral[:, 2]
        basis = basis * smoothstep(-11.5, -6.5, low)[None, :, None]
        self.basis = np.ascontiguousarray(basis.reshape(len(basis), -1).astype(np.float32))

        part = np.full(len(data["neutral"]), -1)
        ranges = {str(n): i for i, n in enumerate(data["part_names"])}
        for name, i in ranges.items():
            part[slice(*data["part_ranges"][i])] = ranges[name]
        part = part[used]
        self.parts = {name: part == i for name, i in ranges.items()}
        self.skin = self.parts["face"] | self.parts["head_and_neck"]
        self.eyes = self.parts["sclera_left"] | self.parts["sclera_right"]
        self._paint()
        self._light()

    def blend(self, identity: np.ndarray, expression: dict[str, float]) -> np.ndarray:
        """Vertices [V, 3] in cm of a face with the given shape and expression, not posed."""
        weights = np.concatenate([identity, [expression.get(n, 0.0) for n in EXPRESSIONS]]).astype(np.float32)
        return self.neutral + (weights @ self.basis).reshape(-1, 3)

    def _paint(self) -> None:
        v, lm = self.neutral.astype(np.float64), self.neutral[self.landmarks].astype(np.float64)
        x, y, z = v.T
        front = self.skin & (z > 4.0)

        # Brows: landmarks follow the ridge; the hair grows a little below it and thins outwards.
        self.brow_distance, self.brow_along = np.full(len(v), 9.0), np.zeros(len(v))
        for ids in (range(21, 16, -1), range(22, 27)):
            dist, where = polyline_distance(v, lm[list(ids)] + np.array([0, -0.12, 0]))
            near = front & (dist < self.brow_distance)
            self.brow_distance[near], self.brow_along[near] = dist[near], where[near]

        outer = lm[48:60, :2]
        edge, _ = polyline_distance(v[:, :2], np.concatenate([outer, outer[:1]]))
        signed = np.where(_inside(v[:, :2], outer), edge, -edge)
        self.lips = np.where(self.parts["face"] & (z > 7.5), smoothstep(-0.18, 0.16, signed), 0.0)

        self.lash = self._lash_lines(v)

        flush = np.zeros(len(v))
        for center, radius in (([-4.6, 0.2, 8.6], 3.0), ([4.6, 0.2, 8.6], 3.0), ([0, 0.4, 12.4], 1.6)):
            flush = np.maximum(flush, np.exp(-((np.linalg.norm(v - center, axis=1) / radius) ** 2) * 1.6))
        ears = self.skin & (np.abs(x) > 7.75) & (y > -1.5) & (y < 5.5) & (z > -4) & (z < 4.5)
        self.flush = np.where(self.skin, np.maximum(flush, 0.5 * ears), 0.0)
        self.ears = ears

        # Angle of each eye vertex from the front pole of its eyeball.
        self.eye_angle = np.zeros(len(v))
        for name in ("sclera_left", "sclera_right"):
            own = self.parts[name]
            lo, hi = v[own].min(0), v[own].max(0)
            center = (lo + hi) / 2
            center[2] = lo[2] + (hi[1] - lo[1]) / 2
            d = v[own] - center
            self.eye_angle[own] = np.arctan2(np.hypot(d[:, 0], d[:, 1]), d[:, 2])

        d = v - SCALP_CENTER
        self.scalp_phi = np.arctan2(d[:, 0], d[:, 2])
        self.scalp_theta = np.degrees(np.arctan2(np.hypot(d[:, 0], d[:, 2]), d[:, 1]))
        # How much of the head's rotation a vertex takes; the neck twists in between.
        self.turn = neck_weight(v)

        self.labels = np.full(len(v), L_SKIN, np.uint8)
        self.labels[self.skin & (self.turn < 0.75)] = L_NECK
        self.labels[ears] = L_EAR
        self.labels[self.eyes] = L_EYE
        self.labels[self.parts["teeth"]] = L_TEETH
        self.labels[self.parts["gums_and_tongue"] | self.parts["mouth_socket"]] = L_MOUTH
        self.labels[self.lips > 0.5] = L_LIP

    def _lash_lines(self, v: np.ndarray) -> np.ndarray:
        """Dark lid margins [V], 0..1, in place of lash strips: strong above the eye, faint below.

        The face's mesh ends just behind the margins, so the distance to that rim finds them.
        """
        own = self.tris[np.all(self.parts["face"][self.tris], axis=1)]
        sides = np.concatenate([own[:, [0, 1]], own[:, [1, 2]], own[:, [2, 0]]])
        edges, count = np.unique(np.sort(sides, axis=1), axis=0, return_counts=True)
        rim = v[np.unique(edges[count == 1])]
        near_eye = (rim[:, 1] > 1.8) & (rim[:, 1] < 5.2) & (rim[:, 2] > 7.0) & (np.abs(rim[:, 0]) < 5.2)
        rim = rim[near_eye]
        corners = v[self.landmarks[[42, 45]]]
        level = np.interp(np.abs(rim[:, 0]), corners[:, 0], corners[:, 1])
        lash = np.zeros(len(v))
        eye_area = np.flatnonzero(self.skin & (v[:, 2] > 7.0) & (v[:, 1] > 1.5) & (v[:, 1] < 5.5))
        for line, width, strength in ((rim[rim[:, 1] > level], 0.45, 1.0), (rim[rim[:, 1] <= level], 0.33, 0.45)):
            dist = np.linalg.norm(v[eye_area, None] - line[None], axis=2).min(axis=1)
            lash[eye_area] = np.maximum(lash[eye_area], strength * smoothstep(width, 0.6 * width, dist))
        return lash

    def _light(self) -> None:
        """Bake on a slightly open mouth, so that the lips do not come out black."""
        verts = self.blend(np.zeros(IDENTITY_COUNT), {"jawOpen": 0.25})
        self.ao, self.shadow_sh = baked_light(verts, self.tris)
        baked = _smooth(np.column_stack([self.ao, self.shadow_sh]), self.tris, rounds=3)
        self.ao, self.shadow_sh = baked[:, 0], baked[:, 1:]
        z = self.neutral[:, 2]
        self.ao = np.where(self.skin, 0.25 + 0.75 * self.ao**0.8, self.ao)
        self.ao[self.lips > 0.3] = np.maximum(self.ao[self.lips > 0.3], 0.5)
        self.ao[self.eyes] = 0.95
        inner = self.parts["teeth"] | self.parts["gums_and_tongue"] | self.parts["mouth_socket"]
        self.ao[inner] = 0.03 + 0.80 * smoothstep(7.0, 10.6, z[inner])
        self.ao[self.parts["mouth_socket"]] *= 0.25
        # The tongue's side of the teeth stays dark.
        teeth = self.parts["teeth"]
        outward = self.neutral - np.array([0.0, 0.0, 5.0])
        facing = np.sum(vertex_normals(self.neutral, self.tris) * outward * [1, 0, 1], axis=1)
        facing /= np.hypot(outward[:, 0], outward[:, 2]) + 1e-6
        self.ao[teeth] *= (0.15 + 0.85 * smoothstep(-0.2, 0.5, facing))[teeth] * smoothstep(6.5, 9.8, z[teeth])
        self.fixed_shadow = np.full(len(z), -1.0)
        self.fixed_shadow[inner] = self.ao[inner]
        self.fixed_shadow[self.eyes] = 0.9


def neck_weight(v: np.ndarray) -> np.ndarray:
    """Share of the head's rotation by position [N, 3]: 1 above the jaw, 0 at the shoulders."""
    return smoothstep(-13.0, -4.5, v[:, 1] + 0.45 * v[:, 2]).astype(np.float32)
