# numba's stubs do not know njit's flags:
# pyright: reportCallIssue=false, reportArgumentType=false
"""Hair and lashes: textured, part-transparent meshes, lit per sample and blended from back to front."""

from __future__ import annotations

import numpy as np
from numba import njit

from .lights import lit
from .raster import FAST


@njit(**FAST)
def blend_layers(
    xy,
    inv,
    uv,
    fade,
    tris,
    texture,
    diffuse,
    ambient,
    along,
    gloss,
    place,
    moments,
    albedo,
    shine,
    ragged,
    key_rgb,
    zbuf,
    solid,
    image,
    cover,
):
    """Blend `tris` (sorted, the furthest first) over `image`; `cover` keeps the blended opacity.

    Per vertex: `diffuse` and `along` [V] (key light, and half vector along the strand), `ambient` [V, 3], `gloss` [V],
    `place` [V, 3] (texel coordinates and depth in the shadow map). `solid`: nearest opaque depth of the mesh itself.
    """
    height, width = zbuf.shape
    th, tw = texture.shape[0], texture.shape[1]
    for t in range(tris.shape[0]):
        a, b, c = tris[t, 0], tris[t, 1], tris[t, 2]
        if max(fade[a], fade[b], fade[c]) < 0.02:
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
                # Not stricter than what `solid` was made with, or edges would be left blank.
                if w0 < -1e-3 or w1 < -1e-3 or w2 < -1e-3:
                    continue
                d = w0 * inv[a] + w1 * inv[b] + w2 * inv[c]
                if d <= zbuf[y, x] or d < solid[y, x] * 0.9998:
                    continue
                u = min(max((w0 * uv[a, 0] + w1 * uv[b, 0] + w2 * uv[c, 0]) * tw - 0.5, 0.0), tw - 1.001)
                v = min(max((w0 * uv[a, 1] + w1 * uv[b, 1] + w2 * uv[c, 1]) * th - 0.5, 0.0), th - 1.001)
                i, j = int(u), int(v)
                s, q = u - i, v - j
                f00, f01, f10, f11 = (1 - s) * (1 - q), s * (1 - q), (1 - s) * q, s * q
                o = (
                    f00 * texture[j, i, 1]
                    + f01 * texture[j, i + 1, 1]
                    + f10 * texture[j + 1, i, 1]
                    + f11 * texture[j + 1, i + 1, 1]
                )
                tone = (
                    f00 * texture[j, i, 0]
                    + f01 * texture[j, i + 1, 0]
                    + f10 * texture[j + 1, i, 0]
                    + f11 * texture[j + 1, i + 1, 0]
                )
                # Where it is cut, strands end at different lengths.
                keep = (w0 * fade[a] + w1 * fade[b] + w2 * fade[c] - 0.25) * 2.0 + ragged * (tone - 1.0)
                o *= min(max(keep, 0.0), 1.0)
                if o < 0.02:
                    continue
                share = lit(
                    moments,
                    w0 * place[a, 0] + w1 * place[b, 0] + w2 * place[c, 0],
                    w0 * place[a, 1] + w1 * place[b, 1] + w2 * place[c, 1],
                    w0 * place[a, 2] + w1 * place[b, 2] + w2 * place[c, 2],
                    0.7,
                )
                kd = (w0 * diffuse[a] + w1 * diffuse[b] + w2 * diffuse[c]) * (0.15 + 0.85 * share)
                # Two highlights along the strands; strands of different height shift them (Scheuermann 2004).
                th1 = w0 * along[a] + w1 * along[b] + w2 * along[c] + 0.22 * (tone - 1.0)
                glow = (w0 * gloss[a] + w1 * gloss[b] + w2 * gloss[c]) * (0.25 + 0.75 * share) * shine
                first = np.exp(-(((th1 - 0.10) / 0.15) ** 2)) * glow * tone
                second = np.exp(-(((th1 + 0.12) / 0.30) ** 2)) * glow
                for k in range(3):
                    light = w0 * ambient[a, k] + w1 * ambient[b, k] + w2 * ambient[c, k] + key_rgb[k] * kd
                    value = albedo[k] * tone * light + key_rgb[k] * (0.045 * first + 0.55 * second * albedo[k])
                    image[y, x, k] += o * (value - image[y, x, k])
                cover[y, x] += o * (1.0 - cover[y, x])
