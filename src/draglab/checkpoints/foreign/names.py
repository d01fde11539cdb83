"""Numbers in the names of tensors."""

from __future__ import annotations


def number(text: str, digits: int, prefix: str = "") -> int | None:
    """The whole number of at most so many digits that follows a prefix; None if the text is something else.

    One number has one way to be written: otherwise two names could mean the same tensor.
    """
    written = text.removeprefix(prefix)
    if not (text.startswith(prefix) and written.isascii() and written.isdigit() and len(written) <= digits):
        return None
    return int(written) if written == "0" or written[0] != "0" else None
