from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.server.browser.chromium import launched, reason_to_skip
from tests.server.browser.editor_page import EditorPage
from tests.server.browser.launch import Launched, launched_server

if TYPE_CHECKING:
    from playwright.sync_api import Browser


# Of this folder and no further: while Playwright is open, no other test can run an event loop.
NO_VEIL = """(() => {
    const key = "draglab.preferences";
    if (!localStorage.getItem(key)) localStorage.setItem(key, JSON.stringify({ showHeld: false }));
})()"""


FOLDER = Path(__file__).parent
LONGEST = ("transfer", "giving_up", "history", "following", "people", "photos", "points")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let this folder's longest files be run first: at the end, short ones keep all cores busy."""
    places = [place for place, item in enumerate(items) if FOLDER in item.path.parents]
    names = [f"test_browser_{name}.py" for name in LONGEST]
    own = sorted((items[place] for place in places), key=lambda item: item.path.name not in names)
    for place, item in zip(places, own, strict=True):
        items[place] = item


@pytest.fixture(scope="package")
def chromium() -> Iterator["Browser"]:
    if reason := reason_to_skip():
        pytest.skip(reason)
    with launched() as browser:
        yield browser


@pytest.fixture(scope="package")
def server(chromium: "Browser", tmp_path_factory: pytest.TempPathFactory) -> Iterator[Launched]:
    """One server for all tests that do not end it."""
    with launched_server(tmp_path_factory.mktemp("editor")) as one:
        yield one


@pytest.fixture
def mortal_server(chromium: "Browser", tmp_path: Path) -> Iterator[Launched]:
    """A server for one test, to be killed."""
    with launched_server(tmp_path) as one:
        yield one


@pytest.fixture
def visit(chromium: "Browser") -> Iterator[Callable[..., EditorPage]]:
    """Opens pages, each as a new person; after the test, none may have complained."""
    with ExitStack() as stack:
        pages: list[EditorPage] = []

        def open_page(
            url: str,
            width: int = 1200,
            height: int = 800,
            session: str | None = None,
            script: str | None = None,
            **context: Any,
        ) -> EditorPage:
            """session: to open, None = a new one. script: run in the page before its own."""
            person = chromium.new_context(viewport={"width": width, "height": height}, **context)
            stack.callback(person.close)
            if session is not None:
                person.add_init_script(f"sessionStorage.setItem('draglab.session', '{session}')")
            if script is not None:
                person.add_init_script(script)
            # Pictures are compared, which the veil over what a drag would keep changes.
            person.add_init_script(NO_VEIL)
            pages.append(EditorPage(person.new_page(), url))
            return pages[-1].open()

        yield open_page
        assert [problem for page in pages for problem in page.problems] == []


@pytest.fixture
def editor(server: Launched, visit: Callable[..., EditorPage]) -> EditorPage:
    """A page with a new session: the first image of the bundled heads."""
    return visit(server.url)
