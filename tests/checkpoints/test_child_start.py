"""The process that reads foreign files starts quickly: it imports nothing that takes long."""

from __future__ import annotations

import pickle
import subprocess

from draglab.checkpoints import sandbox
from draglab.checkpoints.foreign import opcodes

SLOW = {"collections", "dataclasses", "enum", "functools", "hashlib", "inspect", "json", "pickle", "re", "typing"}


def test_the_child_avoids_slow_imports() -> None:
    program = "import sys; sys.path.append(sys.argv[1]); import foreign.child; print(*sys.modules)"
    command = [*sandbox._COMMAND[:-2], program, sandbox._COMMAND[-1]]
    loaded = set(subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True).stdout.split())
    assert "foreign.inert_pickle" in loaded
    assert loaded & SLOW == set()


def test_instructions_are_those_of_python() -> None:
    own = {name: value for name, value in vars(opcodes).items() if name.isupper()}
    assert len(own) > 50
    assert own == {name: getattr(pickle, name) for name in own}
