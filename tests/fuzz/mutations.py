"""Honest files with some bytes changed."""

from __future__ import annotations

import json
import struct
from typing import Any

from hypothesis import strategies as st

NUMBERS = [0, 1, 2**7, 2**8 - 1, 2**15, 2**16 - 1, 2**31 - 1, 2**31, 2**32 - 1, 2**62, 2**63, 2**64 - 1]
TOKENS = [
    *[bytes([code]) for code in b"()0212.FIJKLMNPQRSTUVXabcdeghijlopqrstu]}\x80\x81\x82\x85\x86\x87\x88\x89\x8a\x8b"],
    *[bytes([code]) for code in b"\x8c\x8d\x8e\x8f\x90\x91\x92\x93\x94\x95\x96\x97\x98"],
    b"cos\nsystem\n",
    b"cbuiltins\nexec\n",
    b"ctorch\nFloatStorage\n",
    b"ctorch._utils\n_rebuild_tensor_v2\n",
    b"ccollections\nOrderedDict\n",
    b"storage",
    b"_modules",
    b"null",
    b"1e999",
    b"-1",
    b"[]",
    b"{}",
    b"<!DOCTYPE net>",
    b"&a;",
    b'"/>',
    b"PK\x01\x02",
    b"PK\x03\x04",
    b"PK\x05\x06",
]
"""What a reader takes special care of."""

_places = st.integers(0, 2**20)
_edits = st.one_of(
    st.tuples(st.just("flip"), _places, st.integers(1, 255)),
    st.tuples(st.just("delete"), _places, st.integers(1, 64)),
    st.tuples(st.just("insert"), _places, st.binary(min_size=1, max_size=16)),
    st.tuples(st.just("insert"), _places, st.sampled_from(TOKENS)),
    st.tuples(st.just("copy"), _places, st.tuples(_places, st.integers(1, 256))),
    st.tuples(st.just("number"), _places, st.tuples(st.sampled_from("BHIQ"), st.sampled_from(NUMBERS))),
)


def apply(data: bytes, edits: list[Any]) -> bytes:
    """The bytes after some edits, each a kind, a place and what it needs."""
    changed = bytearray(data)
    for kind, place, what in edits:
        at = place % (len(changed) + 1)
        if kind == "flip":
            changed[at : at + 1] = bytes(byte ^ what for byte in changed[at : at + 1])
        elif kind == "delete":
            del changed[at : at + what]
        elif kind == "insert":
            changed[at:at] = what
        elif kind == "copy":
            start = what[0] % (len(changed) + 1)
            changed[at:at] = changed[start : start + what[1]]
        else:
            form, number = what
            packed = struct.pack(f"<{form}", number % 256 ** struct.calcsize(form))
            changed[at : at + len(packed)] = packed
    return bytes(changed)


def mutated(seeds: dict[str, bytes]) -> st.SearchStrategy[bytes]:
    """One of the seeds, edited."""
    return st.builds(apply, st.sampled_from(list(seeds.values())), st.lists(_edits, min_size=1, max_size=6))


_values = st.recursive(
    st.none()
    | st.booleans()
    | st.sampled_from([0, -1, 1, 3, 8, 2**40, -(2**40), 10**400, 0.5, -0.0, 1e300, float("inf"), float("nan")])
    | st.sampled_from(["", "skip", "lrelu", "64", "x" * 100]),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


def reconfigured(seeds: dict[str, bytes]) -> st.SearchStrategy[bytes]:
    """One of the seeds, which are JSON, with some values replaced, added or taken away."""

    def build(seed: bytes, changes: list[tuple[int, Any]], added: dict[str, Any], removed: int) -> bytes:
        values = json.loads(seed)
        for place, value in changes:
            inner = values
            keys = sorted(inner)
            key = keys[place % len(keys)]
            if isinstance(inner[key], dict) and inner[key] and place % 2:
                inner = inner[key]
                key = sorted(inner)[place % len(inner)]
            inner[key] = value
        if removed:
            values.pop(sorted(values)[removed % len(values)])
        return json.dumps(values | added).encode()

    changes = st.lists(st.tuples(st.integers(0, 1000), _values), max_size=3)
    names = st.sampled_from(["kind", "conv_clamp", "channels", "square", "activation", "num_layers", "odd"])
    added = st.dictionaries(names, _values, max_size=2)
    return st.builds(build, st.sampled_from(list(seeds.values())), changes, added, st.integers(0, 30))
