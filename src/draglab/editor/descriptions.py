"""Descriptions of an edit that repeat it: a command line or a Python program."""

from __future__ import annotations

import math
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from draglab.dragging import KEEPS_BEST
from draglab.editor.branch import BranchRound, branch_rounds, edit_file_of
from draglab.editor.document import Document
from draglab.editor.settings import changed_settings, read_settings
from draglab.editor.state import XY, StartSpec
from draglab.media.edit_file import EditFile, SettingValue

EDIT_FILE = "edit.json"


@dataclass(frozen=True)
class Description:
    """A text that repeats an edit.

    Attributes:
        text: the command line or program. edit_file: edit file that the text expects as "edit.json"; None = none. If it
            names a photo's file, that is expected beside it.
    """

    text: str
    edit_file: EditFile | None


def as_command(document: Document) -> Description:
    """Return a command line that makes the current image again, as after.png.

    Raises:
        DraglabError: nothing was dragged, and the start is more than a seed.
    """
    start, rounds = document.history.nodes[document.history.node.start_id], branch_rounds(document)
    spec = document.history.start_of(start)
    plain = spec.seed is not None and spec.mix is None and spec.truncation_cutoff is None and not start.kept
    if plain and not rounds:
        return Description(_command("generate", [*_start_options(spec), "-o", "after.png"]), None)
    suited = document.suited_settings
    if plain and len(rounds) == 1 and _is_simple(rounds[0]):
        record = rounds[0].record
        points = [f"{_pair(h)}:{_pair(t)}" for h, t in zip(record.handles, record.targets, strict=True)]
        words = _start_options(spec)
        words += [word for point in points for word in ("--point", point)]
        changes = _changes(rounds[0], suited)
        words += [word for name, value in changes.items() for word in ("--set", f"{name}={_word(value)}")]
        return Description(_command("drag", [*words, "-o", "after.png"]), None)
    edit = edit_file_of(document)
    return Description(_command("drag", [EDIT_FILE, "-o", "after.png"]), edit)


def as_python(document: Document) -> Description:
    """Return a program that makes the current image again, as `image`. It uses public names of draglab alone.

    Raises:
        DraglabError: see :func:`as_command`.
    """
    start, rounds = document.history.nodes[document.history.node.start_id], branch_rounds(document)
    spec = document.history.start_of(start)
    if spec.seed is None or start.kept or not all(map(_is_simple, rounds)):
        edit = edit_file_of(document)
        load = "load_generator({!r})" if spec.photo is None else "load_photo({!r}).generator"
        return Description(_REPLAY.format(file=EDIT_FILE, generator=load.format(edit.model.name)), edit)
    lines = ["import draglab", "", f"generator = draglab.load_generator({spec.model!r})"]
    lines.append(f"w_plus = generator.w_plus_from_seed({_start_arguments(spec, spec.seed)})")
    if spec.mix is not None:
        layers = f"[:, {spec.mix.first_layer}:]"
        lines.append(f"w_plus{layers} = generator.w_plus_from_seed({_start_arguments(spec, spec.mix.seed)}){layers}")
    for run in rounds:
        record = run.record
        changes = ", ".join(f"{name}={value!r}" for name, value in _changes(run, {}).items())
        lines += [
            f"edit = draglab.DragEdit(handles={list(record.handles)}, targets={list(record.targets)})",
            f"result = draglab.drag(generator, w_plus, edit, draglab.DragSettings({changes}))",
            "w_plus = result.w_plus",
        ]
    last = "result.image()" if rounds else "draglab.to_uint8(generator.image(w_plus))[0]"
    return Description("\n".join([*lines, f"image = {last}  # uint8 [H, W, 3]", ""]), None)


_REPLAY = """\
import draglab

replay = draglab.Replay(draglab.load_edit_file({file!r}), draglab.{generator})
for step in replay:
    pass
image = replay.image()  # uint8 [H, W, 3]
"""


def _is_simple(run: BranchRound) -> bool:
    """Return whether points and settings describe a round completely."""
    if run.node.mask_id is not None or any(move.after < run.steps for move in run.record.moves):
        return False
    # A drag that does not arrive keeps its nearest step: a round that keeps another one needs an edit file.
    return _ends_by_itself(run) or _ends_nearest(run)


def _ends_by_itself(run: BranchRound) -> bool:
    return run.whole and (run.record.end == "arrived" or run.record.end in KEEPS_BEST) and not run.record.moves


def _ends_nearest(run: BranchRound) -> bool:
    """Return whether the last step is nearer to the targets than every earlier one."""
    targets = run.record.targets
    ways = [sum(map(math.dist, frame.handles, targets)) for frame in run.frames]
    return all(way > ways[-1] for way in ways[:-1])


def _changes(run: BranchRound, defaults: Mapping[str, SettingValue]) -> dict[str, Any]:
    """Return the settings that repeat a round, without those that have their defaults; the end is the same, too."""
    settings = read_settings(run.record.settings)
    ended = settings if _ends_by_itself(run) else replace(settings, max_steps=run.steps)
    return changed_settings(ended, defaults)


def _start_options(spec: StartSpec) -> list[str]:
    words = [f"--model={spec.model}", f"--seed={spec.seed}"]
    if spec.truncation_psi != 1:
        words.append(f"--truncation={_number(spec.truncation_psi)}")
    if spec.class_vector is not None:
        words.append(f"--class={','.join(map(_number, spec.class_vector))}")
    elif spec.class_index is not None:
        words.append(f"--class={spec.class_index}")
    return words


def _start_arguments(spec: StartSpec, seed: int) -> str:
    given = {
        "truncation_psi": None if spec.truncation_psi == 1 else spec.truncation_psi,
        "truncation_cutoff": spec.truncation_cutoff,
        "c": spec.class_index if spec.class_vector is None else spec.class_vector,
    }
    return ", ".join([str(seed), *(f"{name}={value!r}" for name, value in given.items() if value is not None)])


def _command(name: str, words: list[str]) -> str:
    return shlex.join(["draglab", name, *words])


def _pair(point: XY) -> str:
    return f"{_number(point[0])},{_number(point[1])}"


def _number(value: Any) -> str:
    """Write a number in its shortest exact form."""
    return repr(value).removesuffix(".0") if isinstance(value, float) else str(value)


def _word(value: Any) -> str:
    """Write a setting's value as :func:`draglab.editor.settings.parse_settings` reads it."""
    return "none" if value is None else str(value).lower() if isinstance(value, bool) else _number(value)
