"""Conversion of plain values and texts to the settings of a drag."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict
from typing import get_type_hints

from pydantic import TypeAdapter, ValidationError

from draglab.dragging import DragSettings
from draglab.dragging.setting_info import SettingInfo
from draglab.errors import DraglabError
from draglab.media.edit_file import SettingValue


def read_settings(values: Mapping[str, SettingValue]) -> DragSettings:
    """Build DragSettings from plain values, checking their types: a file can hold text where a number belongs.

    Raises:
        DraglabError: an unknown name, a wrong type, or a value out of range.
    """
    hints = get_type_hints(DragSettings)
    for name, value in values.items():
        if name not in hints:
            raise DraglabError(f"unknown setting {name!a:.80}; known are {', '.join(hints)}")
        try:
            TypeAdapter(hints[name]).validate_python(value, strict=True)
        except ValidationError:
            raise DraglabError(f"setting {name} cannot be {value!a:.80}; see draglab drag --help-settings") from None
    return DragSettings(**dict(values))  # pyright: ignore[reportArgumentType]  (checked above)


def changed_settings(settings: DragSettings, defaults: Mapping[str, SettingValue]) -> dict[str, SettingValue]:
    """Return the settings that differ from the defaults, of which `defaults` has those that a model changes."""
    default = asdict(read_settings(defaults))
    return {name: value for name, value in asdict(settings).items() if value != default[name]}


def parse_settings(texts: Iterable[str]) -> dict[str, SettingValue]:
    """Parse settings from a command line: "r1=6", "latent_space=w", "patience=none", "subpixel=false".

    Raises:
        DraglabError: a text is not name=value, or has an unknown name or a value that is not allowed.
    """
    infos = DragSettings.infos()
    values: dict[str, SettingValue] = {}
    for text in texts:
        name, sign, value = (part.strip() for part in text.partition("="))
        if not sign:
            raise DraglabError(f"{text!a:.80} is not a setting: write name=value, for instance mask_weight=10")
        info = infos.get(name)
        if info is None:
            raise DraglabError(f"unknown setting {name!a:.80}; draglab drag --help-settings lists them")
        values[name] = found = _value(value, info.minimum is not None)
        if problem := info.problem(found):
            raise DraglabError(f"{name} is {value!a:.80}: {problem}{' or none' if info.optional else ''}")
    return values


def _value(text: str, number: bool) -> SettingValue:
    words: dict[str, SettingValue] = {"none": None, "true": True, "false": False}
    if text.lower() in words:
        return words[text.lower()]
    if not number:
        return text
    for kind in (int, float):
        with suppress(ValueError):
            return kind(text)
    return text


def describe_settings() -> str:
    """Return a text for a terminal that describes every setting: default, allowed values and effect."""
    default = DragSettings()
    lines = []
    for name, info in DragSettings.infos().items():
        value = getattr(default, name)
        shown = "none" if value is None else str(value).lower() if isinstance(value, bool) else value
        takes = "|".join(info.choices) or ("true|false" if info.minimum is None else _range(info))
        lines.append(f"{name}={shown}  ({takes}{', none' if info.optional else ''})\n    {info.title}. {info.help}")
    return "\n".join(lines)


def _range(info: SettingInfo) -> str:
    """Return the allowed range of a number in words, such as "whole number, at least 1"."""
    least = "above" if info.above else "at least"
    numbers = "whole number, " if info.whole else ""
    most = "" if info.maximum is None else f", {'below' if info.below else 'at most'} {info.maximum:.12g}"
    return f"{numbers}{least} {info.minimum:.12g}{most}"
