"""Takes the pictures of docs/gallery: the editor at work, at three widths, light and dark.

    python -m docs.take_screenshots [FOLDER]

Needs what the browser tests need: Playwright for Python and a Chromium.
"""

import io
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from PIL import Image

from tests.server.browser.chromium import launched, reason_to_skip
from tests.server.browser.editor_page import EditorPage
from tests.server.browser.launch import launched_server
from tests.server.browser.places import beside_nose, nose

GALLERY = Path(__file__).resolve().parent / "gallery"


@dataclass(frozen=True)
class Shot:
    """A picture: its name, the window, and what is done before it is taken."""

    name: str
    width: int
    height: int
    scheme: Literal["light", "dark"]
    act: Callable[[EditorPage], None]
    phone: bool = False


def pull(editor: EditorPage) -> None:
    """A nose in hand."""
    side = editor.size()
    seeds_shown(editor)
    editor.press(nose(side))
    editor.move(beside_nose(side))
    editor.page.wait_for_timeout(300)


def dragged(editor: EditorPage) -> None:
    """Two rounds: the nose aside, then the chin down."""
    side = editor.size()
    seeds_shown(editor)
    for start, end in (
        (nose(side), beside_nose(side)),
        ((0.46 * side, 0.735 * side), (0.46 * side, 0.79 * side)),
    ):
        editor.pull(start, end)
        rounds_over(editor)
    editor.page.wait_for_timeout(600)


def masked(editor: EditorPage) -> None:
    """The mouth may move, and is being painted."""
    side = editor.size()
    seeds_shown(editor)
    editor.page.keyboard.press("b")
    for _ in range(2):
        editor.page.keyboard.press("]")
    editor.press((0.31 * side, 0.58 * side))
    for x, y in ((0.50, 0.55), (0.52, 0.64), (0.36, 0.66), (0.42, 0.61)):
        editor.move((x * side, y * side), steps=8)
    editor.page.mouse.up()
    editor.page.keyboard.press("v")
    editor.press((0.308 * side, 0.592 * side))
    editor.move((0.265 * side, 0.57 * side))
    editor.page.wait_for_timeout(400)


def compared(editor: EditorPage) -> None:
    """Before and after a drag, side by side."""
    dragged(editor)
    editor.page.keyboard.press("c")
    editor.page.wait_for_timeout(400)


def sheet(editor: EditorPage) -> None:
    """A phone's sheet of options."""
    editor.page.wait_for_timeout(2500)
    editor["#panel-toggle"].tap()
    editor.page.wait_for_timeout(500)


def seeds_shown(editor: EditorPage) -> None:
    """Wait for the thumbnails: they are rendered when nothing else is."""
    editor.until(lambda: editor[".seed img"].count() == 12, "thumbnails are missing")


def rounds_over(editor: EditorPage) -> None:
    editor.until_running_or_over()
    editor.page.wait_for_timeout(400)
    if editor.state == "running":
        editor.page.wait_for_timeout(3000)
        editor.page.keyboard.press("Escape")
    editor.until_ended()


SHOTS = (
    Shot("pull-1440-light", 1440, 900, "light", pull),
    Shot("done-1440-dark", 1440, 900, "dark", dragged),
    Shot("mask-1440-dark", 1440, 900, "dark", masked),
    Shot("compare-1024-light", 1024, 768, "light", compared),
    Shot("mask-1024-dark", 1024, 768, "dark", masked),
    Shot("done-390-light", 390, 844, "light", dragged, phone=True),
    Shot("options-390-dark", 390, 844, "dark", sheet, phone=True),
)


def save(data: bytes, path: Path) -> None:
    """A screenshot as WebP."""
    Image.open(io.BytesIO(data)).convert("RGB").save(path, quality=84, method=6)


def main(folder: Path = GALLERY) -> None:
    """Take all pictures, each by a new person.

    Raises:
        SystemExit: there is no browser.
    """
    if reason := reason_to_skip():
        raise SystemExit(reason)
    folder.mkdir(parents=True, exist_ok=True)
    with launched() as browser:
        for shot in SHOTS:
            with tempfile.TemporaryDirectory() as data, launched_server(Path(data)) as server:
                window: dict[str, Any] = {"viewport": {"width": shot.width, "height": shot.height}}
                finger = {"has_touch": True, "is_mobile": True, "device_scale_factor": 2} if shot.phone else {}
                person = browser.new_context(**window, **finger, color_scheme=shot.scheme)
                editor = EditorPage(person.new_page(), server.url).open()
                shot.act(editor)
                path = folder / f"{shot.name}.webp"
                save(editor.page.screenshot(), path)
                person.close()
                print(f"{path.name}: {path.stat().st_size // 1024} KB")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
