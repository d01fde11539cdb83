"""Fenced blocks of a page of the documentation, and how each is run."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

DOCS = Path(__file__).resolve().parents[2] / "docs"

_BLOCK = re.compile(
    r"(?:^<!-- (?P<mark>not run|given|run by|quoted from): (?P<said>.+?) -->\n)?"
    r"^```(?P<language>\w*)(?P<options>[^\n]*)\n(?P<code>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)


@dataclass(frozen=True)
class Block:
    """One fenced block.

    Attributes:
        line: its line in the page. language: "bash", "python", "json", "" and others. code: its content.
        title: what is said above it on the site; of python and json a file of that name. "" = none.
        not_run: why it is not run; "" = it is. given: file that the page takes for granted; "" = none.
        run_by: the test that runs it, a path in the repository; "" = tests/site/test_snippets.py.
        quoted_from: the source file whose lines it shows; "" = none.
    """

    line: int
    language: str
    code: str
    title: str
    not_run: str
    given: str
    run_by: str
    quoted_from: str

    @property
    def commands(self) -> list[str]:
        """Lines of a shell, continued ones joined, comments left out."""
        lines = self.code.replace("\\\n", " ").splitlines()
        return [line for line in lines if line.strip() and not line.lstrip().startswith("#")]


def blocks(page: Path) -> list[Block]:
    """Return the blocks of a page in order."""
    text = page.read_text(encoding="utf-8")
    found = []
    for match in _BLOCK.finditer(text):
        title = re.search(r'title="([^"]*)"', match["options"])
        said = {match["mark"]: match["said"]}
        found.append(
            Block(
                text[: match.start("language")].count("\n") + 1,
                match["language"],
                match["code"],
                title[1] if title else "",
                said.get("not run", ""),
                said.get("given", ""),
                said.get("run by", ""),
                said.get("quoted from", ""),
            )
        )
    return found
