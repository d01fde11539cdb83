"""Every benchmark says what it does when asked, and runs nothing."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[2] / "benchmarks"
PROGRAMS = sorted(path.stem for path in FOLDER.glob("*.py") if "__main__" in path.read_text())


@pytest.mark.parametrize("name", PROGRAMS)
def test_help(name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("websockets", reason="the client of the editor needs websockets")
    program = importlib.import_module(f"benchmarks.{name}")

    def forbidden(*_: object, **__: object) -> None:
        raise AssertionError("--help loads a model")

    monkeypatch.setattr("draglab.load_generator", forbidden)
    monkeypatch.setattr(sys, "argv", [name, "--help"])
    with pytest.raises(SystemExit) as ended:
        program.main()
    assert ended.value.code == 0
    assert f"python -m benchmarks.{name}" in capsys.readouterr().out
