"""Small files that ask for much memory or time."""

from __future__ import annotations

import json
import struct
from typing import Any

import pytest

from draglab.checkpoints.description import check_description
from draglab.checkpoints.foreign.inert_pickle import MAX_INSTRUCTIONS, InertUnpickler
from draglab.checkpoints.foreign.recognise import read_plan
from draglab.checkpoints.foreign.values import Refused, Region
from draglab.errors import DraglabError
from tests.checkpoints.assemble import (
    FLOATS,
    Again,
    Call,
    Name,
    Outside,
    Raw,
    Saved,
    assemble,
    code,
    module,
    storage_bytes,
    tensor,
)

LOAD = Name("torch.storage", "_load_from_bytes")
ORDERED = Name("collections", "OrderedDict")


def refuse(data: bytes, message: str) -> None:
    with pytest.raises(Refused, match=message):
        read_plan(memoryview(data)).to_json()


def again(names: str, value: Any, count: int) -> dict[str, Any]:
    """Many entries that are the same value."""
    return {f"{names}{index}": Again(1000) if index else Saved(1000, value) for index in range(count)}


def generator(modules: dict[str, Any] | None = None, **parts: Any) -> bytes:
    """A pickle with the one module that makes it a StyleGAN2."""
    b4 = module({"const": tensor([1, 4, 4])})
    return assemble({"G_ema": module(modules={"synthesis": module(modules={"b4": b4}), **(modules or {})}, **parts)})


def test_the_generator_of_these_tests_is_read() -> None:
    assert list(read_plan(memoryview(generator())).tensors) == ["synthesis.b4.const"]


@pytest.mark.parametrize(
    ("code_", "message"),
    [
        (b"\x8e" + struct.pack("<Q", 2**63), "ends too early"),  # BINBYTES8
        (b"\x8e" + struct.pack("<Q", 2**64 - 1), "ends too early"),
        (b"\x8d" + struct.pack("<Q", 2**62), "ends too early"),  # BINUNICODE8
        (b"\x96" + struct.pack("<Q", 2**62), "ends too early"),  # BYTEARRAY8
        (b"B" + struct.pack("<I", 2**32 - 1), "ends too early"),
        (b"T" + struct.pack("<i", -5), "ends too early"),
        (b"\x95" + struct.pack("<Q", 2**63), "ends too early"),  # FRAME
        (b"\x8b" + struct.pack("<i", 2**31 - 1), "a number larger"),  # LONG4
        (b"\x8b" + struct.pack("<i", -1), "a number larger"),
        (b"\x8a\xff" + b"\xff" * 255, "a number larger"),
        (b"L" + b"9" * 4000 + b"L\n", "a number is not readable"),
        (b"L" + b"9" * 10_000, "a line does not end"),
        (b"F1e999999_\n", "a number is not readable"),
        (b"r" + struct.pack("<I", 2**32 - 1), "lacks its value|out of range"),
        (b"Nr" + struct.pack("<I", 2**32 - 1), "a memo index is out of range"),
        (b"Np-1\n", "a memo index is out of range"),
        (b"j" + struct.pack("<I", 7), "which it does not have"),
        (b"\x80\x06", "a pickle of protocol 6"),
    ],
)
def test_lengths_and_numbers(code_: bytes, message: str) -> None:
    refuse(b"\x80\x04" + code_ + b".", message)


def test_instructions_are_counted() -> None:
    refuse(b"\x80\x02" + b"N0" * (MAX_INSTRUCTIONS // 2) + b"N.", "more than 1,000,000 pickle instructions")


def test_keys_of_dictionaries_cannot_collide() -> None:
    keys = b"".join(code(index << 40) + b"N" for index in range(10)) + code((1, 2)) + b"N" + code("name") + b"N"
    value = InertUnpickler(Region(memoryview(b"}(" + keys + b"u."))).load()
    assert len(value) == 12
    assert all(isinstance(key, str) for key in value)
    assert "name" in value


def test_deep_nesting() -> None:
    deep = Raw(b"N" + b"\x85" * 100_000)
    refuse(assemble({"x": deep}), "holds no generator")
    refuse(generator(arguments={"z_dim": deep}), "configuration is larger")
    records = Raw(code(Saved(1, ORDERED)) + b"0N" + b"\x85r\x02\0\0\x000h\x01j\x02\0\0\0R" * 10_000)
    refuse(assemble({"x": records}), "holds no generator")


def test_values_that_hold_themselves() -> None:
    easy = Raw(code(Name("dnnlib.util", "EasyDict")) + b")\x81q\x01h\x01b")
    refuse(assemble(easy), "holds no generator")
    refuse(assemble(Raw(code(Name("argparse", "Namespace")) + b")\x81q\x01h\x01b")), "holds no generator")
    refuse(generator(arguments={"z_dim": Raw(b"]q\x01h\x01a")}), "configuration is larger")
    endless = Raw(b"}q\x01" + code("a") + code(Saved(2, module(modules=Raw(b"h\x01")))) + b"s0" + code(Again(2)))
    refuse(assemble({"G_ema": endless}), "nested deeper")


def test_a_list_of_lists_of_lists() -> None:
    """Each holds the one before ten times: 10^9 values in some hundred bytes."""
    levels = b"".join(b"0](" + b"h\x01" * 10 + b"eq\x01" for _ in range(9))
    refuse(generator(arguments={"z_dim": Raw(b"]q\x01" + levels)}), "configuration is larger")


def test_one_module_many_times() -> None:
    refuse(generator(again("m", module(), 2000)), "modules are more")
    two = {"a": Raw(b"h\x01"), "b": Raw(b"h\x01")}
    tree = b"".join(code(module(modules=two)) + b"q\x010" for _ in range(30))
    refuse(assemble({"G_ema": Raw(code(module()) + b"q\x010" + tree + b"h\x01")}), "modules are more")


def test_one_tensor_many_times() -> None:
    refuse(generator(parameters=again("t", tensor([1]), 6000)), "more than 5,000 tensors")
    shared = Saved(1001, module(again("t", tensor([1]), 900)))
    refuse(generator({"a": shared, **{f"m{i}": Again(1001) for i in range(9)}}), "more than 5,000 tensors")
    refuse(generator(parameters={"t" * 300: tensor([1])}), "names of more than 200 letters")
    refuse(generator(parameters=again("t", None, 30_000)), "more than 20,000 entries")


def test_numbers_that_many_tensors_share() -> None:
    shared = Saved(1, Call(LOAD, (storage_bytes(50_000),)))
    tensors = {"a": tensor([50_000], shared), "b": tensor([2], Again(1), strides=[49_999])}
    tensors |= {f"c{index}": tensor([2], Again(1), strides=[49_999]) for index in range(10)}
    data = generator(parameters=tensors)
    answer = {"plan": json.loads(json.dumps(read_plan(memoryview(data)).to_json()))}
    with pytest.raises(DraglabError, match="share their numbers"):
        check_description(answer, len(data))


def test_long_texts_in_the_configuration() -> None:
    text = Saved(2000, "x" * 4000)
    refuse(generator(arguments={"z_dim": [text, *[Again(2000)] * 1000]}), "configuration is larger")
    refuse(generator(arguments={"z_dim": [{text: 1}, *[{Again(2000): 1}] * 1000]}), "configuration is larger")
    refuse(generator(arguments={"z_dim": float("nan")}), "holds nan as a number")


def test_text_that_is_decoded_again_and_again() -> None:
    """Bytes of protocol 2 are text that is decoded: many tensors from one text are one source, or few bytes."""

    def tensors_of(numbers: int) -> bytes:
        text = storage_bytes(numbers).decode("latin-1")
        first, other = (
            tensor([numbers], Call(LOAD, (Call(Name("_codecs", "encode"), (held, "latin1")),)))
            for held in (Saved(2000, text), Again(2000))
        )
        return generator(parameters={"a": first, **again("b", other, 2000)})

    sources = read_plan(memoryview(tensors_of(2000))).to_json()["sources"]
    assert [list(source) for source in sources] == [["text"], []]
    refuse(tensors_of(800), "not where they should be")


def test_small_pickles_within_a_tensor_are_small() -> None:
    reference = Outside(("storage", FLOATS, "0", "cpu", 1, None))
    padded = storage_bytes(1, root=Raw(b"N0" * 200 + code(reference)))
    refuse(generator(parameters={"a": tensor([1], Call(LOAD, (padded,)))}), "more than 100 pickle instructions")
