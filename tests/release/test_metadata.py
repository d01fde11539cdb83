"""What the package says of itself, before it is built."""

import re
import tomllib
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())


def test_the_package_page_has_no_links_that_lead_nowhere():
    page = (REPOSITORY / "README.md").read_text()
    for rule in PROJECT["tool"]["hatch"]["metadata"]["hooks"]["fancy-pypi-readme"]["substitutions"]:
        page = re.sub(rule["pattern"], rule["replacement"], page)
    links = re.findall(r"\]\(([^)]*)\)", page)
    assert links, "the page keeps its outside links"
    assert [link for link in links if not link.startswith("https://")] == []
    assert "docs/algorithm.md" in page
    assert "![" not in page


def test_licence_files_are_there():
    for name in PROJECT["project"]["license-files"]:
        assert (REPOSITORY / name).stat().st_size > 500
    assert (REPOSITORY / "src/draglab/py.typed").is_file()


def test_tested_versions_are_allowed():
    """Each package that draglab needs is pinned at a version that its minimum allows."""
    pins = dict(
        line.lower().split("==") for line in (REPOSITORY / "constraints.txt").read_text().splitlines() if "==" in line
    )
    for line in PROJECT["project"]["dependencies"]:
        [(name, minimum)] = re.findall(r"^([a-z0-9-]+)>=([0-9.]+)", line)
        assert numbers(pins[name]) >= numbers(minimum), name


def numbers(version: str) -> list[int]:
    return [int(part) for part in version.split(".") if part.isdigit()]
