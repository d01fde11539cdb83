from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from tests.notebook.lab import LabNotebook, launched_lab, reason_to_skip, write_notebook
from tests.server.browser.chromium import launched


@pytest.fixture(scope="module")
def open_notebook(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., LabNotebook]]:
    """Opens notebooks of given cells in a JupyterLab in Chromium; no page may have complained at the end."""
    if reason := reason_to_skip():
        pytest.skip(reason)
    with ExitStack() as stack:
        browser = stack.enter_context(launched())
        opened: list[LabNotebook] = []

        def open_one(cells: list[str], subshells: bool) -> LabNotebook:
            folder = tmp_path_factory.mktemp("lab")
            write_notebook(folder / "widget.ipynb", cells)
            url = stack.enter_context(launched_lab(folder, subshells))
            page = browser.new_page(viewport={"width": 1200, "height": 1500})
            opened.append(LabNotebook(page, url, folder / "widget.ipynb"))
            return opened[-1]

        yield open_one
        assert [problem for each in opened for problem in each.problems] == []
