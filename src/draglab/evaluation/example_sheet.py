"""Contact sheets: the best, median and worst edit of every row, and all methods on one edit."""

from __future__ import annotations

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
MOST_ROWS = 60
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
    """Draw one edit of each group by all methods: the median of the first method; None = there are no edits."""
    tiles, labels = [], []
    groups: dict[object, dict[str, list[Line]]] = {}
    for (method, group), lines in _grouped(experiment, run).items():
        groups.setdefault(group, {})[method] = lines
    for methods in list(groups.values())[: MOST_ROWS // 6 + 1]:
        first = next(iter(methods.values()))
        middle = _ranked(experiment, first)[1]
        same = [line for lines in methods.values() for line in lines if _edit(line) == _edit(middle)]
        examples = [experiment.example(run, line) for line in same]
        tiles += [_before(examples[0]), *map(_after, examples)]
        labels += [_shortened(f"before: {_edit(middle)[-1]}", 33)]
        labels += [_shortened(f"{line['method']}: {_score(experiment, line)}", 33) for line in same]
        spare = -len(tiles) % _columns(experiment)
        tiles += [np.full_like(tiles[0], 255)] * spare
        labels += [""] * spare
    return contact_sheet(tiles, labels, _columns(experiment)) if tiles else None


def _columns(experiment: Experiment) -> int:
    return min(len(experiment.methods) + 1, 8)


def _score(experiment: Experiment, line: Line) -> str:
    value = line.get(experiment.score)
    return "not judged" if value is None else f"{value:.2f}"


def _edit(line: Line) -> tuple[object, ...]:
    """What was dragged, apart from the method."""
    return line.get("points"), line["key"].rpartition("/")[2]


def _grouped(experiment: Experiment, run: RunFolder) -> dict[tuple[str, object], list[Line]]:
    grouped: dict[tuple[str, object], list[Line]] = {}
    for line in experiment.edit_lines(run):
        if line.get(experiment.score) is not None:
            grouped.setdefault((line["method"], line.get("points")), []).append(line)
    return grouped


def _ranked(experiment: Experiment, lines: Sequence[Line]) -> list[Line]:
    """Return the best, the median and the worst."""
    ordered = sorted(lines, key=lambda line: (line[experiment.score], line["key"]))
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
