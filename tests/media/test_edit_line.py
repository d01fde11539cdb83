"""Lines of lists: the short form, edit files, and masks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from draglab.errors import DraglabError
from draglab.media import edit_line
from draglab.media.edit_file import EditFile, ModelReference, Round, SeedStart
from draglab.media.edit_line import EditLine, parse_edit_line
from draglab.media.images import encode_mask

SHORT: dict[str, Any] = {"seed": 3, "handles": [[10, 14], [4, 5]], "targets": [[16, 14], [4, 5]]}


def parse(**changes: Any) -> EditLine:
    found = parse_edit_line(json.dumps({**SHORT, **changes}).encode())
    assert isinstance(found, EditLine)
    return found


def test_the_short_form(tmp_path: Path) -> None:
    line = parse(truncation_psi=0.7, class_index=2, settings={"r1": 2.5}, model="hands", preset="paper")
    assert (line.model, line.preset, line.settings) == ("hands", "paper", {"r1": 2.5})
    assert line.start() == SeedStart(seed=3, truncation_psi=0.7, class_index=2)
    one = line.round((24, 32), tmp_path, {"max_steps": 3})
    assert one.handles().tolist() == [[10, 14], [4, 5]] and one.targets().tolist() == [[16, 14], [4, 5]]
    assert (one.mask, one.settings) == (None, {"max_steps": 3})


def test_an_edit_file_is_a_line(tmp_path: Path) -> None:
    one = Round.from_arrays(np.array([[10.0, 14.0]]), np.array([[16.0, 14.0]]))
    file = EditFile(model=ModelReference(name="x", sha256="0" * 64), start=SeedStart(seed=1), rounds=[one, one])
    assert parse_edit_line(file.model_dump_json().encode()) == file


@pytest.mark.parametrize("form", ["base64", "rect", "file"])
def test_masks(tmp_path: Path, form: str) -> None:
    mask = np.zeros((24, 32), bool)
    mask[3:11, 2:20] = True
    Image.fromarray(mask).save(tmp_path / "mask.png")
    text = {"base64": encode_mask(mask), "rect": "rect:2,3,19,10", "file": "mask.png"}[form]
    found = parse(mask=text).round((24, 32), tmp_path).movable((24, 32))
    assert found is not None and np.array_equal(found, mask)
    soft = parse(mask=text, feather=2).round((24, 32), tmp_path).movable((24, 32))
    assert soft is not None and soft.dtype == np.float32


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"mask": "absent.png"}, "there is no mask"),
        ({"mask": "."}, "is a directory"),
        ({"mask": "small.png"}, "is 4x4, but the image is 32x24"),
        ({"mask": "circle:1,2"}, "is not a shape"),
        ({"mask": "iVBORw0KGgo!"}, "mask: "),
        ({"image_size": 64}, "for images of 64 px, the model's have 32"),
    ],
)
def test_what_does_not_fit_the_model(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    Image.new("1", (4, 4)).save(tmp_path / "small.png")
    with pytest.raises(DraglabError, match=message):
        parse(**changes).round((24, 32), tmp_path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not a JSON object"), ("[1]", "not a JSON object"), ("\xff", "not a JSON object"),
        ("[" * 100_000, "not a JSON object"), ('{"seed": NaN}', "seed: "),
        (json.dumps({**SHORT, "colour": 1}), "colour: "),
        (json.dumps({**SHORT, "seed": "3"}), "seed: "),
        (json.dumps({**SHORT, "targets": [[1, 2]]}), "2 handles but 1 targets"),
        (json.dumps({**SHORT, "mask": ""}), "mask: "),
        (json.dumps({**SHORT, "preset": "best"}), "preset: "),
        (json.dumps({**SHORT, "settings": {"r1": [1]}}), "settings.r1"),
        (json.dumps({"format": "draglab-edit", "version": 9}), "newer draglab"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told(text: str, message: str) -> None:
    with pytest.raises(DraglabError, match=message):
        parse_edit_line(text.encode("latin-1"))


def test_sizes_are_bounded_before_anything_is_parsed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(edit_line.json, "loads", lambda text: pytest.fail("was parsed"))
    monkeypatch.setattr(edit_line, "LINE_LIMIT", 2**20)
    with pytest.raises(DraglabError, match="longer than 1 MiB"):
        parse_edit_line(b" " * (2**20 + 1))
    monkeypatch.setattr(edit_line, "VALUE_LIMIT", 100)
    with pytest.raises(DraglabError, match="too many values"):
        parse_edit_line(b"[" * 101)
