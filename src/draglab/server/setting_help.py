"""The settings of a drag as the editor's panel shows them: from draglab.DragSettings, which says what can be said."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Literal

from draglab.media.edit_file import SettingValue

if TYPE_CHECKING:
    from draglab.dragging.setting_info import SettingInfo

Kind = Literal["number", "integer", "choice", "switch"]


@dataclass(frozen=True)
class PanelSetting:
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


def panel_settings() -> list[PanelSetting]:
    """All of the panel: what is always shown first. Imports torch."""
    from draglab.dragging import DragSettings

    defaults = asdict(DragSettings())
    shown = {name: info for name, info in DragSettings.infos().items() if info.panel is not None}
    first = sorted(shown, key=lambda name: shown[name].panel != "main")
    return [_panel_setting(name, shown[name], defaults[name]) for name in first]


def _panel_setting(name: str, info: SettingInfo, default: SettingValue) -> PanelSetting:
    kind: Kind = (
        "choice" if info.choices else "switch" if info.minimum is None else "integer" if info.whole else "number"
    )
    low, high = info.slider or (info.minimum, info.maximum)
    advanced = info.panel == "more"
    return PanelSetting(name, info.title, info.help, kind, default, low, high, info.step, info.choices, advanced)
