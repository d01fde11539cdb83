"""Hair of a scene: one or two neighbours on the circle of styles, grown, cut, combed and laid on the shoulders.

Between two styles both shrink towards the scalp, so that a change of style passes through a crop.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .anatomy import Anatomy, neck_weight
from .geometry import smoothstep, unit
from .hairstyles import FITS, SKULL_CENTER, Fit, Skull, Style, hairline, load_style
from .raster import vertex_normals
from .scene import Scene

_BLEND = 0.09  # half of the width, in shares of the circle, over which neighbours on the circle blend


@dataclass(frozen=True)
class Locks:
    """A style as built for a scene, not posed."""

    style: Style
    verts: np.ndarray  # float32 [V, 3]
    fade: np.ndarray  # float32 [V], 0 where it is cut away


def presence(scene: Scene) -> dict[int, float]:
    """Style (index into FITS) -> how much of it there is, 0..1; at most two."""
    ends = np.cumsum([fit.share for fit in FITS])
    at = scene.hair_style * ends[-1]
    out = {}
    for i, (end, fit) in enumerate(zip(ends, FITS, strict=True)):
        # Distance on the circle to the middle of the style's sector.
        off = abs((at - end + 0.5 * fit.share + 0.5 * ends[-1]) % ends[-1] - 0.5 * ends[-1])
        share = smoothstep(_BLEND, -_BLEND, off - 0.5 * fit.share) * scene.hair_mass
        if share > 0.0:
            out[i] = float(share)
    return out


def grown_length(scene: Scene, fit: Fit) -> float:
    """Length in cm from the hairline to which a style is cut."""
    return fit.shortest + (fit.longest - fit.shortest) * scene.hair_length


class Hair:
    """The loaded styles and their ties to the head's shape."""

    def __init__(self, anatomy: Anatomy, assets_dir: str | Path) -> None:
        skull = Skull(anatomy)
        self.styles = [load_style(Path(assets_dir) / "makehuman", fit, skull, anatomy) for fit in FITS]
        self.anatomy = anatomy

    def ears(self, scene: Scene) -> float:
        """How much the hair presses the ears to the head, 0..1."""
        return sum(p * self.styles[i].fit.ears for i, p in presence(scene).items())

    def build(self, scene: Scene) -> list[Locks]:
        """The styles that are there, on the head of this scene."""
        return [self._grow(scene, i, p) for i, p in presence(scene).items()]

    def _grow(self, scene: Scene, index: int, presence: float) -> Locks:
        style = self.styles[index]
        fit = style.fit
        moved = (scene.shape.astype(np.float32) @ style.shapes).reshape(-1, 3)
        v, skull = style.verts.astype(np.float64), style.skull
        # Combed off the face: the fringe's ends go up towards the hairline.
        x, y, z = v.T
        over_face = smoothstep(4.0, 7.5, z) * smoothstep(8.4, 6.8, np.abs(x)) * smoothstep(-0.5, 1.5, style.reach)
        lift = (0.70 - 0.35 * scene.fringe) * over_face * np.maximum(6.6 - y, 0.0)
        v = v + np.stack([0 * lift, lift, 0.1 * lift], axis=-1)
        # Volume, and growing out of the scalp between two styles.
        height = style.top * (scene.hair_volume - 1.0) * smoothstep(0.1, 0.8, style.reach)
        low = style.top * 0.65 * (1.0 - presence)
        v = (
            skull
            + (v - skull) * ((1.0 + height) * (1.0 - low))[:, None]
            + unit(skull - SKULL_CENTER) * 0.4 * low[:, None]
        )
        # Waves run down what hangs.
        hang = smoothstep(2.0, 9.0, style.reach) * (1.0 - style.top)
        bend = 0.35 * (1 + scene.wave) * hang * np.sin(0.75 * y + 0.5 * z + 0.8 * np.sign(x))
        v = v + unit(np.stack([x, 0 * x, z], axis=-1)) * bend[:, None]
        # A higher or lower hairline tips the whole of it.
        tilt = np.radians(0.8 * scene.hairline)
        c, s = np.cos(tilt), np.sin(tilt)
        d = v - SKULL_CENTER
        tipped = SKULL_CENTER + np.stack([d[:, 0], c * d[:, 1] - s * d[:, 2], s * d[:, 1] + c * d[:, 2]], axis=-1)
        v = v + style.top[:, None] * (tipped - v)
        longest = grown_length(scene, fit)
        soft = 1.0 + 0.10 * longest
        fade = smoothstep(0.0, 1.0, (presence * (longest + soft) - style.reach) / soft)
        # Cut above the eyes.
        lowest = 5.6 - 1.3 * scene.fringe
        fade *= 1.0 - over_face * smoothstep(lowest + 0.7, lowest - 0.7, v[:, 1])
        return Locks(style, (v + moved).astype(np.float32), fade.astype(np.float32))

    def cover(self, scene: Scene) -> np.ndarray:
        """Per head vertex: how much scalp hair is painted on (0..1)."""
        a = self.anatomy
        front = smoothstep(80.0, 46.0, np.degrees(np.abs(a.scalp_phi)))
        line = hairline(a.scalp_phi) + front * (scene.hairline - 8.0 * scene.aged)
        return scene.hair_density * smoothstep(-5.0, 6.0, line - a.scalp_theta) * (a.skin & ~a.ears)


def hang_turn(verts: np.ndarray) -> np.ndarray:
    """Share of the head's rotation that hair at [N, 3] takes: what lies on the shoulders stays behind."""
    return (0.30 + 0.70 * neck_weight(verts)).astype(np.float32)


def lay_down(verts: np.ndarray, heights: np.ndarray, extent: float) -> np.ndarray:
    """Push posed hair [N, 3] out of the neck, and let it slide off the shoulders, forwards or backwards.

    `heights` [S, S]: the torso's height over a square of +-`extent` cm (rows run forwards, columns to the right).
    """
    v = verts.astype(np.float64)
    size = len(heights)
    ring = np.hypot(v[:, 0], v[:, 2] + 1.0)
    out = smoothstep(-5.0, -8.0, v[:, 1]) * np.maximum(7.4 - ring, 0.0)
    v[:, [0, 2]] += (v[:, [0, 2]] + [0.0, 1.0]) / (ring[:, None] + 1e-6) * out[:, None]

    def surface(x: np.ndarray, z: np.ndarray) -> np.ndarray:
        i = np.clip((x + extent) / (2 * extent) * size - 0.5, 0, size - 1.001)
        j = np.clip((z + extent) / (2 * extent) * size - 0.5, 0, size - 1.001)
        a, b = i.astype(int), j.astype(int)
        s, t = i - a, j - b
        top = heights[b, a] * (1 - s) + heights[b, a + 1] * s
        low = heights[b + 1, a] * (1 - s) + heights[b + 1, a + 1] * s
        return top * (1 - t) + low * t

    way = np.tanh((v[:, 2] + 0.5) / 1.5)
    for _ in range(3):
        deep = np.maximum(surface(v[:, 0], v[:, 2]) + 0.5 - v[:, 1], 0.0)
        v[:, 2] += 0.55 * deep * way
        v[:, 0] += 0.10 * deep * np.sign(v[:, 0])
    v[:, 1] = np.maximum(v[:, 1], surface(v[:, 0], v[:, 2]) + 0.45)
    return v.astype(np.float32)


def lit_locks(scene: Scene, locks: Locks, verts: np.ndarray, tangent: np.ndarray) -> tuple[np.ndarray, ...]:
    """For posed hair [V, 3]: key diffuse [V], ambient [V, 3], half vector along the strands [V], gloss [V]."""
    normal = vertex_normals(verts, locks.style.tris)
    outward = unit(verts - np.array([0.0, 2.0, -0.5]))
    # Strips lie at odd angles: the shape of the whole head of hair counts as much as their own.
    normal = normal * np.sign(np.sum(normal * outward, 1, keepdims=True) + 1e-9)
    normal = unit(normal + 1.6 * outward)
    view = np.array([0.0, 0.0, 1.0])
    half = unit(view + scene.key_dir)
    key = np.clip((normal @ scene.key_dir + 0.30) / 1.30, 0, None)
    fill = np.clip((normal @ scene.fill_dir + 0.6) / 1.6, 0, None)
    edge = np.clip(normal @ scene.rim_dir, 0, None) * (1.0 - np.clip(normal @ view, 0, 1)) ** 2
    sky = scene.ground_rgb + (scene.sky_rgb - scene.ground_rgb) * (0.5 + 0.5 * normal[:, 1:2])
    # Roots and what lies near the neck get less of the surroundings' light.
    deep = (0.55 + 0.45 * smoothstep(0.1, 1.0, locks.style.reach)) * (0.6 + 0.4 * smoothstep(-14.0, 4.0, verts[:, 1]))
    ambient = (sky + scene.fill_rgb * fill[:, None]) * deep[:, None] + scene.rim_rgb * edge[:, None]
    gloss = np.clip(normal @ scene.key_dir + 0.15, 0, 1)
    return tuple(np.ascontiguousarray(a, np.float32) for a in (key * deep**0.5, ambient, tangent @ half, gloss * deep))
