"""Environment variables that say how exported files are signed and marked; options of `draglab` set them."""

from __future__ import annotations

import os

SIGN = "DRAGLAB_SIGN"
"""Environment variable: "off" = files are not signed."""
CERTIFICATE, KEY = "DRAGLAB_SIGN_CERT", "DRAGLAB_SIGN_KEY"
"""Environment variables: files of one's own certificate and key."""
MARK = "DRAGLAB_MARK"
"""Environment variable: "on" = exported pictures and videos bear a visible mark."""


def sign_wanted() -> bool:
    """Return whether files are to be signed where c2pa is installed."""
    return os.environ.get(SIGN, "").lower() not in ("off", "0", "no", "false")


def mark_wanted() -> bool:
    """Return whether files are to bear a visible mark."""
    return os.environ.get(MARK, "").lower() in ("on", "1", "yes", "true")
