"""Where draglab keeps what a person has made."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from draglab.errors import DraglabError

VARIABLE = "DRAGLAB_DATA"
"""Environment variable that names another folder."""


def data_folder(environment: Mapping[str, str] = os.environ, platform: str = sys.platform) -> Path:
    """DRAGLAB_DATA, else draglab's folder in the platform's place for the data of applications.

    Raises:
        DraglabError: this user has no home directory.
    """
    if environment.get(VARIABLE):
        return Path(environment[VARIABLE]).expanduser().absolute()
    try:
        if platform == "win32":
            local = environment.get("LOCALAPPDATA")
            place = Path(local) if local else Path.home() / "AppData" / "Local"
        elif platform == "darwin":
            place = Path.home() / "Library" / "Application Support"
        else:
            # The XDG specification has relative paths ignored.
            given = environment.get("XDG_DATA_HOME", "")
            place = Path(given) if os.path.isabs(given) else Path.home() / ".local" / "share"
    except RuntimeError:
        raise DraglabError(f"there is no home directory to keep sessions in: set {VARIABLE} to a folder") from None
    return place / "draglab"
