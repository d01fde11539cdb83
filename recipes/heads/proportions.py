"""Displacements of the neutral head towards a child's, an old and a masculine face, made by hand."""

from __future__ import annotations

import numpy as np

from .geometry import smoothstep

EYE_CENTER = np.array([3.1, 3.5, 8.0])


def child(v: np.ndarray, eyes: np.ndarray) -> np.ndarray:
    """Displacements [V, 3] to a child's proportions: large eyes, small nose and jaw, round cheeks and forehead."""
    x, y, z = v.T
    side = np.sign(x)
    move = np.zeros_like(v)
    for sign in (-1.0, 1.0):
        d = v - EYE_CENTER * [sign, 1, 1]
        off = np.linalg.norm(d, axis=1)
        share = np.where(eyes, 1.0, np.exp(-((np.maximum(off - 1.7, 0) / 1.5) ** 2)))
        move += 0.13 * d * (share * (x * sign > -0.2))[:, None]
    below = np.maximum(2.0 - y, 0.0)
    short = smoothstep(-13.0, -8.0, y)
    move[:, 1] += 0.17 * np.minimum(below, 9.0) * short
    move[:, 0] -= 0.09 * x * smoothstep(2.0, -6.0, y)
    move[:, 2] -= 0.08 * (z - 2.0) * smoothstep(-2.0, -7.0, y)
    nose = np.exp(-((x / 1.9) ** 2) - ((y - 0.6) / 2.0) ** 2) * smoothstep(9.0, 11.0, z)
    move[:, 2] -= 0.95 * nose
    move[:, 0] -= 0.14 * x * nose
    cheek = np.exp(-(((np.abs(x) - 4.3) / 2.2) ** 2) - ((y + 1.8) / 2.2) ** 2) * smoothstep(3.0, 7.0, z)
    move[:, 0] += 0.35 * side * cheek
    move[:, 2] += 0.45 * cheek
    move[:, 2] += 0.45 * np.exp(-((x / 5.0) ** 2) - ((y - 8.5) / 2.5) ** 2) * smoothstep(3.0, 8.0, z)
    ridge = np.exp(-((x / 5.5) ** 2) - ((y - 5.4) / 1.1) ** 2) * smoothstep(7.0, 9.0, z)
    move[:, 2] -= 0.35 * ridge
    mouth = np.exp(-((x / 3.2) ** 2) - ((y + 3.4) / 1.6) ** 2) * smoothstep(6.0, 8.0, z)
    move[:, 0] -= 0.10 * x * mouth
    # Necks of children are thin.
    neck = smoothstep(-4.0, -8.0, y + 0.35 * z)
    move[:, 0] -= 0.09 * x * neck
    move[:, 2] -= 0.06 * (z + 0.5) * neck
    return move


def aged(v: np.ndarray) -> np.ndarray:
    """Displacements [V, 3] to an old face: jowls, hollow cheeks and temples, a longer nose and ears."""
    x, y, z = v.T
    side = np.sign(x)
    move = np.zeros_like(v)
    jowl = np.exp(-(((np.abs(x) - 4.2) / 1.4) ** 2) - ((y + 5.2) / 1.4) ** 2) * smoothstep(3.0, 6.0, z)
    move[:, 1] -= 0.45 * jowl
    move[:, 0] += 0.25 * side * jowl
    hollow = np.exp(-(((np.abs(x) - 5.4) / 1.3) ** 2) - ((y + 1.2) / 1.8) ** 2) * smoothstep(3.0, 6.0, z)
    temple = np.exp(-(((np.abs(x) - 6.4) / 1.2) ** 2) - ((y - 6.5) / 1.6) ** 2) * smoothstep(1.0, 4.0, z)
    move[:, 0] -= side * (0.45 * hollow + 0.35 * temple)
    move[:, 2] -= 0.30 * hollow
    tip = np.exp(-((x / 1.6) ** 2) - ((y - 0.2) / 1.2) ** 2) * smoothstep(9.5, 11.5, z)
    move[:, 1] -= 0.30 * tip
    lips = np.exp(-((x / 2.6) ** 2) - ((y + 3.4) / 1.1) ** 2) * smoothstep(8.0, 10.0, z)
    move[:, 2] -= 0.28 * lips
    ear = smoothstep(7.4, 8.4, np.abs(x)) * (np.abs(z) < 5.0)
    move[:, 1] += 0.12 * (y - 2.0) * ear
    return move


def masculine(v: np.ndarray) -> np.ndarray:
    """Displacements [V, 3] to a masculine face: brow ridge, jaw, chin, neck; subtracted, to a feminine one."""
    x, y, z = v.T
    side = np.sign(x)
    move = np.zeros_like(v)
    ridge = np.exp(-((x / 5.0) ** 2) - ((y - 5.6) / 1.0) ** 2) * smoothstep(7.0, 9.0, z)
    move[:, 2] += 0.22 * ridge
    jaw = np.exp(-(((np.abs(x) - 5.6) / 2.0) ** 2) - ((y + 4.6) / 2.2) ** 2) * smoothstep(0.0, 4.0, z)
    move[:, 0] += 0.38 * side * jaw
    chin = np.exp(-((x / 2.6) ** 2) - ((y + 6.8) / 1.8) ** 2) * smoothstep(5.0, 8.0, z)
    move[:, 2] += 0.30 * chin
    move[:, 1] -= 0.25 * chin
    nose = np.exp(-((x / 1.8) ** 2) - ((y - 0.8) / 2.0) ** 2) * smoothstep(9.0, 11.0, z)
    move[:, 0] += 0.05 * x * nose
    move[:, 2] += 0.12 * nose
    lips = np.exp(-((x / 2.6) ** 2) - ((y + 3.4) / 1.0) ** 2) * smoothstep(8.0, 10.0, z)
    move[:, 2] -= 0.15 * lips
    move[:, 1] -= 0.08 * (y + 3.4) * lips
    neck = smoothstep(-4.0, -8.0, y + 0.35 * z)
    move[:, 0] += 0.07 * x * neck
    move[:, 2] += 0.05 * (z + 0.5) * neck
    return move
