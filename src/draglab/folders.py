"""The folders of a user's caches and data on each system."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Literal

from platformdirs import PlatformDirs

from draglab.errors import DraglabError

DATA = "DRAGLAB_DATA"
"""Environment variable that sets another folder for a person's data."""
PROGRAMS = "programs"
"""Folder, within a server's data folder, of the drags of programs."""
CREDENTIALS = "credentials"
"""Folder, within a user's data folder, of the key that exported files are signed with."""


def make_private(folder: Path) -> None:
    """Create a folder and its missing parents with rights for this user alone; existing folders stay as they are.

    Raises:
        OSError: a folder cannot be created.
    """
    if not folder.is_dir():
        make_private(folder.parent)
        folder.mkdir(mode=0o700, exist_ok=True)


def data_folder() -> Path:
    """Return the folder that DRAGLAB_DATA names, else draglab's folder in the system's place for data of applications.

    Raises:
        DraglabError: this user has no home directory.
    """
    return own_folder("data", DATA)


def own_folder(kind: Literal["cache", "data"], variable: str) -> Path:
    """Return the folder that an environment variable names, else draglab's folder for this user; it need not exist.

    Args:
        kind: "cache" for files that can be fetched again, "data" for what a person has made.
        variable: name of the environment variable.

    Raises:
        DraglabError: this user has no home directory.
    """
    try:
        if named := os.environ.get(variable):
            return Path(named).expanduser().absolute()
        former = _former_folder(kind)
        if former is not None and former.is_dir():
            return former
        # Without author and "opinion", which would add folders on Windows: draglab\draglab\Cache.
        folders = PlatformDirs("draglab", appauthor=False, opinion=False)
        return folders.user_cache_path if kind == "cache" else folders.user_data_path
    except (RuntimeError, OSError, ValueError):
        raise DraglabError(
            f"there is no home directory to keep files in: set {variable} to a folder, by its full path"
        ) from None


def _former_folder(kind: Literal["cache", "data"]) -> Path | None:
    """Return the folder that draglab used before it had platformdirs, on systems where the two can differ."""
    if sys.platform == "darwin":  # platformdirs follows XDG_CACHE_HOME and XDG_DATA_HOME there, too
        return Path.home() / "Library" / ("Caches" if kind == "cache" else "Application Support") / "draglab"
    if sys.platform == "win32":  # platformdirs asks the system, whatever LOCALAPPDATA says
        local = os.environ.get("LOCALAPPDATA")
        return (Path(local) if local else Path.home() / "AppData" / "Local") / "draglab"
    return None
