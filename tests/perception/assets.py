"""Open data that tests use where it is, and never copy; DRAGLAB_ASSETS names its folder."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

ASSETS = Path(os.environ.get("DRAGLAB_ASSETS", Path(__file__).resolve().parents[3] / "shared" / "assets"))


def asset(name: str) -> Path:
    """The path of an asset; the test is skipped where there is none."""
    path = ASSETS / name
    if not path.exists():
        pytest.skip(f"the asset {name} is not here: set DRAGLAB_ASSETS to the folder of assets")
    return path


def portraits() -> list[np.ndarray]:
    """Photos of 14 people, uint8 [H, W, 3] each."""
    return [rgb(path) for path in sorted(asset("photos").iterdir())]


def rgb(path: Path) -> np.ndarray:
    """A picture as uint8 [H, W, 3]."""
    return np.array(Image.open(path).convert("RGB"))
