"""Where files of draglab's belong on each system."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from draglab.errors import DraglabError

_LINUX = {"cache": ("XDG_CACHE_HOME", ".cache"), "data": ("XDG_DATA_HOME", ".local/share")}
_MACOS = {"cache": "Caches", "data": "Application Support"}


def own_folder(
    kind: Literal["cache", "data"],
    variable: str,
    environment: Mapping[str, str] = os.environ,
    platform: str = sys.platform,
) -> Path:
    """What an environment variable names, else draglab's folder in the system's place; it need not exist.

    Args:
        kind: "cache" for what can be had again, "data" for what a person has made.
        variable: the environment variable that names another folder.

    Raises:
        DraglabError: this user has no home directory.
    """
    if environment.get(variable):
        return Path(environment[variable]).expanduser().absolute()
    try:
        if platform == "win32":
            local = environment.get("LOCALAPPDATA")
            place = Path(local) if local else Path.home() / "AppData" / "Local"
        elif platform == "darwin":
            place = Path.home() / "Library" / _MACOS[kind]
        else:
            name, below_home = _LINUX[kind]
            # The XDG specification has relative paths ignored.
            given = environment.get(name, "")
            place = Path(given) if os.path.isabs(given) else Path.home() / below_home
    except RuntimeError:
        raise DraglabError(f"there is no home directory to keep files in: set {variable} to a folder") from None
    return place / "draglab"
