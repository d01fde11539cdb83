"""The folder for the data of the person who uses draglab."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
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


def data_folder(environment: Mapping[str, str] = os.environ, platform: str = sys.platform) -> Path:
    """Return DRAGLAB_DATA, else draglab's folder in the platform's place for the data of applications.

    Raises:
        DraglabError: this user has no home directory.
    """
    return own_folder("data", VARIABLE, environment, platform)
