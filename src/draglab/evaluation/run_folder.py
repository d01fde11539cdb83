"""The folder of a run: configuration, a line for each edit, arrays, summary. It survives a kill at any moment.

run/
  config.json       experiment, protocol, methods
  machine.json      processor, versions and commit of every session that worked on the run
  edits.jsonl       a line for each edit, flat, readable with pandas.read_json(path, lines=True)
  arrays/*.npz      latents, landmarks and features of the edits
  summary.json, table.md, plots/*.svg, sheet.png    made anew at the end of every session
"""

from __future__ import annotations

import hashlib
import json
import math
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from draglab.errors import DraglabError
from draglab.files import make_directory, read_bytes, write_atomically
from draglab.run_files import LOCK, append_line, locked_folder, parse_line, read_configuration, remove_leftovers

FORMAT = "draglab-run"
VERSION = 1
SIZE_LIMIT = 512 * 2**20
"""Largest file of lines, in bytes."""
LINE_LIMIT = 2**20
"""Longest line, in bytes."""
CONFIG_LIMIT = 16 * 2**20
ARRAYS_LIMIT = 256 * 2**20
CONFIG, MACHINE, LINES, ARRAYS = "config.json", "machine.json", "edits.jsonl", "arrays"
Line = dict[str, Any]
Arrays = dict[str, NDArray[Any]]


class RunFolder:
    """A run on disk, for reading; :func:`open_run` opens one for writing.

    Args:
        path: the folder. config: content of its config.json.

    Attributes:
        lines: key -> line, the last of its key. dropped: number of lines that were damaged, whose edits run anew.
    """

    def __init__(self, path: Path, config: Mapping[str, Any]):
        self.path, self.config = path, dict(config)
        self.lines: dict[str, Line] = {}
        self.dropped = 0
        self._read_lines()

    @property
    def experiment(self) -> str:
        """Name of the experiment."""
        return str(self.config["experiment"])

    @property
    def protocol(self) -> dict[str, Any]:
        """What every edit of the run has in common; runs with different protocols cannot be compared."""
        return dict(self.config["protocol"])

    def values(self, key: str) -> Line | None:
        """Return the line of an edit; None if it has not run, or broke."""
        line = self.lines.get(key)
        return None if line is None or line.get("error") is not None else line

    def append(self, key: str, line: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]] | None = None) -> None:
        """Record an edit: its arrays first, then its line, which is on disk when this returns.

        Numbers that are not finite become null.

        Raises:
            DraglabError: it cannot be written.
        """
        if arrays:
            with write_atomically(self._arrays_path(key)) as temporary, temporary.open("wb") as file:
                np.savez(file, **arrays)  # pyright: ignore[reportArgumentType]
        content = {"key": key, **{name: _plain(value) for name, value in line.items()}}
        self.lines[key] = json.loads(append_line(self.path / LINES, content))

    def arrays(self, key: str) -> Arrays:
        """Return the arrays of an edit, by name.

        Raises:
            DraglabError: they are missing or damaged.
        """
        path = self._arrays_path(key)
        try:
            if path.stat().st_size > ARRAYS_LIMIT:
                raise ValueError
            with np.load(path, allow_pickle=False) as file:
                return {name: file[name] for name in file.files}
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
            raise DraglabError(
                f"the arrays of {key!a:.80} in {self.path} are missing or damaged: remove its line from {LINES} and "
                "run the same command again"
            ) from None

    def has_arrays(self, key: str) -> bool:
        """Whether an edit has arrays."""
        return self._arrays_path(key).is_file()

    def write(self, name: str, content: str | Mapping[str, Any] | bytes) -> None:
        """Write a file of the run as a whole; mappings become JSON.

        Raises:
            DraglabError: it cannot be written.
        """
        path = self.path / name
        make_directory(path.parent)
        if isinstance(content, Mapping):
            content = json.dumps(content, indent=2) + "\n"
        with write_atomically(path) as temporary:
            temporary.write_bytes(content.encode() if isinstance(content, str) else content)

    def _arrays_path(self, key: str) -> Path:
        # Keys hold names of methods, which file systems may not take.
        return self.path / ARRAYS / f"{hashlib.sha256(key.encode()).hexdigest()[:24]}.npz"

    def _read_lines(self) -> None:
        path = self.path / LINES
        if not path.exists():
            return
        for raw in read_bytes(path, "file of edits", SIZE_LIMIT).splitlines():
            line = parse_line(raw, LINE_LIMIT)
            if line is None or not isinstance(line.get("key"), str):
                self.dropped += 1
            else:
                self.lines[line["key"]] = line

    def repair(self) -> None:
        """Rewrite the file of lines without those that are damaged, such as one that a kill cut off."""
        path = self.path / LINES
        whole = not path.exists() or path.read_bytes()[-1:] in (b"", b"\n")
        if self.dropped or not whole:
            self.write(LINES, "".join(json.dumps(line) + "\n" for line in self.lines.values()))


@contextmanager
def open_run(path: str | Path, config: Mapping[str, Any], session: Mapping[str, Any]) -> Iterator[RunFolder]:
    """Begin a run, or go on with one; no other process can write to it meanwhile.

    Methods and numbers of edits may differ from those of earlier sessions: what is missing is run. Protocol and
    versions may not.

    Args:
        path: the folder, made if it does not exist. config: experiment, protocol, methods and numbers.
        session: machine and versions, with "must match" -> what earlier sessions must have had as well.

    Raises:
        DraglabError: the folder holds something else, a run with another protocol or other versions, or another
            process is working on it.
    """
    path = Path(path)
    make_directory(path)
    with locked_folder(path):
        remove_leftovers(path, path / ARRAYS)
        _check_folder(path)
        sessions: list[Any] = []
        if (path / CONFIG).exists():
            _check_same(path, read_config(path), config)
            sessions = _sessions(path)
            _check_versions(path, sessions, session)
        make_directory(path / ARRAYS)
        content = {"format": FORMAT, "version": VERSION, **config}
        run = RunFolder(path, content)
        run.write(CONFIG, content)
        if not sessions or sessions[-1] != session:
            run.write(MACHINE, {"sessions": [*sessions, dict(session)]})
        run.repair()
        yield run


def read_run(path: str | Path) -> RunFolder:
    """Read a run.

    Raises:
        DraglabError: the folder holds no run, or one of a newer version.
    """
    return RunFolder(Path(path), read_config(Path(path)))


def read_config(path: Path) -> dict[str, Any]:
    """Read and check config.json.

    Raises:
        DraglabError: see :func:`read_run`.
    """
    if not (path / CONFIG).is_file():
        raise DraglabError(f"{path} holds no run of draglab bench: give the folder that was given as -o")
    fields = {"protocol": dict, "experiment": str, "methods": list}
    content = read_configuration(path / CONFIG, FORMAT, VERSION, fields, "draglab bench")
    if not all(isinstance(method, str) for method in content["methods"]):
        raise DraglabError(f"{path / CONFIG} is damaged, or not of draglab bench: choose another folder")
    return content


def differences(a: Mapping[str, Any], b: Mapping[str, Any]) -> list[str]:
    """Return the names whose values differ between two protocols, with both values, as texts."""
    names = [name for name in {**a, **b} if a.get(name) != b.get(name)]
    return [f"{name} {_short(a.get(name))} and {_short(b.get(name))}" for name in names]


def _short(value: object) -> str:
    text = json.dumps(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _check_folder(path: Path) -> None:
    foreign = [each.name for each in path.iterdir() if each.name not in (LOCK, ARRAYS)]
    if foreign and not (path / CONFIG).exists():
        raise DraglabError(f"{path} holds other files ({foreign[0]!a:.60}): give an empty or a new folder")


def _check_same(path: Path, old: Mapping[str, Any], new: Mapping[str, Any]) -> None:
    if old["experiment"] != new["experiment"]:
        raise DraglabError(f"{path} holds a run of bench {old['experiment']}: choose another folder")
    if found := differences(old["protocol"], new["protocol"]):
        raise DraglabError(f"{path} holds a run with another {found[0]}: choose another folder, or give the same")


def _sessions(path: Path) -> list[Any]:
    if not (path / MACHINE).exists():
        return []  # killed between the two files
    try:
        sessions = json.loads(read_bytes(path / MACHINE, "list of sessions", CONFIG_LIMIT))["sessions"]
        return sessions if isinstance(sessions, list) else []
    except (ValueError, KeyError, TypeError, RecursionError):
        return []


def _check_versions(path: Path, sessions: list[Any], session: Mapping[str, Any]) -> None:
    for earlier in sessions:
        before = earlier.get("must match", {}) if isinstance(earlier, dict) else {}
        if found := differences(before, session["must match"]):
            raise DraglabError(
                f"{path} was begun with another version: {found[0]}. Results would mix: choose another folder, or go "
                "on with the version it was begun with"
            )


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
