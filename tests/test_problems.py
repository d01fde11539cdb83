"""What is said about wrong input is one short line, whatever the input holds."""

from typing import Annotated

import pytest
from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, ValidationError

from draglab.problems import escape_controls, first_problem


class Part(BaseModel):
    model_config = ConfigDict(extra="forbid")
    sizes: Annotated[list[int], Field(min_length=1)]


class Whole(BaseModel):
    model_config = ConfigDict(extra="forbid")
    part: Annotated[Annotated[Part, Tag("first-kind")], Discriminator(lambda value: "first-kind")]


def problem_of(value: object, **options: str) -> str:
    with pytest.raises(ValidationError) as caught:
        Whole.model_validate(value)
    return first_problem(caught.value, **options)


def test_the_first_problem_has_a_place_and_a_count():
    assert problem_of({"part": {"sizes": []}}, union="part").startswith("part.sizes: List should have at least 1 item")
    several = problem_of({"part": {"sizes": [1, "a", "b", "c"]}}, union="part")
    assert several.startswith("part.sizes[1]: Input should be a valid integer")
    assert several.endswith(" (and 2 more)")
    assert problem_of({"part": {"sizes": []}}).startswith("part.first-kind.sizes: ")
    assert problem_of(7, nameless="type").startswith("type: ")


def test_a_name_can_hold_anything():
    hostile = problem_of({"part": {"sizes": [1]}, "\x1b[31m\n\u202e" + "x" * 1000: 1})
    assert hostile.startswith("\\x1b[31m\\n\\u202exxx")
    assert hostile.isprintable()
    assert len(hostile) < 600


def test_escapes():
    assert escape_controls("a\nb\x00c\u202e\ud800") == "a\\nb\\x00c\\u202e\\ud800"
    assert escape_controls("Zoë's \\ 'model'") == "Zoë's \\ 'model'"
