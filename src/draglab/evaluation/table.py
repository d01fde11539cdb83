"""Markdown tables of results."""

from __future__ import annotations

from collections.abc import Sequence

from draglab.evaluation.experiment import Row


def markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table; the first column is text, the others are numbers."""
    lines = [list(head), ["---", *["---:"] * (len(head) - 1)], *rows]
    return "".join(f"| {' | '.join(text.replace('|', '/') for text in line)} |\n" for line in lines)


def cell(row: Row | None, measure: str, factor: float = 1.0) -> str:
    """Return a mean with its interval, and how many edits it is of where that is not all: "2.44 [2.01, 2.90]"."""
    found = None if row is None else row.measures.get(measure)
    if row is None or found is None:
        return ""
    missing = "" if found.count == row.edits + row.errors else f" ({found.count} of {row.edits + row.errors})"
    numbers = [number(factor * value) for value in (found.mean, found.low, found.high)]
    return f"{numbers[0]} [{numbers[1]}, {numbers[2]}]{missing}"


def number(value: float | None) -> str:
    """Return a number with about three digits; "" for None."""
    if value is None:
        return ""
    size = abs(value)
    digits = 0 if size >= 1000 else 1 if size >= 100 else 2 if size >= 0.1 or size == 0 else 4
    return f"{value:.{digits}f}"
