"""The MakeHuman hair meshes, fitted to this head once: geometry, strand directions, cleaned textures.

The textures bring their own colour and painted light. Only the strands (relative brightness) and the opacity are kept,
so that every style takes every colour and every light.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image
from scipy.spatial import KDTree

from .anatomy import Anatomy
from .filters import blur
from .geometry import rotation, smoothstep, unit
from .meshes import load_obj
from .openness import smoothed

SKULL_CENTER = np.array([0.0, 3.0, 0.5])
TEXTURE_SIZE = 256
# Where the MakeHuman eyes are (dm) and where this head's are (cm).
_EYES_FROM, _EYES_TO = np.array([0.0, 7.28, 1.25]), np.array([0.0, 3.5, 8.0])


@dataclass(frozen=True)
class Fit:
    """How a file's mesh gets onto this head; numbers found by a search that lays the hair closely on the skull."""

    name: str  # of the .obj and the .png
    lift: float  # dm by which the file's origin is off the body's
    move: tuple[float, float]  # cm up / forward
    scale: tuple[float, float, float]
    ears: float  # share by which it presses the ears flat
    shortest: float  # cm from the hairline that are left when it is cut short
    longest: float
    share: float = 1.0  # of the circle of styles, relative to the others
    painted: float = 1.0  # share of the strands' direction that is read from the texture; the rest runs down
    black: float = 0.0  # brightness below which the texture's paint is a backdrop, not hair
    right: float = 1.0  # right end of the part of the texture that is used; the rest is strips that show their rims
    tilt: float = 0.0  # degrees by which it is tipped back, which raises the front
    volume: float = 1.0  # factor on its height over the skull
    mirror: bool = False


_SIDE = Fit("short03", -0.58, (-1.49, 0.65), (1.088, 1.069, 0.996), 0.3, 7.0, 13.0, share=0.7)
_BOB = Fit("bob02", -0.58, (-0.21, 0.97), (0.98, 0.979, 0.962), 0.85, 9.0, 17.0, share=0.9, painted=0.3)
_BRAID = Fit("braid01", -0.58, (0.84, 1.18), (0.954, 0.906, 0.95), 0.4, 14.0, 40.0, share=0.8)

# In the order in which styles blend into each other, around a circle.
FITS = (
    Fit("short04", 0.02, (-0.95, 0.0), (1.074, 1.011, 1.039), 0.0, 4.0, 9.0),
    Fit("short02", 1.0, (0.48, 0.0), (1.042, 0.963, 1.002), 0.1, 4.0, 9.0),
    Fit("short01", 1.0, (-0.96, -1.84), (1.062, 1.047, 0.971), 0.1, 4.0, 9.0, share=1.2),
    Fit("short01", 1.0, (-0.96, -1.84), (1.062, 1.047, 0.971), 0.3, 6.0, 12.0, share=0.8, volume=1.6),
    Fit("short02", 1.0, (0.48, 0.0), (1.042, 0.963, 1.002), 0.3, 6.0, 12.0, share=0.8, volume=1.9),
    _SIDE,
    _BOB,
    Fit(
        "long01",
        -0.58,
        (-1.58, 1.22),
        (1.004, 1.058, 1.038),
        0.85,
        12.0,
        42.0,
        share=1.8,
        painted=0.0,
        black=0.12,
        right=0.63,
        tilt=6.0,
    ),
    replace(_BOB, mirror=True),
    replace(_SIDE, mirror=True),
    _BRAID,
    Fit("ponytail01", -0.58, (-2.25, 0.73), (1.133, 1.117, 0.958), 0.2, 10.0, 30.0, share=1.2),
    replace(_BRAID, mirror=True),
)


@dataclass(frozen=True)
class Style:
    """One style on the neutral head; lengths in cm."""

    verts: np.ndarray  # float32 [V, 3]
    tris: np.ndarray  # int32 [T, 3]
    uv: np.ndarray  # float32 [V, 2], 0..1, v down
    texture: np.ndarray  # float32 [S, S, 2]: brightness of the strand (1 is the mean), opacity
    tangent: np.ndarray  # float32 [V, 3], along the strands (the sign means nothing)
    skull: np.ndarray  # float32 [V, 3], the scalp below
    reach: np.ndarray  # float32 [V], distance from the scalp
    top: np.ndarray  # float32 [V], 1 over the skull .. 0 where it hangs
    shapes: np.ndarray  # float32 [SHAPE_COUNT, V * 3], how the head's shapes move it
    fit: Fit


def hairline(phi: np.ndarray) -> np.ndarray:
    """Where the scalp's hair ends: degrees from the crown at azimuths `phi` (radians, 0 is the front)."""
    azimuth = np.degrees(np.abs(phi))
    front, back = smoothstep(80.0, 46.0, azimuth), smoothstep(100.0, 140.0, azimuth)
    temple = 5.0 * np.exp(-(((azimuth - 42.0) / 14.0) ** 2))
    return front * (48.0 - temple) + (1.0 - front - back) * 84.0 + back * 118.0


class Skull:
    """The scalp as a radius by direction, and ties of free points to it."""

    def __init__(self, anatomy: Anatomy) -> None:
        v = anatomy.neutral.astype(np.float64)
        self.keep = np.flatnonzero(anatomy.skin & (np.abs(v[:, 0]) < 7.95) & (v[:, 1] + 0.35 * v[:, 2] > -5.0))
        d = v[self.keep] - SKULL_CENTER
        self.radius = np.linalg.norm(d, axis=1)
        self.tree = KDTree(d / self.radius[:, None])
        self.roots = KDTree(v[anatomy.skin & ~anatomy.ears & (anatomy.scalp_theta < hairline(anatomy.scalp_phi) - 2.0)])

    def near(self, points: np.ndarray, count: int = 6) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Rays to `points` [N, 3] as unit vectors, rows of `keep` near them [N, count], and the rows' weights."""
        d = unit(points - SKULL_CENTER)
        far, rows = (np.asarray(a) for a in self.tree.query(d, k=count))
        w = np.exp(-((far**2 - far[:, :1] ** 2) / 0.006)) + 1e-6
        return d, rows, w / w.sum(1, keepdims=True)


def load_style(folder: str | Path, fit: Fit, skull: Skull, anatomy: Anatomy) -> Style:
    """Read the mesh and its texture, and lay it on the skull."""
    raw, uv, tris = load_obj(Path(folder) / f"{fit.name}.obj")
    tris = tris[uv[tris, 0].min(axis=1) < fit.right]
    v = (raw - _EYES_FROM - [0.0, fit.lift, 0.0]) * 10.0 + _EYES_TO
    v = v * fit.scale + [0.0, fit.move[0], fit.move[1]]
    if fit.tilt:
        v = SKULL_CENTER + (v - SKULL_CENTER) @ rotation(0.0, -np.radians(fit.tilt), 0.0).T
    if fit.mirror:
        v, tris = v * [-1.0, 1.0, 1.0], np.ascontiguousarray(tris[:, ::-1])
    d, rows, weights = skull.near(v)
    radius = (skull.radius[rows] * weights).sum(1)
    # Nothing of it stays inside the skull; the order of the layers is kept.
    over = np.linalg.norm(v - SKULL_CENTER, axis=1) - radius
    x = over - 0.15
    pushed = 0.15 + 0.5 * (x + np.sqrt(x * x + 0.25))
    upper = smoothstep(-0.55, -0.15, d[:, 1])
    over = (over + upper * (pushed - over)) * (1.0 + (fit.volume - 1.0) * smoothstep(-0.35, 0.35, d[:, 1]))
    v = SKULL_CENTER + d * (radius + over)[:, None]
    scalp = SKULL_CENTER + d * radius[:, None]
    v, scalp = v.astype(np.float32), scalp.astype(np.float32)
    reach, _ = skull.roots.query(v)
    down = np.array([0.0, -1.0, -0.25]) - d * (d @ np.array([0.0, -1.0, -0.25]))[:, None]
    texture, angle = _clean(Path(folder) / f"{fit.name}.png", fit.black)
    return Style(
        verts=v,
        tris=tris,
        uv=uv.astype(np.float32),
        texture=texture,
        tangent=unit(fit.painted * _tangents(v, uv, tris, angle) + (1 - fit.painted) * unit(down)).astype(np.float32),
        skull=scalp,
        reach=reach.astype(np.float32),
        top=upper.astype(np.float32),
        shapes=anatomy.tied(skull.keep[rows], weights),
        fit=fit,
    )


def _clean(path: Path, black: float) -> tuple[np.ndarray, np.ndarray]:
    """Strand brightness and opacity [S, S, 2], and the strands' direction as (cos, sin) of the doubled angle."""
    rgba = np.asarray(Image.open(path).convert("RGBA"), np.float32) / 255.0
    factor = len(rgba) // TEXTURE_SIZE
    rgba = rgba.reshape(TEXTURE_SIZE, factor, TEXTURE_SIZE, factor, 4).mean(axis=(1, 3))
    # The faint haze outside the strands goes.
    alpha = smoothstep(0.12, 0.85, rgba[..., 3])
    light = rgba[..., :3].mean(-1) + 0.02
    if black > 0.0:
        alpha = alpha * smoothstep(0.3 * black, 0.8 * black, light)
    hair = alpha * smoothstep(black, 1.5 * black + 1e-3, light)
    # The painted light goes: brightness relative to the neighbourhood, with a little of the large shapes left.
    mean = blur(light * hair, 9.0) / (blur(hair, 9.0) + 1e-3)
    flat = light / (mean + 0.02)
    # No tone of its own at the rims, where the colour below the opacity is anything.
    texture = 1.0 + (np.clip(flat**0.9, 0.4, 1.8) - 1.0) * smoothstep(0.25, 0.9, hair)
    gy, gx = np.gradient(blur(texture, 0.8))
    xx, xy, yy = (blur(g * hair, 4.0) for g in (gx * gx, gx * gy, gy * gy))
    # Strands run across the gradient.
    doubled = np.stack([yy - xx, -2.0 * xy], axis=-1)
    return np.ascontiguousarray(np.stack([texture, alpha], axis=-1), np.float32), doubled


def _tangents(v: np.ndarray, uv: np.ndarray, tris: np.ndarray, doubled: np.ndarray) -> np.ndarray:
    """Unit vectors along the painted strands at each vertex [V, 3]."""
    a, b, c = (uv[tris[:, i]] for i in range(3))
    p, q = v[tris[:, 1]] - v[tris[:, 0]], v[tris[:, 2]] - v[tris[:, 0]]
    s, t = b - a, c - a
    det = s[:, 0] * t[:, 1] - s[:, 1] * t[:, 0]
    det = np.where(np.abs(det) < 1e-9, 1e-9, det)
    along_u = (p * t[:, 1:] - q * s[:, 1:]) / det[:, None]
    along_v = (q * s[:, :1] - p * t[:, :1]) / det[:, None]
    middle = np.clip(((a + b + c) / 3 * TEXTURE_SIZE).astype(int), 0, TEXTURE_SIZE - 1)
    angle = 0.5 * np.arctan2(doubled[middle[:, 1], middle[:, 0], 1], doubled[middle[:, 1], middle[:, 0], 0])
    way = along_u * np.cos(angle)[:, None] + along_v * np.sin(angle)[:, None]
    way /= np.linalg.norm(way, axis=1, keepdims=True) + 1e-9
    # The signs mean nothing: all of them down and back, so that they can be averaged.
    way *= np.sign(way @ np.array([0.15, -1.0, -0.4]) + 1e-9)[:, None]
    out = np.zeros_like(v)
    for i in range(3):
        np.add.at(out, tris[:, i], way)
    out = np.stack([smoothed(c, tris, rounds=4) for c in unit(out).T], axis=1)
    return unit(out).astype(np.float32)
