"""Names of other programs' tensors: what each pattern takes, beside the regular expression that says the same."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from draglab.checkpoints.foreign import rosinality, tensorflow
from draglab.checkpoints.foreign.names import number

NUMBER = r"(0|[1-9][0-9]{0,2})"
ROSINALITY = re.compile(
    rf"input\.input|style\.{NUMBER}\.(weight|bias)|noises\.noise_{NUMBER}|(conv1|to_rgb1|convs\.{NUMBER}|to_rgbs\.{NUMBER})"
    r"\.(conv\.weight|conv\.modulation\.(weight|bias)|noise\.weight|activate\.bias|bias)"
)
TENSOR = "(weight|bias|mod_weight|mod_bias|noise_strength)"
SYNTHESIS = re.compile(
    rf"4x4/Const/const|noise{NUMBER}|ToRGB_lod0/{TENSOR}|([1-9][0-9]{{0,4}}|0)x\3/(Conv|Conv0_up|Conv1|ToRGB|Skip)/{TENSOR}"
)
MAPPING = re.compile(rf"(Dense{NUMBER}|LabelEmbed)/(weight|bias)|LabelConcat/weight")
UNUSED = re.compile(r"lod|ToRGB_lod[1-9][0-9]?/.*")


def near(pattern: re.Pattern[str]) -> st.SearchStrategy[str]:
    """Names of a pattern, some of them with a letter too many or too few."""
    honest = st.from_regex(pattern, fullmatch=True)
    place = st.integers(0, 40)
    longer = st.tuples(honest, place, st.sampled_from("0179./_x\u0663 w"))
    shorter = st.tuples(honest, place)
    return (
        honest
        | longer.map(lambda parts: parts[0][: parts[1]] + parts[2] + parts[0][parts[1] :])
        | shorter.map(lambda parts: parts[0][: parts[1]] + parts[0][parts[1] + 1 :])
    )


@given(near(ROSINALITY))
def test_rosinality(name: str) -> None:
    assert (rosinality.published_name(name) is not None) == bool(ROSINALITY.fullmatch(name))


@given(near(SYNTHESIS))
def test_tensorflow_synthesis(name: str) -> None:
    assert (tensorflow.synthesis_name(name, 64) is not None) == bool(SYNTHESIS.fullmatch(name))


@given(near(MAPPING))
def test_tensorflow_mapping(name: str) -> None:
    assert (tensorflow.mapping_name(name) is not None) == bool(MAPPING.fullmatch(name))


@given(near(UNUSED))
def test_tensorflow_unused(name: str) -> None:
    assert tensorflow._is_unused(name) == bool(UNUSED.fullmatch(name))


@pytest.mark.parametrize("text", ["", "b", "b01", "b-1", "b1234", "1", "bb1", "b\u0663", "b1 ", "b²"])
def test_no_number(text: str) -> None:
    assert number(text, 3, "b") is None


def test_numbers() -> None:
    assert [number(text, 3, "b") for text in ("b0", "b7", "b128")] == [0, 7, 128]
