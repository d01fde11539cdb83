"""The notebooks run from top to bottom, as they are in the repository."""

import os
import re
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).resolve().parents[2] / "notebooks"
NAMES = ("artist", "researcher")
NEEDED = ("nbclient", "nbformat", "ipykernel", "anywidget", "pandas", "matplotlib")
CELL_SECONDS = 300


@pytest.fixture(scope="module", params=NAMES)
def executed(request: pytest.FixtureRequest) -> tuple[str, Any]:
    """The name of a notebook, and the notebook with its outputs."""
    if missing := [name for name in NEEDED if find_spec(name) is None]:
        pytest.skip(f"{', '.join(missing)} not installed: pip install 'draglab[notebooks]'")
    import nbformat  # pyright: ignore[reportMissingImports]
    from nbclient import NotebookClient  # pyright: ignore[reportMissingImports]

    notebook = nbformat.read(FOLDER / f"{request.param}.ipynb", as_version=4)
    environment = {
        **os.environ,
        "PYTHONPATH": str(FOLDER.parent / "src"),
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
    }
    NotebookClient(notebook, timeout=CELL_SECONDS, kernel_name="python3").execute(env=environment)
    return request.param, notebook


def test_notebooks_run_from_top_to_bottom(executed: tuple[str, Any]):
    name, notebook = executed
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    outputs = [output for cell in cells for output in cell.outputs]
    kinds = [kind for output in outputs for kind in output.get("data", {})]
    text = "\n".join(output.get("text", "") for output in outputs)
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    if name == "artist":
        # Five figures, and the widget's image for pages that show no widgets.
        assert kinds.count("image/png") == 6
        assert kinds.count("image/gif") == 1
        assert "application/vnd.jupyter.widget-view+json" in kinds
        assert "edit.json" in text
    else:
        assert kinds.count("image/png") == 2
        assert kinds.count("text/html") >= 3
        assert re.search(r"by angle - nearest: [+-]\d+\.\d+ px", text)


@pytest.mark.parametrize("name", NAMES)
def test_notebooks_are_in_the_repository_without_outputs(name: str):
    import json

    notebook = json.loads((FOLDER / f"{name}.ipynb").read_text(encoding="utf-8"))
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert cells
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in cells)
