"""What the editor's panel says of each setting of a drag: fields of draglab.DragSettings, with its defaults."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Literal

from draglab.media.edit_file import SettingValue

Kind = Literal["number", "integer", "choice", "switch"]


@dataclass(frozen=True)
class SettingInfo:
    """A setting as the panel shows it.

    Attributes:
        title: an artist's words, the technical term behind them in parentheses.
        default: None = chosen by itself. minimum, maximum, step: of numbers. choices: of a choice.
        advanced: folded away at first.
    """

    name: str
    title: str
    help: str
    kind: Kind
    default: SettingValue = None
    minimum: float | None = None
    maximum: float | None = None
    step: float | None = None
    choices: tuple[str, ...] = ()
    advanced: bool = True


_SETTINGS = [
    SettingInfo(
        "regularize_mean",
        "Stay realistic (mean regularisation)",
        "Keeps the image like those that the model was trained on; points may then not arrive.",
        "number", minimum=0, maximum=1, step=0.01, advanced=False,
    ),
    SettingInfo(
        "latent_space",
        "Parts or whole (latent space)",
        "w+ moves parts of the image on their own, w changes the whole image and keeps it more realistic.",
        "choice", choices=("w+", "w"), advanced=False,
    ),
    SettingInfo(
        "step_size",
        "Speed (step size)",
        "How far one step may change the image: larger is quicker and less exact.",
        "number", minimum=0.001, maximum=1, step=0.001, advanced=False,
    ),
    SettingInfo(
        "mask_weight",
        "Hold what must stay (lambda)",
        "How strongly everything outside the movable region is kept.",
        "number", minimum=0, maximum=200, step=1, advanced=False,
    ),
    SettingInfo(
        "max_steps",
        "Longest drag (max steps)",
        "A drag ends after so many steps, wherever it is.",
        "integer", minimum=1, maximum=10_000, step=1, advanced=False,
    ),
    SettingInfo(
        "stop_distance",
        "Arrived within (stop distance)",
        "A drag ends when every point is this close to its target, in pixels of the image.",
        "number", minimum=0.01, maximum=100, step=0.01,
    ),
    SettingInfo(
        "r1",
        "Size of the pull (r1)",
        "How much around a point is pulled along: a radius in pixels of a 512-pixel image.",
        "number", minimum=0.1, maximum=100, step=0.1,
    ),
    SettingInfo(
        "r2",
        "Size of the search (r2)",
        "How far around a point it is looked for after a step: a radius in pixels of a 512-pixel image.",
        "number", minimum=0.1, maximum=200, step=0.1,
    ),
    SettingInfo(
        "anchor",
        "Hold on to the start (anchor)",
        "How much the look of the first image counts when points are followed, from 0 to 1.",
        "number", minimum=0, maximum=1, step=0.05,
    ),
    SettingInfo(
        "feature_resolution",
        "Detail that is followed (feature block)",
        "Which of the model's blocks points are followed in, by its resolution: higher is finer.",
        "integer", minimum=4, maximum=1024, step=1,
    ),
    SettingInfo(
        "num_layers",
        "How deep it may change (layers of w+)",
        "How many of the first layers of w+ may change: more changes colours and light, too.",
        "integer", minimum=1, maximum=40, step=1,
    ),
    SettingInfo(
        "regularize_start",
        "Stay near the start (regularisation)",
        "Keeps the image like the one that the drag began with.",
        "number", minimum=0, maximum=1, step=0.01,
    ),
    SettingInfo(
        "patience",
        "Give up after (patience)",
        "A drag ends when no point has come closer for so many steps; empty = never.",
        "integer", minimum=1, maximum=10_000, step=1,
    ),
    SettingInfo(
        "precision",
        "Exactness (precision)",
        "bfloat16 is quicker on processors that have it, and less exact.",
        "choice", choices=("float32", "bfloat16"),
    ),
]  # fmt: skip


def settings_info() -> list[SettingInfo]:
    """All of the panel, in its order. Imports torch."""
    from draglab.drag import DragSettings

    defaults = asdict(DragSettings())
    return [SettingInfo(**{**vars(info), "default": defaults[info.name]}) for info in _SETTINGS]
