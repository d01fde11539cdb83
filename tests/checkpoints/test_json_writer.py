"""The child's JSON beside the standard library's."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from draglab.checkpoints.foreign.json_writer import write_json

TEXT = st.text(st.characters())  # half surrogates too
NUMBERS = st.integers(-(2**255), 2**255) | st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXT,
    lambda parts: st.lists(parts) | st.lists(parts).map(tuple) | st.dictionaries(TEXT, parts),
)


@given(VALUES)
def test_as_the_standard_library_writes_it(value: Any) -> None:
    # Read again, which says whether values and their types are the same; ensure_ascii would join halves to pairs.
    expected = json.loads(json.dumps(value, ensure_ascii=False))
    assert repr(json.loads(write_json(value))) == repr(expected)


@pytest.mark.parametrize("value", [b"bytes", {1: 2}, {None: 1}, [object()], {"a": {3}}])
def test_what_json_does_not_have(value: Any) -> None:
    with pytest.raises(TypeError):
        write_json(value)
