"""The paper's own numbers, for the tables (DragGAN, tables 1 and 2)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

LANDMARKS: Mapping[str, Mapping[str, float | None]] = {
    "no edit": {"1": 12.93, "5": 11.66, "68": 16.02},
    "UserControllableLT": {"1": 11.64, "5": 10.41, "68": 10.15, "FID": 25.32, "s": 0.03},
    "DragGAN with RAFT": {"1": 13.43, "5": 13.59, "68": 15.92, "FID": 51.37, "s": 15.4},
    "DragGAN with PIPs": {"1": 2.98, "5": 4.83, "68": 5.30, "FID": 31.87, "s": 6.6},
    "DragGAN": {"1": 2.44, "5": 3.18, "68": 4.73, "FID": 9.28, "s": 2.0},
}
"""Row -> column -> value; seconds on an RTX 3090."""

PAIRS: Mapping[str, Mapping[str, tuple[float, float]]] = {
    "UserControllableLT": {
        "Lion": (1.82, 1.14), "LSUN Cat": (1.25, 0.87), "Dog": (1.23, 0.92), "LSUN Car": (1.98, 0.85),
    },
    "DragGAN": {
        "Lion": (0.66, 0.72), "LSUN Cat": (1.04, 0.82), "Dog": (0.48, 0.44), "LSUN Car": (1.67, 0.74),
    },
}  # fmt: skip
"""Row -> model -> (MSE x 100, LPIPS x 10)."""


def published_rows(table: Mapping[str, Mapping[str, float | None]], groups: Sequence[str]) -> list[list[str]]:
    """Return the paper's rows: name, a column for each number of points, FID, seconds."""
    rows = []
    for name, values in table.items():
        shown = [values.get(column) for column in (*groups, "FID", "s")]
        rows.append([f"*the paper: {name}*", *("" if v is None else f"{v:g}" for v in shown)])
    return rows
