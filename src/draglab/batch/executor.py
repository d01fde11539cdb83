"""Executors: the interface of the workers that carry out the jobs of a batch, local processes or Ray's actors."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, Self

from numpy.typing import NDArray

from draglab.problems import describe_exception

Arrays = Mapping[str, NDArray[Any]]
ATTEMPTS = 2
"""Number of workers that a job may take with it before it counts as broken."""


@dataclass(frozen=True)
class Job:
    """A piece of a batch, done once.

    Attributes:
        number: of the line that it comes from, from 1; no two jobs in flight have the same.
        content: what a worker is called with. It can be pickled.
    """

    number: int
    content: Any


@dataclass(frozen=True)
class Answer:
    """Result of a job.

    Attributes:
        values: for its line of the report, JSON values. files: suffix -> content, as in {".png": ...}.
        error: what went wrong; None = nothing.
    """

    values: Mapping[str, Any] = field(default_factory=dict)
    files: Mapping[str, bytes] = field(default_factory=dict)
    error: str | None = None


Worker = Callable[[Any], Answer]
"""Called with the content of one job after another, in one process."""
MakeWorker = Callable[[], Worker]
"""Makes a worker in its process. It can be pickled."""


class SharedArrays(Protocol):
    """A handle to arrays that workers share; it can be pickled."""

    def load(self) -> dict[str, NDArray[Any]]:
        """Return the arrays, in a worker; they are shared with others where the system allows, and are not changed."""
        ...


class Executor(ABC):
    """Workers that carry out jobs. Used by one thread; to be closed, also after an error.

    A worker that dies is replaced, and its job is given to another; a job that dies twice is answered with an error.

    Attributes:
        workers: number of workers. capacity: most jobs in flight that are of use.
    """

    workers: int
    capacity: int

    @property
    @abstractmethod
    def in_flight(self) -> int:
        """Number of jobs that were submitted and are not answered."""

    @abstractmethod
    def share(self, arrays: Arrays) -> SharedArrays:
        """Make arrays available to all workers, those to come included.

        Raises:
            DraglabError: there is no room for them.
        """

    @abstractmethod
    def submit(self, job: Job) -> None:
        """Take on a job; at most `capacity` at a time."""

    @abstractmethod
    def wait(self, seconds: float) -> list[tuple[Job, Answer]]:
        """Wait for answers; return those that have come, none if the time is over.

        Raises:
            DraglabError: no worker can be started.
        """

    @abstractmethod
    def close(self) -> None:
        """End the workers; jobs in flight are abandoned."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


def carry_out(worker: Worker, content: Any) -> Answer:
    """Call a worker; whatever it raises becomes an answer."""
    try:
        return worker(content)
    except Exception as error:
        return Answer(error=describe_exception(error))
