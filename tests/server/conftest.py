from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from draglab.checkpoints import save_generator
from draglab.server.app import Options
from tests.server.running_server import Running, running
from tests.tiny import tiny_generator


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A models folder with one model of 32-pixel images, "tiny"."""
    folder = tmp_path_factory.mktemp("models")
    save_generator(tiny_generator(), folder / "tiny.safetensors")
    return folder


@pytest.fixture(autouse=True)
def _no_measuring(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave the tiny model without statistics: its drags are then those of the first order, whenever they begin."""
    monkeypatch.setattr("draglab.checkpoints.statistics.add_statistics", lambda generator, progress: None)


@pytest.fixture
def start(models: Path, tmp_path: Path) -> Iterator[Callable[..., Running]]:
    """Starts servers of one test, with the tiny model and an empty data folder."""
    with ExitStack() as stack:

        def begin(**changes: Any) -> Running:
            options = Options(**{"models": models, "data": tmp_path / "data", **changes})
            return stack.enter_context(running(options))

        yield begin


@pytest.fixture(scope="module")
def server(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """One server for the tests of a file."""
    with running(Options(models=models, data=tmp_path_factory.mktemp("data"))) as one:
        yield one
