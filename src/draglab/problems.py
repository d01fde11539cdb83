"""Texts about what is wrong with input, safe to show in one line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from draglab.errors import DraglabError

if TYPE_CHECKING:
    from pydantic import ValidationError

_PLACE_LIMIT = 200
_MESSAGE_LIMIT = 300


def escape_controls(text: str) -> str:
    """Return a text with line breaks, control codes and broken characters written as escapes ("\\n")."""
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)


def first_problem(error: ValidationError, nameless: str = "the whole", union: str | None = None) -> str:
    """Return one line about the first wrong field: its place, what is wrong, and how many more problems there are.

    Args:
        nameless: what to call a place without a name.
        union: name of a field that takes several kinds of values: which kind pydantic took it for is left out.
    """
    problems = error.errors(include_url=False, include_context=False, include_input=False)
    first = problems[0]
    parts = list(first["loc"])
    if union is not None and parts[:1] == [union]:
        del parts[1:2]
    names = (f"[{part}]" if isinstance(part, int) else f".{part}" for part in parts)
    place = "".join(names).removeprefix(".")[:_PLACE_LIMIT]
    message = first["msg"].removeprefix("Value error, ").replace("\n", " ")[:_MESSAGE_LIMIT]
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    # A name of a field can hold anything.
    return escape_controls(f"{place or nameless}: {message}{more}")


def describe_exception(error: BaseException) -> str:
    """Return one line about an exception: a DraglabError's message, or the name of its class as well."""
    text = escape_controls(" ".join(str(error).split())[:500]) or "no message"
    return text if isinstance(error, DraglabError) else f"{type(error).__name__}: {text}"
