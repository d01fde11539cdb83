"""Which revision of NVIDIA's programs wrote a file: told by a fingerprint of the source code that it carries.

The code is hashed and nothing else. The revision decides what an omitted argument means.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from draglab.errors import DraglabError

FINGERPRINTS = {
    "53b4e1ec4571": "stylegan2-ada",
    "b6f14e8fa2a9": "stylegan3 repository's StyleGAN2",
    "06082fb3e892": "StyleGAN3",
    "14a5dd7103e0": "StyleGAN-Human",
}
"""First digits of SHA-256."""
_AT_ONCE = 1 << 20


def add_revision(path: Path, description: dict[str, Any]) -> None:
    """Add what the source code tells to a description (sandbox.read_description): facts, warnings, arguments.

    Raises:
        DraglabError: the file changed meanwhile, or cannot be read any more.
    """
    if description["code"] is None:
        return
    fingerprint = _fingerprint(path, description["code"])
    revision = FINGERPRINTS.get(fingerprint)
    facts = description["facts"]
    facts |= {"fingerprint": fingerprint, "revision": revision or "unknown"}
    if revision is None:
        warning = (
            f"the architecture's source (fingerprint {fingerprint}) is not one that draglab knows: "
            "it is read by its arguments, and its images may differ from the original program's"
        )
        description["warnings"].insert(0, warning)
    if description["family"] == "stylegan2":
        facts["layout"] = _correct(description["arguments"], description["layers"], revision)


def _fingerprint(path: Path, code: dict[str, Any]) -> str:
    if "hex" in code:
        return hashlib.sha256(bytes.fromhex(code["hex"])).hexdigest()[:12]
    start, stop = code["place"]
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


def _correct(arguments: dict[str, Any], layers: dict[str, Any], revision: str | None) -> str:
    """Settle what an omitted argument means: the layers themselves say how they clamp. Returns the layout's name."""
    nested = "synthesis_kwargs" in arguments or (
        revision == "stylegan2-ada" and not any(name in arguments for name in ("channel_base", "num_fp16_res"))
    )
    if "conv_clamp" in layers:
        place = arguments.setdefault("synthesis_kwargs", {}) if nested else arguments
        if isinstance(place, dict):
            place["conv_clamp"] = layers["conv_clamp"]
    return "nested" if nested else "flat"
