# numba's stubs do not know njit's flags:
# pyright: reportCallIssue=false, reportArgumentType=false
"""Numba kernel: deferred shading of skin, eyes, teeth, mouth and cloth."""

from __future__ import annotations

import numpy as np
from numba import njit

from .lights import lit
from .raster import FAST, MAT_CLOTH, MAT_EYE, MAT_MOUTH, MAT_SKIN, MAT_TEETH
from .skin import (
    BROW,
    CHANNELS,
    FRECKLES,
    FRONT_D,
    FRONT_X,
    FRONT_Y,
    LID_LINE,
    LIPS,
    MOTTLE,
    SHADOW,
    SIDE_D,
    SIDE_X,
    SIDE_Y,
    STUBBLE,
    UNDER_EYE,
)

# Rows of the `lights` table and of the `paints` table; places in `amounts`.
KEY_DIR, KEY, FILL_DIR, FILL, RIM_DIR, RIM, SKY, GROUND, CATCH_DIR, LIGHT_ROWS = range(10)
P_BROW, P_LIPS, P_FRECKLE, P_STUBBLE, P_SHADOW, P_LID, P_IRIS, PAINT_ROWS = range(8)
(
    M_BROW_EDGE,
    M_BROW,
    M_FRECKLE,
    M_MOTTLE,
    M_STUBBLE,
    M_SHADOW,
    M_LID,
    M_TIRED,
    M_FRONT,
    M_SIDE,
    M_LIP_GLOSS,
    M_WRAP,
    M_PUPIL,
    AMOUNTS,
) = range(14)
IRIS_RADIUS = 0.43  # radians seen from the eyeball's centre
LABEL_BROW, LABEL_LIP = 2, 4  # as in anatomy.LABELS


@njit(**FAST)
def _step(lo, hi, x):
    t = min(max((x - lo) / (hi - lo), 0.0), 1.0)
    return t * t * (3.0 - 2.0 * t)


@njit(**FAST)
def _fetch(atlas, u, v, out):
    """Bilinear sample of the uint8 atlas at texel coordinates -> `out` [C] in 0..1."""
    size = atlas.shape[0]
    u, v = min(max(u - 0.5, 0.0), size - 1.001), min(max(v - 0.5, 0.0), size - 1.001)
    i, j = int(u), int(v)
    s, t = np.float32(u - i), np.float32(v - j)
    unit = np.float32(1.0 / 255.0)
    a, b, c, d = (1 - s) * (1 - t) * unit, s * (1 - t) * unit, (1 - s) * t * unit, s * t * unit
    for k in range(out.shape[0]):
        out[k] = a * atlas[j, i, k] + b * atlas[j, i + 1, k] + c * atlas[j + 1, i, k] + d * atlas[j + 1, i + 1, k]


@njit(**FAST)
def _iris(ex, ey, pupil_size, iris_rgb, light, col):
    """Paint iris and pupil over the sclera's colour `col`, at angles (ex, ey) from the pole of the eye."""
    r = np.sqrt(ex * ex + ey * ey) / IRIS_RADIUS
    ring = _step(1.10, 0.93, r)
    # The white reddens towards the corners of the eye.
    pink = _step(1.3, 2.6, r) * 0.5
    col[1] *= 1.0 - 0.18 * pink
    col[2] *= 1.0 - 0.20 * pink
    if ring <= 0.0:
        return
    turn = np.arctan2(ey, ex)
    band = _step(pupil_size, pupil_size + 0.2, r) * _step(1.0, 0.75, r)
    fibre = 1.0 + band * (0.16 * np.sin(11.0 * turn + 0.7) + 0.12 * np.sin(19.0 * turn + 2.1 + 2.0 * r))
    limbus = 1.0 - 0.72 * _step(0.70, 1.0, r)
    collar = np.exp(-(((r - pupil_size - 0.16) / 0.13) ** 2))
    # Light that falls through the cornea gathers on the far side of the iris.
    far = -(ex * light[0] + ey * light[1]) / IRIS_RADIUS
    gather = 1.0 + 0.55 * far
    pupil = _step(pupil_size + 0.05, pupil_size - 0.05, r)
    for k in range(3):
        warm = 1.0 + collar * (0.42 - 0.17 * k)
        iris = iris_rgb[k] * fibre * limbus * gather * warm * (1.0 - 0.96 * pupil)
        col[k] += ring * (iris - col[k])


@njit(**FAST)
def shade(
    xy,
    inv,
    verts,
    normals,
    albedo,
    ao,
    aux,
    tris,
    mats,
    ids,
    tri_uv,
    atlas,
    vertex_labels,
    eye_pos,
    lights,
    paints,
    amounts,
    turn,
    key_moments,
    key_frame,
    sky_moments,
    sky_frame,
    image,
    labels,
):
    """Light every covered sample of `ids` into `image` (linear RGB) and write its part into `labels`.

    `aux` [V, 2]: for eye vertices the angle from the front pole (radians, x and y), for the others specular strength
    and, for those inside the mouth, a fixed share of the light (-1 elsewhere). `tri_uv` [F, 3, 2]: texels of the first
    F triangles, the face's. `turn` [3, 3]: the head's rotation. The rows of `lights` and `paints` are named above.
    """
    height, width = ids.shape
    p, n, view = np.zeros(3), np.zeros(3), np.zeros(3)
    col, paint, slope = np.zeros(3), np.zeros(CHANNELS, np.float32), np.zeros(3)
    wrap = amounts[M_WRAP]
    for y in range(height):
        for x in range(width):
            t = ids[y, x]
            if t < 0:
                continue
            a, b, c = tris[t, 0], tris[t, 1], tris[t, 2]
            px, py = x + 0.5, y + 0.5
            ax, ay, bx, by, cx, cy = xy[a, 0], xy[a, 1], xy[b, 0], xy[b, 1], xy[c, 0], xy[c, 1]
            w0 = ((bx - px) * (cy - py) - (by - py) * (cx - px)) * inv[a]
            w1 = ((cx - px) * (ay - py) - (cy - py) * (ax - px)) * inv[b]
            w2 = ((ax - px) * (by - py) - (ay - py) * (bx - px)) * inv[c]
            s = 1.0 / (w0 + w1 + w2)
            w0, w1, w2 = w0 * s, w1 * s, w2 * s
            mat = mats[t]
            label = vertex_labels[a]
            for k in range(3):
                p[k] = w0 * verts[a, k] + w1 * verts[b, k] + w2 * verts[c, k]
                n[k] = w0 * normals[a, k] + w1 * normals[b, k] + w2 * normals[c, k]
                col[k] = w0 * albedo[a, k] + w1 * albedo[b, k] + w2 * albedo[c, k]
                view[k] = eye_pos[k] - p[k]
            scale = 1.0 / np.sqrt(view[0] ** 2 + view[1] ** 2 + view[2] ** 2)
            occ = w0 * ao[a] + w1 * ao[b] + w2 * ao[c]
            gloss = w0 * aux[a, 0] + w1 * aux[b, 0] + w2 * aux[c, 0]
            extra = w0 * aux[a, 1] + w1 * aux[b, 1] + w2 * aux[c, 1]

            if t < tri_uv.shape[0]:
                u = w0 * tri_uv[t, 0, 0] + w1 * tri_uv[t, 1, 0] + w2 * tri_uv[t, 2, 0]
                v = w0 * tri_uv[t, 0, 1] + w1 * tri_uv[t, 1, 1] + w2 * tri_uv[t, 2, 1]
                _fetch(atlas, u, v, paint)
                front, side = amounts[M_FRONT], amounts[M_SIDE]
                gx = front * (paint[FRONT_X] - 0.502) + side * (paint[SIDE_X] - 0.502)
                gy = front * (paint[FRONT_Y] - 0.502) + side * (paint[SIDE_Y] - 0.502)
                along = 0.0
                for k in range(3):
                    slope[k] = 2.0 * (turn[k, 0] * gx + turn[k, 1] * gy)
                    along += slope[k] * n[k]
                for k in range(3):
                    n[k] -= slope[k] - along * n[k]
                crease = front * paint[FRONT_D] + side * paint[SIDE_D]
                brow = _step(amounts[M_BROW_EDGE], amounts[M_BROW_EDGE] + 0.42, paint[BROW]) * amounts[M_BROW]
                lips = paint[LIPS]
                mottle = amounts[M_MOTTLE] * (paint[MOTTLE] - 0.5)
                freckle = amounts[M_FRECKLE] * paint[FRECKLES]
                beard = amounts[M_STUBBLE] * paint[STUBBLE]
                shadow = amounts[M_SHADOW] * paint[SHADOW]
                tired = amounts[M_TIRED] * paint[UNDER_EYE]
                lid = amounts[M_LID] * paint[LID_LINE]
                for k in range(3):
                    tone = col[k] * (1.0 + mottle * (0.35 - 0.9 * (k == 1) - 0.7 * (k == 2)))
                    tone *= 1.0 - tired * (0.16 + 0.10 * (k == 1) + 0.02 * (k == 2))
                    tone *= 1.0 - crease * (0.10 + 0.06 * k)
                    tone *= 1.0 + freckle * (paints[P_FRECKLE, k] - 1.0)
                    tone += beard * (paints[P_STUBBLE, k] - tone)
                    tone += shadow * (paints[P_SHADOW, k] - tone)
                    tone += lips * (paints[P_LIPS, k] - tone)
                    tone += brow * (paints[P_BROW, k] - tone)
                    tone += lid * (paints[P_LID, k] - tone)
                    col[k] = tone
                gloss = gloss * (1.0 - 0.85 * brow) * (1.0 - 0.8 * beard) * (1.0 - lid) + amounts[M_LIP_GLOSS] * lips
                if brow > 0.45:
                    label = LABEL_BROW
                elif lips > 0.5:
                    label = LABEL_LIP
            labels[y, x] = label

            nn = 1.0 / (np.sqrt(n[0] ** 2 + n[1] ** 2 + n[2] ** 2) + 1e-9)
            vn, kn, fn, rn, hk, ck, cn = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
            for k in range(3):
                n[k] *= nn
                view[k] *= scale
                vn += view[k] * n[k]
                kn += lights[KEY_DIR, k] * n[k]
                fn += lights[FILL_DIR, k] * n[k]
                rn += lights[RIM_DIR, k] * n[k]
                cn += lights[CATCH_DIR, k] * n[k]
                hk += (view[k] + lights[KEY_DIR, k]) ** 2
                ck += (view[k] + lights[CATCH_DIR, k]) ** 2
            hn = max((vn + kn) / (np.sqrt(hk) + 1e-9), 0.0)
            share = lit(
                key_moments,
                key_frame[0, 0] * p[0] + key_frame[0, 1] * p[1] + key_frame[0, 2] * p[2] + key_frame[0, 3],
                key_frame[1, 0] * p[0] + key_frame[1, 1] * p[1] + key_frame[1, 2] * p[2] + key_frame[1, 3],
                key_frame[2, 0] * p[0] + key_frame[2, 1] * p[1] + key_frame[2, 2] * p[2] + key_frame[2, 3],
                0.35 + 0.5 * (1.0 - max(kn, 0.0)),
            )
            above = lit(
                sky_moments,
                sky_frame[0, 0] * p[0] + sky_frame[0, 1] * p[1] + sky_frame[0, 2] * p[2] + sky_frame[0, 3],
                sky_frame[1, 0] * p[0] + sky_frame[1, 1] * p[1] + sky_frame[1, 2] * p[2] + sky_frame[1, 3],
                sky_frame[2, 0] * p[0] + sky_frame[2, 1] * p[1] + sky_frame[2, 2] * p[2] + sky_frame[2, 3],
                1.2,
            )
            key = max((kn + wrap) / (1.0 + wrap), 0.0)
            fill = max((fn + 0.6) / 1.6, 0.0)
            rim = max(rn, 0.0) * (1.0 - max(vn, 0.0)) ** 2
            up = (0.5 + 0.5 * n[1]) * (0.35 + 0.65 * above)
            spec, glint = 0.0, 0.0
            if mat == MAT_EYE:
                _iris(gloss, extra, amounts[M_PUPIL], paints[P_IRIS], lights[KEY_DIR], col)
                # Eyes scatter a lot: flat light.
                key = 0.5 * key + 0.25
                share = 0.3 + 0.7 * share
                catch = (vn + cn) / (np.sqrt(ck) + 1e-9)
                glint = 0.95 * _step(0.968, 0.984, catch) * occ
                spec = 0.12 * hn**24
                rim = 0.0
            elif mat == MAT_SKIN:
                grazing = (1.0 - max(vn, 0.0)) ** 4
                spec = gloss * (0.42 * hn**10 + 0.55 * hn**36 + 0.3 * grazing * max(kn, 0.0))
            elif mat == MAT_TEETH:
                spec = 0.14 * hn**20
            elif mat == MAT_MOUTH:
                spec = 0.16 * hn**20
            elif mat == MAT_CLOTH:
                spec = 0.02 * (1.0 - max(vn, 0.0)) ** 3
            if extra >= 0.0 and mat in (MAT_TEETH, MAT_MOUTH):
                share = extra
            spec *= share * occ
            for k in range(3):
                kd, reach, soft = key, share, occ
                if mat == MAT_SKIN:
                    # Light bleeds past the terminator and into the rims of shadows, red the furthest; light between
                    # folds of skin comes back reddened, not black.
                    bleed = 0.30 - 0.12 * k
                    kd = max((kn + wrap + bleed) / (1.0 + wrap + bleed), 0.0)
                    kd = kd * kd * 0.4 + kd * 0.6
                    reach = share * (1.0 + (0.5 - 0.3 * k) * (1.0 - share))
                    soft = occ * (1.0 + (0.36 - 0.2 * k) * (1.0 - occ))
                ambient = (
                    lights[GROUND, k] + (lights[SKY, k] - lights[GROUND, k]) * up + lights[FILL, k] * fill
                ) * soft
                light = ambient + lights[KEY, k] * kd * reach * (0.6 + 0.4 * occ) + lights[RIM, k] * rim * occ
                image[y, x, k] = col[k] * light + spec * lights[KEY, k] + glint + 0.10 * rim * lights[RIM, k]
