"""Edited honest files, the same ones every time: only documented errors come out, and nothing else happens."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    ("target", "examples"),
    [
        ("foreign", 250),
        ("ir", 100),
        ("own", 100),
        ("config", 200),
    ],
)
def test_edited_files(target: str, examples: int) -> None:
    # A process of its own: audit hooks stay for as long as it lives.
    command = [sys.executable, "-m", "tests.fuzz.run", target, "--examples", str(examples)]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-3000:]


def test_guided_by_coverage(tmp_path: Path) -> None:
    """The long runs' way, for a second."""
    pytest.importorskip("atheris", reason="atheris is not installed: pip install atheris")
    command = [sys.executable, "-m", "tests.fuzz.run", "foreign", "--seconds", "1", "--folder", str(tmp_path)]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    assert "Done" in done.stderr


DEEDS = [
    "open(path, 'w').close()",
    "open(path, 'ab').close()",
    "exec('1')",
    "import colorsys",
    "import os; os.system('true')",
    "import os; os.remove(path)",
    "import os; os.mkdir(path)",
    "import subprocess; subprocess.run(['true'])",
    "import socket; socket.socket()",
    "import ctypes; ctypes.CDLL(None)",
    "import pickle; pickle.loads(b'cbuiltins\\nlen\\n.')",
]


READING = ["open(path, 'rb').read()"]
TRIAL = """
import sys
from tests.fuzz.watch import Watch

watch, path = Watch(reads=sys.argv[1] == "True"), sys.argv[2]
open(path, "w").close()
for deed in sys.argv[3:]:
    exec(f"def do(): {deed}")
    try:
        watch.call(do)
    except AssertionError as error:
        if "reading did this" in str(error):
            continue
    except OSError:
        pass
    print("not noticed:", deed)
"""


@pytest.mark.parametrize("reads", [True, False])
def test_the_watch_notices(reads: bool, tmp_path: Path) -> None:
    command = [sys.executable, "-c", TRIAL, str(reads), str(tmp_path / "file"), *DEEDS, *READING]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=60, check=True)
    found = [line.removeprefix("not noticed: ") for line in done.stdout.splitlines() if line]
    assert found == (READING if reads else [])
