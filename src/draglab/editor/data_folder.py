"""The folder of a person's data."""

from __future__ import annotations

from pathlib import Path

from draglab.folders import own_folder

VARIABLE = "DRAGLAB_DATA"
"""Environment variable that sets another folder."""


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
    return own_folder("data", VARIABLE)
