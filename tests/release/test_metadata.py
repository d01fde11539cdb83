"""What the package says of itself, before it is built."""

import re
import tomllib
from pathlib import Path

import yaml

from draglab._version import __version__

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


def test_the_citation_is_of_this_version():
    citation = yaml.safe_load((REPOSITORY / "CITATION.cff").read_text())
    assert citation["version"] == __version__
    assert citation["license"] == PROJECT["project"]["license"]
    assert citation["preferred-citation"]["year"] == 2023


def test_the_forges_files_can_be_read():
    for path in (REPOSITORY / ".github").rglob("*.yml"):
        assert isinstance(yaml.safe_load(path.read_text()), dict), path
    steps = yaml.safe_load((REPOSITORY / ".github/workflows/ci.yml").read_text())["jobs"]["test"]["steps"]
    assert "bash .ci/run" in [step.get("run") for step in steps]


def numbers(version: str) -> list[int]:
    return [int(part) for part in version.split(".") if part.isdigit()]
