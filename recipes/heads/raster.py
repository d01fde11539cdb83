# numba's stubs do not know njit's flags:
# pyright: reportCallIssue=false, reportArgumentType=false
"""Numba kernels: z-buffer visibility, posing, normals, resolve.

Screen coordinates are continuous with pixel edges at integers (the centre of the top-left sample is (0.5, 0.5)).
Depth is larger when nearer and linear in screen space (1 / distance for the camera, a plain coordinate for lights).
"""

from __future__ import annotations

import numpy as np
from numba import njit

MAT_SKIN, MAT_EYE, MAT_TEETH, MAT_MOUTH, MAT_CLOTH = range(5)

FAST = {"cache": True, "nogil": True, "fastmath": True}


@njit(**FAST)
def visibility(xy, depth, tris, zbuf, ids):
    """Rasterise the triangles that face the viewer into `zbuf` and `ids` (triangle index)."""
    height, width = zbuf.shape
    for t in range(tris.shape[0]):
        a, b, c = tris[t, 0], tris[t, 1], tris[t, 2]
        ax, ay, bx, by, cx, cy = xy[a, 0], xy[a, 1], xy[b, 0], xy[b, 1], xy[c, 0], xy[c, 1]
        area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
        if area >= 0.0:
            continue
        x0, x1 = max(int(np.ceil(min(ax, bx, cx) - 0.5)), 0), min(int(np.floor(max(ax, bx, cx) - 0.5)) + 1, width)
        y0, y1 = max(int(np.ceil(min(ay, by, cy) - 0.5)), 0), min(int(np.floor(max(ay, by, cy) - 0.5)) + 1, height)
        inverse = np.float32(1.0) / area
        for y in range(y0, y1):
            py = np.float32(y + 0.5)
            for x in range(x0, x1):
                px = np.float32(x + 0.5)
                w0 = ((bx - px) * (cy - py) - (by - py) * (cx - px)) * inverse
                w1 = ((cx - px) * (ay - py) - (cy - py) * (ax - px)) * inverse
                w2 = np.float32(1.0) - w0 - w1
                if w0 < 0.0 or w1 < 0.0 or w2 < 0.0:
                    continue
                d = w0 * depth[a] + w1 * depth[b] + w2 * depth[c]
                if d > zbuf[y, x]:
                    zbuf[y, x] = d
                    ids[y, x] = t


@njit(**FAST)
def solid_depth(xy, depth, uv, fade, tris, texture, least, zbuf):
    """Raise `zbuf` to the fragments of a textured mesh whose opacity (texture times `fade`) is at least `least`."""
    height, width = zbuf.shape
    th, tw = texture.shape[0], texture.shape[1]
    for t in range(tris.shape[0]):
        a, b, c = tris[t, 0], tris[t, 1], tris[t, 2]
        if max(fade[a], fade[b], fade[c]) < least:
            continue
        ax, ay, bx, by, cx, cy = xy[a, 0], xy[a, 1], xy[b, 0], xy[b, 1], xy[c, 0], xy[c, 1]
        area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
        if area == 0.0:
            continue
        x0, x1 = max(int(np.ceil(min(ax, bx, cx) - 0.5)), 0), min(int(np.floor(max(ax, bx, cx) - 0.5)) + 1, width)
        y0, y1 = max(int(np.ceil(min(ay, by, cy) - 0.5)), 0), min(int(np.floor(max(ay, by, cy) - 0.5)) + 1, height)
        for y in range(y0, y1):
            py = y + 0.5
            for x in range(x0, x1):
                px = x + 0.5
                w0 = ((bx - px) * (cy - py) - (by - py) * (cx - px)) / area
                w1 = ((cx - px) * (ay - py) - (cy - py) * (ax - px)) / area
                w2 = 1.0 - w0 - w1
                if w0 < 0.0 or w1 < 0.0 or w2 < 0.0:
                    continue
                d = w0 * depth[a] + w1 * depth[b] + w2 * depth[c]
                if d <= zbuf[y, x]:
                    continue
                u = min(max((w0 * uv[a, 0] + w1 * uv[b, 0] + w2 * uv[c, 0]) * tw - 0.5, 0.0), tw - 1.001)
                v = min(max((w0 * uv[a, 1] + w1 * uv[b, 1] + w2 * uv[c, 1]) * th - 0.5, 0.0), th - 1.001)
                i, j = int(u), int(v)
                # All four texels around must be opaque, or the filtered opacity would be less than this promises.
                o = min(texture[j, i, 1], texture[j, i + 1, 1], texture[j + 1, i, 1], texture[j + 1, i + 1, 1])
                if o * (w0 * fade[a] + w1 * fade[b] + w2 * fade[c]) >= least:
                    zbuf[y, x] = d


@njit(**FAST)
def vertex_normals(verts, tris):
    """Area-weighted unit normals [V, 3]."""
    out = np.zeros_like(verts)
    for t in range(tris.shape[0]):
        a, b, c = tris[t, 0], tris[t, 1], tris[t, 2]
        ux, uy, uz = verts[b, 0] - verts[a, 0], verts[b, 1] - verts[a, 1], verts[b, 2] - verts[a, 2]
        vx, vy, vz = verts[c, 0] - verts[a, 0], verts[c, 1] - verts[a, 1], verts[c, 2] - verts[a, 2]
        nx, ny, nz = uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx
        for v in (a, b, c):
            out[v, 0] += nx
            out[v, 1] += ny
            out[v, 2] += nz
    for v in range(out.shape[0]):
        n = np.sqrt(out[v, 0] ** 2 + out[v, 1] ** 2 + out[v, 2] ** 2) + 1e-12
        out[v] /= n
    return out


@njit(**FAST)
def turned(verts, share, pivot, yaw, pitch, roll):
    """Vertices [V, 3] turned about `pivot` by their `share` [V] of the angles (radians): roll, then pitch, then yaw."""
    out = np.empty_like(verts)
    for i in range(verts.shape[0]):
        s = share[i]
        x, y, z = verts[i, 0] - pivot[0], verts[i, 1] - pivot[1], verts[i, 2] - pivot[2]
        c, w = np.cos(roll * s), np.sin(roll * s)
        x, y = c * x + w * y, c * y - w * x
        c, w = np.cos(pitch * s), np.sin(pitch * s)
        y, z = c * y - w * z, c * z + w * y
        c, w = np.cos(yaw * s), np.sin(yaw * s)
        x, z = c * x + w * z, c * z - w * x
        out[i, 0], out[i, 1], out[i, 2] = x + pivot[0], y + pivot[1], z + pivot[2]
    return out


_CODES = 8192
_level = np.linspace(0.0, 1.0, _CODES) ** 2
# sRGB bytes (times 256) by the square root of the linear value, which spends its steps where the eye sees them.
_ENCODE = (255.0 * np.where(_level <= 0.0031308, 12.92 * _level, 1.055 * _level ** (1 / 2.4) - 0.055)).astype(
    np.float32
)


@njit(**FAST)
def resolve(image, factor):
    """Average `factor`^2 linear samples, soft shoulder, sRGB encode -> uint8 [H, W, 3]."""
    height, width = image.shape[0] // factor, image.shape[1] // factor
    out = np.empty((height, width, 3), np.uint8)
    for y in range(height):
        for x in range(width):
            for k in range(3):
                s = 0.0
                for j in range(factor):
                    for i in range(factor):
                        v = max(image[y * factor + j, x * factor + i, k], 0.0)
                        # Soft shoulder above 0.6, so that highlights roll off instead of clipping.
                        if v > 0.6:
                            v = 0.6 + 0.4 * (1.0 - np.exp(-(v - 0.6) / 0.4))
                        s += v
                s = min(s / (factor * factor), 1.0)
                out[y, x, k] = np.uint8(_ENCODE[int(np.sqrt(s) * (_CODES - 1) + 0.5)] + 0.5)
    return out
