"""From the latent vector to the scene: every picture is a deterministic, continuous function of `z`."""

from __future__ import annotations

from dataclasses import dataclass
from math import erf, sqrt

import numpy as np

Z_DIM = 64
IDENTITY_COUNT = 18

# Names of the coordinates after the identity ones; the position in `z` is the position here.
_NAMES = (
    "jaw smile stretch pucker teeth blink wink brow brow_inner squint gaze_x gaze_y "
    "yaw pitch roll shift_x shift_y zoom "
    "skin undertone lip flush brow_weight iris "
    "hair_length hair_top hair_balance fringe hairline part wave hair_tone hair_red hair_grey "
    "light_side light_height light_soft light_warm "
    "back_a back_b back_light back_slope "
    "shirt_a shirt_b shirt_light collar"
).split()
_INDEX = {name: IDENTITY_COUNT + i for i, name in enumerate(_NAMES)}
assert IDENTITY_COUNT + len(_NAMES) == Z_DIM

_SKIN = ((88, 56, 42), (128, 82, 60), (176, 122, 92), (214, 162, 132), (228, 180, 154), (236, 197, 177))
_HAIR = ((24, 20, 20), (44, 31, 26), (74, 48, 33), (112, 76, 48), (160, 118, 72), (212, 174, 116))
_IRIS = ((52, 30, 18), (92, 56, 28), (112, 92, 44), (88, 120, 84), (92, 140, 168), (110, 160, 204))

Color = tuple[float, float, float]


@dataclass(frozen=True)
class Scene:
    """One portrait. Angles in degrees, lengths in cm, colours linear RGB in 0..1, the rest as noted."""

    z: np.ndarray  # the normalised latent, [Z_DIM]
    identity: np.ndarray  # coefficients of the first identity shapes, standard deviation 0.85
    expression: dict[str, float]  # ARKit-like shape name -> coefficient, 0..1
    yaw: float  # -42..42, positive: the nose moves to the image's right
    pitch: float  # -16..16, positive: looks up
    roll: float  # about +-8, positive: the top of the head leans to the image's right
    shift: tuple[float, float]  # framing offset right / up, about +-0.5 cm
    zoom: float  # about 0.94..1.06
    skin: Color
    lips: Color
    flush: float  # redness of the cheeks and the nose, 0..1
    brow_weight: float  # 0.3 (thin, light) .. 1 (thick, dark)
    iris: Color
    hair: Color
    brows: Color
    hair_density: float  # 0 bald .. 1
    hair_length: float  # beyond the natural hairline, at the sides and the back, 0..21 cm
    hair_balance: float  # -1 the back is longer .. 1 the sides are as long
    hair_top: float  # volume over the crown, 0.2..3.2 cm
    fringe: float  # 0 none .. 1 down to the brows
    hairline: float  # degrees along the scalp by which the front hairline is lower (+) or higher (-)
    part: float  # -1..1, where the parting runs
    wave: float  # -1..1, waviness of the locks
    key_dir: np.ndarray  # unit vector to the key light (x right, y up, z to the viewer)
    key_rgb: np.ndarray
    fill_dir: np.ndarray
    fill_rgb: np.ndarray
    sky_rgb: np.ndarray
    ground_rgb: np.ndarray
    wrap: float  # softness of the key light's terminator, 0.15..0.6
    background: Color
    back_slope: float  # gradient across the background, -1..1
    shirt: Color
    collar: float  # 0 high crew neck .. 1 low neckline


def normalize_z(z: np.ndarray) -> np.ndarray:
    """Scale to mean square 1 along the last axis, as StyleGAN2's mapping network does."""
    z = np.asarray(z, np.float32)
    return z / np.sqrt(np.mean(z * z, axis=-1, keepdims=True) + 1e-8)


def linear(srgb: np.ndarray) -> np.ndarray:
    """sRGB in 0..1 -> linear light."""
    srgb = np.clip(np.asarray(srgb, np.float64), 0.0, 1.0)
    return np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)


def _ramp(stops: tuple, u: float) -> np.ndarray:
    """Colour at `u` in 0..1 along sRGB stops (0..255) -> sRGB 0..1."""
    colours = np.asarray(stops, np.float64) / 255.0
    at = np.linspace(0.0, 1.0, len(colours))
    return np.array([np.interp(u, at, colours[:, k]) for k in range(3)])


def _lab(lightness: float, a: float, b: float) -> np.ndarray:
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


def _step(lo: float, hi: float, x: float) -> float:
    t = min(max((x - lo) / (hi - lo), 0.0), 1.0)
    return t * t * (3.0 - 2.0 * t)


def _direction(azimuth: float, elevation: float) -> np.ndarray:
    a, e = np.radians(azimuth), np.radians(elevation)
    return np.array([np.sin(a) * np.cos(e), np.sin(e), np.cos(a) * np.cos(e)])


def _expression(n: dict[str, float], u: dict[str, float]) -> dict[str, float]:
    """Mix the face shapes; each coordinate keeps a good share of its mass at the neutral face."""
    jaw = 0.85 * _step(0.42, 1.0, u["jaw"])
    smile = 1.0 * _step(0.42, 0.98, u["smile"])
    frown = 0.7 * _step(0.25, 0.0, u["smile"])
    stretch = 0.5 * _step(0.5, 1.0, u["stretch"])
    pucker = 0.75 * _step(0.7, 1.0, u["pucker"])
    teeth = 0.8 * _step(0.5, 1.0, u["teeth"])
    press = 0.5 * _step(0.3, 0.0, u["teeth"]) * (1.0 - jaw)
    blink = 0.95 * _step(0.84, 0.98, u["blink"])
    wink = 0.10 * n["wink"] * _step(0.75, 0.9, u["blink"])
    brow_up, brow_down = _step(0.45, 1.0, u["brow"]), _step(0.45, 0.0, u["brow"])
    look_x, look_y = 0.75 * (2 * u["gaze_x"] - 1), 0.45 * (2 * u["gaze_y"] - 1)
    wide = 0.4 * _step(0.25, 0.0, u["squint"]) * (1.0 - blink)
    squint = 0.4 * _step(0.65, 1.0, u["squint"]) + 0.15 * smile
    one = {"jawOpen": jaw, "mouthPucker": pucker * (1 - 0.7 * smile)}
    both = {
        "mouthSmile": smile,
        "mouthFrown": frown,
        "mouthStretch": stretch,
        "mouthPress": press,
        "mouthUpperUp": teeth * (0.55 + 0.25 * smile),
        "mouthLowerDown": 0.6 * teeth,
        "cheekRaiser": 0.35 * smile,
        "browDown": 0.8 * brow_down,
        "browOuterUp": 0.7 * brow_up,
        "browInnerUp": 0.6 * brow_up + 0.4 * _step(0.6, 1.0, u["brow_inner"]),
        "eyeWide": wide,
        "eyeSquint": squint,
        "eyeLookUp": max(look_y, 0.0),
        "eyeLookDown": max(-look_y, 0.0),
    }
    out = dict(one)
    for name, value in both.items():
        out[name + "_L"] = out[name + "_R"] = value
    # The upper lid follows the gaze down.
    lid = 0.2 * max(-look_y, 0.0)
    out["eyeBlink_L"] = float(np.clip(blink + wink + lid, 0.0, 1.0))
    out["eyeBlink_R"] = float(np.clip(blink - wink + lid, 0.0, 1.0))
    # Positive: towards the image's right (+x), which is outwards for the left eye (at +x).
    out["eyeLookOut_L"] = out["eyeLookIn_R"] = max(look_x, 0.0)
    out["eyeLookIn_L"] = out["eyeLookOut_R"] = max(-look_x, 0.0)
    return out


def scene_from_z(z: np.ndarray) -> Scene:
    """Read a latent vector [Z_DIM] (normalised here, harmless if it is already) as a scene."""
    z = normalize_z(np.asarray(z).reshape(Z_DIM))
    n = {name: float(z[i]) for name, i in _INDEX.items()}
    u = {name: 0.5 * (1.0 + erf(value / sqrt(2.0))) for name, value in n.items()}

    skin = _ramp(_SKIN, 0.04 + 0.96 * u["skin"] ** 0.85)
    skin = skin * (1.0 + np.array([0.02, -0.005, -0.045]) * n["undertone"])
    lip_mix = 0.35 + 0.45 * u["lip"]
    lips = skin * (1.0 - lip_mix) + lip_mix * np.array([0.70, 0.26, 0.27]) * (0.55 + 0.5 * skin.mean())

    # Fair hair is rarer than dark hair and does not sit on the darkest skins.
    tone = u["hair_tone"] ** 1.3 * (0.35 + 0.65 * _step(0.1, 0.6, u["skin"]))
    hair = _ramp(_HAIR, tone)
    red = _step(0.62, 1.0, u["hair_red"]) * _step(0.05, 0.4, tone) * (1.0 - 0.7 * _step(0.45, 0.9, tone))
    hair = hair * (1.0 + red * np.array([0.16, -0.18, -0.36]))
    grey = 0.9 * _step(0.8, 1.0, u["hair_grey"])
    hair = hair * (1.0 - grey) + grey * (0.5 + 0.35 * tone) * np.array([1.0, 0.985, 0.97])
    brows = 0.58 * hair * (1.0 - 0.4 * grey) + 0.10 * skin

    azimuth = 62.0 * (2 * u["light_side"] - 1)
    soft = u["light_soft"]
    warm = (u["light_warm"] - 0.5) * np.array([0.20, 0.0, -0.26])
    fill_strength = 0.08 + 0.24 * soft
    return Scene(
        z=z,
        identity=0.85 * z[:IDENTITY_COUNT],
        expression=_expression(n, u),
        yaw=84.0 * (u["yaw"] - 0.5),
        pitch=32.0 * (u["pitch"] - 0.5),
        roll=4.0 * n["roll"],
        shift=(0.25 * n["shift_x"], 0.25 * n["shift_y"]),
        zoom=1.0 + 0.02 * n["zoom"],
        skin=tuple(linear(skin)),
        lips=tuple(linear(lips)),
        flush=u["flush"],
        brow_weight=0.3 + 0.7 * u["brow_weight"],
        iris=tuple(linear(_ramp(_IRIS, u["iris"] * (0.45 + 0.55 * _step(0.1, 0.6, u["skin"]))))),
        hair=tuple(linear(hair)),
        brows=tuple(linear(brows)),
        hair_density=_step(0.03, 0.12, u["hair_length"]),
        hair_length=21.0 * _step(0.40, 0.95, u["hair_length"]),
        hair_balance=2 * u["hair_balance"] - 1,
        hair_top=0.2 + 3.0 * u["hair_top"] ** 1.4 * _step(0.03, 0.35, u["hair_length"]),
        fringe=_step(0.35, 1.0, u["fringe"]) * _step(0.08, 0.3, u["hair_length"]),
        hairline=2.5 * n["hairline"],
        part=2 * u["part"] - 1,
        wave=2 * u["wave"] - 1,
        key_dir=_direction(azimuth, 12.0 + 38.0 * u["light_height"]),
        key_rgb=(1.12 - 0.34 * soft) * (1.0 + warm),
        fill_dir=_direction(-0.8 * azimuth, 8.0),
        fill_rgb=fill_strength * (1.0 - 0.6 * warm),
        sky_rgb=(0.15 + 0.16 * soft) * (1.0 - 0.5 * warm),
        ground_rgb=(0.11 + 0.08 * soft) * np.array([1.06, 1.0, 0.94]),
        wrap=0.10 + 0.42 * soft,
        background=tuple(_lab(0.34 + 0.50 * u["back_light"], 0.026 * n["back_a"], 0.034 * n["back_b"])),
        back_slope=2 * u["back_slope"] - 1,
        shirt=tuple(_lab(0.26 + 0.60 * u["shirt_light"], 0.045 * n["shirt_a"], 0.055 * n["shirt_b"])),
        collar=u["collar"],
    )
