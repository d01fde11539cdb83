"""Recognition of the revision of NVIDIA's programs that wrote a file, by a fingerprint of the source code in it.

The code is only hashed. The revision determines the meaning of omitted arguments.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any

from draglab.checkpoints.description import Description, Place
from draglab.errors import DraglabError

FINGERPRINTS = {
    "53b4e1ec4571": "stylegan2-ada",
    "b6f14e8fa2a9": "stylegan3 repository's StyleGAN2",
    "06082fb3e892": "StyleGAN3",
    "14a5dd7103e0": "StyleGAN-Human",
}
"""Revisions by the first digits of SHA-256 of their source code."""
_AT_ONCE = 1 << 20


def add_revision(path: Path, description: Description) -> Description:
    """Return a description with the facts, warnings and arguments that follow from the source code.

    Raises:
        DraglabError: the file changed meanwhile, or cannot be read any more.
    """
    if description.code is None:
        return description
    fingerprint = _fingerprint(path, description.code)
    revision = FINGERPRINTS.get(fingerprint)
    arguments, warnings = description.arguments, description.warnings
    facts = {**description.facts, "fingerprint": fingerprint, "revision": revision or "unknown"}
    if revision is None:
        warning = (
            f"the architecture's source (fingerprint {fingerprint}) is not one that draglab knows: "
            "it is read by its arguments, and its images may differ from the original program's"
        )
        warnings = (warning, *warnings)
    if description.family == "stylegan2":
        arguments, facts["layout"] = _corrected(arguments, description.layers, revision)
    return replace(description, arguments=arguments, facts=facts, warnings=warnings)


def _fingerprint(path: Path, code: bytes | Place) -> str:
    if isinstance(code, bytes):
        return hashlib.sha256(code).hexdigest()[:12]
    start, stop = code
    found = hashlib.sha256()
    try:
        with path.open("rb") as file:
            file.seek(start)
            while start < stop:
                part = file.read(min(stop - start, _AT_ONCE))
                if not part:
                    raise DraglabError(f"{path} is not what it was a moment ago: is it still being written? Try again")
                found.update(part)
                start += len(part)
    except OSError as error:
        raise DraglabError(f"cannot read {path}: {error.strerror}") from None
    return found.hexdigest()[:12]


def _corrected(arguments: dict[str, Any], layers: dict[str, Any], revision: str | None) -> tuple[dict[str, Any], str]:
    """Return arguments with the values of omitted ones, by how the layers clamp, and the layout's name."""
    nested = "synthesis_kwargs" in arguments or (
        revision == "stylegan2-ada" and not any(name in arguments for name in ("channel_base", "num_fp16_res"))
    )
    if "conv_clamp" in layers:
        clamp = {"conv_clamp": layers["conv_clamp"]}
        synthesis = arguments.get("synthesis_kwargs", {})
        if not nested:
            arguments = arguments | clamp
        elif isinstance(synthesis, dict):
            arguments = arguments | {"synthesis_kwargs": synthesis | clamp}
    return arguments, "nested" if nested else "flat"
