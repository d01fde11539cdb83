"""The documentation site builds without a warning, where MkDocs is installed (make docs installs it)."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]


def test_it_builds_strictly_and_asks_nobody(tmp_path: Path) -> None:
    for name in ("mkdocs", "material", "mkdocstrings_handlers.python"):
        pytest.importorskip(name, reason=f"{name} is not installed: it comes with the extra docs, as by make docs")
    command = [sys.executable, "-m", "mkdocs", "build", "--quiet", "--site-dir", str(tmp_path)]
    quiet = os.environ | {"NO_MKDOCS_2_WARNING": "1"}
    ran = subprocess.run(command, cwd=REPOSITORY, env=quiet, capture_output=True, text=True)
    assert (ran.returncode, ran.stdout + ran.stderr) == (0, "")
    for page in ("index.html", "gallery/index.html", "api/dragging/index.html", "models/heads-card/index.html"):
        text = (tmp_path / page).read_text()
        # Pages load nothing from elsewhere; links that somebody may follow are not loaded.
        loaded = re.findall(r'<(?:script|img|link|iframe)[^>]*(?:src|href)="(https?:[^"]*)"', text)
        assert loaded == [], page
    assert 'id="draglab.DragSettings"' in (tmp_path / "api/dragging/index.html").read_text()
