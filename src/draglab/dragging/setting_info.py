"""What can be said of a setting: its words, and the values that it takes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class SettingInfo:
    """A setting in words, with the values that it takes: for checks, for help, and for the editor's panel.

    Attributes:
        title: for the panel. help: one or two sentences.
        minimum, maximum: of numbers, all of which have a minimum. above, below: not the limit itself.
        step: of the panel's control. slider: (lowest, highest) of that control where it is narrower than what is taken.
        whole: only whole numbers. optional: None is taken too. choices: of texts.
        panel: "main" = always shown, "more" = folded away at first, None = not in the panel.
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
    panel: Literal["main", "more"] | None = None

    def problem(self, value: object) -> str | None:
        """What a value must be, if it is not that."""
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
