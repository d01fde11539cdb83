"""Content Credentials (C2PA): the signed manifest of an exported file.

A manifest says what the file's XMP says, so that a file can be sealed where it is kept, wherever it was made: workers
of a batch make pictures, and only the process that writes them has the key. Nothing is asked over the network.
"""

from __future__ import annotations

import io
import os
import secrets
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, BinaryIO

from draglab._version import __version__
from draglab.errors import DraglabError
from draglab.media.provenance.certificate import Signer, read_signer, self_made_signer
from draglab.media.provenance.containers import MIME, Kind, find
from draglab.media.provenance.origin import Origin, drawn
from draglab.media.provenance.switches import CERTIFICATE, KEY, SIGN, sign_wanted
from draglab.media.provenance.xmp import read_packet

SETTINGS: dict[str, Any] = {
    "version": 1,
    "builder": {"thumbnail": {"enabled": False}},
    "verify": {"remote_manifest_fetch": False, "ocsp_fetch": False, "verify_after_sign": False},
}
"""Settings of c2pa: no thumbnails, nothing over the network."""
_PHOTO = "photo"


def signing() -> bool:
    """Return whether files are signed: c2pa is installed, and signing is not switched off.

    Raises:
        DraglabError: a certificate is given, but c2pa is not installed.
    """
    if not sign_wanted():
        return False
    here = find_spec("c2pa") is not None
    if not here and (os.environ.get(CERTIFICATE) or os.environ.get(KEY)):
        raise DraglabError("to sign files, c2pa is needed: run `pip install draglab[c2pa]`")
    return here


def check_signing() -> None:
    """Find out before a long computation whether its files can be signed, if they are to be.

    Raises:
        DraglabError: they cannot be.
    """
    if signing():
        _proved(_signer())


def seal(data: bytes) -> bytes:
    """Return a picture or video that draglab has encoded, with a signed manifest if files are signed.

    Raises:
        DraglabError: it cannot be signed.
    """
    if not signing():
        return data
    sealed = io.BytesIO()
    _sign(io.BytesIO(data), sealed, _proved(_signer()))
    return sealed.getvalue()


def seal_file(path: Path) -> None:
    """Seal a file in place; see :func:`seal`. A new one replaces it, so that a video need not fit into memory.

    Raises:
        DraglabError: it cannot be signed. OSError: it cannot be written.
    """
    if not signing():
        return
    signer, sealed = _proved(_signer()), path.with_name(f".draglab-{secrets.token_hex(6)}.part")
    try:
        with path.open("rb") as source, sealed.open("w+b") as target:
            _sign(source, target, signer)
        os.replace(sealed, path)
    finally:
        sealed.unlink(missing_ok=True)


def manifest_of(origin: Origin, kind: Kind) -> dict[str, Any]:
    """Return the manifest of an origin, as c2pa takes it.

    An edited photo is opened and edited (the photo is its parent); a model's image is created (a photo that the model
    was brought to show is its input). No titles, as names of files may say something about a person.
    """
    agent = {"name": "draglab", "version": __version__}
    model = {"draglab.model": origin.model or "one's own", "draglab.model_sha256": origin.model_sha256}
    put_back = origin.source == "compositeWithTrainedAlgorithmicMedia"
    first: dict[str, Any] = {"action": "c2pa.opened"}
    if not put_back:
        facts = {} if origin.source == "dataDrivenMedia" else {**model, "draglab.seed": origin.seed}
        first = {"action": "c2pa.created", "digitalSourceType": origin.uri, "softwareAgent": agent,
                 "description": origin.description, "parameters": facts}  # fmt: skip
    if origin.photo:
        first.setdefault("parameters", {})["ingredientIds"] = [_PHOTO]
    actions = [first]
    rounds: list[dict[str, Any]] = [
        {"draglab.points": one.points, "draglab.settings": one.settings} for one in origin.edits
    ]
    if len(rounds) < origin.rounds:
        rounds.append({"draglab.further_rounds": origin.rounds - len(rounds)})
    if origin.dragged:
        actions += [
            {"action": "c2pa.edited", "digitalSourceType": origin.uri, "softwareAgent": agent,
             "description": origin.description, "parameters": {**model, **one}}
            for one in rounds or [{}]
        ]  # fmt: skip
    for action in actions:
        if "parameters" in action:
            action["parameters"] = {name: value for name, value in action["parameters"].items() if value is not None}
    relationship = "parentOf" if put_back else "inputTo"
    photo = {"title": "photo", "relationship": relationship, "label": _PHOTO}
    return {
        "claim_generator_info": [agent],
        "format": MIME[kind],
        "ingredients": [photo] if origin.photo else [],
        "assertions": [{"label": "c2pa.actions.v2", "data": {"actions": actions}}],
    }


def _signer() -> Signer:
    """Return the signer that the environment names, else this user's self-made one."""
    certificate, key = os.environ.get(CERTIFICATE), os.environ.get(KEY)
    if not certificate and not key:
        return self_made_signer()
    if not certificate or not key:
        raise DraglabError(f"to sign with a certificate of your own, set both {CERTIFICATE} and {KEY}")
    return read_signer(Path(certificate), Path(key))


@lru_cache(maxsize=4)
def _proved(signer: Signer) -> Signer:
    """Return a signer after a trial: c2pa signs with certificates that its readers then refuse."""
    import c2pa
    import numpy as np

    from draglab.media.images import encode_image

    trial = io.BytesIO(encode_image(np.zeros((8, 8, 3), np.uint8), drawn("A trial."), sealed=False))
    sealed = io.BytesIO()
    try:
        _sign(trial, sealed, signer)
        sealed.seek(0)
        with c2pa.Context.from_dict(SETTINGS) as context, c2pa.Reader("image/png", sealed, context=context) as reader:
            failures = (reader.get_validation_results() or {}).get("activeManifest", {}).get("failure", [])
        problems = [str(one.get("code")) for one in failures if one.get("code") != "signingCredential.untrusted"]
    except DraglabError as error:
        problems = [str(error)]
    if problems:
        raise DraglabError(
            f"C2PA does not take this certificate ({', '.join(problems)[:300]}): it must be for signing documents "
            "or e-mail, and be followed by its issuers"
        )
    return signer


def _sign(source: BinaryIO, target: BinaryIO, signer: Signer) -> None:
    import c2pa

    found = find(source)
    statement = None if found is None or found.xmp is None else read_packet(found.xmp)
    if found is None or statement is None or statement.origin is None:
        raise ValueError("only what draglab has encoded is sealed")
    source.seek(0)
    info = c2pa.C2paSignerInfo(
        alg=c2pa.C2paSigningAlg[signer.algorithm], sign_cert=signer.chain, private_key=signer.key, ta_url=None
    )
    try:
        with c2pa.Context.from_dict(SETTINGS) as context, c2pa.Signer.from_info(info) as signs:
            manifest = manifest_of(statement.origin, found.kind)
            with c2pa.Builder(manifest, context) as builder:
                builder.sign(signs, MIME[found.kind], source, target)
    except c2pa.C2paError as error:
        reason = (str(error).splitlines() or ["unknown reason"])[0][:300]
        raise DraglabError(f"cannot sign ({reason}); without Content Credentials, set {SIGN}=off") from None
