"""Reading of foreign checkpoints in a child process that can do nothing else."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path
from threading import Timer
from typing import BinaryIO

from draglab.checkpoints.description import Description, check_description
from draglab.errors import DraglabError

SECONDS = 120
MAX_ANSWER = 16 << 20
_HERE = Path(__file__).resolve().parent
# The standard library alone (-I -S: no site packages, no environment), and the package of the readers as a top-level
# one, so that neither draglab nor torch is imported. A warning would print its line of source.
_PROGRAM = "import sys; sys.path.append(sys.argv[1]); from foreign.child import main; main()"
_COMMAND = [sys.executable, "-I", "-S", "-W", "ignore", "-c", _PROGRAM, str(_HERE)]


def read_description(path: str | Path) -> Description:
    """Read the description of a foreign checkpoint.

    Raises:
        DraglabError: no such file, or the reason why it is not opened.
    """
    path = Path(path)
    try:
        kind = path.stat().st_mode
        if not stat.S_ISREG(kind):  # opening a pipe could block for ever
            what = "folder" if stat.S_ISDIR(kind) else "device"
            raise DraglabError(f"{path} is a {what}, not a file: give a model file")
        file = path.open("rb")
    except (FileNotFoundError, ValueError):  # no path has a zero byte
        raise DraglabError(f"there is no model file {path}: check the path") from None
    except OSError as error:
        raise DraglabError(f"cannot read {path}: {error.strerror}") from None
    with file:
        size = os.fstat(file.fileno()).st_size
        try:
            answer, code = _ask(file)
        except subprocess.TimeoutExpired:
            raise DraglabError(f"{path} takes longer to read than any honest checkpoint: it is not opened") from None
        except OSError as error:
            raise DraglabError(f"cannot start the process that reads {path}: {error.strerror}") from None
    try:
        if len(answer) > MAX_ANSWER:
            raise ValueError
        return check_description(json.loads(answer), size)
    except DraglabError as error:
        raise DraglabError(f"cannot open {path}: {error}") from None
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        raise DraglabError(f"cannot open {path}: reading it was stopped ({_how(code)})") from None


def _ask(file: BinaryIO) -> tuple[bytes, int]:
    """Return the child's answer, cut one byte beyond the allowed length, and its exit code."""
    with subprocess.Popen(_COMMAND, stdin=file, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdout is not None
        timer = Timer(SECONDS, process.kill)
        timer.start()
        try:
            answer = process.stdout.read(MAX_ANSWER + 1)
            if len(answer) > MAX_ANSWER:
                process.kill()
            code = process.wait()
            if not timer.is_alive():
                raise subprocess.TimeoutExpired(_COMMAND, SECONDS)
            return answer, code
        finally:  # also at Ctrl-C
            timer.cancel()
            process.kill()


def _how(code: int) -> str:
    if code == 3:
        return "it tried to do something else than read, which no honest checkpoint does"
    if code == -getattr(signal, "SIGBUS", 0) != 0:
        return "it became shorter meanwhile: is it still being written? Try again"
    if code < 0 and os.name == "posix":
        return f"signal {-code}: it may need more time or memory than any honest checkpoint"
    return f"exit code {code}, which no honest checkpoint causes"
