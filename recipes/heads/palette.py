"""Colours of people and of backdrops."""

from __future__ import annotations

import numpy as np

SKIN = ((82, 52, 39), (122, 78, 57), (170, 117, 88), (209, 158, 128), (224, 178, 151), (232, 194, 172))
HAIR = ((22, 18, 18), (42, 29, 24), (72, 47, 32), (110, 75, 47), (158, 117, 72), (208, 172, 116))
IRIS = ((58, 34, 20), (98, 62, 32), (116, 98, 50), (96, 124, 92), (96, 140, 166), (116, 162, 200))


def linear(srgb: np.ndarray) -> np.ndarray:
    """sRGB in 0..1 -> linear light."""
    srgb = np.clip(np.asarray(srgb, np.float64), 0.0, 1.0)
    return np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)


def ramp(stops: tuple, u: float) -> np.ndarray:
    """Colour at `u` in 0..1 along sRGB stops (0..255) -> sRGB 0..1."""
    colours = np.asarray(stops, np.float64) / 255.0
    at = np.linspace(0.0, 1.0, len(colours))
    return np.array([np.interp(u, at, colours[:, k]) for k in range(3)])


def lab(lightness: float, a: float, b: float) -> np.ndarray:
    """OKLab -> linear RGB, clipped to the gamut (continuous, no hue wrap); dark colours are muted."""
    a, b = a * lightness / 0.75, b * lightness / 0.75
    lms = (
        np.array(
            [
                lightness + 0.3963377774 * a + 0.2158037573 * b,
                lightness - 0.1055613458 * a - 0.0638541728 * b,
                lightness - 0.0894841775 * a - 1.2914855480 * b,
            ]
        )
        ** 3
    )
    rgb = (
        np.array(
            [
                [4.0767416621, -3.3077115913, 0.2309699292],
                [-1.2684380046, 2.6097574011, -0.3413193965],
                [-0.0041960863, -0.7034186147, 1.7076147010],
            ]
        )
        @ lms
    )
    return np.clip(rgb, 0.0, 1.0)
