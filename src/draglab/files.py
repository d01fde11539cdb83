"""Atomic writing of files, and one-line reasons why a file cannot be read or written."""

import errno
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from draglab.errors import DraglabError

_REASONS = {
    errno.ENOENT: "there is no such directory; create it first",
    errno.ENOTDIR: "a part of the path is a file, not a directory; choose another place",
    errno.EISDIR: "it is a directory; add a file name",
    errno.EACCES: "permission denied; choose another place",
    errno.EPERM: "permission denied; choose another place",
    errno.EROFS: "the disk is read-only; choose another place",
    errno.ENOSPC: "the disk is full; free some space or choose another place",
    errno.EDQUOT: "the disk quota is used up; free some space or choose another place",
    errno.EFBIG: "the file would be larger than the limit set here; choose another place",
    errno.ENAMETOOLONG: "the name is too long; choose a shorter one",
}


def write_error(path: Path, error: OSError) -> DraglabError:
    """Make a one-line error of a failed write: what could not be written, why, and what to do."""
    reason = _REASONS.get(error.errno or 0) or (error.strerror or str(error) or "unknown reason").splitlines()[0]
    return DraglabError(f"cannot write {path}: {reason}")


def read_bytes(path: str | os.PathLike[str], kind: str, limit: int) -> bytes:
    """Read a file that a user named.

    Args:
        path: the file.
        kind: kind of the file, for messages ("edit file", "mask").
        limit: largest size in bytes.

    Raises:
        DraglabError: missing, a directory, unreadable or too large.
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            data = file.read(limit + 1)
    except FileNotFoundError:
        raise DraglabError(f"there is no {kind} {path}; check the name") from None
    except IsADirectoryError:
        raise DraglabError(f"{path} is a directory, not a {kind}; give a file") from None
    except (OSError, ValueError) as error:
        reason = (getattr(error, "strerror", None) or str(error)).splitlines()[0]
        raise DraglabError(f"cannot read {kind} {path}: {reason}") from None
    if len(data) > limit:
        raise DraglabError(f"{kind} {path} is larger than {limit // 2**20} MiB, which is refused; check the file")
    return data


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary name beside ``path``; the file written there becomes ``path`` when the block ends well.

    On any error, Ctrl-C included, the temporary file is removed and ``path`` stays as it was.

    Raises:
        OSError: the block's own, or the file cannot be brought onto the disk.
    """
    # Short, so that it fits wherever the final name fits; in the same directory, so that renaming is atomic.
    temporary = path.parent / f".draglab-{secrets.token_hex(6)}.part"
    try:
        yield temporary
        move_into_place(temporary, path)
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def move_into_place(temporary: Path, path: Path) -> None:
    """Bring a complete file onto the disk, and only then under its name; both are in one directory.

    Raises:
        OSError: it cannot be read, written or renamed.
    """
    with temporary.open("rb+") as file:
        os.fsync(file.fileno())
    os.replace(temporary, path)
    _sync_directory(path.parent)


@contextmanager
def write_atomically(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield a temporary name beside ``path``; the file written there becomes ``path`` when the block ends well.

    On any error, Ctrl-C included, the temporary file is removed and ``path`` stays as it was. Symbolic links are
    written through.

    Raises:
        DraglabError: for every OSError in the block or at the end, and when ``path`` is a directory or a device.
    """
    path = Path(path)
    try:
        final = Path(os.path.realpath(path))
        _refuse_special(path, final)
    except (OSError, ValueError) as error:
        raise _as_write_error(path, error) from None
    try:
        with replacing(final) as temporary:
            yield temporary
    except OSError as error:
        raise write_error(path, error) from error


def check_writable(path: str | os.PathLike[str]) -> None:
    """Check before a long computation that its result can be written to ``path``; nothing is changed.

    Raises:
        DraglabError: as :func:`write_atomically`.
    """
    path = Path(path)
    try:
        final = Path(os.path.realpath(path))
        _refuse_special(path, final)
        probe = final.parent / f".draglab-{secrets.token_hex(6)}.part"
        try:
            probe.write_bytes(b"draglab")
        finally:
            with suppress(OSError):
                probe.unlink(missing_ok=True)
    except (OSError, ValueError) as error:
        raise _as_write_error(path, error) from None


def make_directory(path: str | os.PathLike[str]) -> None:
    """Make a directory and its parents, if they do not exist.

    Raises:
        DraglabError: it cannot be made, or a file has its name.
    """
    path = Path(path)
    try:
        path.mkdir(parents=True, exist_ok=True)
    except FileExistsError:
        raise DraglabError(f"cannot write into {path}: it is a file, not a directory; choose another name") from None
    except (OSError, ValueError) as error:
        raise _as_write_error(path, error) from None


def _sync_directory(path: Path) -> None:
    """Make renamings in a directory survive a power cut, where the system supports it."""
    with suppress(OSError):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _refuse_special(path: Path, final: Path) -> None:
    if final.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    # Renaming over a device such as /dev/null would replace the device.
    if final.exists() and not final.is_file():
        raise DraglabError(f"cannot write {path}: it is not a regular file; choose another name")
    if len(final.name.encode(errors="surrogateescape")) > 255:
        raise OSError(errno.ENAMETOOLONG, os.strerror(errno.ENAMETOOLONG))


def _as_write_error(path: Path, error: OSError | ValueError) -> DraglabError:
    if isinstance(error, OSError):
        return write_error(path, error)
    return DraglabError(f"cannot write {str(path)!r}: this is not a usable file name; choose another one")
