"""Colours, gloss and light of a scene, laid out as the shading kernel wants them."""

from __future__ import annotations

import numpy as np

from . import shade as kernel
from .anatomy import Anatomy
from .geometry import unit
from .hair import Hair
from .scene import Scene


def head_paint(scene: Scene, a: Anatomy, hair: Hair, count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Albedo [count, 3] and `aux` [count, 2] (see shade.py), zeros behind the head's; the scalp's painted cover [V]."""
    skin, hair_rgb = np.asarray(scene.skin), np.asarray(scene.hair)
    color = np.broadcast_to(skin, (len(a.neutral), 3)).astype(np.float32)
    color *= 1.0 + (a.flush * (0.15 + 0.55 * scene.flush))[:, None] * np.array([0.10, -0.30, -0.26])
    color *= 1.0 + a.forehead[:, None] * np.array([0.02, 0.02, -0.07])
    color *= 1.0 - (a.jaw * (0.3 + scene.beard))[:, None] * np.array([0.10, 0.06, 0.03])
    paint = hair.cover(scene)
    color += 0.92 * paint[:, None] * (0.8 * hair_rgb - color)
    color[a.eyes] = (0.78, 0.75, 0.73)
    # Light in the mouth has passed the lips and the gums.
    teeth = a.parts["teeth"]
    color[teeth] = np.array([0.80, 0.75, 0.655]) * (
        1.0 - (1.0 - a.fixed_light[teeth, None]) * np.array([0.0, 0.28, 0.32])
    )
    color[a.parts["gums_and_tongue"]] = (0.50, 0.17, 0.16)
    color[a.parts["mouth_socket"]] = (0.25, 0.07, 0.06)
    albedo = np.zeros((count, 3), np.float32)
    albedo[: len(color)] = color
    gloss = np.where(a.skin, 0.10 + 0.16 * a.shine, 0.1) * (1.0 - 0.8 * paint)
    aux = np.zeros((count, 2), np.float32)
    aux[: len(color), 0] = np.where(a.eyes, a.eye_angle[:, 0], gloss)
    aux[: len(color), 1] = np.where(a.eyes, a.eye_angle[:, 1], a.fixed_light)
    return albedo, aux, paint


def light_table(scene: Scene) -> np.ndarray:
    """Rows as named in shade.py, float64 [LIGHT_ROWS, 3]."""
    out = np.zeros((kernel.LIGHT_ROWS, 3))
    out[kernel.KEY_DIR], out[kernel.KEY] = scene.key_dir, scene.key_rgb
    out[kernel.FILL_DIR], out[kernel.FILL] = scene.fill_dir, scene.fill_rgb
    out[kernel.RIM_DIR], out[kernel.RIM] = scene.rim_dir, scene.rim_rgb
    out[kernel.SKY], out[kernel.GROUND] = scene.sky_rgb, scene.ground_rgb
    # The reflection in the eyes is pulled towards the camera, so that it stays on the iris.
    out[kernel.CATCH_DIR] = unit(0.55 * scene.key_dir + np.array([0.0, 0.12, 0.6]))
    return out


def paint_table(scene: Scene) -> np.ndarray:
    """Rows as named in shade.py, linear RGB [PAINT_ROWS, 3]."""
    skin, hair = np.asarray(scene.skin), np.asarray(scene.hair)
    out = np.zeros((kernel.PAINT_ROWS, 3))
    out[kernel.P_BROW], out[kernel.P_LIPS], out[kernel.P_IRIS] = scene.brows, scene.lips, scene.iris
    out[kernel.P_FRECKLE] = (0.72, 0.55, 0.42)
    out[kernel.P_STUBBLE] = 0.62 * hair + 0.10 * skin
    out[kernel.P_SHADOW] = scene.makeup_rgb
    out[kernel.P_LID] = 0.22 * np.asarray(scene.brows) + 0.06 * skin
    return out


def paint_amounts(scene: Scene) -> np.ndarray:
    """Places as named in shade.py, [AMOUNTS]."""
    up = scene.expression["browOuterUp_L"] + scene.expression["browInnerUp_L"]
    smile = scene.expression["mouthSmile_L"]
    out = np.zeros(kernel.AMOUNTS)
    out[kernel.M_BROW_EDGE] = 0.48 - 0.40 * scene.brow_weight
    out[kernel.M_BROW] = (0.62 + 0.33 * scene.brow_weight) * (1.0 - 0.25 * scene.child)
    out[kernel.M_FRECKLE] = 0.75 * scene.freckles
    out[kernel.M_MOTTLE] = 0.30 + 0.15 * scene.aged
    out[kernel.M_STUBBLE] = 0.78 * scene.beard
    out[kernel.M_SHADOW] = 0.55 * scene.makeup
    out[kernel.M_LID] = 0.55 + 0.40 * scene.makeup
    out[kernel.M_TIRED] = 0.25 + 0.9 * scene.aged
    out[kernel.M_FRONT] = (0.10 + 0.9 * scene.aged + 0.45 * up) * (1.0 - 0.9 * scene.child)
    out[kernel.M_SIDE] = (0.12 + 1.2 * scene.aged + 0.45 * smile) * (1.0 - 0.8 * scene.child)
    out[kernel.M_LIP_GLOSS] = 0.12 + 0.22 * scene.makeup
    out[kernel.M_WRAP] = scene.wrap
    out[kernel.M_PUPIL] = 0.38
    return out
