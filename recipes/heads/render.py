"""Render synthetic head portraits: `HeadRenderer(assets).render(z)`; the latent vector is the scene.

`python -m recipes.heads.render --assets DIR --out DIR --count 16000` writes a dataset (see `dataset.py`),
`--sheet FILE.png` a contact sheet of 64 portraits.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .anatomy import L_BROW, L_CLOTH, L_HAIR, LABELS, Anatomy, neck_weight, sh_basis, smoothstep
from .hair import Hair
from .raster import MAT_CLOTH, MAT_HAIR, feather, resolve, shade, vertex_normals, visibility
from .scene import Z_DIM, Scene, normalize_z, scene_from_z
from .torso import Torso

__all__ = ["LABELS", "Z_DIM", "HeadRenderer", "Render", "Scene", "normalize_z", "scene_from_z"]

CAMERA_DISTANCE = 130.0  # cm from the head's axis
VIEW_HEIGHT = 34.0  # cm of the plane through the head's axis that fill the image
VIEW_CENTER = np.array([0.0, -0.1, 0.0])
PIVOT = np.array([0.0, -5.0, -1.0])  # the head turns about the neck
_IRIS_RADIUS = 0.44  # radians seen from the eyeball's centre


@dataclass(frozen=True)
class Render:
    """One portrait. Pixel coordinates: (0, 0) is the centre of the top-left pixel."""

    image: np.ndarray  # uint8 [H, W, 3], sRGB
    landmarks: np.ndarray  # float32 [68, 2], (x, y) in pixels, Multi-PIE order
    visible: np.ndarray  # bool [68], not hidden by another surface
    labels: np.ndarray  # uint8 [H, W], index into LABELS
    scene: Scene


def _rotation(yaw: np.ndarray, pitch: np.ndarray, roll: np.ndarray) -> np.ndarray:
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


class HeadRenderer:
    """Renders scenes on the CPU; holds the loaded head and everything that was precomputed on it."""

    def __init__(self, assets_dir: str | Path) -> None:
        self.anatomy = Anatomy(assets_dir)
        self.hair = Hair(self.anatomy)
        self.torso = Torso()
        a, cloth_at = self.anatomy, len(self.anatomy.neutral)
        hair_at = cloth_at + len(self.torso.phi) * (len(self.torso.row) + 1)
        self._cloth, self._strands = slice(cloth_at, hair_at), slice(hair_at, None)
        self._tris = np.concatenate([a.tris, self.torso.tris + cloth_at, self.hair.tris + hair_at]).astype(np.int32)
        self._hair_tris = np.ascontiguousarray(self.hair.tris + hair_at, np.int32)
        self._mats = np.concatenate(
            [a.mats, np.full(len(self.torso.tris), MAT_CLOTH), np.full(len(self.hair.tris), MAT_HAIR)]
        ).astype(np.int32)
        count = hair_at + int(self.hair.tris.max()) + 1
        labels = np.full(count, L_HAIR, np.uint8)
        labels[:cloth_at], labels[self._cloth] = a.labels, L_CLOTH
        self._labels = labels

    def render(self, scene_or_z: Scene | np.ndarray, resolution: int = 128, supersample: int = 2) -> Render:
        """Render one scene (or latent vector) at `resolution` squared with `supersample` squared samples a pixel."""
        scene = scene_or_z if isinstance(scene_or_z, Scene) else scene_from_z(scene_or_z)
        a = self.anatomy
        head = a.blend(scene.identity, scene.expression)
        strands = self.hair.build(scene, head, a.neutral)
        cloth, cloth_shade = self.torso.build(scene)
        rotation = self._head_rotation(scene)
        hair_turn = 0.35 + 0.65 * neck_weight(strands["verts"])
        verts = np.concatenate([_pose(head, a.turn, scene), cloth, _pose(strands["verts"], hair_turn, scene)]).astype(
            np.float32
        )
        normals = vertex_normals(verts, self._tris)

        size = resolution * supersample
        xy, inv, eye = _project(verts, scene, size)
        alpha = np.ones(len(verts), np.float32)
        alpha[self._strands] = strands["alpha"]
        zbuf, ids = np.zeros((size, size), np.float32), np.full((size, size), -1, np.int32)
        visibility(xy, inv, self._tris, alpha, zbuf, ids)

        tangent = (strands["tangent"] @ rotation.T).astype(np.float32)
        rgb = np.zeros((len(verts), 3), np.float32)
        rgb[self._strands] = self.hair.light(scene, strands, verts[self._strands], tangent, eye)
        albedo, ao, shadow, aux, labels = self._surface(scene, rotation, cloth_shade)
        image = _background(scene, size)
        shade(
            xy,
            inv,
            verts,
            normals,
            albedo,
            ao,
            shadow,
            aux,
            self._tris,
            self._mats,
            ids,
            eye,
            scene.key_dir,
            scene.key_rgb,
            scene.fill_dir,
            scene.fill_rgb,
            scene.sky_rgb,
            scene.ground_rgb,
            scene.wrap,
            np.asarray(scene.iris),
            _IRIS_RADIUS,
            rgb,
            image,
        )
        cover = np.zeros((size, size), np.float32)
        feather(xy, inv, self._hair_tris, alpha, rgb, zbuf, image, cover)

        marks = a.landmarks
        at = np.clip(xy[marks].astype(int), 0, size - 1)
        visible = inv[marks] >= zbuf[at[:, 1], at[:, 0]] * (1.0 - 0.7 / CAMERA_DISTANCE)
        visible &= (cover[at[:, 1], at[:, 0]] < 0.5) & np.all((xy[marks] >= 0) & (xy[marks] < size), axis=1)
        label_map = np.where(ids >= 0, labels[self._tris[np.maximum(ids, 0), 0]], 0)
        label_map = np.where(cover > 0.5, L_HAIR, label_map).astype(np.uint8)
        middle = supersample // 2
        return Render(
            image=resolve(image, supersample),
            landmarks=(xy[marks] / supersample - 0.5).astype(np.float32),
            visible=visible,
            labels=np.ascontiguousarray(label_map[middle::supersample, middle::supersample]),
            scene=scene,
        )

    @staticmethod
    def _head_rotation(scene: Scene) -> np.ndarray:
        return _rotation(*(np.radians(v) for v in (scene.yaw, -scene.pitch, scene.roll)))

    def _surface(self, scene: Scene, rotation: np.ndarray, cloth_shade: np.ndarray) -> tuple[np.ndarray, ...]:
        """Per vertex of all meshes: albedo, openness, key visibility, specular strength or eye angle, label."""
        a, count = self.anatomy, len(self._labels)
        head = len(a.neutral)
        skin, lips, brows, hair = (np.asarray(c) for c in (scene.skin, scene.lips, scene.brows, scene.hair))
        albedo = np.zeros((count, 3), np.float32)
        color = np.broadcast_to(skin, (head, 3)).copy()
        blush = a.flush[:, None] * (0.15 + 0.5 * scene.flush)
        color *= 1.0 + blush * np.array([0.10, -0.30, -0.26])
        color += a.lips[:, None] * (lips - color)
        thick = (0.36 + 0.34 * scene.brow_weight) * (1.0 - 0.55 * a.brow_along**2)
        brow = smoothstep(1.35 * thick, 0.25 * thick, a.brow_distance) * (0.68 + 0.3 * scene.brow_weight)
        brow *= smoothstep(0.0, 0.12, a.brow_along) * 0.4 + 0.6
        color += brow[:, None] * (brows - color)
        color *= 1.0 - a.lash[:, None] * np.array([0.85, 0.9, 0.92])
        paint, contact = self.hair.cover(scene, a)
        color += 0.93 * paint[:, None] * (hair - color)
        color[a.eyes] = (0.80, 0.765, 0.74)
        color[a.parts["teeth"]] = (0.80, 0.755, 0.66)
        color[a.parts["gums_and_tongue"]] = (0.46, 0.15, 0.14)
        color[a.parts["mouth_socket"]] = (0.25, 0.07, 0.06)
        albedo[:head] = color
        albedo[self._cloth] = scene.shirt

        ao = np.ones(count, np.float32)
        ao[:head] = a.ao * contact
        ao[self._cloth] = cloth_shade
        shadow = np.ones(count, np.float32)
        seen = a.shadow_sh @ sh_basis((scene.key_dir @ rotation)[None])[0]
        # Low-order harmonics ring: stretch them so that open skin is fully lit.
        seen = smoothstep(0.15, 0.85, seen) * (0.4 + 0.6 * contact)
        shadow[:head] = np.where(a.fixed_shadow >= 0, a.fixed_shadow, 0.12 + 0.88 * seen)
        shadow[self._cloth] = cloth_shade
        aux = np.zeros(count, np.float32)
        gloss = np.where(a.skin, 0.16 + 0.14 * a.lips, 0.1) * (1.0 - 0.8 * np.maximum(paint, brow)) * (1.0 - a.lash)
        aux[:head] = np.where(a.eyes, a.eye_angle, gloss)
        labels = self._labels.copy()
        labels[:head][(brow > 0.45) & a.skin] = L_BROW
        labels[:head][paint > 0.5] = L_HAIR
        return albedo, ao, shadow, aux, labels


def _pose(verts: np.ndarray, turn: np.ndarray, scene: Scene) -> np.ndarray:
    """Turn vertices [V, 3] about the neck; `turn` is each one's share of the rotation."""
    angles = (np.radians(v) * turn for v in (scene.yaw, -scene.pitch, scene.roll))
    return PIVOT + np.einsum("vij,vj->vi", _rotation(*angles), verts - PIVOT)


def _project(verts: np.ndarray, scene: Scene, size: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Perspective projection -> continuous pixel coordinates [V, 2], 1 / distance [V], the camera's position."""
    eye = VIEW_CENTER + np.array([-scene.shift[0], -scene.shift[1], CAMERA_DISTANCE])
    local = verts - eye
    inv = -1.0 / local[:, 2]
    focal = scene.zoom * size * CAMERA_DISTANCE / VIEW_HEIGHT
    xy = np.stack([size / 2 + focal * local[:, 0] * inv, size / 2 - focal * local[:, 1] * inv], axis=1)
    return xy.astype(np.float32), inv.astype(np.float32), eye


def _background(scene: Scene, size: int) -> np.ndarray:
    """A studio backdrop: a soft glow behind the head and a gradient, linear RGB [size, size, 3]."""
    t = (np.arange(size) + 0.5) / size * 2 - 1
    x, y = np.meshgrid(t, t)
    glow = np.exp(-(x**2 + (y + 0.1) ** 2) * 0.55)
    level = 0.68 + 0.42 * glow + 0.16 * scene.back_slope * x - 0.06 * y
    return (level[..., None] * np.asarray(scene.background)).astype(np.float32)


if __name__ == "__main__":
    from .dataset import main

    main()
