"""Transfer of one file over HTTP, which continues an earlier attempt and stops at the first sign of a wrong file."""

from __future__ import annotations

import re
import ssl
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import Request

from pydantic import BaseModel, ConfigDict, ValidationError

from draglab._version import __version__
from draglab.downloads.addresses import check_address, opener
from draglab.downloads.checking import WrongFile
from draglab.errors import DraglabError
from draglab.public_models.catalogue import PublicModel
from draglab.public_models.folder import ModelFolder

Progress = Callable[[int, int | None], None]
"""Function of the number of bytes that have arrived and that of the whole file, None = unknown."""

_CHUNK = 1 << 20
_STARTS = (b"\x80", b"PK\x03\x04")
"""First bytes of a pickle of protocol 2 or later and of a zip file; every published model is one of these."""
_TRANSIENT = {408, 425, 429, 500, 502, 503, 504}
"""HTTP statuses of errors that may pass."""


@dataclass(frozen=True)
class Rules:
    """Patience and limits of a download.

    Attributes:
        timeout: seconds without a byte after which a server counts as stalled.
        attempts: number of connections in a row that bring nothing new, after which the download fails.
        pause: seconds between two attempts.
        limit: largest file that is accepted if its size is not known, in bytes.
        pip_timeout: seconds without a byte after which pip is stopped. It has timeouts and attempts of its own.
        local_http: allow http://localhost, for tests.
    """

    timeout: float = 30.0
    attempts: int = 3
    pause: float = 1.0
    limit: int = 4 << 30
    pip_timeout: float = 300.0
    local_http: bool = False


class Stopped(DraglabError):
    """A download was stopped by its caller."""


class _Version(BaseModel):
    """Version of the file that an unfinished download belongs to."""

    model_config = ConfigDict(defer_build=True, extra="forbid", strict=True, frozen=True)
    url: str
    validator: str
    """ETag or date of last change, for If-Range."""
    bytes: int | None
    """Size of the whole file, if the server states it."""


class _BrokenOff(Exception):
    """The connection failed; another attempt may succeed."""


def transfer(
    model: PublicModel, folder: ModelFolder, domains: Sequence[str], progress: Progress | None, rules: Rules
) -> Path:
    """Download a model's file under a temporary name; the caller checks its content.

    When the transfer ends early, Ctrl-C included, the part that has arrived is kept, and the next call continues it.

    Args:
        domains: domains that the server may redirect to, besides its own.

    Raises:
        WrongFile: another size than expected, or content that is no model; the part that has arrived is useless.
        DraglabError: refused address or redirect, no connection, stalled or broken off, an error of the server, or a
            full disk.
    """
    check_address(model.url, rules.local_http)
    download = _Download(model, folder, domains, progress or (lambda done, total: None), rules)
    most, failures = download.arrived(), 0
    while True:
        try:
            download.attempt()
            return download.part
        except _BrokenOff as error:
            arrived = download.arrived()
            failures = 0 if arrived > most else failures + 1
            most = max(most, arrived)
            if failures == rules.attempts:
                kept = f"{arrived / 1e6:.1f} MB are here, pull again to continue" if arrived else "pull again later"
                raise DraglabError(
                    f"{model.alias} could not be downloaded from {model.url}: {error}; {kept}, or "
                    f"{_by_hand(model, folder)}"
                ) from None
        time.sleep(rules.pause)


def _by_hand(model: PublicModel, folder: ModelFolder) -> str:
    return f"fetch that address by other means and save it as {folder.file(model)}"


class _Download:
    """State that attempts share: the partial file and the version that it belongs to."""

    def __init__(
        self, model: PublicModel, folder: ModelFolder, domains: Sequence[str], progress: Progress, rules: Rules
    ) -> None:
        self.model, self.folder, self.progress, self.rules = model, folder, progress, rules
        self.part = folder.part(model)
        self.opener = opener(model.url, domains, rules.local_http)

    def arrived(self) -> int:
        """Number of bytes that have arrived."""
        return self.part.stat().st_size if self.part.exists() else 0

    def attempt(self) -> None:
        """Make one connection and receive the rest of the file.

        Raises:
            _BrokenOff: another attempt may succeed. DraglabError: none will.
        """
        have, version = self._kept()
        headers = {"User-Agent": f"draglab/{__version__}"}
        if have and version is not None:
            if have == version.bytes:
                return
            headers |= {"Range": f"bytes={have}-", "If-Range": version.validator}
        try:
            with self._open(headers) as response:
                self._receive(response, have)
        except HTTPError as error:
            error.close()
            self._refused(error)
        except URLError as error:
            if isinstance(error.reason, ssl.SSLCertVerificationError):
                raise DraglabError(
                    f"the certificate of {self.model.url} is not trusted ({error.reason.verify_message}): "
                    "check the clock and the certificates of this machine, or SSL_CERT_FILE"
                ) from None
            raise _BrokenOff(f"no connection ({_reason(error.reason)})") from None
        except TimeoutError:
            raise _BrokenOff(f"the server has sent nothing for {self.rules.timeout:g} s") from None
        except (OSError, HTTPException) as error:
            raise _BrokenOff(f"the connection broke off ({_reason(error)})") from None

    def _open(self, headers: dict[str, str]) -> HTTPResponse:
        try:
            return self.opener.open(Request(self.model.url, headers=headers), timeout=self.rules.timeout)
        except ValueError:
            raise DraglabError(f"{self.model.url} redirects to an address that cannot be read: not followed") from None

    def _kept(self) -> tuple[int, _Version | None]:
        """Return the size and version of the partial file; 0 and None if the version is not known."""
        try:
            version = _Version.model_validate_json(self.folder.version(self.model).read_bytes())
            if version.url == self.model.url:
                return self.part.stat().st_size, version
        except (OSError, ValidationError):
            pass
        return 0, None

    def _refused(self, error: HTTPError) -> None:
        if error.code == 416:
            # Nothing is left to send: the partial file is longer than the file, or complete with a wrong end.
            self.folder.discard(self.model)
            raise _BrokenOff("the server has no such part of the file")
        answer = f"{error.code} {_reason(error.reason)}"
        if error.code in _TRANSIENT:
            raise _BrokenOff(f"the server answered {answer}")
        raise DraglabError(
            f"the server answered {answer} for {self.model.url}: if the file has moved, find where and save it as "
            f"{self.folder.file(self.model)}"
        )

    def _receive(self, response: HTTPResponse, have: int) -> None:
        start, total = _extent(response)
        if start not in (0, have):
            self.folder.discard(self.model)
            raise _BrokenOff("the server sent another part than the one asked for")
        self._check_size(total)
        if start == 0:
            self.folder.discard(self.model)
            self._note_version(response, total)
        self.folder.require_room((total or start) - start)
        with self.folder.writing(self.part):
            file = self.part.open("ab", buffering=0)
        with file:
            done = start
            self.progress(done, total)
            while chunk := response.read1(_CHUNK):
                if done == 0:
                    self._check_start(chunk)
                if done + len(chunk) > (total or self._most()):
                    raise self._too_large(done + len(chunk))
                with self.folder.writing(self.part):
                    left = memoryview(chunk)
                    while left:
                        left = left[file.write(left) :]
                done += len(chunk)
                self.progress(done, total)
        if total is not None and done < total:
            raise _BrokenOff("the connection broke off")

    def _check_size(self, total: int | None) -> None:
        """Refuse a file whose announced size is wrong, too large or missing where nothing else tells the end."""
        model = self.model
        if total is None and model.bytes is None and model.sha256 is None:
            raise DraglabError(
                f"the server does not say how long {model.url} is, so a part could not be told from the whole: "
                f"{_by_hand(model, self.folder)}"
            )
        if total is not None and model.bytes not in (None, total):
            raise WrongFile(
                f"{model.url} has {total} bytes, not the expected {model.bytes}: it is another file now; not downloaded"
            )
        if total == 0:
            raise WrongFile(f"{model.url} is empty: the publisher must mend that; not downloaded")
        if total is not None and total > self._most():
            raise self._too_large(total)

    def _most(self) -> int:
        return self.model.bytes or self.rules.limit

    def _too_large(self, size: int) -> WrongFile:
        return WrongFile(
            f"{self.model.url} has {size} bytes or more, which is too large for it to be the model: not downloaded"
        )

    def _check_start(self, chunk: bytes) -> None:
        if chunk.startswith(_STARTS) or any(start.startswith(chunk) for start in _STARTS):
            return
        page = chunk.lstrip()[:1] == b"<"
        raise WrongFile(
            f"{self.model.url} sent {'a web page' if page else 'something else'} instead of a model: "
            "open the address in a browser to see what it says"
        )

    def _note_version(self, response: HTTPResponse, total: int | None) -> None:
        etag = response.headers.get("ETag", "")
        # Weak ETags may stand for different bytes.
        validator = etag if etag and not etag.startswith("W/") else response.headers.get("Last-Modified", "")
        if validator:
            version = _Version(url=self.model.url, validator=validator, bytes=total)
            self.folder.write(self.folder.version(self.model), version.model_dump_json())


def _extent(response: HTTPResponse) -> tuple[int, int | None]:
    """Return the byte at which an answer starts (-1 = unreadable) and the size of the whole file."""
    if response.status == 206:
        match = re.fullmatch(
            r"bytes ([0-9]{1,15})-[0-9]{1,15}/([0-9]{1,15})", response.headers.get("Content-Range", "")
        )
        return (int(match[1]), int(match[2])) if match else (-1, None)
    length = response.headers.get("Content-Length", "")
    return 0, int(length) if re.fullmatch(r"[0-9]{1,15}", length) else None


def _reason(error: object) -> str:
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return text.splitlines()[0]
