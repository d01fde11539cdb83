"""Description of a setting: title, help text, and allowed values."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class SettingInfo:
    """Title, help text and allowed values of a setting: for checks, for help, and for the editor's panel.

    Attributes:
        title: title in the panel. help: one or two sentences.
        minimum, maximum: limits of a number; every number has a minimum. above, below: True excludes the limit itself.
        step: step of the panel's control. slider: (lowest, highest) value of that control where its range is narrower
            than the allowed one. middle: value in the middle of the slider; None = that of even steps. ends: words for
            the slider's ends; with them, it runs from the highest value, on the left, to the lowest.
        whole: True if only whole numbers are allowed. optional: True if None is allowed. choices: the allowed texts.
        panel: "handles" = shown with the handles, "main" = among the settings, "more" = folded away at first, None =
            nowhere.
    """

    title: str
    help: str
    minimum: float | None = None
    maximum: float | None = None
    above: bool = False
    below: bool = False
    step: float | None = None
    slider: tuple[float, float] | None = None
    whole: bool = False
    optional: bool = False
    choices: tuple[str, ...] = ()
    middle: float | None = None
    ends: tuple[str, str] | None = None
    panel: Literal["handles", "main", "more"] | None = None

    def problem(self, value: object) -> str | None:
        """Return what the value must be, as a text, if it is not allowed; None if it is."""
        if value is None and self.optional:
            return None
        if self.choices:
            return None if value in self.choices else f"it must be {' or '.join(self.choices)}"
        if self.minimum is None:
            return None if isinstance(value, bool) else "it must be true or false"
        if isinstance(value, bool) or not isinstance(value, int | float):
            return "it must be a number"
        low, high = self.minimum, self.maximum
        fits = math.isfinite(value)
        fits = fits and (value > low or (value == low and not self.above))
        fits = fits and (high is None or value < high or (value == high and not self.below))
        fits = fits and (not self.whole or value == int(value))
        if fits:
            return None
        what = "a whole number" if self.whole else "a number"
        least = f" above {low:.12g}" if self.above else f" of at least {low:.12g}"
        most = "" if high is None else f" below {high:.12g}" if self.below else f" of at most {high:.12g}"
        return f"it must be {what}{least}{' and' if most else ''}{most}"
