"""What is painted on the face: masks in the texture space of the face mesh, mixed per scene by the shader."""

from __future__ import annotations

import numpy as np
from numba import njit
from scipy.spatial import KDTree

from .filters import blur
from .geometry import inside, polyline_distance, smoothstep

SIZE = 768
# The channels of the atlas. Wrinkles: x and y gradient of the relief (cm per cm, signed), and the relief's depth.
(
    BROW,
    LIPS,
    FRECKLES,
    MOTTLE,
    STUBBLE,
    SHADOW,
    LID_LINE,
    UNDER_EYE,
    FRONT_X,
    FRONT_Y,
    FRONT_D,
    SIDE_X,
    SIDE_Y,
    SIDE_D,
    CHANNELS,
) = range(15)

# Wrinkle lines of the right half (x, y in cm on the neutral face; mirrored), width, depth.
_FRONT_LINES = (
    (((0.0, 7.75), (2.4, 7.95), (4.3, 7.6)), 0.22, 0.05),
    (((0.0, 8.85), (2.6, 9.05), (4.4, 8.6)), 0.24, 0.055),
    (((0.0, 9.95), (2.4, 10.1), (3.9, 9.7)), 0.23, 0.04),
    (((0.55, 5.3), (0.62, 6.1), (0.8, 6.9)), 0.20, 0.045),
)
_SIDE_LINES = (
    (((5.0, 3.55), (5.7, 3.95), (6.2, 4.25)), 0.16, 0.025),
    (((5.0, 3.3), (5.8, 3.3), (6.4, 3.35)), 0.16, 0.03),
    (((4.95, 3.0), (5.6, 2.65), (6.1, 2.3)), 0.16, 0.022),
    (((1.55, 0.1), (2.15, -0.75), (2.75, -1.9), (3.2, -3.1), (3.35, -3.8)), 0.30, 0.11),
    (((2.75, -4.1), (2.95, -4.8), (2.95, -5.6)), 0.26, 0.055),
    (((1.75, 2.75), (2.5, 2.2), (3.4, 2.0), (4.3, 2.3)), 0.24, 0.055),
)


@njit(cache=True, nogil=True)
def _unwrap(uv, values, size):
    """Paint per-corner `values` [T, 3, K] into texture space by `uv` [T, 3, 2] in texels -> [size, size, K]."""
    out = np.zeros((size, size, values.shape[2]), np.float32)
    mask = np.zeros((size, size), np.bool_)
    for t in range(uv.shape[0]):
        ax, ay, bx, by, cx, cy = uv[t, 0, 0], uv[t, 0, 1], uv[t, 1, 0], uv[t, 1, 1], uv[t, 2, 0], uv[t, 2, 1]
        area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
        if area == 0.0:
            continue
        # Half a texel more on each side, so that neighbours meet and the rims are filled.
        for y in range(max(int(min(ay, by, cy)) - 2, 0), min(int(max(ay, by, cy)) + 3, size)):
            for x in range(max(int(min(ax, bx, cx)) - 2, 0), min(int(max(ax, bx, cx)) + 3, size)):
                px, py = x + 0.5, y + 0.5
                w0 = ((bx - px) * (cy - py) - (by - py) * (cx - px)) / area
                w1 = ((cx - px) * (ay - py) - (cy - py) * (ax - px)) / area
                w2 = 1.0 - w0 - w1
                low = min(w0, w1, w2)
                if low < -0.5 or (low < 0.0 and mask[y, x]):
                    continue
                for k in range(values.shape[2]):
                    out[y, x, k] = w0 * values[t, 0, k] + w1 * values[t, 1, k] + w2 * values[t, 2, k]
                mask[y, x] = low >= 0.0 or mask[y, x]
    return out


def _noise(seed: int, sigma: float) -> np.ndarray:
    """Smooth noise of unit standard deviation in texture space, [SIZE, SIZE]."""
    n = blur(np.random.RandomState(seed).randn(SIZE, SIZE).astype(np.float32), sigma)
    return n / n.std()


def _relief(points: np.ndarray, lines: tuple) -> np.ndarray:
    """Height [N] (cm, downwards negative) of mirrored wrinkle lines at [N, 2]; soft ends."""
    folded = np.abs(points) * [1, 0] + points * [0, 1]
    height = np.zeros(len(points))
    for knots, width, depth in lines:
        distance, along = polyline_distance(folded, np.array(knots))
        taper = smoothstep(1.02, 0.6, along) * (1.0 if knots[0][0] == 0.0 else smoothstep(-0.02, 0.25, along))
        # A crease between two faint rolls.
        roll, crease = np.exp(-((distance / (2.6 * width)) ** 2)), np.exp(-((distance / width) ** 2))
        height += depth * taper * (0.45 * roll - crease)
    return height


def paint_atlas(uv: np.ndarray, corners: np.ndarray, marks: np.ndarray, rims: tuple) -> np.ndarray:
    """The masks, uint8 [SIZE, SIZE, CHANNELS].

    `uv` [T, 3, 2] in 0..1 (v down) and neutral `corners` [T, 3, 3] of the face's triangles, the 68 landmarks `marks`
    [68, 3], and the lid rims (upper, lower), points [N, 3] each.
    """
    place = _unwrap(np.ascontiguousarray(uv * SIZE, np.float32), np.ascontiguousarray(corners, np.float32), SIZE)
    out = np.zeros((SIZE, SIZE, CHANNELS), np.float32)
    filled = np.abs(place).sum(-1) > 0
    p = place[filled].astype(np.float64)
    x, y, z = p.T
    put = lambda channel, value: out[..., channel].__setitem__(filled, value)  # noqa: E731

    put(BROW, _brows(p, marks))
    outline = marks[48:60, :2]
    edge, _ = polyline_distance(p[:, :2], np.concatenate([outline, outline[:1]]))
    signed = np.where(inside(p[:, :2], outline), edge, -edge)
    lips = np.where(z > 7.5, smoothstep(-0.14, 0.12, signed), 0.0)
    put(LIPS, lips)
    put(FRECKLES, _freckles(p))
    grain = 0.6 * _noise(3, 16.0) + 0.5 * _noise(4, 6.0)
    put(MOTTLE, np.clip(0.5 + 0.2 * grain[filled], 0, 1))

    azimuth = np.degrees(np.arctan2(np.abs(x), z + 1.0))
    ceiling = np.interp(
        azimuth, [0, 7, 13, 20, 30, 45, 60, 72, 80], [-1.3, -1.35, -1.9, -3.4, -4.0, -2.6, -0.4, 2.0, 4.0]
    )
    wide = 0.35 + 1.1 * smoothstep(10.0, 26.0, azimuth) * smoothstep(70.0, 55.0, azimuth)
    beard = smoothstep(-wide, wide, ceiling - y) * smoothstep(-11.5, -8.0, y) * smoothstep(86.0, 68.0, azimuth)
    beard *= smoothstep(0.25, -0.2, signed) * (1.0 - 0.3 * smoothstep(20.0, 40.0, azimuth))
    # The bare corner below the lower lip, either side of the soul patch.
    beard *= 1.0 - 0.6 * np.exp(-(((np.abs(x) - 1.3) / 0.6) ** 2) - ((y + 4.9) / 0.35) ** 2)
    put(STUBBLE, np.clip(beard * (0.93 + 0.12 * _noise(5, 3.0)[filled]), 0, 1))

    near_eye = np.flatnonzero((z > 6.5) & (y > 0.5) & (y < 6.5) & (np.abs(x) < 6.5))
    upper, lower = (KDTree(rim).query(p[near_eye])[0] for rim in rims)
    above = (p[near_eye, 1] > np.interp(np.abs(p[near_eye, 0]), [1.84, 4.46], [3.25, 3.43])).astype(float)
    lid = np.zeros(len(p))
    lid[near_eye] = np.maximum(smoothstep(0.20, 0.06, upper), 0.45 * smoothstep(0.13, 0.04, lower))
    put(LID_LINE, lid)
    shadow = np.zeros(len(p))
    shadow[near_eye] = smoothstep(1.15, 0.35, upper) * above * smoothstep(6.2, 5.0, np.abs(p[near_eye, 0]))
    put(SHADOW, shadow)
    tired = np.zeros(len(p))
    tired[near_eye] = smoothstep(1.2, 0.25, lower) * (1.0 - above) * smoothstep(5.2, 3.6, np.abs(p[near_eye, 0]))
    put(UNDER_EYE, tired)

    step = 0.02
    for lines, first in ((_FRONT_LINES, FRONT_X), (_SIDE_LINES, SIDE_X)):
        here = np.flatnonzero(z > 4.0)
        flat = p[here, :2]
        h = _relief(flat, lines)
        for k in range(2):
            ahead = flat.copy()
            ahead[:, k] += step
            slope = np.zeros(len(p))
            slope[here] = (_relief(ahead, lines) - h) / step
            put(first + k, np.clip(0.5 + 0.5 * slope, 0, 1))
        depth = np.zeros(len(p))
        depth[here] = np.clip(-h / 0.11, 0, 1)
        put(first + 2, depth)
    for channel in (FRONT_X, FRONT_Y, SIDE_X, SIDE_Y, MOTTLE):
        out[..., channel][~filled] = 0.5
    return np.round(out * 255.0).astype(np.uint8)


def _brows(p: np.ndarray, marks: np.ndarray) -> np.ndarray:
    """0 far from the brow .. 1 on its middle line, thinner outwards; the hairs' ends blur its edges."""
    field = np.zeros(len(p))
    for ids, side in ((range(21, 16, -1), -1.0), (range(22, 27), 1.0)):
        line = marks[list(ids)] + np.array([0, -0.10, 0])
        near = np.flatnonzero((p[:, 0] * side > -0.3) & (p[:, 1] > 3.5) & (p[:, 1] < 8.5) & (p[:, 2] > 4))
        distance, along = polyline_distance(p[near], line)
        taper = (1.0 - 0.66 * smoothstep(0.3, 1.0, along)) * (0.75 + 0.25 * smoothstep(0.0, 0.2, along))
        # Denser in the middle than at the start, where single hairs stand up.
        value = (1.0 - distance / (0.78 * taper)) * (0.72 + 0.28 * smoothstep(0.0, 0.3, along))
        value *= 1.0 - 0.35 * smoothstep(0.7, 1.0, along)
        field[near] = np.maximum(field[near], value)
    return np.clip(field, 0.0, 1.0)


@njit(cache=True, nogil=True)
def _spots(points, centers, radius, strength):
    """Sum of soft discs at [N, 2]."""
    out = np.zeros(len(points))
    for n in range(len(points)):
        for i in range(len(centers)):
            d2 = (points[n, 0] - centers[i, 0]) ** 2 + (points[n, 1] - centers[i, 1]) ** 2
            if d2 < 9.0 * radius[i] ** 2:
                out[n] += strength[i] * np.exp(-d2 / radius[i] ** 2)
    return out


def _freckles(p: np.ndarray) -> np.ndarray:
    """Soft spots over the nose and the cheeks, the same on every head."""
    random = np.random.RandomState(11)
    spots = np.zeros(len(p))
    centers = np.column_stack([random.normal(0, 3.2, 260), 0.9 + random.normal(0, 1.7, 260)])
    radius = random.uniform(0.07, 0.15, 260)
    strength = random.uniform(0.3, 1.0, 260) * np.exp(-((np.abs(centers[:, 0]) / 6.5) ** 4))
    front = np.flatnonzero((p[:, 2] > 4.5) & (p[:, 1] < 6.5) & (p[:, 1] > -4.0))
    spots[front] = _spots(p[front, :2].copy(), centers, radius, strength)
    eye = np.exp(-(((np.abs(p[:, 0]) - 3.1) / 1.5) ** 4) - ((p[:, 1] - 3.5) / 0.9) ** 4)
    return np.clip(spots * (1.0 - eye), 0.0, 1.0)
