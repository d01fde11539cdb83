"""Attribute coverage: whether a model's pictures vary as much as the renders it learnt from."""

from __future__ import annotations

import torch
from torch import Tensor

from recipes.heads.attributes import NAMES

BAR = 0.8
"""Share of the renders' spread that a model should keep."""


def correlation(a: Tensor, b: Tensor) -> Tensor:
    """Pearson's, column by column, of [N, A] and [N, A]; 0 where a column does not vary."""
    a, b = (x.double() - x.double().mean(0) for x in (a, b))
    return (a * b).sum(0) / (a.norm(dim=0) * b.norm(dim=0)).clamp_min(1e-12)


def spreads(values: Tensor) -> tuple[Tensor, Tensor]:
    """Standard deviation and 5 to 95 % range of each column of [N, A]."""
    low, high = torch.quantile(values.double(), torch.tensor([0.05, 0.95], dtype=torch.float64), dim=0)
    return values.double().std(0), high - low


def coverage(scenes: Tensor, of_renders: Tensor, of_samples: Tensor) -> dict[str, dict[str, float]]:
    """By attribute: how widely the model's pictures spread, and how well they follow their scenes.

    Args:
        scenes: exact attributes [N, 7]. of_renders, of_samples: what the same regressor reads off the renders of these
            scenes and off the model's pictures of them, [N, 7]. A regressor shrinks what it is unsure of; as it reads
            both, that cancels in the ratios.

    Returns:
        deviation, range: of the samples, relative to those of the renders. reading: correlation of what is read off
        renders with the truth: whether the regressor can be trusted. following: the same off samples.
    """
    pairs = zip(spreads(of_samples), spreads(of_renders), strict=True)
    deviation, reach = (samples / renders.clamp_min(1e-12) for samples, renders in pairs)
    columns = {
        "deviation": deviation,
        "range": reach,
        "reading": correlation(scenes, of_renders),
        "following": correlation(scenes, of_samples),
    }
    return {name: {key: float(values[i]) for key, values in columns.items()} for i, name in enumerate(NAMES)}


def coverage_table(found: dict[str, dict[str, float]]) -> str:
    """Rows of a Markdown table, one for each attribute."""
    return "\n".join(
        f"| {name.replace('_', ' ')} | {100 * row['deviation']:.0f} % | {100 * row['range']:.0f} % "
        f"| {row['following']:.2f} | {row['reading']:.2f} |"
        for name, row in found.items()
    )
