"""The folder of a batch. It survives a kill at any moment.

run/
  config.json       options, and the SHA-256 of each model
  report.jsonl      a line for each job, in the order in which they were done; pandas.read_json(path, lines=True)
  results/000/      files of lines 1 to 999: 000001.png, 000001.json, ...; those of 1000 to 1999 in results/001/
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from draglab.batch.executor import Answer
from draglab.batch.lists import DIGEST_BYTES, MOST_LINES, Line
from draglab.errors import DraglabError
from draglab.files import make_directory, write_atomically, write_error
from draglab.media.provenance.containers import HEAD_BYTES, kind_of
from draglab.media.provenance.credentials import check_signing, seal
from draglab.problems import escape_controls
from draglab.run_files import (
    LOCK,
    append_line,
    bounded_lines,
    locked_folder,
    parse_line,
    read_configuration,
    remove_leftovers,
)

FORMAT = "draglab-batch"
VERSION = 1
CONFIG, REPORT, RESULTS, SCRATCH = "config.json", "report.jsonl", "results", ".scratch"
REPORT_LINE_LIMIT = 2**20
"""Longest line of a report, in bytes."""
A_FOLDER = 1000
"""Number of lines whose files share a folder."""


class DoneLines:
    """Which lines are done, and what they held: 8 bytes a line."""

    def __init__(self) -> None:
        self._digests = bytearray()
        self.count = 0

    def add(self, number: int, digest: bytes) -> None:
        """Note that a line is done."""
        at = number * DIGEST_BYTES
        if len(self._digests) < at + DIGEST_BYTES:
            self._digests.extend(bytes(at + DIGEST_BYTES - len(self._digests)))
        self.count += self.digest(number) is None
        self._digests[at : at + DIGEST_BYTES] = digest

    def digest(self, number: int) -> bytes | None:
        """Return the digest of a line that is done; None if it is not."""
        at = number * DIGEST_BYTES
        found = bytes(self._digests[at : at + DIGEST_BYTES])
        return found if any(found) else None


class BatchFolder:
    """A batch on disk, open for writing; made by :func:`open_folder`.

    Attributes:
        done: the lines that are done. broken: number of them that broke. dropped: number of damaged lines of the
            report, whose edits are done again.
    """

    def __init__(self, path: Path, config: Mapping[str, Any]) -> None:
        self.path, self._config = path, dict(config)
        self.done = DoneLines()
        self.broken = self.dropped = 0

    @property
    def scratch(self) -> Path:
        """Folder for temporary files, which is removed at the end and when the batch is opened again."""
        return self.path / SCRATCH

    def record(self, line: Line, answer: Answer) -> None:
        """Write the files of a job, then its line of the report; both are on disk when this returns.

        Raises:
            DraglabError: they cannot be written.
        """
        names = self._write_files(line.number, answer.files) if answer.files else {}
        error = None if answer.error is None else escape_controls(answer.error)[:2000]
        content = {"line": line.number, "digest": line.digest.hex(), "error": error, **answer.values, "files": names}
        append_line(self.path / REPORT, content)
        self.done.add(line.number, line.digest)
        self.broken += error is not None

    def _write_files(self, number: int, files: Mapping[str, bytes]) -> dict[str, str]:
        """Write the files of a job; return their names from the folder by their kinds, such as "png"."""
        folder = self.path / RESULTS / f"{number // A_FOLDER:03d}"
        make_directory(folder)
        names = {}
        for suffix, content in files.items():
            path = folder / f"{number:06d}{suffix}"
            with write_atomically(path) as temporary:
                temporary.write_bytes(seal(content) if kind_of(content[:HEAD_BYTES]) else content)
            names[suffix.removeprefix(".")] = path.relative_to(self.path).as_posix()
        return names

    def check(self, line: Line) -> bool:
        """Return whether a line is done.

        Raises:
            DraglabError: it is, but the line was another one then.
        """
        before = self.done.digest(line.number)
        if before is not None and before != line.digest:
            raise DraglabError(
                f"line {line.number} of the list is not what it was when it was done: give the list as it was, "
                "further lines at its end, or another folder for the new list"
            )
        return before is not None

    def check_model(self, name: str, sha256: str) -> None:
        """Note the weights of a model.

        Raises:
            DraglabError: the model had other weights earlier in this batch.
        """
        models = self._config["models"]
        if models.setdefault(name, sha256) != sha256:
            raise DraglabError(
                f"{self.path} was begun with another model under the name {name!a:.80}: results would mix. Give the "
                "model it was begun with, or another folder"
            )
        self._write_config()

    def _write_config(self) -> None:
        with write_atomically(self.path / CONFIG) as temporary:
            temporary.write_text(json.dumps(self._config, indent=2) + "\n", encoding="utf-8")

    def _read_report(self, retry: bool) -> None:
        """Note the lines that are done; rewrite the report if there are some to leave out."""
        path = self.path / REPORT
        if not path.exists():
            return
        again = 0
        for line in report_lines(path):
            if line is None:
                self.dropped += 1
            elif retry and line["error"] is not None:
                again += 1
            else:
                self.done.add(line["line"], bytes.fromhex(line["digest"]))
                self.broken += line["error"] is not None
        if not (self.dropped or again or not _ends_whole(path)):
            return
        with write_atomically(path) as temporary, temporary.open("w", encoding="utf-8") as file:
            for line in report_lines(path):
                if line is not None and not (retry and line["error"] is not None):
                    file.write(json.dumps(line) + "\n")


@contextmanager
def open_folder(
    path: str | Path, options: Mapping[str, Any], resume: bool = False, retry: bool = False
) -> Iterator[BatchFolder]:
    """Begin a batch, or go on with one; no other process can write to it meanwhile.

    Args:
        path: the folder, made if it does not exist. options: JSON values that all sessions must have in common.
        resume: whether to go on with what the folder holds. retry: whether lines that broke are done again.

    Raises:
        DraglabError: the folder cannot be written, holds something else, a batch that is not to be gone on with, or
            one with other options; or another process is working on it.
    """
    path = Path(path)
    check_signing()
    make_directory(path)
    with locked_folder(path):
        remove_leftovers(path, *(path / RESULTS).glob("*"))
        config = None
        if (path / CONFIG).is_file():
            config = read_configuration(
                path / CONFIG, FORMAT, VERSION, {"options": dict, "models": dict}, "draglab batch"
            )
        if config is None:
            _refuse_other_files(path)
        if config is None or not (path / REPORT).exists():  # nothing was done
            config = {"format": FORMAT, "version": VERSION, "options": dict(options), "models": {}}
        elif not resume:
            raise DraglabError(f"{path} holds a batch already: add --resume to go on with it, or choose another folder")
        else:
            _check_options(path, config["options"], options)
        folder = BatchFolder(path, config)
        folder._write_config()
        folder._read_report(retry)
        shutil.rmtree(folder.scratch, ignore_errors=True)
        make_directory(folder.scratch)
        try:
            yield folder
        finally:
            with suppress(OSError):
                shutil.rmtree(folder.scratch)


def report_lines(path: Path) -> Iterator[dict[str, Any] | None]:
    """Yield the lines of a report; None for one that is damaged."""
    try:
        with path.open("rb") as file:
            for raw in bounded_lines(file, REPORT_LINE_LIMIT):
                yield _checked(parse_line(raw, REPORT_LINE_LIMIT))
    except OSError as error:
        raise DraglabError(f"cannot read {path}: {error.strerror}") from None


def _checked(line: dict[str, Any] | None) -> dict[str, Any] | None:
    if line is None or type(line.get("line")) is not int or not 1 <= line["line"] <= MOST_LINES or "error" not in line:
        return None
    digest = line.get("digest")
    try:
        whole = isinstance(digest, str) and len(bytes.fromhex(digest)) == DIGEST_BYTES
    except ValueError:
        whole = False
    return line if whole else None


def _ends_whole(path: Path) -> bool:
    with path.open("rb") as file:
        file.seek(0, 2)
        if file.tell() == 0:
            return True
        file.seek(-1, 2)
        return file.read(1) == b"\n"


def _refuse_other_files(path: Path) -> None:
    try:
        found = sorted(each.name for each in path.iterdir() if each.name not in (LOCK, SCRATCH))
    except OSError as error:
        raise write_error(path, error) from None
    if found:
        raise DraglabError(f"{path} holds other files ({found[0]!a:.60}): give an empty or a new folder")


def _check_options(path: Path, old: Mapping[str, Any], new: Mapping[str, Any]) -> None:
    for name in {**old, **new}:
        if old.get(name) != new.get(name):
            texts = [json.dumps(each.get(name))[:80] for each in (old, new)]
            raise DraglabError(
                f"{path} was begun with {name} {texts[0]}, not {texts[1]}: give the same, or choose another folder"
            )
