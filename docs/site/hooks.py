"""Hooks of MkDocs that add pages whose source is outside docs/.

The files below belong at the root of the repository or into the package, where their readers look for them. They are
shown by the site as pages; links to them, and theirs, are made to fit.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

REPOSITORY = Path(__file__).resolve().parents[2]

ELSEWHERE = {
    "CHANGELOG.md": "changelog.md",
    "CODE_OF_CONDUCT.md": "code-of-conduct.md",
    "CONTRIBUTING.md": "contributing.md",
    "NOTICE": "notice.md",
    "SECURITY.md": "security.md",
    "recipes/README.md": "recipes.md",
    "src/draglab/server/static/favicon.svg": "assets/logo.svg",
    "src/draglab/zoo/hands.md": "models/hands-card.md",
    "src/draglab/zoo/heads.md": "models/heads-card.md",
    "src/draglab/zoo/hands.webp": "models/hands.webp",
    "src/draglab/zoo/heads.webp": "models/heads.webp",
}
"""Files of the repository -> their places on the site."""
_LINK = re.compile(r"(\]\()([^)\s#]+)(#[^)\s]*)?(\))")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the files from elsewhere."""
    for source, place in ELSEWHERE.items():
        path = REPOSITORY / source
        if place == "notice.md":
            content = f"# Notice\n\n```text\n{path.read_text(encoding='utf-8')}```\n"
            files.append(File.generated(config, place, content=content))
        else:
            files.append(File.generated(config, place, abs_src_path=str(path)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Make links between files of the repository links between pages; to files that are no pages, plain text."""
    place = page.file.src_uri
    source = next((path for path, target in ELSEWHERE.items() if target == place), f"docs/{place}")

    def fit(match: re.Match[str]) -> str:
        target, anchor = match[2], match[3] or ""
        if ":" in target or target.startswith("/"):
            return match[0]
        path = posixpath.normpath(posixpath.join(posixpath.dirname(source), target))
        on_site = ELSEWHERE.get(path) or path.removeprefix("docs/")
        if path not in ELSEWHERE and not path.startswith("docs/"):
            if not (REPOSITORY / path).exists():
                return match[0]  # the build will complain
            return f"](https://source.invalid/{path})"
        return f"{match[1]}{posixpath.relpath(on_site, posixpath.dirname(place) or '.')}{anchor}{match[4]}"

    fitted = _LINK.sub(fit, markdown)
    # The site does not have the repository's other files: their names remain.
    return re.sub(r"\[([^\]]*)\]\(https://source\.invalid/[^)]*\)", r"\1", fitted)
