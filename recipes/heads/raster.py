# numba's stubs do not know njit's flags:
# pyright: reportCallIssue=false, reportArgumentType=false
"""Numba kernels: z-buffer visibility, deferred shading, hair feathering, resolve.

Screen coordinates are continuous with pixel edges at integers (the centre of the top-left sample is (0.5, 0.5)).
Depth is stored as 1 / distance, which is linear in screen space; larger means nearer, 0 means empty.
"""

from __future__ import annotations

import numpy as np
from numba import njit

MAT_SKIN, MAT_EYE, MAT_TEETH, MAT_MOUTH, MAT_CLOTH, MAT_HAIR = range(6)

_FAST = {"cache": True, "nogil": True, "fastmath": True}


@njit(**_FAST)
def visibility(xy, inv, tris, alpha, zbuf, ids):
    """Rasterise `tris` into `zbuf` (1/distance) and `ids` (triangle index); fragments below 0.97 alpha are left out."""
    height, width = zbuf.shape
    for t in range(tris.shape[0]):
        a, b, c = tris[t, 0], tris[t, 1], tris[t, 2]
        ax, ay, bx, by, cx, cy = xy[a, 0], xy[a, 1], xy[b, 0], xy[b, 1], xy[c, 0], xy[c, 1]
        area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
        if area == 0.0:
            continue
        x0, x1 = max(int(np.ceil(min(ax, bx, cx) - 0.5)), 0), min(int(np.floor(max(ax, bx, cx) - 0.5)) + 1, width)
        y0, y1 = max(int(np.ceil(min(ay, by, cy) - 0.5)), 0), min(int(np.floor(max(ay, by, cy) - 0.5)) + 1, height)
        solid = alpha[a] + alpha[b] + alpha[c] >= 2.999
        for y in range(y0, y1):
            py = y + 0.5
            for x in range(x0, x1):
                px = x + 0.5
                w0 = ((bx - px) * (cy - py) - (by - py) * (cx - px)) / area
                w1 = ((cx - px) * (ay - py) - (cy - py) * (ax - px)) / area
                w2 = 1.0 - w0 - w1
                if w0 < 0.0 or w1 < 0.0 or w2 < 0.0:
                    continue
                d = w0 * inv[a] + w1 * inv[b] + w2 * inv[c]
                if d <= zbuf[y, x]:
                    continue
                if solid or w0 * alpha[a] + w1 * alpha[b] + w2 * alpha[c] >= 0.97:
                    zbuf[y, x] = d
                    ids[y, x] = t


@njit(**_FAST)
def feather(xy, inv, tris, alpha, rgb, zbuf, image, cover):
    """Blend the part-transparent fragments of a pre-lit mesh over `image`; `cover` keeps the blended opacity."""
    height, width = zbuf.shape
    for t in range(tris.shape[0]):
        a, b, c = tris[t, 0], tris[t, 1], tris[t, 2]
        top = max(alpha[a], alpha[b], alpha[c])
        if top < 0.02 or alpha[a] + alpha[b] + alpha[c] >= 2.999:
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
                if w0 < 0.0 or w1 <= 0.0 or w2 <= 0.0:
                    continue
                if w0 * inv[a] + w1 * inv[b] + w2 * inv[c] <= zbuf[y, x]:
                    continue
                o = w0 * alpha[a] + w1 * alpha[b] + w2 * alpha[c]
                if o >= 0.97 or o <= 0.0:
                    continue
                for k in range(3):
                    value = w0 * rgb[a, k] + w1 * rgb[b, k] + w2 * rgb[c, k]
                    image[y, x, k] += o * (value - image[y, x, k])
                cover[y, x] += o * (1.0 - cover[y, x])


@njit(**_FAST)
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


@njit(**_FAST)
def _step(lo, hi, x):
    t = min(max((x - lo) / (hi - lo), 0.0), 1.0)
    return t * t * (3.0 - 2.0 * t)


@njit(**_FAST)
def shade(
    xy,
    inv,
    verts,
    normals,
    albedo,
    ao,
    shadow,
    aux,
    tris,
    mats,
    ids,
    eye_pos,
    key_dir,
    key_rgb,
    fill_dir,
    fill_rgb,
    sky_rgb,
    ground_rgb,
    wrap,
    iris_rgb,
    iris_radius,
    hair_rgb,
    image,
):
    """Light every covered sample of `ids` into `image` (linear RGB).

    `aux`: for eye vertices the angle from the front pole (radians), for the other ones the specular strength.
    `hair_rgb` holds the colours of vertices that were lit before (MAT_HAIR).
    """
    height, width = ids.shape
    p = np.zeros(3)
    n = np.zeros(3)
    col = np.zeros(3)
    for y in range(height):
        for x in range(width):
            t = ids[y, x]
            if t < 0:
                continue
            a, b, c = tris[t, 0], tris[t, 1], tris[t, 2]
            px, py = x + 0.5, y + 0.5
            ax, ay, bx, by, cx, cy = xy[a, 0], xy[a, 1], xy[b, 0], xy[b, 1], xy[c, 0], xy[c, 1]
            area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
            w0 = ((bx - px) * (cy - py) - (by - py) * (cx - px)) / area * inv[a]
            w1 = ((cx - px) * (ay - py) - (cy - py) * (ax - px)) / area * inv[b]
            w2 = ((ax - px) * (by - py) - (ay - py) * (bx - px)) / area * inv[c]
            s = w0 + w1 + w2
            w0, w1, w2 = w0 / s, w1 / s, w2 / s
            mat = mats[t]
            if mat == 5:
                for k in range(3):
                    image[y, x, k] = w0 * hair_rgb[a, k] + w1 * hair_rgb[b, k] + w2 * hair_rgb[c, k]
                continue
            vn = 0.0
            vv = 0.0
            nn = 0.0
            for k in range(3):
                p[k] = w0 * verts[a, k] + w1 * verts[b, k] + w2 * verts[c, k]
                n[k] = w0 * normals[a, k] + w1 * normals[b, k] + w2 * normals[c, k]
                col[k] = w0 * albedo[a, k] + w1 * albedo[b, k] + w2 * albedo[c, k]
                nn += n[k] * n[k]
            nn = 1.0 / (np.sqrt(nn) + 1e-9)
            kn = 0.0
            fn = 0.0
            for k in range(3):
                n[k] *= nn
                p[k] = eye_pos[k] - p[k]
                vv += p[k] * p[k]
            vv = 1.0 / np.sqrt(vv)
            hk = 0.0
            for k in range(3):
                p[k] *= vv
                vn += p[k] * n[k]
                kn += key_dir[k] * n[k]
                fn += fill_dir[k] * n[k]
                hk += (p[k] + key_dir[k]) ** 2
            hn = (vn + kn) / (np.sqrt(hk) + 1e-9)
            occ = w0 * ao[a] + w1 * ao[b] + w2 * ao[c]
            lit = w0 * shadow[a] + w1 * shadow[b] + w2 * shadow[c]
            extra = w0 * aux[a] + w1 * aux[b] + w2 * aux[c]
            up = 0.5 + 0.5 * n[1]
            key = max((kn + wrap) / (1.0 + wrap), 0.0)
            fill = max((fn + 0.6) / 1.6, 0.0)
            spec = 0.0
            if mat == 1:
                # Iris with a dark limbus and pupil on a warm white; flat light, because eyes scatter a lot.
                r = extra / iris_radius
                ring = _step(1.12, 0.94, r)
                pupil = _step(0.46, 0.36, r)
                dark = 1.0 - 0.6 * _step(0.68, 0.98, r)
                for k in range(3):
                    iris = iris_rgb[k] * dark * (1.15 - 0.3 * _step(0.45, 0.6, r)) * (1.0 - 0.95 * pupil)
                    col[k] += ring * (iris - col[k])
                key = 0.45 * key + 0.30
                spec = 1.6 * max(hn, 0.0) ** 160
            elif mat == 0 or mat == 3:
                grazing = (1.0 - max(vn, 0.0)) ** 4
                spec = extra * (0.45 * max(hn, 0.0) ** 12 + 0.5 * max(hn, 0.0) ** 40 + 0.25 * grazing * max(kn, 0.0))
            elif mat == 2:
                spec = 0.35 * max(hn, 0.0) ** 30
            spec *= lit * occ
            for k in range(3):
                kd = key
                if mat == 0:
                    # Light bleeds past the terminator, red the furthest.
                    bleed = 0.30 - 0.12 * k
                    kd = max((kn + wrap + bleed) / (1.0 + wrap + bleed), 0.0)
                    kd = kd * kd * 0.35 + kd * 0.65
                soft = occ
                if mat == 0:
                    # Light between folds of skin comes back reddened, not black.
                    soft = occ ** (0.75 + 0.15 * k)
                amb = (ground_rgb[k] + (sky_rgb[k] - ground_rgb[k]) * up + fill_rgb[k] * fill) * soft
                image[y, x, k] = col[k] * (amb + key_rgb[k] * kd * lit) + spec * key_rgb[k]


@njit(**_FAST)
def resolve(image, factor):
    """Average `factor`^2 linear samples, filmic-free sRGB encode -> uint8 [H, W, 3]."""
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
                s /= factor * factor
                s = 12.92 * s if s <= 0.0031308 else 1.055 * s ** (1.0 / 2.4) - 0.055
                out[y, x, k] = np.uint8(min(max(s, 0.0), 1.0) * 255.0 + 0.5)
    return out
