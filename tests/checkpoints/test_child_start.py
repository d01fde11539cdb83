"""The process that reads foreign files starts quickly and answers in JSON."""

from __future__ import annotations

import json
import pickle
import subprocess
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from draglab.checkpoints import sandbox
from draglab.checkpoints.foreign import opcodes
from draglab.checkpoints.foreign.child import write_json

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


TEXT = st.text(st.characters())  # half surrogates too
NUMBERS = st.integers(-(2**255), 2**255) | st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXT,
    lambda parts: st.lists(parts) | st.lists(parts).map(tuple) | st.dictionaries(TEXT, parts),
)


@given(VALUES)
@settings(deadline=None)
def test_it_answers_as_json_writes_it(value: Any) -> None:
    assert write_json(value) == json.dumps(value).encode()


@pytest.mark.parametrize("value", [b"bytes", [object()], {"a": {3}}, float("nan")])
def test_what_json_does_not_have(value: Any) -> None:
    with pytest.raises((TypeError, ValueError)):
        write_json(value)
