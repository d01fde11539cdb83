"""Settings of a drag as the editor's panel shows them, made from the fields of draglab.DragSettings."""

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
        title: words for an artist, followed by the technical term in parentheses.
        default: None = automatic. minimum, maximum, step, middle, ends: of a number, see SettingInfo. choices: of a
            choice. panel: where it is shown.
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
    middle: float | None = None
    ends: tuple[str, str] | None = None
    panel: Literal["handles", "main", "more"] = "more"


def panel_settings() -> list[PanelSetting]:
    """Return the settings of the panel, those that are folded away last. Imports torch."""
    from draglab.dragging import DragSettings

    defaults = asdict(DragSettings())
    shown = {name: info for name, info in DragSettings.infos().items() if info.panel is not None}
    first = sorted(shown, key=lambda name: ("handles", "main", "more").index(shown[name].panel or "more"))
    return [_panel_setting(name, shown[name], defaults[name]) for name in first]


def _panel_setting(name: str, info: SettingInfo, default: SettingValue) -> PanelSetting:
    kind: Kind = (
        "choice" if info.choices else "switch" if info.minimum is None else "integer" if info.whole else "number"
    )
    low, high = info.slider or (info.minimum, info.maximum)
    assert info.panel is not None
    return PanelSetting(
        name,
        info.title,
        info.help,
        kind,
        default,
        low,
        high,
        info.step,
        info.choices,
        info.middle,
        info.ends,
        info.panel,
    )
