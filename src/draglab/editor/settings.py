"""Settings of a drag as plain values from outside."""

from __future__ import annotations

from collections.abc import Mapping
from typing import get_type_hints

from pydantic import TypeAdapter, ValidationError

from draglab.dragging import DragSettings
from draglab.errors import DraglabError
from draglab.media.edit_file import SettingValue


def read_settings(values: Mapping[str, SettingValue]) -> DragSettings:
    """DragSettings of plain values, whose types are checked: a file can hold text where a number belongs.

    Raises:
        DraglabError: an unknown name, another type, or out of range.
    """
    hints = get_type_hints(DragSettings)
    for name, value in values.items():
        if name not in hints:
            raise DraglabError(f"unknown setting {name!a}; known are {', '.join(hints)}")
        try:
            TypeAdapter(hints[name]).validate_python(value, strict=True)
        except ValidationError:
            raise DraglabError(f"setting {name} cannot be {value!a}; see draglab.DragSettings") from None
    return DragSettings(**dict(values))  # pyright: ignore[reportArgumentType]  (checked above)
