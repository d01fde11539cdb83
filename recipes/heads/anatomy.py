"""The morphable head: loading, the shapes of age, painted masks, and openness that was precomputed per vertex."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from .geometry import inside, polyline_distance, smoothstep
from .openness import openness, smoothed
from .proportions import aged, child, masculine
from .raster import MAT_EYE, MAT_MOUTH, MAT_SKIN, MAT_TEETH, vertex_normals
from .scene import IDENTITY_COUNT, SHAPE_COUNT
from .skin import SIZE as ATLAS_SIZE
from .skin import paint_atlas

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


class Anatomy:
    """The head's base shapes with the unused parts dropped, painted masks and precomputed openness.

    Attributes:
        neutral: float32 [V, 3] cm; the last vertices are the lashes', which only `lashes` uses.
        tris, mats: int32 [T, 3], [T]; the first `len(tri_uv)` triangles are the face's.
        tri_uv: float32 [F, 3, 2], texels of the atlas. atlas: see skin.py.
    """

    def __init__(self, assets_dir: str | Path) -> None:
        path = Path(assets_dir)
        path = path / "ict_facekit" / "ict_facekit.npz" if path.is_dir() else path
        data = np.load(path)
        names, ids = [str(n) for n in data["material_names"]], data["triangle_material"]
        material = np.array([_USED.get(n, -1) for n in names])[ids]
        # The shoulders of the mesh end in an open rim; the cloth takes over from there.
        where = data["neutral"][data["triangles"]].mean(axis=1)
        material[(where[:, 1] < -10.5) & (np.hypot(where[:, 0], np.minimum(where[:, 2] + 1.0, 0.0)) > 8.2)] = -1
        face = ids == names.index("M_Face")
        order = np.concatenate([np.flatnonzero((material >= 0) & face), np.flatnonzero((material >= 0) & ~face)])
        lash = np.flatnonzero(ids == names.index("M_EyeLashes"))
        # Solid vertices first, lashes behind them.
        solid = np.unique(data["triangles"][order])
        used = np.concatenate([solid, np.setdiff1d(data["triangles"][lash], solid)])
        remap = np.full(len(data["neutral"]), -1, np.int32)
        remap[used] = np.arange(len(used), dtype=np.int32)

        self.neutral = data["neutral"][used].astype(np.float32)
        self.solid = len(solid)
        self.tris = np.ascontiguousarray(remap[data["triangles"][order]])
        self.mats = material[order].astype(np.int32)
        self.landmarks = remap[data["landmarks68"]]
        self.lash_tris = remap[data["triangles"][lash]]
        self.lash_uv = np.zeros((len(used), 2), np.float32)
        self.lash_uv[self.lash_tris] = data["uv"][data["triangle_uv"][lash]]
        count = int(face[order].sum())
        uv = data["uv"][data["triangle_uv"][order[:count]]] * [1.0, -1.0] + [0.0, 1.0]
        self.tri_uv = np.ascontiguousarray(uv * ATLAS_SIZE, np.float32)

        part = np.full(len(data["neutral"]), -1)
        ranges = {str(n): i for i, n in enumerate(data["part_names"])}
        for i in ranges.values():
            part[slice(*data["part_ranges"][i])] = i
        part = part[used]
        self.parts = {name: part == i for name, i in ranges.items()}
        self.skin = self.parts["face"] | self.parts["head_and_neck"]
        self.eyes = self.parts["sclera_left"] | self.parts["sclera_right"]

        shapes = [str(n) for n in data["expression_names"]]
        moves = np.stack([data["expression"][shapes.index(n)] for n in EXPRESSIONS])
        own = np.stack([child(self.neutral, self.eyes), aged(self.neutral), masculine(self.neutral)])
        basis = np.concatenate([data["identity"][:IDENTITY_COUNT][:, used], own, moves[:, used]])
        # The base of the neck keeps its neutral shape, so that the collar fits every identity.
        low = self.neutral[:, 1] + 0.25 * self.neutral[:, 2]
        basis = basis * smoothstep(-11.5, -6.5, low)[None, :, None]
        self.basis = np.ascontiguousarray(basis.reshape(len(basis), -1).astype(np.float32))
        self._paint(uv)
        self._open()

    def blend(self, shape: np.ndarray, expression: dict[str, float]) -> np.ndarray:
        """Vertices float32 [V, 3] in cm, not posed. `shape`: identity coefficients, then child, aged and sex."""
        weights = np.concatenate([shape, [expression.get(n, 0.0) for n in EXPRESSIONS]]).astype(np.float32)
        return self.neutral + (weights @ self.basis).reshape(-1, 3)

    def tied(self, ids: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """Shapes (no expressions) at points that hang on vertices `ids` [N, K] by `weights`: [SHAPE_COUNT, N * 3]."""
        basis = self.basis[:SHAPE_COUNT].reshape(SHAPE_COUNT, -1, 3)
        out = [np.einsum("nkc,nk->nc", one[ids], weights).reshape(-1) for one in basis]
        return np.ascontiguousarray(np.stack(out), np.float32)

    def _paint(self, uv: np.ndarray) -> None:
        v, marks = self.neutral.astype(np.float64), self.neutral[self.landmarks].astype(np.float64)
        x, y, z = v.T
        face = self.tris[: len(self.tri_uv)]
        self.atlas = paint_atlas(uv, self.neutral[face], marks, self._lid_rims(v))

        outer = marks[48:60, :2]
        edge, _ = polyline_distance(v[:, :2], np.concatenate([outer, outer[:1]]))
        signed = np.where(inside(v[:, :2], outer), edge, -edge)
        self.lips = np.where(self.parts["face"] & (z > 7.5), smoothstep(-0.18, 0.16, signed), 0.0)

        flush = np.zeros(len(v))
        for center, radius in (([-4.6, 0.2, 8.6], 3.0), ([4.6, 0.2, 8.6], 3.0), ([0, 0.4, 12.4], 1.6)):
            flush = np.maximum(flush, np.exp(-((np.linalg.norm(v - center, axis=1) / radius) ** 2) * 1.6))
        ears = self.skin & (np.abs(x) > 7.75) & (y > -1.5) & (y < 5.5) & (z > -4) & (z < 4.5)
        self.flush = np.where(self.skin, np.maximum(flush, 0.6 * ears), 0.0)
        self.ears = ears
        # How far an ear stands off the skull: 0 at its root.
        self.ear_off = np.where(
            self.skin, smoothstep(7.2, 8.4, np.abs(x)) * (y > -2.0) * (y < 6.0) * (np.abs(z) < 5), 0
        )
        # Painters' zones: the forehead is yellower, the jaw greyer.
        self.forehead = np.where(self.skin, smoothstep(4.0, 8.0, y) * smoothstep(2.0, 6.0, z), 0.0)
        self.jaw = np.where(self.skin, smoothstep(-2.0, -5.0, y) * smoothstep(-11.0, -8.0, y), 0.0)
        # Oil: the forehead, the nose and the cheekbones shine more.
        shine = np.exp(-((x / 1.1) ** 2)) * smoothstep(9.0, 11.0, z) * (y > -1.0)
        shine = np.maximum(shine, 0.6 * self.forehead)
        self.shine = np.maximum(
            shine, 0.6 * np.exp(-(((np.abs(x) - 4.9) / 1.2) ** 2) - ((y - 1.6) / 1.2) ** 2) * (z > 5)
        )

        # Angles of each eye vertex from the front pole of its eyeball, rightwards and upwards.
        self.eye_angle = np.zeros((len(v), 2))
        for name in ("sclera_left", "sclera_right"):
            own = self.parts[name]
            lo, hi = v[own].min(0), v[own].max(0)
            center = (lo + hi) / 2
            center[2] = lo[2] + (hi[1] - lo[1]) / 2
            d = v[own] - center
            flat = np.hypot(d[:, 0], d[:, 1])
            self.eye_angle[own] = d[:, :2] * (np.arctan2(flat, d[:, 2]) / (flat + 1e-6))[:, None]

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

    def _lid_rims(self, v: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Dense points along the lid margins (upper, lower), [N, 3]: the face's mesh ends just behind them."""
        own = self.tris[: len(self.tri_uv)]
        sides = np.concatenate([own[:, [0, 1]], own[:, [1, 2]], own[:, [2, 0]]])
        edges, count = np.unique(np.sort(sides, axis=1), axis=0, return_counts=True)
        edges = edges[count == 1]
        middle = v[edges].mean(1)
        near_eye = (middle[:, 1] > 1.8) & (middle[:, 1] < 5.2) & (middle[:, 2] > 7.0) & (np.abs(middle[:, 0]) < 5.2)
        ends = v[edges[near_eye]]
        dense = np.concatenate([ends[:, 0] * (1 - t) + ends[:, 1] * t for t in np.linspace(0, 1, 6)])
        corners = v[self.landmarks[[42, 45]]]
        level = np.interp(np.abs(dense[:, 0]), corners[:, 0], corners[:, 1])
        return dense[dense[:, 1] > level], dense[dense[:, 1] <= level]

    def _open(self) -> None:
        """Ambient openness [V], baked on a slightly open mouth, so that the lips do not come out black."""
        verts = self.blend(np.zeros(SHAPE_COUNT), {"jawOpen": 0.25})
        ao = smoothed(openness(verts, self.tris), self.tris, rounds=3)
        z = self.neutral[:, 2]
        ao = np.where(self.skin, 0.22 + 0.78 * ao**0.9, ao)
        ao[self.lips > 0.3] = np.maximum(ao[self.lips > 0.3], 0.5)
        ao[self.eyes] = 0.95
        inner = self.parts["teeth"] | self.parts["gums_and_tongue"] | self.parts["mouth_socket"]
        ao[inner] = 0.06 + 0.80 * smoothstep(5.0, 10.4, z[inner])
        ao[self.parts["mouth_socket"]] *= 0.25
        # The tongue's side of the teeth stays dark.
        teeth = self.parts["teeth"]
        outward = self.neutral - np.array([0.0, 0.0, 5.0])
        facing = np.sum(vertex_normals(self.neutral, self.tris) * outward * [1, 0, 1], axis=1)
        facing /= np.hypot(outward[:, 0], outward[:, 2]) + 1e-6
        ao[teeth] *= (0.55 + 0.45 * smoothstep(-0.6, 0.6, facing))[teeth] * smoothstep(4.0, 9.6, z[teeth])
        ao[teeth] = smoothed(ao, self.tris, rounds=8)[teeth]
        self.ao = ao
        self.fixed_light = np.full(len(z), -1.0)
        self.fixed_light[inner] = np.clip(ao[inner], 0.0, 1.0)


def neck_weight(v: np.ndarray) -> np.ndarray:
    """Share of the head's rotation by position [N, 3]: 1 above the jaw, 0 at the shoulders."""
    return smoothstep(-13.0, -4.5, v[:, 1] + 0.45 * v[:, 2]).astype(np.float32)
