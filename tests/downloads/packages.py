"""A catalogue of one small model that is made of a Python package, and pip's settings for a local index."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

import pytest
import torch

from draglab.public_models import Catalogue
from tests.checkpoints.ir_writer import ir_files, wheel
from tests.downloads.models import catalogue
from tests.generators.mobile_configs import make_mobile

GENERATOR = make_mobile("narrowing", torch.float32)
FILES = ir_files(GENERATOR)
WHEEL = wheel(FILES)
WHEEL_NAME = "random_face-1.0-py3-none-any.whl"


def package_catalogue(content: bytes = WHEEL, **changes: Any) -> Catalogue:
    """One model, `tiny-8`, whose package is known; ``changes`` are of its entry's package."""
    package = {
        "name": "random-face",
        "version": "1.0",
        "wheel": WHEEL_NAME,
        "bytes": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
        "members": {name: hashlib.sha256(data).hexdigest() for name, data in FILES.items()},
    }
    return catalogue(
        "https://example.org/authors",
        file="tiny-8.safetensors",
        family="mobile_stylegan",
        sha256=None,
        sha256_from=None,
        package=package | changes,
    )


def use_index(monkeypatch: pytest.MonkeyPatch, url: str, cache: Path) -> None:
    """Set the environment so that pip knows one index and nothing of this machine."""
    for name in [name for name in os.environ if name.upper().startswith("PIP_")]:
        monkeypatch.delenv(name)
    settings = {"PIP_CONFIG_FILE": os.devnull, "PIP_INDEX_URL": url, "PIP_CACHE_DIR": str(cache), "PIP_RETRIES": "0"}
    for name, value in (settings | {"no_proxy": "*"}).items():
        monkeypatch.setenv(name, value)
