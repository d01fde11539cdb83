"""Chromium for tests and screenshots, as the system has it: Playwright brings none along here."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Browser

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
).split()


def find_chromium() -> str | None:
    """Path of the browser: DRAGLAB_CHROMIUM, or the first of its usual names that is there."""
    given = os.environ.get("DRAGLAB_CHROMIUM")
    return given or next((path for name in NAMES if (path := shutil.which(name))), None)


def reason_to_skip() -> str | None:
    """Why nothing can be shown in a browser here, or None."""
    try:
        import playwright.sync_api  # noqa: F401
    except ImportError:
        return "Playwright is not installed: pip install playwright"
    if find_chromium() is None:
        return "there is no Chromium: install it (Debian: apt-get install chromium), or say where in DRAGLAB_CHROMIUM"
    return None


@contextmanager
def launched() -> Iterator["Browser"]:
    """A browser of its own, with an empty profile."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=FLAGS)
        try:
            yield browser
        finally:
            browser.close()
