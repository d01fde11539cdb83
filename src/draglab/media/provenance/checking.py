"""What a file of anybody says of how it was made, and whether that is intact: `draglab verify`."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

from draglab.errors import DraglabError
from draglab.files import read_bytes
from draglab.media.provenance import c2pa_child
from draglab.media.provenance.certificate import SELF_MADE, SIZE_LIMIT
from draglab.media.provenance.containers import MIME, Found, Kind, find
from draglab.media.provenance.credentials import SETTINGS
from draglab.media.provenance.origin import SOURCES
from draglab.media.provenance.xmp import Statement, read_packet
from draglab.problems import escape_controls

SECONDS = 360
MAX_ANSWER = 16 << 20
"""Largest answer of the reading process, in bytes."""
TEXT_LIMIT = 500
"""Most characters of a text from the file that are shown."""

Verdict = Literal["intact", "untrusted", "unsigned", "tampered", "unchecked", "nothing"]
"""Signed by somebody trusted; signed, but nobody vouches for who signed; XMP alone; changed since it was signed;
signed, but c2pa is not installed here; nothing about how it was made."""

_SOURCES = {
    "trainedAlgorithmicMedia": "made by a trained model (AI)",
    "compositeWithTrainedAlgorithmicMedia": "a photo or other media with parts made by a trained model (AI)",
    "algorithmicallyEnhanced": "altered by a program that is no generative AI",
    "compositeSynthetic": "a mixture that holds synthetic parts",
    "algorithmicMedia": "made by a program without training data",
    "dataDrivenMedia": "a drawing of data",
    "digitalCapture": "taken by a camera",
    "digitalCreation": "made by a person with digital tools",
    "humanEdits": "edited by a person with tools that are no generative AI",
}
_TRUST = "signingCredential.untrusted"


@dataclass(frozen=True)
class Credentials:
    """A manifest of Content Credentials.

    Attributes:
        intact: whether file and manifest are as they were signed; None = it could not be checked here.
        trusted: whether one of the trusted authorities vouches for who signed.
        signer: organisation and name in the certificate. self_made: whether it is of the kind that draglab makes.
        generator: programs that say they made it. actions: what was done, each with its digital source type.
        ingredients: how it relates to what it was made from. problems: codes of C2PA, of what is wrong.
    """

    intact: bool | None
    trusted: bool = False
    signer: str = ""
    self_made: bool = False
    generator: tuple[str, ...] = ()
    actions: tuple[dict[str, Any], ...] = ()
    ingredients: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()


@dataclass(frozen=True)
class Report:
    """What a file carries. statement: of its XMP; None = none, or not readable."""

    kind: Kind
    statement: Statement | None
    credentials: Credentials | None

    @property
    def verdict(self) -> Verdict:
        """The result in a word."""
        if self.credentials is not None:
            if self.credentials.intact is None:
                return "unchecked"
            if not self.credentials.intact:
                return "tampered"
            return "intact" if self.credentials.trusted else "untrusted"
        says = self.statement is not None and (self.statement.source or self.statement.origin is not None)
        return "unsigned" if says else "nothing"

    def as_json(self) -> dict[str, Any]:
        """Return the report as --json prints it."""
        xmp = None
        if self.statement is not None:
            origin = self.statement.origin
            xmp = {**asdict(self.statement), "origin": None if origin is None else origin.model_dump()}
        credentials = None if self.credentials is None else asdict(self.credentials)
        return {"verdict": self.verdict, "kind": self.kind, "xmp": xmp, "credentials": credentials}

    def as_text(self) -> str:
        """Return the report for a person."""
        lines = [*_xmp_lines(self.statement), *_credential_lines(self.credentials)]
        return "\n".join([*lines, _CONCLUSIONS[self.verdict]])


_CONCLUSIONS: dict[Verdict, str] = {
    "intact": "Nothing was changed since it was signed.",
    "untrusted": "Nothing was changed since it was signed. Nobody vouches for who signed it.",
    "unsigned": "It is not signed: anybody can write or change such a statement.",
    "tampered": "It was CHANGED since it was signed: do not rely on what it says.",
    "unchecked": "Whether it was changed since it was signed cannot be checked: run `pip install draglab[c2pa]`.",
    "nothing": "It says nothing about how it was made. That proves nothing: saving a file anew drops what it said.",
}


def check_file(path: str | os.PathLike[str], trust: str | os.PathLike[str] | None = None) -> Report:
    """Read what a file says of how it was made, and check its signature. Nothing is asked over the network.

    Args:
        path: PNG, JPEG, WebP, GIF or MP4.
        trust: PEM of authorities that are trusted to vouch for who signs; None = none are.

    Raises:
        DraglabError: missing, of no such kind, or not readable.
    """
    path = Path(path)
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # opening a pipe could block for ever
            raise DraglabError(f"{path} is not a file: give a picture or video")
        with path.open("rb") as file:
            found = find(file)
    except (FileNotFoundError, ValueError):  # no path has a zero byte
        raise DraglabError(f"there is no file {path}: check the name") from None
    except OSError as error:
        raise DraglabError(f"cannot read {path}: {error.strerror}") from None
    if found is None:
        raise DraglabError(f"{path} is no picture or video that is known here: give a PNG, JPEG, WebP, GIF or MP4")
    anchors = None if trust is None else read_bytes(trust, "list of authorities", SIZE_LIMIT)
    statement = None if found.xmp is None else read_packet(found.xmp)
    return Report(found.kind, statement, _credentials(path, found, anchors) if found.credentials else None)


def _credentials(path: Path, found: Found, anchors: bytes | None) -> Credentials:
    if find_spec("c2pa") is None:
        return Credentials(intact=None)
    settings = dict(SETTINGS)
    if anchors is not None:
        try:
            settings["trust"] = {"trust_anchors": anchors.decode("ascii")}
        except ValueError:
            raise DraglabError("the list of authorities is not PEM: give certificates as text") from None
    answer = _ask({"path": str(path.absolute()), "mime": MIME[found.kind], "settings": settings})
    if "error" in answer:
        return Credentials(intact=False, problems=(_short(answer["error"]),))
    signature = answer["signature"]
    names = [_short(signature.get(name)) for name in ("issuer", "common_name") if signature.get(name)]
    return Credentials(
        intact=answer["state"] in ("Valid", "Trusted"),
        trusted=answer["state"] == "Trusted",
        signer=", ".join(names),
        self_made=SELF_MADE in names,
        generator=tuple(map(_short, answer["generator"])),
        actions=tuple(answer["actions"]),
        ingredients=tuple(map(_short, answer["ingredients"])),
        problems=tuple(_short(code) for code in answer["problems"] if code != _TRUST),
    )


def _ask(question: dict[str, Any]) -> dict[str, Any]:
    """Return the answer of the reading process; that it came to no answer is one, too."""
    command = [sys.executable, "-I", "-W", "ignore", c2pa_child.__file__]
    try:
        done = subprocess.run(command, input=json.dumps(question).encode(), capture_output=True, timeout=SECONDS)
        answer = json.loads(done.stdout) if len(done.stdout) <= MAX_ANSWER else None
    except subprocess.TimeoutExpired:
        return {"error": "reading it takes longer than that of any honest file"}
    except OSError as error:
        raise DraglabError(f"cannot start the process that reads Content Credentials: {error.strerror}") from None
    except (ValueError, RecursionError):
        answer = None
    return answer if isinstance(answer, dict) else {"error": "reading it was stopped, as of no honest file"}


def _xmp_lines(statement: Statement | None) -> list[str]:
    if statement is None or not (statement.source or statement.origin or statement.tool):
        return ["XMP: says nothing about how it was made"]
    term = statement.source.removeprefix(SOURCES)
    meaning = _SOURCES.get(term)
    lines = [f"XMP: {meaning} ({term})" if meaning else f"XMP: digital source type {_short(term) or 'not given'}"]
    lines += [f"  {_short(text)}" for text in (statement.description,) if text]
    lines += [f"  by {_short(statement.tool)}"] if statement.tool else []
    origin = statement.origin
    if origin is not None:
        facts = [f"model {_short(origin.model)}" if origin.model else "a model of one's own"]
        facts += [f"SHA-256 {origin.model_sha256[:12]}..."] if origin.model_sha256 else []
        facts += [f"seed {origin.seed}"] if origin.seed is not None else []
        facts += [f"{origin.rounds} round{'s' * (origin.rounds > 1)} of dragging"] if origin.rounds else []
        facts += ["made from a photo"] if origin.photo else []
        lines += [f"  {', '.join(facts)}"] if origin.source != "dataDrivenMedia" else []
    return lines


def _credential_lines(credentials: Credentials | None) -> list[str]:
    if credentials is None:
        return ["Content Credentials: none"]
    if credentials.intact is None:
        return ["Content Credentials: there are some"]
    state = "intact" if credentials.intact else "NOT VALID"
    signer = "with a certificate that draglab made by itself" if credentials.self_made else f"by {credentials.signer}"
    lines = [f"Content Credentials: {state}, signed {signer if credentials.signer else 'by nobody known'}"]
    for action in credentials.actions:
        source = str(action.get("digitalSourceType") or "").removeprefix(SOURCES)
        name = _short(action.get("action")).removeprefix("c2pa.")
        lines.append(f"  {name}{f' ({_short(source)})' if source else ''}")
    for relation in credentials.ingredients:
        what = {"parentOf": "the photo that was edited", "inputTo": "the photo that the model was brought to show"}
        lines.append(f"  made from: {what.get(relation, relation)}")
    return lines + [f"  problem: {problem}" for problem in credentials.problems]


def _short(text: object) -> str:
    return escape_controls(str(text or ""))[:TEXT_LIMIT]
