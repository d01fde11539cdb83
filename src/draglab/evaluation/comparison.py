"""Comparison of two runs, or of two methods of one: paired differences with bootstrap intervals."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from draglab.errors import DraglabError
from draglab.evaluation.bootstrap import Estimate, estimate
from draglab.evaluation.run_folder import CONFIG, Line, RunFolder, differences, read_run
from draglab.evaluation.table import markdown, number

LOWER_IS_BETTER = {
    "landmarks": ("distance", "seconds", "steps", "lpips", "naturalness"),
    "pairs": ("mse_100", "lpips_10", "seconds", "steps", "naturalness"),
    "drags": ("judged", "tracked", "ccsd", "dai_1", "dai_5", "dai_10", "dai_20", "identity", "changed_outside",
              "lpips_outside", "naturalness", "seconds", "steps"),
}  # fmt: skip
"""Experiment -> measures that are compared."""


@dataclass(frozen=True)
class Side:
    """One side of a comparison: a method of a run. `given` is how it was named."""

    given: str
    run: RunFolder
    method: str


@dataclass(frozen=True)
class Difference:
    """Paired difference of a measure.

    Attributes:
        group: number of points; None = all. measure: its name. a, b: means over the edits that both sides have.
        difference: b - a, with its interval; its count is that of the edits. better: share of the edits in which b is
            lower than a. left_out: edits that only one side has a value for.
    """

    group: int | None
    measure: str
    a: float
    b: float
    difference: Estimate
    better: float
    left_out: int

    def as_json(self) -> dict[str, Any]:
        """Return plain values."""
        return asdict(self)


def find_side(given: str) -> Side:
    """Read one side, "RUN" of a run of one method, or "RUN/METHOD".

    Raises:
        DraglabError: there is no such run or method, or the run has several and none is named.
    """
    path = Path(given)
    if (path / CONFIG).is_file():
        run = read_run(path)
        methods = run.config["methods"]
        if len(methods) != 1:
            raise DraglabError(f"{given} has several methods: name one, as in {given.rstrip('/')}/{methods[0]}")
        return Side(given, run, methods[0])
    folder, _, method = given.rpartition("/")
    if folder and (Path(folder) / CONFIG).is_file():
        run = read_run(folder)
        if method in run.config["methods"]:
            return Side(given, run, method)
        raise DraglabError(f"{folder} has no method {method!a:.80}: choose of {', '.join(run.config['methods'])}")
    raise DraglabError(f"{given} is neither a run of draglab bench nor RUN/METHOD: give the folder given as -o")


def compare(a: Side, b: Side) -> list[Difference]:
    """Return the paired differences of every group and measure that both sides have.

    Raises:
        DraglabError: the runs are of different experiments or protocols, or have no edit in common.
    """
    if a.run.experiment != b.run.experiment:
        raise DraglabError(
            f"{a.given} is of bench {a.run.experiment}, {b.given} of {b.run.experiment}: give two of one"
        )
    if found := differences(a.run.protocol, b.run.protocol):
        raise DraglabError(f"the runs cannot be compared: {found[0]}")
    first, second = _edits(a), _edits(b)
    common = [edit for edit in first if edit in second]
    if not common:
        raise DraglabError(f"{a.given} and {b.given} have no edit in common: run the same edits with both")
    result = []
    for group in dict.fromkeys(edit[0] for edit in common):
        edits = [edit for edit in common if edit[0] == group]
        for measure in LOWER_IS_BETTER.get(a.run.experiment, ()):
            pairs = np.array([[_number(side[edit].get(measure)) for side in (first, second)] for edit in edits])
            known = np.isfinite(pairs)
            both = pairs[known.all(1)]
            found = estimate(both[:, 1] - both[:, 0]) if len(both) else None
            if found is None:
                continue
            means = both.mean(0)
            better = float((both[:, 1] < both[:, 0]).mean())
            left_out = int((known.any(1) & ~known.all(1)).sum())
            result.append(Difference(group, measure, float(means[0]), float(means[1]), found, better, left_out))
    return result


def comparison_table(a: Side, b: Side, rows: list[Difference]) -> str:
    """Return the differences as Markdown."""
    head = ["", "points", "A", "B", "B - A", "interval of 95 %", "change", "B lower in", "edits", "left out"]
    body = []
    for row in rows:
        relative = "" if row.a == 0 else f"{100 * row.difference.mean / abs(row.a):+.1f} %"
        interval = f"[{_signed(row.difference.low)}, {_signed(row.difference.high)}]"
        body.append([
            row.measure, "" if row.group is None else str(row.group), number(row.a), number(row.b),
            _signed(row.difference.mean), interval, relative, f"{100 * row.better:.0f} %", str(row.difference.count),
            str(row.left_out),
        ])  # fmt: skip
    names = f"A = {a.given}, B = {b.given}. Paired differences over the same edits; all measures: lower is better."
    return markdown(head, body) + "\n" + names + "\n"


def _signed(value: float) -> str:
    return ("+" if value > 0 else "") + number(value)


def _number(value: Any) -> float:
    return float(value) if isinstance(value, int | float) else float("nan")


def _edits(side: Side) -> dict[tuple[int | None, str], Line]:
    """Return the lines of a side that ran, by number of points and edit."""
    lines = [
        line for line in side.run.lines.values() if line.get("method") == side.method and line.get("error") is None
    ]
    return {(line.get("points"), line["key"].rpartition("/")[2]): line for line in lines}
