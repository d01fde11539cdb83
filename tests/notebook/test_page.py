"""The widget's browser part, assembled of the page's modules."""

import json
import re

import pytest

from draglab.notebook import page


def test_all_imports_are_by_names_that_are_there():
    modules = page.modules()
    for name, text in modules.items():
        assert 'from "./' not in text and 'from "../' not in text, name
        imported = re.findall(r'(?:^import|\bfrom) "([^"]+)";', text, re.MULTILINE)
        assert set(imported) <= modules.keys(), name
        assert imported or "import " not in re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL), name
    assert page.ENTRY in modules
    assert "server/static/js/tools/drag.js" in modules


def test_the_notebooks_connection_takes_the_place_of_the_socket():
    modules = page.modules()
    assert "server/static/js/connection.js" not in modules
    assert "notebook/js/connection.js" in modules
    assert [name for name, text in modules.items() if "WebSocket(" in text or re.search(r"\bfetch\(", text)] == []


def test_every_icon_is_in_the_document():
    html, _ = page.document()
    symbols = set(re.findall(r'<symbol id="(icon-[\w-]+)"', html))
    assert symbols
    assert set(re.findall(r'href="#(icon-[\w-]+)"', html)) <= symbols
    assert page.SPRITE not in html
    assert "/static/icons" not in "".join(page.modules().values())


def test_the_module_holds_the_page_as_data():
    text = page.esm()
    assert page.PLACEHOLDER not in text
    assert text.rstrip().endswith("export default { render };")
    start = text.index("const PAGE = ") + len("const PAGE = ")
    held, _ = json.JSONDecoder().raw_decode(text[start:])
    assert held["modules"] == page.modules()
    # A cell's output carries it whenever a widget is made.
    assert len(text) < 300_000


def test_imports_over_several_lines_and_in_circles(tmp_path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "main.js").write_text(
        'import "./side.js";\nimport {\n  one,\n  two,\n} from "../b.js";\none("./no.js");'
    )
    (tmp_path / "a" / "side.js").write_text('/** @typedef {import("./types.js").T} T */\nexport const x = 1;\n')
    (tmp_path / "b.js").write_text('export * from "./a/side.js";\nimport { x } from "./a/main.js";\n')
    monkeypatch.setattr(page, "PACKAGE", tmp_path)

    found = page.modules("a/main.js")

    assert found.keys() == {"a/main.js", "a/side.js", "b.js"}
    assert found["a/main.js"] == 'import "a/side.js";\nimport {\n  one,\n  two,\n} from "b.js";\none("./no.js");'
    assert found["b.js"] == 'export * from "a/side.js";\nimport { x } from "a/main.js";\n'
