from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from draglab.downloads import pull
from tests.downloads.models import RULES, catalogue
from tests.downloads.server import Site, serve


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "*")


@pytest.fixture
def site() -> Iterator[Site]:
    with serve() as running:
        yield running


@pytest.fixture
def fetch(site: Site, tmp_path: Path) -> Callable[..., Path]:
    """Pulls `tiny-8` from the server; arguments are those of ``pull`` and changes of the catalogue's entry."""

    def run(url: str | None = None, redirects: dict[str, list[str]] | None = None, **options: Any) -> Path:
        of_pull: dict[str, Any] = {"rules": RULES}
        of_pull |= {name: options.pop(name) for name in ("accept_licence", "progress", "rules") if name in options}
        known = catalogue(url or site.url, redirects, **options)
        return pull("tiny-8", folder=tmp_path, catalogue=known, **of_pull)

    return run
