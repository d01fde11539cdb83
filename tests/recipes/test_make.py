"""`make heads`, `make hands` and `make measures` call recipes with options that these take."""

from __future__ import annotations

import argparse
import importlib
import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

pytest.importorskip("numba", reason="the head renderer needs numba")
pytest.importorskip("scipy", reason="the head renderer needs scipy")

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")


class Parsed(Exception):
    """The command line was understood."""


def make(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run make, without what a make around the tests asked for."""
    environment = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MFLAGS")}
    command = ["make", *arguments]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


def commands(target: str, data: Path) -> list[tuple[str, list[str]]]:
    """(module, arguments) of the Python commands that `make target` would run."""
    done = make("--dry-run", target, "ASSETS=assets", f"DATA={data}")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.replace("\\\n", " ").splitlines()
    found = [re.search(r"python -m ((?:recipes|benchmarks)\.\S+) (.*)", line) for line in lines]
    return [(match[1], shlex.split(match[2])) for match in found if match]


@pytest.mark.parametrize(
    ("target", "steps"),
    [
        (
            "heads",
            "dataset dataset train_attributes train_landmarks train train_adversarial export measure make_drags drags "
            "train_encoder",
        ),
        ("hands", "train export measure"),
        ("measures", "dataset dataset train_attributes measure measure"),
    ],
)
def test_every_step_is_a_command_that_exists(
    target: str, steps: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = commands(target, tmp_path / "data")
    assert [module.split(".")[-1] for module, _ in found] == steps.split()
    parse = argparse.ArgumentParser.parse_args

    def stop(parser: argparse.ArgumentParser, arguments: Sequence[str] | None = None) -> None:
        parse(parser, arguments)
        raise Parsed

    monkeypatch.setattr(argparse.ArgumentParser, "parse_args", stop)
    for module, arguments in found:
        with pytest.raises(Parsed):
            importlib.import_module(module).main(arguments)


def test_without_assets_it_says_what_is_missing() -> None:
    done = make("hands", "ASSETS=")
    assert done.returncode != 0
    assert "make hands ASSETS=" in done.stdout
