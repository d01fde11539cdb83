"""Entry point of the process that reads a checkpoint: the file on standard input, plan or error on standard output.

Started by sandbox.py with limits of memory and time. Once it begins to read, it can no longer open files, import
modules or start processes.
"""

from __future__ import annotations

import mmap
import os
import sys

# The encoder of the standard library's json. json itself would also import its reader and with that `re`, which takes
# longer than all else here.
from _json import encode_basestring_ascii, make_encoder

from .recognise import is_zip, read_plan
from .values import Refused

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

CPU_SECONDS = 60
SPARE_MEMORY = 512 << 20
MEMORY_PER_BYTE = 8
"""Bytes of memory allowed for each byte of the file, for the mapped file and the values made of it."""
_HARMLESS = {"builtins.id"}
"""The only audit event that the readers raise themselves."""


def main() -> None:
    """Read a checkpoint from standard input and write the answer to standard output."""
    size = os.fstat(0).st_size
    try:
        if size == 0:
            raise Refused("the file is empty: get it again")
        # Never closed: values refer to it until the process ends.
        file = mmap.mmap(0, size, access=mmap.ACCESS_READ)
        if is_zip(memoryview(file)):  # imported now, because later no module can be imported
            import encodings.cp437  # noqa: F401

            from . import torch_zip  # noqa: F401
        limit_resources(size)
        sys.addaudithook(forbid)
        answer: dict[str, Any] = {"plan": read_plan(memoryview(file)).to_json()}
        _answer(answer)
    except Refused as error:
        _answer({"error": str(error)})
    except MemoryError:
        _answer({"error": "the file needs more memory to be read than an honest one of its size; not opened"})
    except Exception as error:
        _answer({"error": f"the file is damaged, or not what it seems to be ({type(error).__name__}); get it again"})


def limit_resources(size: int) -> None:
    """Limit memory and time for reading a file of `size` bytes, where the system supports it."""
    try:
        import resource
    except ImportError:  # Windows
        return
    memory = SPARE_MEMORY + MEMORY_PER_BYTE * size
    for kind, limit in (
        (resource.RLIMIT_CPU, CPU_SECONDS),
        (resource.RLIMIT_AS, memory),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NOFILE, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        try:
            hard = resource.getrlimit(kind)[1]
            allowed = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
            resource.setrlimit(kind, (allowed, allowed))
        except (ValueError, OSError):  # macOS does not limit addresses
            continue


def forbid(event: str, _: tuple[Any, ...]) -> None:
    """End the process at any audit event that reading does not need; an audit hook."""
    if event not in _HARMLESS:
        os._exit(3)


def write_json(value: Any) -> bytes:
    """Encode a value as json.dumps does.

    Raises:
        TypeError, ValueError: JSON has no such value; ValueError for NaN.
    """

    def refuse(part: Any) -> None:
        raise TypeError(type(part).__name__)

    encode = make_encoder(None, refuse, encode_basestring_ascii, None, ": ", ", ", False, False, False)
    return "".join(encode(value, 0)).encode()


def _answer(answer: dict[str, Any]) -> None:
    data = write_json(answer)
    while data:
        data = data[os.write(1, data) :]
    os._exit(0)
