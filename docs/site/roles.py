"""Rewrites docstrings for mkdocstrings, which knows neither Sphinx roles nor several names on one line."""

import re
from typing import Any

import griffe

_ROLE = re.compile(r":(?:func|class|meth|attr|data|mod):`~?([^`]+)`")
_INLINE = re.compile(r"^( +)(\w+(?:, \w+)*: .*?[.;\]]) (\w+(?:, \w+)*): ", re.MULTILINE)
_SEVERAL = re.compile(r"^( +)(\w+(?:, \w+)+): (.*)$", re.MULTILINE)


class Readable(griffe.Extension):
    """Rewrites the docstrings of all objects."""

    def on_function(self, *, func: griffe.Function, **_: Any) -> None:
        """Rewrite a function's docstring; its names are the parameters."""
        _rewrite(func, {parameter.name for parameter in func.parameters})

    def on_class(self, *, cls: griffe.Class, **_: Any) -> None:
        """Rewrite a class's docstring; its names are the members."""
        _rewrite(cls, set(cls.members))

    def on_attribute(self, *, attr: griffe.Attribute, **_: Any) -> None:
        """Rewrite an attribute's docstring."""
        _rewrite(attr, set())

    def on_module(self, *, mod: griffe.Module, **_: Any) -> None:
        """Rewrite a module's docstring."""
        _rewrite(mod, set())


def _rewrite(obj: griffe.Object, names: set[str]) -> None:
    """Give each name a line of its own: "size: its size. header: the header." and "a, b: two images"."""
    if obj.docstring is None:
        return
    text, before = _ROLE.sub(r"`\1`", obj.docstring.value).replace("``", "`"), ""
    while text != before:
        before = text
        text = _INLINE.sub(lambda match: _broken(match, names), text)
    obj.docstring.value = _SEVERAL.sub(lambda match: _apart(match, names), text)


def _broken(match: re.Match[str], names: set[str]) -> str:
    if not set(match[3].split(", ")) <= names:
        return match[0]
    return f"{match[1]}{match[2]}\n{match[1]}{match[3]}: "


def _apart(match: re.Match[str], names: set[str]) -> str:
    listed = match[2].split(", ")
    if not set(listed) <= names:
        return match[0]
    return "\n".join(f"{match[1]}{name}: {match[3]}" for name in listed)
