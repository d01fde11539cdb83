import json
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from draglab.checkpoints import save_generator
from draglab.cli.main import main
from tests.tiny import tiny_generator


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model file of 32-pixel images."""
    path = tmp_path_factory.mktemp("models") / "tiny.safetensors"
    save_generator(tiny_generator(), path, card={"licence": "Apache-2.0"})
    return path


class Ran(NamedTuple):
    code: int
    out: str
    err: str

    def json(self) -> dict:
        """Standard output, which must be one JSON object."""
        return json.loads(self.out)


@pytest.fixture
def draglab(tmp_path, monkeypatch, capsys) -> Callable[..., Ran]:
    """Runs a command line in an empty directory, which is the working directory of the test as well."""
    empty = tmp_path / "work"
    empty.mkdir()
    monkeypatch.chdir(empty)

    def run(*arguments: object) -> Ran:
        code = main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return Ran(code, captured.out, captured.err)

    return run
