"""The help of every command, as it is printed and as it is written."""

from collections.abc import Iterator
from typing import Any

import pytest
from rich.text import Text
from typer.main import get_command

from draglab.cli.main import app


def commands(command: Any, words: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """All commands, with the words that name them."""
    yield words, command
    for name, sub in getattr(command, "commands", {}).items():
        yield from commands(sub, (*words, name))


ALL = list(commands(get_command(app)))


@pytest.mark.parametrize("words", [words for words, _ in ALL], ids=" ".join)
def test_every_command_has_help(words, draglab):
    ran = draglab(*words, "--help")
    assert ran.code == 0, ran.err
    assert "Usage: " in ran.out and "--help" in ran.out


def test_no_help_is_taken_for_markup():
    """Rich leaves out what is in brackets, or fails on it."""
    texts = [text for _, each in ALL for text in (each.help, *(getattr(one, "help", None) for one in each.params))]
    assert len(texts) > 100
    for text in filter(None, texts):
        assert Text.from_markup(text).plain == text
