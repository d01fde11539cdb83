"""JupyterLab for tests: a server of its own, with nothing of this user's settings, and a notebook in Chromium."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.server.browser.chromium import reason_to_skip as no_browser

if TYPE_CHECKING:
    from playwright.sync_api import FrameLocator, Page

NEEDED = ("anywidget", "jupyterlab", "ipykernel", "nbformat")
START_SECONDS = 60.0
CELL_SECONDS = 90.0
IS_READY = """() => {
    const kernel = window.jupyterapp?.shell.currentWidget?.sessionContext?.session?.kernel;
    return kernel?.connectionStatus === "connected" && kernel.status === "idle";
}"""
RUN = """async (number) => {
    const notebook = window.jupyterapp.shell.currentWidget.content;
    notebook.activeCellIndex = number;
    await new Promise((resolve) => setTimeout(resolve, 50));
    void window.jupyterapp.commands.execute("notebook:run-cell");
}"""


def reason_to_skip() -> str | None:
    """Why no notebook can be shown here, or None."""
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        return f"{', '.join(missing)} not installed: pip install 'draglab[notebooks]'"
    return no_browser()


@contextmanager
def launched_lab(folder: Path, subshells: bool) -> Iterator[str]:
    """Yield the address of a JupyterLab that shows this folder.

    Args:
        subshells: whether a kernel is told of what happens in widgets while a cell runs, as JupyterLab 4.4 and newer do
            with ipykernel 7; others do so between cells.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings = folder / ".jupyter" / "settings" / "@jupyterlab" / "apputils-extension"
    settings.mkdir(parents=True)
    comms = {"commsOverSubshells": "perCommTarget" if subshells else "disabled"}
    (settings / "kernels-settings.jupyterlab-settings").write_text(json.dumps(comms))
    (settings / "notification.jupyterlab-settings").write_text(json.dumps({"fetchNews": "false"}))
    own = {name: str(folder / ".jupyter" / name.lower()) for name in
           ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR", "DRAGLAB_DATA")}  # fmt: skip
    source = Path(__file__).resolve().parents[2] / "src"
    environment = {**os.environ, **own, "PYTHONPATH": str(source), "OMP_NUM_THREADS": "1"}
    environment["JUPYTERLAB_SETTINGS_DIR"] = str(folder / ".jupyter" / "settings")
    options = {
        "ip": "127.0.0.1",
        "port": str(port),
        "port_retries": "0",
        "root_dir": str(folder),
        "open_browser": "False",
        "allow_root": "True",
    }
    arguments = [f"--ServerApp.{name}={value}" for name, value in options.items()]
    arguments += ["--IdentityProvider.token=", "--LabApp.expose_app_in_browser=True"]
    # Seconds for which a kernel may end by itself: at the end, nobody needs what it knows.
    arguments += ["--KernelManager.shutdown_wait_time=0.2"]
    log = (folder / "lab.log").open("wb")
    process = subprocess.Popen(
        [sys.executable, "-m", "jupyterlab", *arguments], env=environment, cwd=folder, stdout=log, stderr=log
    )
    url = f"http://127.0.0.1:{port}"
    try:
        _wait_for(url, process, folder / "lab.log")
        yield url
    finally:
        process.terminate()
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        log.close()


def _wait_for(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    ends = time.monotonic() + START_SECONDS
    while True:
        try:
            with urllib.request.urlopen(f"{url}/api/status", timeout=2):
                return
        except OSError:
            alive = process.poll() is None and time.monotonic() < ends
            assert alive, f"JupyterLab did not start:\n{log.read_text(errors='replace')[-3000:]}"
            time.sleep(0.2)


def write_notebook(path: Path, cells: list[str]) -> None:
    """Write a notebook with these cells of code."""
    import nbformat  # pyright: ignore[reportMissingImports]

    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    made = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells], metadata=kernel)
    nbformat.write(made, path)


class LabNotebook:
    """A notebook that is open in JupyterLab.

    Args:
        url: of the server. path: of the notebook, in the server's folder.
    """

    def __init__(self, page: Page, url: str, path: Path) -> None:
        self.page, self.folder = page, path.parent
        self.problems: list[str] = []
        page.on("pageerror", lambda error: self.problems.append(str(error)))
        page.goto(f"{url}/lab/tree/{path.name}?reset")
        page.wait_for_selector(".jp-Notebook .jp-CodeCell", timeout=1000 * START_SECONDS)
        page.wait_for_function(IS_READY, timeout=1000 * START_SECONDS)

    def start(self, cell: int) -> None:
        """Run a cell, without waiting for its end."""
        self.page.evaluate(RUN, cell)

    def run(self, cell: int) -> str:
        """Run a cell and return the text that it prints."""
        self.start(cell)
        return self.output(cell)

    def let_go(self, name: str) -> None:
        """Make the file for which a cell waits."""
        (self.folder / name).touch()

    def runs(self, cell: int) -> bool:
        """Whether a cell still runs."""
        return "*" in (
            self.page.locator(".jp-Notebook .jp-CodeCell").nth(cell).locator(".jp-InputPrompt").text_content() or ""
        )

    def output(self, cell: int) -> str:
        """Wait for the end of a cell and return the text that it printed."""
        place = self.page.locator(".jp-Notebook .jp-CodeCell").nth(cell)
        prompt = place.locator(".jp-InputPrompt")
        ends = time.monotonic() + CELL_SECONDS
        while not any(character.isdigit() for character in prompt.text_content() or ""):
            assert time.monotonic() < ends, f"cell {cell} does not end: {place.text_content()}"
            self.page.wait_for_timeout(50)
        self.page.wait_for_timeout(200)
        texts = place.locator(".jp-OutputArea-output").all_text_contents()
        text = "\n".join(texts)
        assert "Traceback" not in text, text
        return text

    def values(self, cell: int) -> Any:
        """Run a cell that prints JSON, and return that."""
        return json.loads(self.run(cell))

    def frame(self, number: int = 0) -> FrameLocator:
        """A widget's frame."""
        return self.page.locator("iframe[title=draglab]").nth(number).content_frame
