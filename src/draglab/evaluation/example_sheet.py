"""Contact sheets: the best, median and worst edit of every row, and all methods on one edit."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from draglab.evaluation.experiment import Example, Experiment
from draglab.evaluation.run_folder import Line, RunFolder
from draglab.media.overlay import draw_edit
from draglab.media.sheet import contact_sheet

TILE = 256
"""Height of a picture, pixels."""
MOST_ROWS, MOST_GROUPS = 60, 12
MOST_COLUMNS = 8
COMPARED = 4
"""Most edits of a group that are shown by all methods."""
_LABEL = 66
"""Most characters of a label below two pictures."""


def ranked_sheet(experiment: Experiment, run: RunFolder) -> NDArray[np.uint8] | None:
    """Draw the best, median and worst edit of each method and group, before and after; None = there are no edits."""
    tiles, labels = [], []
    for lines in list(_grouped(experiment, run).values())[:MOST_ROWS]:
        for title, line in zip(("best", "median", "worst"), _ranked(experiment, lines), strict=True):
            example = experiment.example(run, line)
            tiles.append(np.concatenate([_before(example), _after(example)], axis=1))
            labels.append(_shortened(f"{title}: {line['key']}, {line[experiment.score]:.2f}"))
    return contact_sheet(tiles, labels, 3) if tiles else None


def compared_sheet(experiment: Experiment, run: RunFolder) -> NDArray[np.uint8] | None:
    """Draw some edits of each group by all methods, a row or more each; None = there are no edits.

    They are spread evenly over the ranks that they have with the first method.
    """
    groups: dict[object, dict[str, list[Line]]] = {}
    for (method, group), lines in _grouped(experiment, run).items():
        groups.setdefault(group, {})[method] = lines
    tiles, labels = [], []
    for methods in list(groups.values())[:MOST_GROUPS]:
        for chosen in _spread(_ordered(experiment, next(iter(methods.values())))):
            same = [line for lines in methods.values() for line in lines if _edit(line) == _edit(chosen)]
            examples = [experiment.example(run, line) for line in same]
            tiles += [_before(examples[0]), *map(_after, examples)]
            labels.append(_shortened(f"before: {_edit(chosen)[-1]}", 33))
            labels += [_shortened(f"{line['method']}: {line[experiment.score]:.2f}", 33) for line in same]
            spare = -len(tiles) % _columns(experiment)
            tiles += [np.full_like(tiles[0], 255)] * spare
            labels += [""] * spare
    return contact_sheet(tiles, labels, _columns(experiment)) if tiles else None


def _spread(lines: Sequence[Line]) -> list[Line]:
    """Return at most COMPARED of the lines, evenly spread."""
    count = min(COMPARED, len(lines))
    return [lines[int((index + 0.5) * len(lines) / count)] for index in range(count)]


def _columns(experiment: Experiment) -> int:
    pictures = len(experiment.methods) + 1
    return math.ceil(pictures / math.ceil(pictures / MOST_COLUMNS))


def _edit(line: Line) -> tuple[object, ...]:
    """What was dragged, apart from the method."""
    return line.get("points"), line["key"].rpartition("/")[2]


def _grouped(experiment: Experiment, run: RunFolder) -> dict[tuple[str, object], list[Line]]:
    grouped: dict[tuple[str, object], list[Line]] = {}
    for line in experiment.edit_lines(run):
        if line.get(experiment.score) is not None:
            grouped.setdefault((line["method"], line.get("points")), []).append(line)
    return grouped


def _ordered(experiment: Experiment, lines: Sequence[Line]) -> list[Line]:
    return sorted(lines, key=lambda line: (line[experiment.score], line["key"]))


def _ranked(experiment: Experiment, lines: Sequence[Line]) -> list[Line]:
    """Return the best, the median and the worst."""
    ordered = _ordered(experiment, lines)
    return [ordered[0], ordered[(len(ordered) - 1) // 2], ordered[-1]]


def _before(example: Example) -> NDArray[np.uint8]:
    return _small(draw_edit(example.before, example.handles, example.targets, example.mask, at_least=TILE))


def _after(example: Example) -> NDArray[np.uint8]:
    few = example.targets[: 0 if len(example.targets) > 8 else None]
    return _small(draw_edit(example.after, few, few, at_least=TILE))


def _small(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    width = max(1, round(TILE * picture.shape[1] / picture.shape[0]))
    return np.asarray(Image.fromarray(picture).resize((width, TILE), Image.Resampling.LANCZOS))


def _shortened(text: str, most: int = _LABEL) -> str:
    return text if len(text) <= most else f"{text[: most - 3]}..."
