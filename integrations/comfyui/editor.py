"""The node that opens the editor."""

from __future__ import annotations

import atexit
import subprocess
import sys
import threading
from collections import deque
from typing import Any

from draglab.errors import DraglabError

COMMAND = "import sys; from draglab.cli.main import main; sys.exit(main(sys.argv[1:]))"
SAYS = "draglab is at "
"""Text that the editor's server prints before its address."""
START_SECONDS = 120.0

_lock = threading.Lock()
_running: tuple[subprocess.Popen[str], str] | None = None


class DraglabEditor:
    """Opens the editor in the browser of the machine that ComfyUI runs on."""

    DESCRIPTION = (
        "Opens draglab's editor in the browser: pull in the picture, paint masks, undo. Export the edit there, and "
        "repeat it here with the node 'Edit file'. The editor runs on ComfyUI's machine, and only that machine can "
        "open its address; it ends with ComfyUI."
    )
    CATEGORY = "draglab"
    FUNCTION = "open"
    RETURN_TYPES = ("STRING",)
    RETURN_NAMES = ("address",)
    OUTPUT_TOOLTIPS = ("The editor's address.",)
    OUTPUT_NODE = True

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, dict[str, Any]]:
        """Describe the inputs, as ComfyUI asks for them."""
        tip = "Open the page in a browser on ComfyUI's machine; if not, only tell its address."
        return {"required": {"open_browser": ("BOOLEAN", {"default": True, "tooltip": tip})}}

    @classmethod
    def IS_CHANGED(cls, open_browser: bool) -> float:
        """Differ from everything, so that the node opens the editor whenever it is run."""
        return float("nan")

    def open(self, open_browser: bool) -> dict[str, Any]:
        """Start the editor unless it runs, and open its page; the address is shown and returned.

        Raises:
            DraglabError: the editor does not start.
        """
        address = editor_address()
        if open_browser:
            from draglab.server.launcher import open_browser as show

            show(address)
        return {"ui": {"text": [address]}, "result": (address,)}


def editor_address() -> str:
    """Return the address of the editor's server, which is started unless it runs.

    Raises:
        DraglabError: it does not start.
    """
    global _running
    with _lock:
        if _running is None or _running[0].poll() is not None:
            _running = _start()
        return _running[1]


def close_editor() -> None:
    """End the editor's server, if it runs. What was edited is kept."""
    global _running
    with _lock:
        if _running is not None and _running[0].poll() is None:
            _running[0].terminate()
            try:
                _running[0].wait(10)
            except subprocess.TimeoutExpired:
                _running[0].kill()
                _running[0].wait()
        _running = None


atexit.register(close_editor)


def _start() -> tuple[subprocess.Popen[str], str]:
    # Of its own process: the editor and ComfyUI need not wait for each other.
    process = subprocess.Popen(
        [sys.executable, "-c", COMMAND, "edit", "--no-browser"],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, encoding="utf-8",
        errors="replace",
    )  # fmt: skip
    said: deque[str] = deque(maxlen=20)
    address: list[str] = []
    told = threading.Event()

    def read() -> None:
        assert process.stdout is not None
        for line in process.stdout:
            said.append(line)
            if line.startswith(SAYS):
                address.append(line.removeprefix(SAYS).strip())
                told.set()
        told.set()

    # To the end: a server whose output nobody reads would stand still.
    threading.Thread(target=read, name="draglab-editor", daemon=True).start()
    told.wait(START_SECONDS)
    if not address:
        process.kill()
        process.wait()
        raise DraglabError("the editor did not start: " + " ".join("".join(said).split())[-500:])
    return process, address[0]
