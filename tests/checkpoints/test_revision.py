"""The fingerprint of the source code that a file carries."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from draglab.checkpoints import inspect_file, revision
from draglab.checkpoints.revision import add_revision
from draglab.checkpoints.sandbox import read_description
from draglab.errors import DraglabError
from tests.checkpoints import writers
from tests.tiny import tiny_generator

LONG = "# code that stays in the file: äöü\n" * 100_000


def write(path: Path, source: str) -> Path:
    path.write_bytes(writers.dump(writers.snapshot(tiny_generator(), source=source)))
    return path


@pytest.mark.parametrize("source", ["", "pass\n", LONG])
def test_fingerprint(source: str, tmp_path: Path) -> None:
    found = inspect_file(write(tmp_path / "model.pkl", source))
    assert found.facts["fingerprint"] == hashlib.sha256(source.encode()).hexdigest()[:12]
    assert found.facts["revision"] == "unknown"
    assert found.facts["fingerprint"] in found.warnings[0]


def test_a_known_revision(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    known = hashlib.sha256(b"pass\n").hexdigest()[:12]
    monkeypatch.setitem(revision.FINGERPRINTS, known, "some program")
    found = inspect_file(write(tmp_path / "model.pkl", "pass\n"))
    assert (found.facts["revision"], found.warnings) == ("some program", [])


def test_a_file_that_changes_meanwhile(tmp_path: Path) -> None:
    path = write(tmp_path / "model.pkl", LONG)
    description = read_description(path)
    assert isinstance(description.code, tuple)
    path.write_bytes(path.read_bytes()[: description.code[1] - 1])
    with pytest.raises(DraglabError, match="is not what it was a moment ago"):
        add_revision(path, description)
    path.unlink()
    with pytest.raises(DraglabError, match="cannot read"):
        add_revision(path, description)
