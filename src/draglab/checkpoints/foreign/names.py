"""Numbers in the names of tensors."""

from __future__ import annotations


def number(text: str, digits: int, prefix: str = "") -> int | None:
    """Return the whole number after a prefix, of at most `digits` digits; None if the text has another form.

    Each number has one spelling: otherwise two names could mean the same tensor.
    """
    written = text.removeprefix(prefix)
    if not (text.startswith(prefix) and written.isascii() and written.isdigit() and len(written) <= digits):
        return None
    return int(written) if written == "0" or written[0] != "0" else None
