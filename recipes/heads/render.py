"""Render synthetic head portraits: `HeadRenderer(assets).render(z)`; the latent vector is the scene."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .anatomy import L_CLOTH, L_HAIR, LABELS, Anatomy
from .backdrop import backdrop
from .eyes import lash_strips, lid_shade
from .geometry import rotation
from .hair import Hair, Locks, hang_turn, lay_down, lit_locks
from .layers import blend_layers
from .lights import shadow_map
from .raster import MAT_CLOTH, resolve, solid_depth, turned, vertex_normals, visibility
from .scene import Z_DIM, Scene, normalize_z, scene_from_z
from .shade import shade
from .surface import head_paint, light_table, paint_amounts, paint_table
from .torso import Torso

__all__ = ["LABELS", "Z_DIM", "HeadRenderer", "Render", "Scene", "normalize_z", "scene_from_z"]

CAMERA_DISTANCE = 130.0  # cm from the head's axis
VIEW_HEIGHT = 34.0  # cm of the plane through the head's axis that fill the image
VIEW_CENTER = np.array([0.0, 0.5, 0.0])
PIVOT = np.array([0.0, -5.0, -1.0])  # the head turns about the neck
_SKY = np.array([0.0, 0.86, 0.51])
_EXTENT = 26.0  # cm, half of the square on which the shoulders' height is known


@dataclass(frozen=True)
class Render:
    """One portrait. Pixel coordinates: (0, 0) is the centre of the top-left pixel."""

    image: np.ndarray  # uint8 [H, W, 3], sRGB
    landmarks: np.ndarray  # float32 [68, 2], (x, y) in pixels, Multi-PIE order
    visible: np.ndarray  # bool [68], not hidden by another surface
    labels: np.ndarray  # uint8 [H, W], index into LABELS
    scene: Scene


class HeadRenderer:
    """Renders scenes on the CPU; holds the loaded head and everything that was precomputed on it."""

    def __init__(self, assets_dir: str | Path) -> None:
        self.anatomy = a = Anatomy(assets_dir)
        self.hair = Hair(a, assets_dir)
        self.torso = Torso()
        self._cloth_at = len(a.neutral)
        self._tris = np.concatenate([a.tris, self.torso.tris + self._cloth_at]).astype(np.int32)
        casts = np.concatenate([a.skin[a.tris].all(1), np.ones(len(self.torso.tris), bool)])
        self._casters = np.ascontiguousarray(self._tris[casts])
        self._mats = np.concatenate([a.mats, np.full(len(self.torso.tris), MAT_CLOTH)]).astype(np.int32)
        self._labels = np.full(self._cloth_at + int(self.torso.tris.max()) + 1, L_CLOTH, np.uint8)
        self._labels[: self._cloth_at] = a.labels
        self._lash_uv, self._lash_texture = lash_strips(a)

    def render(self, scene_or_z: Scene | np.ndarray, resolution: int = 128, supersample: int = 2) -> Render:
        """Render one scene (or latent vector) at `resolution` squared with `supersample` squared samples a pixel."""
        scene = scene_or_z if isinstance(scene_or_z, Scene) else scene_from_z(scene_or_z)
        a, size = self.anatomy, resolution * supersample
        head = a.blend(scene.shape, scene.expression)
        head[:, 0] -= np.sign(head[:, 0]) * 0.9 * self.hair.ears(scene) * a.ear_off
        cloth, cloth_shade = self.torso.build(scene)
        verts = np.concatenate([_pose(head, a.turn, scene), cloth])
        normals = vertex_normals(verts, self._tris)
        hairs = self._posed_hair(scene, cloth)

        textured = [(v, k.fade, k.style.uv, k.style.tris, k.style.texture) for k, v, _ in hairs]
        key = shadow_map(scene.key_dir, verts, self._casters, textured, scene.shadow_blur)
        sky = shadow_map(_SKY, verts, self._casters, textured, 1.1)

        xy, inv, eye = _project(verts, scene, size)
        zbuf, ids = np.zeros((size, size), np.float32), np.full((size, size), -1, np.int32)
        visibility(xy, inv, self._tris, zbuf, ids)
        albedo, aux, paint = head_paint(scene, a, self.hair, len(verts))
        ao = np.concatenate([a.ao * lid_shade(a, head), cloth_shade]).astype(np.float32)
        albedo[self._cloth_at :] = scene.shirt
        vertex_labels = self._labels.copy()
        vertex_labels[: self._cloth_at][paint > 0.5] = L_HAIR
        image, labels = backdrop(scene, size), np.zeros((size, size), np.uint8)
        shade(
            xy,
            inv,
            verts,
            normals,
            albedo,
            ao,
            aux,
            self._tris,
            self._mats,
            ids,
            a.tri_uv,
            a.atlas,
            vertex_labels,
            eye,
            light_table(scene),
            paint_table(scene),
            paint_amounts(scene),
            _head_rotation(scene),
            key.moments,
            key.frame,
            sky.moments,
            sky.frame,
            image,
            labels,
        )
        cover = np.zeros((size, size), np.float32)
        self._lashes(scene, xy, inv, zbuf, key, image)
        solids = [self._solid(scene, locks, own, size) for locks, own, _ in hairs]
        for i, (locks, own, tangent) in enumerate(hairs):
            # The styles hide each other only where they are opaque.
            behind = np.maximum.reduce([zbuf, *(s for k, s in enumerate(solids) if k != i)])
            self._blend_hair(scene, locks, own, tangent, key, behind, solids[i], image, cover)

        marks = a.landmarks
        at = np.clip(xy[marks].astype(int), 0, size - 1)
        visible = inv[marks] >= zbuf[at[:, 1], at[:, 0]] * (1.0 - 0.7 / CAMERA_DISTANCE)
        visible &= (cover[at[:, 1], at[:, 0]] < 0.5) & np.all((xy[marks] >= 0) & (xy[marks] < size), axis=1)
        labels[cover > 0.5] = L_HAIR
        middle = supersample // 2
        return Render(
            image=resolve(image, supersample),
            landmarks=(xy[marks] / supersample - 0.5).astype(np.float32),
            visible=visible,
            labels=np.ascontiguousarray(labels[middle::supersample, middle::supersample]),
            scene=scene,
        )

    def _posed_hair(self, scene: Scene, cloth: np.ndarray) -> list[tuple[Locks, np.ndarray, np.ndarray]]:
        """(locks, vertices [V, 3], strand directions [V, 3]) of each style that is there, turned with the head."""
        out = []
        heights = None
        for locks in self.hair.build(scene):
            own = _pose(locks.verts, hang_turn(locks.verts), scene)
            if locks.verts[locks.fade > 0.0, 1].min(initial=0.0) < -5.0:
                heights = self.torso.heights(cloth) if heights is None else heights
                own = lay_down(own, heights, _EXTENT)
            out.append((locks, own, locks.style.tangent @ _head_rotation(scene).T.astype(np.float32)))
        return out

    def _solid(self, scene: Scene, locks: Locks, own: np.ndarray, size: int) -> np.ndarray:
        """1 / distance of the nearest opaque part of a style, [size, size]."""
        xy, inv, _ = _project(own, scene, size)
        style, solid = locks.style, np.zeros((size, size), np.float32)
        solid_depth(xy, inv, style.uv, locks.fade, style.tris, style.texture, 0.93, solid)
        return solid

    def _blend_hair(self, scene, locks, own, tangent, key, zbuf, solid, image, cover) -> None:
        """Blend one style's layers over `image`; `zbuf` and `solid` say what hides them."""
        xy, inv, _ = _project(own, scene, len(image))
        style = locks.style
        order = np.argsort(inv[style.tris].sum(1), kind="stable")
        diffuse, ambient, along, gloss = lit_locks(scene, locks, own, tangent)
        place = own @ key.frame[:, :3].T + key.frame[:, 3]
        blend_layers(
            xy,
            inv,
            style.uv,
            locks.fade,
            style.tris[order],
            style.texture,
            diffuse,
            ambient,
            along,
            gloss,
            place,
            key.moments,
            np.asarray(scene.hair),
            1.0,
            0.5,
            scene.key_rgb,
            zbuf,
            solid,
            image,
            cover,
        )

    def _lashes(self, scene, xy, inv, zbuf, key, image) -> None:
        """Blend the lashes over `image`; flat light, because they are too small to be shaded."""
        a = self.anatomy
        count = len(xy)
        order = np.argsort(inv[a.lash_tris].sum(1), kind="stable")
        flat = np.zeros(count, np.float32)
        blend_layers(
            xy,
            inv,
            self._lash_uv,
            np.full(count, 0.50 + 0.18 * scene.makeup, np.float32),
            a.lash_tris[order],
            self._lash_texture,
            flat + 0.5,
            np.full((count, 3), 0.3, np.float32),
            flat,
            flat,
            np.zeros((count, 3), np.float32) + [0, 0, 99.0],
            key.moments,
            0.35 * np.asarray(scene.brows) * (1.0 - 0.6 * scene.makeup),
            0.0,
            0.0,
            scene.key_rgb,
            zbuf,
            np.zeros_like(zbuf),
            image,
            np.zeros_like(zbuf),
        )


def _head_rotation(scene: Scene) -> np.ndarray:
    return rotation(*(np.radians(v) for v in (scene.yaw, -scene.pitch, scene.roll)))


def _pose(verts: np.ndarray, share: np.ndarray, scene: Scene) -> np.ndarray:
    """Turn vertices [V, 3] about the neck; `share` is each one's part of the rotation."""
    return turned(verts, share, PIVOT, np.radians(scene.yaw), np.radians(-scene.pitch), np.radians(scene.roll))


def _project(verts: np.ndarray, scene: Scene, size: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Perspective projection -> continuous pixel coordinates [V, 2], 1 / distance [V], the camera's position."""
    eye = VIEW_CENTER + np.array([-scene.shift[0], -scene.shift[1], CAMERA_DISTANCE])
    local = verts - eye
    inv = -1.0 / local[:, 2]
    focal = scene.zoom * size * CAMERA_DISTANCE / VIEW_HEIGHT
    xy = np.stack([size / 2 + focal * local[:, 0] * inv, size / 2 - focal * local[:, 1] * inv], axis=1)
    return xy.astype(np.float32), inv.astype(np.float32), eye
