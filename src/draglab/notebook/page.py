"""The widget's browser part as one ES module, assembled from the editor's page when the widget is first used.

The page's modules stay as they are: each is included as text, under a name that an import map resolves, so there is no
build step and nothing that could be out of date. `js/frame.js` runs them in a frame of their own, whose document is the
editor's page without the parts that need its server.
"""

from __future__ import annotations

import json
import posixpath
import re
from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1]
STATIC = PACKAGE / "server" / "static"
ENTRY = "notebook/js/main.js"
REPLACED = {"server/static/js/connection.js": "notebook/js/connection.js"}
"""Modules of the page -> what takes their place in a notebook."""
PLACEHOLDER = "null /* put in by page.py */"
SPRITE = "/static/icons.svg#"
"""How the page refers to its icons."""

_IMPORT = re.compile(r'^((?:import|export)\b[^"\';]*?)"(\.{1,2}/[^"]+)";', re.MULTILINE)


def modules(entry: str = ENTRY) -> dict[str, str]:
    """Return a module and all that it imports: name -> text, in which imports are by name.

    Names are paths within the package.
    """
    found: dict[str, str] = {}
    waiting = [entry]
    while waiting:
        name = waiting.pop()
        if name in found:
            continue

        def by_name(match: re.Match[str], importer: str = name) -> str:
            path = posixpath.normpath(posixpath.join(posixpath.dirname(importer), match[2]))
            imported = REPLACED.get(path, path)
            waiting.append(imported)
            return f'{match[1]}"{imported}";'

        text = (PACKAGE / name).read_text(encoding="utf-8")
        found[name] = _IMPORT.sub(by_name, text).replace(SPRITE, "#icon-")
    return found


def document() -> tuple[str, str]:
    """Return the body of the editor's page with its icons, as HTML, and its styles with those of the widget."""
    page = (STATIC / "index.html").read_text(encoding="utf-8")
    body = page[page.index(">", page.index("<body")) + 1 : page.index("</body>")]
    sheets = [STATIC.parent / path for path in re.findall(r'rel="stylesheet" href="/(static/[^"]+)"', page)]
    styles = "\n".join(path.read_text(encoding="utf-8") for path in [*sheets, PACKAGE / "notebook" / "widget.css"])
    sprite = (STATIC / "icons.svg").read_text(encoding="utf-8").replace('<symbol id="', '<symbol id="icon-')
    icons = sprite.replace("<svg ", '<svg class="hidden" aria-hidden="true" ', 1)
    return body.replace(SPRITE, "#icon-") + icons, styles


@cache
def esm() -> str:
    """Return the module that anywidget loads."""
    html, css = document()
    page = json.dumps({"html": html, "css": css, "modules": modules(), "entry": ENTRY})
    frame = (PACKAGE / "notebook" / "js" / "frame.js").read_text(encoding="utf-8")
    before, after = frame.split(PLACEHOLDER)
    return before + page + after
