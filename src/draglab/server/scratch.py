"""A temporary folder of a process, deleted by a later process if this one is killed.

The folder holds a lock that is released when its process ends, in whichever way.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

from filelock import FileLock, Timeout

PREFIX = "draglab-server-"
_LOCK = "lock"


class Scratch:
    """A new temporary folder. Making one deletes the folders that killed processes of this user have left."""

    def __init__(self) -> None:
        sweep(Path(tempfile.gettempdir()))
        while True:
            self.path = Path(tempfile.mkdtemp(prefix=PREFIX))
            self._lock = FileLock(self.path / _LOCK, thread_local=False)
            with suppress(OSError):
                self._lock.acquire()
                # Another process may have swept the folder away before it was locked.
                if (self.path / _LOCK).exists():
                    return

    def close(self) -> None:
        """Delete the folder."""
        self._lock.release()
        shutil.rmtree(self.path, ignore_errors=True)


def sweep(parent: Path) -> None:
    """Delete the folders of processes that have ended, except for those of other users and links.

    Args:
        parent: the folder that holds them.
    """
    for folder in parent.glob(f"{PREFIX}*"):
        with suppress(OSError, Timeout):
            if folder.is_symlink() or (hasattr(os, "getuid") and folder.stat().st_uid != os.getuid()):
                continue
            # A folder without the file is being made at this moment.
            if not (folder / _LOCK).is_file():
                continue
            with FileLock(folder / _LOCK).acquire(timeout=0):
                shutil.rmtree(folder, ignore_errors=True)
