"""What the experiments have in common: cases that are run one after the other, and rows of results."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from draglab.evaluation.bootstrap import Estimate, estimate
from draglab.evaluation.methods import Method
from draglab.evaluation.run_folder import Arrays, Line, RunFolder
from draglab.generators import Generator


@dataclass(frozen=True)
class Measured:
    """Result of a case: the values of its line, and arrays that are too long for it."""

    values: Mapping[str, Any]
    arrays: Arrays | None = None


@dataclass(frozen=True)
class Case:
    """A piece of a run, done once.

    Attributes:
        key: its name in the run. about: values of its line that are known before it is run, also if it breaks.
        run: does it.
    """

    key: str
    about: Mapping[str, Any]
    run: Callable[[], Measured]


@dataclass(frozen=True)
class Row:
    """A row of the results.

    Attributes:
        method: name of the method, or of what stands in its place ("no edit"). group: number of points, or kind of
            edit; "" = all.
        edits: number of edits that ran. errors: number that broke.
        measures: name -> mean with its interval, over the edits that have it. numbers: further numbers of the row.
    """

    method: str
    group: str
    edits: int
    errors: int
    measures: Mapping[str, Estimate]
    numbers: Mapping[str, float]

    def mean(self, name: str) -> float | None:
        """Return the mean of a measure; None if no edit has it."""
        found = self.measures.get(name)
        return None if found is None else found.mean

    def as_json(self) -> dict[str, Any]:
        """Return the row as summary.json has it."""
        measures = {name: asdict(each) for name, each in self.measures.items()}
        return {**{name: getattr(self, name) for name in ("method", "group", "edits", "errors")}, "measures": measures,
                "numbers": dict(self.numbers)}  # fmt: skip


@dataclass(frozen=True)
class Example:
    """An edit that is shown.

    Attributes:
        before, after: uint8 [H, W, 3]. handles, targets: [n, 2] pixels. mask: see DragEdit.
    """

    before: NDArray[np.uint8]
    after: NDArray[np.uint8]
    handles: NDArray[np.float64]
    targets: NDArray[np.float64]
    mask: Any = None


class Experiment(ABC):
    """An experiment: what is run, and how its results are summed up.

    Args:
        generator: the model. methods: what drags, a row each.
    """

    name: ClassVar[str]
    """Name of the experiment, that of its command."""
    score: str
    """Measure by which edits are ranked, for plots and sheets; lower is better."""
    score_title: str
    """What the score is, with its unit."""
    measures: ClassVar[tuple[str, ...]]
    """Names of the values of lines that are averaged."""

    def __init__(self, generator: Generator, methods: Sequence[Method]):
        self.generator, self.methods = generator, list(methods)
        for method in self.methods:
            method.prepare(generator)

    @property
    @abstractmethod
    def protocol(self) -> dict[str, Any]:
        """What every edit of a run must have in common, as plain values."""

    @property
    @abstractmethod
    def size(self) -> dict[str, Any]:
        """What may grow from session to session, as plain values."""

    @property
    @abstractmethod
    def total(self) -> int:
        """Number of cases, as far as it is known before."""

    @abstractmethod
    def cases(self, run: RunFolder) -> Iterator[Case]:
        """Yield the cases in their order. What follows may depend on the run's lines up to there."""

    @abstractmethod
    def edit_lines(self, run: RunFolder) -> list[Line]:
        """Return the lines of the edits that were run and count, in their order."""

    @abstractmethod
    def rows(self, run: RunFolder) -> list[Row]:
        """Sum up a run."""

    @abstractmethod
    def table(self, rows: Sequence[Row]) -> str:
        """Return the rows as Markdown, with the paper's numbers where it has such a table."""

    @abstractmethod
    def example(self, run: RunFolder, line: Line) -> Example:
        """Compute the pictures of an edit again."""

    def files(self, run: RunFolder) -> dict[str, Mapping[str, Any]]:
        """Return further files of the run, name -> content."""
        return {}

    @property
    def config(self) -> dict[str, Any]:
        """Content of the run's configuration."""
        methods = {"methods": [method.spec for method in self.methods]}
        settings = {method.spec: method.described(self.generator) for method in self.methods}
        return {"experiment": self.name, "protocol": self.protocol, **methods, "settings": settings, "size": self.size}

    def row(self, method: str, group: str, lines: Sequence[Line], numbers: Mapping[str, float] | None = None) -> Row:
        """Sum up the lines of one row."""
        whole = [line for line in lines if line.get("error") is None]
        found = {name: estimate([line.get(name) for line in whole]) for name in self.measures}
        measures = {name: each for name, each in found.items() if each is not None}
        return Row(method, group, len(whole), len(lines) - len(whole), measures, numbers or {})
