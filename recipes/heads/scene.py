"""From the latent vector to the scene: every picture is a deterministic, continuous function of `z`."""

from __future__ import annotations

from dataclasses import dataclass
from math import atan2, erf, pi, sqrt, tanh

import numpy as np

from .palette import HAIR, IRIS, SKIN, lab, linear, ramp

IDENTITY_COUNT = 18
SHAPE_COUNT = IDENTITY_COUNT + 3

# Names of the coordinates after the identity ones; the position in `z` is the position here.
_NAMES = (
    "jaw smile stretch pucker teeth blink wink brow brow_inner squint gaze_x gaze_y "
    "yaw pitch roll shift_x shift_y zoom "
    "age sex skin undertone flush freckles lip makeup beard brow_weight iris "
    "style_a style_b hair_amount hair_length hair_volume fringe hairline wave hair_tone hair_red hair_grey "
    "light_side light_height light_soft light_warm light_rim "
    "back_a back_b back_light back_slope glow_x glow_a glow_b "
    "shirt_a shirt_b shirt_light collar"
).split()
_INDEX = {name: IDENTITY_COUNT + i for i, name in enumerate(_NAMES)}
Z_DIM = IDENTITY_COUNT + len(_NAMES)
LONGEST_GAZE = 24.0  # degrees that an eye turns at most

Color = tuple[float, float, float]


@dataclass(frozen=True)
class Scene:
    """One portrait. Angles in degrees, lengths in cm, colours linear RGB in 0..1, the rest as noted."""

    z: np.ndarray  # the normalised latent, [Z_DIM]
    shape: np.ndarray  # [SHAPE_COUNT]: identity coefficients (standard deviation 0.75), then child, aged, sex
    child: float  # 0 adult .. 1 child
    aged: float  # 0 adult .. 1 old
    expression: dict[str, float]  # ARKit-like shape name -> coefficient, 0..1
    yaw: float  # -42..42, positive: the nose moves to the image's right
    pitch: float  # -16..16, positive: looks up
    roll: float  # about +-8, positive: the top of the head leans to the image's right
    shift: tuple[float, float]  # framing offset right / up, about +-0.5 cm
    zoom: float  # about 0.94..1.06
    skin: Color
    lips: Color
    flush: float  # redness of the cheeks and the nose, 0..1
    freckles: float  # 0..1
    makeup: float  # 0..1: eye shadow, lid lines, lips
    makeup_rgb: Color
    beard: float  # 0 shaven .. 1 short full beard
    brow_weight: float  # 0.3 (thin, light) .. 1 (thick, dark)
    iris: Color
    hair: Color
    brows: Color
    hair_style: float  # where on the circle of styles, 0..1
    hair_density: float  # 0 bald .. 1: the scalp's own cover
    hair_mass: float  # 0 shorn .. 1: how much of the style is there
    hair_length: float  # 0 cut short .. 1 as long as the style gets
    hair_volume: float  # factor on the hair's height over the skull, 0.75..1.35
    fringe: float  # 0 lifted off the face .. 1 as the style has it
    hairline: float  # degrees along the scalp by which the front hairline is lower (+) or higher (-)
    wave: float  # -1..1, waviness of what hangs
    key_dir: np.ndarray  # unit vector to the key light (x right, y up, z to the viewer)
    key_rgb: np.ndarray
    fill_dir: np.ndarray
    fill_rgb: np.ndarray
    rim_dir: np.ndarray
    rim_rgb: np.ndarray
    sky_rgb: np.ndarray
    ground_rgb: np.ndarray
    wrap: float  # softness of the key light's terminator
    shadow_blur: float  # softness of cast shadows, cm
    background: Color
    back_slope: float  # gradient across the background, -1..1
    glow: Color  # colour of the light spot on the backdrop
    glow_x: float  # where that is, -1..1
    shirt: Color
    collar: float  # 0 high crew neck .. 1 low neckline


def normalize_z(z: np.ndarray) -> np.ndarray:
    """Scale to mean square 1 along the last axis, as StyleGAN2's mapping network does."""
    z = np.asarray(z, np.float32)
    return z / np.sqrt(np.mean(z * z, axis=-1, keepdims=True) + 1e-8)


def _step(lo: float, hi: float, x: float) -> float:
    t = min(max((x - lo) / (hi - lo), 0.0), 1.0)
    return t * t * (3.0 - 2.0 * t)


def _direction(azimuth: float, elevation: float) -> np.ndarray:
    a, e = np.radians(azimuth), np.radians(elevation)
    return np.array([np.sin(a) * np.cos(e), np.sin(e), np.cos(a) * np.cos(e)])


def _expression(n: dict[str, float], u: dict[str, float], yaw: float, pitch: float) -> dict[str, float]:
    """Mix the face shapes; each coordinate keeps a good share of its mass at the neutral face."""
    jaw = 0.80 * _step(0.48, 1.0, u["jaw"])
    smile = 1.0 * _step(0.36, 0.95, u["smile"])
    frown = 0.55 * _step(0.2, 0.0, u["smile"])
    stretch = 0.4 * _step(0.6, 1.0, u["stretch"])
    pucker = 0.7 * _step(0.75, 1.0, u["pucker"])
    teeth = 0.7 * _step(0.5, 1.0, u["teeth"]) * (0.4 + 0.6 * smile)
    press = 0.5 * _step(0.3, 0.0, u["teeth"]) * (1.0 - jaw)
    blink = 0.95 * _step(0.86, 0.98, u["blink"])
    wink = 0.10 * n["wink"] * _step(0.75, 0.9, u["blink"])
    brow_up, brow_down = _step(0.45, 1.0, u["brow"]), _step(0.45, 0.0, u["brow"])
    # People look at the camera more than past it: the eyes make up for half of the head's turn.
    look_x = tanh((-0.5 * yaw + 7.0 * n["gaze_x"]) / LONGEST_GAZE) * LONGEST_GAZE / 32.0
    look_y = tanh((-0.4 * pitch + 4.0 * n["gaze_y"]) / LONGEST_GAZE) * LONGEST_GAZE / 32.0
    wide = 0.35 * _step(0.25, 0.0, u["squint"]) * (1.0 - blink)
    squint = 0.4 * _step(0.65, 1.0, u["squint"]) + 0.25 * smile
    one = {"jawOpen": jaw, "mouthPucker": pucker * (1 - 0.7 * smile)}
    both = {
        "mouthSmile": smile,
        "mouthFrown": frown,
        "mouthStretch": stretch,
        "mouthPress": press,
        "mouthUpperUp": teeth * (0.55 + 0.25 * smile),
        "mouthLowerDown": 0.6 * teeth,
        "cheekRaiser": 0.45 * smile,
        "browDown": 0.7 * brow_down,
        "browOuterUp": 0.6 * brow_up,
        "browInnerUp": 0.55 * brow_up + 0.35 * _step(0.6, 1.0, u["brow_inner"]),
        "eyeWide": wide,
        "eyeSquint": squint,
        "eyeLookUp": max(look_y, 0.0),
        "eyeLookDown": max(-look_y, 0.0),
    }
    out = dict(one)
    for name, value in both.items():
        out[name + "_L"] = out[name + "_R"] = value
    # The upper lid follows the gaze down, and rests a little lower than in the scans.
    lid = 0.04 + 0.25 * max(-look_y, 0.0) - 0.1 * wide
    out["eyeBlink_L"] = float(np.clip(blink + wink + lid, 0.0, 1.0))
    out["eyeBlink_R"] = float(np.clip(blink - wink + lid, 0.0, 1.0))
    # Positive: towards the image's right (+x), which is outwards for the left eye (at +x).
    out["eyeLookOut_L"] = out["eyeLookIn_R"] = max(look_x, 0.0)
    out["eyeLookIn_L"] = out["eyeLookOut_R"] = max(-look_x, 0.0)
    return out


def _looks(n: dict[str, float], u: dict[str, float]) -> dict:
    """Age, sex, and the colours and paint of skin, hair and eyes."""
    child, aged = _step(0.17, 0.02, u["age"]), _step(0.6, 1.0, u["age"])
    adult = 1.0 - _step(0.25, 0.1, u["age"])
    masculine, feminine = _step(0.5, 0.72, u["sex"]), _step(0.5, 0.28, u["sex"])
    skin = ramp(SKIN, 0.04 + 0.96 * u["skin"] ** 0.85)
    skin = skin * (1.0 + np.array([0.02, -0.005, -0.045]) * n["undertone"])
    makeup = feminine * adult * _step(0.2, 1.0, u["makeup"])
    lip_mix = 0.24 + 0.28 * u["lip"] + 0.26 * makeup
    tint = np.array([0.66, 0.25, 0.27]) * (1.0 - makeup) + makeup * ramp(
        ((150, 60, 64), (176, 58, 82), (190, 84, 82), (128, 44, 62)), u["lip"]
    )
    lips = skin * (1.0 - lip_mix) + lip_mix * tint * (0.55 + 0.5 * skin.mean())
    eye_paint = ramp(((92, 60, 52), (112, 72, 84), (74, 66, 84), (104, 84, 62)), u["makeup"])

    # Fair hair is rarer than dark hair and does not sit on the darkest skins.
    tone = u["hair_tone"] ** 1.3 * (0.35 + 0.65 * _step(0.1, 0.6, u["skin"]))
    hair = ramp(HAIR, tone)
    red = _step(0.62, 1.0, u["hair_red"]) * _step(0.05, 0.4, tone) * (1.0 - 0.7 * _step(0.45, 0.9, tone))
    hair = hair * (1.0 + red * np.array([0.16, -0.18, -0.36]))
    grey = 0.92 * _step(0.55, 1.0, 0.25 * u["hair_grey"] + 0.8 * aged * (0.4 + 0.6 * u["hair_grey"]))
    hair = hair * (1.0 - grey) + grey * (0.5 + 0.35 * tone) * np.array([1.0, 0.985, 0.97])
    brows = 0.58 * hair * (1.0 - 0.4 * grey) + 0.10 * skin
    fair = _step(0.25, 0.75, u["skin"])
    return {
        "child": child,
        "aged": aged,
        "skin": tuple(linear(skin)),
        "lips": tuple(linear(lips)),
        "flush": 0.15 + 0.6 * u["flush"] + 0.25 * makeup,
        "freckles": _step(0.5, 1.0, u["freckles"]) * (0.25 + 0.75 * fair),
        "makeup": makeup,
        "makeup_rgb": tuple(linear(eye_paint * (0.55 + 0.6 * skin.mean()))),
        "beard": masculine * adult * _step(0.15, 1.0, u["beard"]),
        "brow_weight": float(np.clip(0.3 + 0.55 * u["brow_weight"] + 0.2 * masculine, 0.3, 1.0)),
        "iris": tuple(linear(ramp(IRIS, u["iris"] * (0.3 + 0.7 * _step(0.2, 0.7, u["skin"]))))),
        "hair": tuple(linear(hair)),
        "brows": tuple(linear(brows)),
    }


def _lights(n: dict[str, float], u: dict[str, float]) -> dict:
    """Key, fill, rim, ambient and backdrop."""
    azimuth = 60.0 * (2 * u["light_side"] - 1)
    soft = u["light_soft"]
    warm = (u["light_warm"] - 0.5) * np.array([0.20, 0.0, -0.26])
    backdrop = lab(0.30 + 0.50 * u["back_light"], 0.024 * n["back_a"], 0.032 * n["back_b"])
    glow = lab(0.42 + 0.48 * u["back_light"], 0.03 * n["glow_a"], 0.04 * n["glow_b"])
    return {
        "key_dir": _direction(azimuth, 10.0 + 36.0 * u["light_height"]),
        "key_rgb": (1.22 - 0.38 * soft) * (1.0 + warm),
        "fill_dir": _direction(-0.8 * azimuth, 8.0),
        "fill_rgb": (0.09 + 0.22 * soft) * (1.0 - 0.6 * warm),
        "rim_dir": _direction(-125.0 * tanh(2.5 * n["light_side"]), 22.0),
        "rim_rgb": 1.6 * _step(0.35, 1.0, u["light_rim"]) * (1.0 - 0.8 * warm),
        "sky_rgb": (0.15 + 0.17 * soft) * (1.0 - 0.5 * warm) * (0.85 + 0.3 * glow / (glow.mean() + 0.05)),
        "ground_rgb": (0.10 + 0.08 * soft) * np.array([1.06, 1.0, 0.94]),
        "wrap": 0.06 + 0.36 * soft,
        "shadow_blur": 0.45 + 0.9 * soft,
        "background": tuple(backdrop),
        "back_slope": 2 * u["back_slope"] - 1,
        "glow": tuple(glow),
        "glow_x": 2 * u["glow_x"] - 1,
    }


def scene_from_z(z: np.ndarray) -> Scene:
    """Read a latent vector [Z_DIM] (normalised here, harmless if it is already) as a scene."""
    z = normalize_z(np.asarray(z).reshape(Z_DIM))
    n = {name: float(z[i]) for name, i in _INDEX.items()}
    u = {name: 0.5 * (1.0 + erf(value / sqrt(2.0))) for name, value in n.items()}
    # Most portraits are near the front.
    yaw = 42.0 * (2 * u["yaw"] - 1) * (0.55 + 0.45 * abs(2 * u["yaw"] - 1))
    pitch = 32.0 * (u["pitch"] - 0.5) * (0.5 + abs(u["pitch"] - 0.5))
    looks = _looks(n, u)
    sex = (2 * u["sex"] - 1) * (1.0 - looks["child"])
    return Scene(
        z=z,
        shape=np.concatenate([0.75 * z[:IDENTITY_COUNT], [looks["child"], looks["aged"], sex]]),
        expression=_expression(n, u, yaw, pitch),
        yaw=yaw,
        pitch=pitch,
        roll=4.0 * n["roll"],
        shift=(0.25 * n["shift_x"], 0.25 * n["shift_y"]),
        zoom=1.0 + 0.02 * n["zoom"],
        hair_style=(atan2(n["style_b"], n["style_a"]) / (2 * pi)) % 1.0,
        hair_density=_step(0.02, 0.06, u["hair_amount"]),
        hair_mass=_step(0.055, 0.095, u["hair_amount"]),
        hair_length=u["hair_length"],
        hair_volume=0.75 + 0.6 * u["hair_volume"],
        fringe=u["fringe"],
        hairline=2.0 * n["hairline"],
        wave=2 * u["wave"] - 1,
        shirt=tuple(lab(0.24 + 0.62 * u["shirt_light"], 0.04 * n["shirt_a"], 0.05 * n["shirt_b"])),
        collar=u["collar"],
        **looks,
        **_lights(n, u),
    )
