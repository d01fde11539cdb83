"""Takes the picture of the widget in docs/notebooks.md.

    python -m docs.take_notebook_screenshot [FOLDER]

Needs what the tests of the widget need: JupyterLab, anywidget, Chromium.
"""

import sys
import tempfile
from pathlib import Path

from docs.take_screenshots import GALLERY, save
from tests.notebook.lab import LabNotebook, launched_lab, reason_to_skip, write_notebook
from tests.notebook.stage import Stage
from tests.server.browser.chromium import launched

CELLS = [
    'import draglab\n\nwidget = draglab.widget("heads", seed=78, truncation_psi=0.8, height=520)\nwidget',
    "widget.w_plus.shape, widget.points[0].handle",
]
SIZE = {"width": 1180, "height": 860}
NOSE, ASIDE = (112.0, 130.0), (134.0, 126.0)


def take(folder: Path) -> None:
    """Take the picture, light and dark, with the hand still down."""
    with tempfile.TemporaryDirectory() as temporary, launched() as browser:
        notebook = Path(temporary) / "drag.ipynb"
        write_notebook(notebook, CELLS)
        with launched_lab(Path(temporary), subshells=True) as url:
            for theme in ("light", "dark"):
                # Without a preference of the browser: the frame follows the notebook.
                page = browser.new_page(viewport=SIZE, color_scheme="null")
                lab = LabNotebook(page, url, notebook)
                page.evaluate(
                    "theme => window.jupyterapp.commands.execute('apputils:change-theme', { theme })",
                    f"JupyterLab {theme.title()}",
                )
                page.evaluate(
                    "() => window.jupyterapp.commands.execute('application:set-mode', { mode: 'single-document' })"
                )
                page.evaluate("() => window.jupyterapp.commands.execute('application:toggle-left-area')")
                page.wait_for_timeout(1500)
                lab.run(0)
                stage = Stage(page, lab.frame(), 256)
                stage.press(NOSE)
                stage.move(NOSE, ASIDE)
                stage.until(lambda stage=stage: "Following" in stage.status, "the image does not follow")
                page.wait_for_timeout(4000)
                picture = page.screenshot()
                stage.release()
                save(picture, folder / f"notebook-{theme}.webp")
                page.close()


if __name__ == "__main__":
    if reason := reason_to_skip():
        raise SystemExit(reason)
    take(Path(sys.argv[1]) if len(sys.argv) > 1 else GALLERY)
