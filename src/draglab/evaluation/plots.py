"""Plots as SVG, which browsers, editors and code hosts show; no library is needed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

import numpy as np

COLOURS = ("#1f77b4", "#d62728", "#2ca02c", "#9467bd", "#ff7f0e", "#8c564b", "#e377c2", "#17becf", "#bcbd22", "#7f7f7f")
_WIDTH, _HEIGHT = 640, 400
_LEFT, _RIGHT, _TOP, _BOTTOM = 56, 200, 36, 52
_LEGEND = 30
"""Most characters of a name in the legend."""


def cumulative_plot(series: Mapping[str, Sequence[float]], title: str, axis: str) -> str:
    """Return a plot of which share of the edits is at most so far: the higher a curve, the better.

    Args:
        series: name -> values, each at least one. axis: what the values are.
    """
    values = {name: np.sort(np.asarray(each, np.float64)) for name, each in series.items()}
    highest = _round_up(max(float(np.quantile(each, 0.98)) for each in values.values()))
    width, height = _WIDTH - _LEFT - _RIGHT, _HEIGHT - _TOP - _BOTTOM

    def place(x: float, y: float) -> str:
        return f"{_LEFT + width * min(x / highest, 1.0):.1f},{_TOP + height * (1 - y):.1f}"

    parts = [_text(_WIDTH / 2, 20, title, 'text-anchor="middle" font-weight="bold"')]
    for tick in range(5):
        share = tick / 4
        y, x = _TOP + height * (1 - share), _LEFT + width * share
        parts.append(f'<path d="M{_LEFT},{y:.1f}h{width}M{x:.1f},{_TOP}v{height}" stroke="#ddd" fill="none"/>')
        parts.append(_text(_LEFT - 6, y + 4, f"{100 * share:.0f}%", 'text-anchor="end"'))
        parts.append(_text(x, _TOP + height + 18, f"{highest * share:g}", 'text-anchor="middle"'))
    parts.append(_text(_LEFT + width / 2, _HEIGHT - 12, axis, 'text-anchor="middle"'))
    for index, (name, each) in enumerate(values.items()):
        colour = COLOURS[index % len(COLOURS)]
        dash = f' stroke-dasharray="{4 * (index // len(COLOURS))}"' if index >= len(COLOURS) else ""
        points = [place(0.0, 0.0)]
        for rank, value in enumerate(each):
            points += [place(value, rank / len(each)), place(value, (rank + 1) / len(each))]
        path = " ".join(points)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.6"{dash}/>')
        y = _TOP + 12 + 16 * index
        parts.append(f'<path d="M{_WIDTH - _RIGHT + 12},{y - 4}h18" stroke="{colour}" stroke-width="2"{dash}/>')
        shown = name if len(name) <= _LEGEND else f"{name[: _LEGEND - 3]}..."
        parts.append(_text(_WIDTH - _RIGHT + 36, y, shown, ""))
    below = max(_HEIGHT, _TOP + 24 + 16 * len(values))
    body = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {below}" font-family="sans-serif" '
        f'font-size="12" fill="#333">\n<rect width="{_WIDTH}" height="{below}" fill="#fff"/>\n{body}\n</svg>\n'
    )


def _text(x: float, y: float, text: str, attributes: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" {attributes}>{escape(text)}</text>'


def _round_up(value: float) -> float:
    """Return the next of 1, 2, 4, 8 times a power of ten."""
    value = max(value, 1e-9)
    power = 10.0 ** np.floor(np.log10(value))
    return float(next(power * step for step in (1, 2, 4, 8, 10) if value <= power * step * (1 + 1e-9)))
