"""A catalogue of one model, as large as tests need it."""

from __future__ import annotations

import hashlib
from typing import Any

from draglab.downloads.transfer import Rules
from draglab.public_models import Catalogue, Licence, PublicModel
from tests.downloads.server import CONTENT

RULES = Rules(timeout=0.3, attempts=2, pause=0.0, local_http=True)
KNOWN = {"sha256": hashlib.sha256(CONTENT).hexdigest(), "sha256_from": "this test"}

LICENCES = {
    "open": Licence(name="Open", url="https://example.org/open", consequences="Do as you like.", asks=False),
    "closed": Licence(name="Closed", url="https://example.org/closed", consequences="Look, do not sell.", asks=True),
}


def catalogue(url: str, redirects: dict[str, list[str]] | None = None, **changes: Any) -> Catalogue:
    """One model, `tiny-8`, whose SHA-256 is known unless ``changes`` say otherwise."""
    entry: dict[str, Any] = {
        "alias": "tiny-8",
        "file": "tiny.pkl",
        "family": "stylegan2",
        "height": 8,
        "width": 8,
        "format": "NVIDIA PyTorch pickle",
        "licence": "open",
        "url": url,
        **KNOWN,
    }
    model = PublicModel.model_validate(entry | changes)
    return Catalogue(licences=LICENCES, redirects=redirects or {}, models=[model])
