"""Links between the Markdown files of the repository: every file and every heading that they name is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
FILES = [
    *REPOSITORY.glob("*.md"),
    *(REPOSITORY / "docs").rglob("*.md"),
    REPOSITORY / "recipes" / "README.md",
    *(REPOSITORY / "src" / "draglab" / "zoo").glob("*.md"),
]
_LINK = re.compile(r"\]\(([^)\s#]*)(?:#([^)\s]+))?\)")
_HEADING = re.compile(r"^#{1,6} (.*?)(?: *\{ *#([\w-]+) *\})?$", re.MULTILINE)
_FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)


def anchors(text: str) -> set[str]:
    """Names of a page's headings, as forges and MkDocs make them."""
    found: set[str] = set()
    for title, name in _HEADING.findall(_FENCE.sub("", text)):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", title)
        found.add(name or re.sub(r"[-\s]+", "-", re.sub(r"[^\w\s-]", "", plain).strip().lower()))
    return found


def broken(path: Path, text: str) -> list[str]:
    """Links of a page that lead nowhere."""
    found = []
    for target, anchor in _LINK.findall(_FENCE.sub("", text)):
        if ":" in target:
            continue
        file = (path.parent / target) if target else path
        if not file.exists():
            found.append(f"{path.name}: there is no {target}")
        elif anchor and file.suffix == ".md" and anchor not in anchors(text if file == path else file.read_text()):
            found.append(f"{path.name}: {target or path.name} has no heading #{anchor}")
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(REPOSITORY)))
def test_links_lead_somewhere(path: Path) -> None:
    assert broken(path, path.read_text(encoding="utf-8")) == []


def test_broken_links_are_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "# A `b`: c\n[x](none.md) [y](#a-b-c) [z](page.md#none) [w](https://example.org/none)\n```\n[v](no.md)\n```\n"
    )
    assert broken(page, page.read_text()) == ["page.md: there is no none.md", "page.md: page.md has no heading #none"]
