"""Download of a wheel with pip's own command: the user's package index, proxy, certificates and cache hold.

pip only downloads here. It neither installs the package nor runs anything in it: a wheel is data to `pip download`.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path

from draglab.downloads.checking import WrongFile
from draglab.downloads.transfer import Progress, Rules
from draglab.errors import DraglabError
from draglab.files import write_error
from draglab.public_models.catalogue import Package

_OPTIONS = ("download", "--no-deps", "--only-binary", ":all:")
_TALK = ("--no-input", "--disable-pip-version-check", "--no-color", "--progress-bar", "off", "-vv")
"""Options for a log in which the reason of a failure is found: without -vv, pip does not say that it is offline."""
_POLL = 0.1
_LAST_WORDS = 3.0
"""Seconds that pip has to clean up when it is stopped."""
_SPARE = 16 << 20
_LOG = 1 << 20

_REASONS = (
    ("the disk is full", ("No space left on device", "Errno 28")),
    ("the certificate of its index is not trusted", ("CERTIFICATE_VERIFY_FAILED", "confirming the ssl certificate")),
    ("its index refuses the login", ("401 Client Error", "403 Client Error", "407 Client Error")),
    (
        "its index cannot be reached: is this machine offline, or a proxy or an index set wrongly?",
        ("connection error", "connection broken", "ConnectionError", "Max retries exceeded", "timed out"),
    ),
    ("its index does not have this package", ("No matching distribution found",)),
)
"""Reason for people, and signs of it in what pip says. The first that fits is taken."""


def download_wheel(package: Package, folder: Path, progress: Progress, rules: Rules, by_hand: str) -> Path:
    """Download a package's wheel into a folder that belongs to this call alone.

    Args:
        folder: an empty folder.
        progress: called about ten times a second with the number of bytes that have arrived and that of the wheel,
            whether there is news or not. If it raises, pip is stopped.
        by_hand: what to do instead, for messages.

    Raises:
        WrongFile: something else has arrived. DraglabError: there is no pip, or it failed.
    """
    if not sys.executable or find_spec("pip") is None:
        raise DraglabError(
            f"{package} is downloaded with pip, which this Python does not have: add it with "
            f"'python -m ensurepip', or 'uv pip install pip' in an environment of uv; or {by_hand}"
        )
    temporary, target, log = folder / "temporary", folder / "wheel", folder / "log.txt"
    try:
        for path in (temporary, target):
            path.mkdir()
        log.touch()
    except OSError as error:
        raise write_error(folder, error) from None
    # -P: no module is taken from the current folder, where relative paths of pip's settings still start.
    command = [sys.executable, "-P", "-m", "pip", *_OPTIONS, *_TALK, "--dest", str(target), str(package)]
    places = dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(temporary))
    with log.open("wb") as output, _running(command, os.environ | places, output.fileno()) as process:
        arrived, since = -1, time.monotonic()
        while process.poll() is None:
            total, wheel = _sizes(folder, package.wheel)
            # pip keeps the wheel in up to three places at once.
            if wheel > package.bytes or total > 3 * package.bytes + _SPARE:
                raise WrongFile(
                    f"pip was sent more than the {package.bytes} bytes of {package.wheel}: another file; not kept"
                )
            if total != arrived:
                arrived, since = total, time.monotonic()
            if time.monotonic() - since > rules.pip_timeout:
                raise DraglabError(
                    f"pip has received nothing of {package} for {rules.pip_timeout:g} s and was stopped: pull again "
                    f"later, or {by_hand}"
                )
            progress(wheel, package.bytes)
            time.sleep(_POLL)
    found = target / package.wheel
    if process.returncode == 0 and found.is_file() and not found.is_symlink():
        return found
    if process.returncode == 0:
        raise WrongFile(f"pip downloaded another file than {package.wheel}; not kept")
    shown = " ".join(("python -m pip", *_OPTIONS, str(package)))
    raise DraglabError(f"pip could not download {package}: {_reason(log)}; '{shown}' shows more; or {by_hand}")


@contextmanager
def _running(command: list[str], environment: dict[str, str], output: int) -> Iterator[subprocess.Popen[bytes]]:
    """Run a command in a process group of its own, which ends with the block at the latest."""
    try:
        process = subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # not on Windows, which has the other way
            creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
        )
    except OSError as error:
        raise DraglabError(f"cannot start pip: {error.strerror}") from None
    try:
        yield process
    finally:  # also at Ctrl-C
        try:
            if process.poll() is None:
                _signal(process, "SIGTERM")
                with suppress(subprocess.TimeoutExpired):
                    process.wait(_LAST_WORDS)
        finally:
            if process.poll() is None:
                _signal(process, "SIGKILL")
            process.wait()


def _signal(process: subprocess.Popen[bytes], name: str) -> None:
    if os.name == "nt":
        process.kill()
    else:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, getattr(signal, name))


def _sizes(folder: Path, name: str) -> tuple[int, int]:
    """Return the bytes of all files below a folder, and those of the largest one of a name."""
    total = largest = 0
    for place, _, names in os.walk(folder):
        for each in names:
            with suppress(OSError):  # it was moved meanwhile
                size = os.lstat(Path(place, each)).st_size
                total += size
                largest = max(largest, size if each == name else 0)
    return total, largest


def _reason(log: Path) -> str:
    """Return why pip failed. Its own words are not repeated: they may hold the index's address, with a password."""
    with suppress(OSError), log.open("rb") as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - _LOG))
        said = file.read(_LOG).decode("utf-8", "replace")
        for reason, signs in _REASONS:
            if any(sign in said for sign in signs):
                return reason
    return "it failed"
