"""Settings of a drag as the editor's panel and the API describe them, made from the fields of draglab.DragSettings."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

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


def settings_schema() -> dict[str, Any]:
    """Return a JSON schema of a drag's settings. Imports torch."""
    from draglab.dragging import DragSettings

    defaults = asdict(DragSettings())
    return {
        "type": "object",
        "title": "DragSettings",
        "description": "Settings of a drag. Leave out what need not differ from what suits the model.",
        "additionalProperties": False,
        "properties": {name: _schema(info, defaults[name]) for name, info in DragSettings.infos().items()},
    }


def _schema(info: SettingInfo, default: SettingValue) -> dict[str, Any]:
    schema: dict[str, Any]
    if info.choices:
        schema = {"type": "string", "enum": [*info.choices]}
    elif info.minimum is None:
        schema = {"type": "boolean"}
    else:
        schema = {"type": "integer" if info.whole else "number"}
        schema["exclusiveMinimum" if info.above else "minimum"] = info.minimum
        if info.maximum is not None:
            schema["exclusiveMaximum" if info.below else "maximum"] = info.maximum
    if info.optional:
        schema = {"anyOf": [schema, {"type": "null"}]}
    # Not as "default": clients would send it, in place of what suits the model.
    shown = "null" if default is None else str(default).lower() if isinstance(default, bool) else default
    return {
        "title": info.title,
        "description": f"{info.help} Default, where the model has no other: {shown}.",
        **schema,
    }


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
