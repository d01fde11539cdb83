"""`draglab doctor`: what works, what is missing for what, and what is broken."""

import os
import subprocess
import sys
import tomllib
import webbrowser
from pathlib import Path

import pytest

from draglab.cli import checkup

PROJECT = tomllib.loads((Path(__file__).resolve().parents[2] / "pyproject.toml").read_text())["project"]


def findings(ran) -> dict[str, dict]:
    return {f"{finding['part']}/{finding['name']}": finding for finding in ran.json()["findings"]}


@pytest.fixture(autouse=True)
def own_folders(tmp_path, monkeypatch):
    for variable in ("DRAGLAB_DATA", "DRAGLAB_MODELS", "DRAGLAB_STATISTICS"):
        monkeypatch.setenv(variable, str(tmp_path / variable.lower()))
    # The metadata of this environment may be older than pyproject.toml.
    monkeypatch.setattr(checkup.importlib.metadata, "requires", lambda name: requirements())


def requirements() -> list[str]:
    extras = PROJECT["optional-dependencies"]
    lines = [f"{line}; extra == '{extra}'" for extra, needs in extras.items() for line in needs]
    return [*PROJECT["dependencies"], *lines]


@pytest.fixture
def no_picture(monkeypatch):
    """Without the picture, which takes the most time."""
    monkeypatch.setattr(checkup, "_models", lambda: iter(()))


def test_an_installation_that_works(draglab, tmp_path):
    ran = draglab("doctor", "--json")
    found = findings(ran)
    assert ran.code == 0
    assert ran.json()["ok"] is True
    assert found["packages/torch"]["state"] == "ok"
    assert {"packages/draglab", "packages/starlette"} <= found.keys()
    assert found["devices/cpu"]["state"] == "ok"
    assert found["models/heads"]["found"].startswith("bundled, ")
    assert "drawn on" in found["models/a picture"]["found"]
    assert found["folders/sessions"]["found"].startswith(str(tmp_path / "draglab_data"))
    assert not (tmp_path / "draglab_data").exists()  # looking leaves nothing
    assert found["programs/video"]["state"] == "ok"


def test_for_people(draglab, no_picture):
    ran = draglab("doctor")
    assert ran.code == 0
    assert "everything that is needed works" in ran.out
    assert "torch" in ran.out


def test_an_optional_package_that_is_missing_breaks_nothing(draglab, monkeypatch, no_picture):
    monkeypatch.setattr(checkup, "_is_installed", lambda name: False)
    ran = draglab("doctor", "--json")
    assert ran.code == 0
    assert findings(ran)["extras/faces"] == {
        "part": "extras",
        "name": "faces",
        "state": "missing",
        "found": "faces in photos, and named edits of real faces",
        "advice": "pip install 'draglab[faces]'",
    }


@pytest.mark.parametrize(
    ("line", "name", "advice"),
    [
        ("no-such-package>=1.2", "no-such-package", "pip install 'no-such-package>=1.2'"),
        ("numpy>=99.5", "numpy", "pip install --upgrade 'numpy>=99.5'"),
    ],
)
def test_a_package_that_is_missing_or_too_old(draglab, monkeypatch, line, name, advice):
    monkeypatch.setattr(checkup.importlib.metadata, "requires", lambda package: [line])
    ran = draglab("doctor", "--json")
    finding = findings(ran)[f"packages/{name}"]
    assert (ran.code, finding["state"], finding["advice"]) == (2, "broken", advice)
    assert "devices/cpu" not in findings(ran)  # nothing that needs packages was tried


def test_a_package_that_cannot_be_imported(draglab, monkeypatch, no_picture):
    whole = checkup.importlib.import_module

    def import_module(name):
        if name == "av":
            raise OSError("libx.so: cannot open shared object file")
        return whole(name)

    monkeypatch.setattr(checkup.importlib, "import_module", import_module)
    ran = draglab("doctor", "--json")
    finding = findings(ran)["packages/av"]
    assert ran.code == 2
    assert "libx.so: cannot open shared object file" in finding["found"]
    assert "--force-reinstall av" in finding["advice"]


def test_a_folder_that_cannot_be_written(draglab, monkeypatch, tmp_path, no_picture):
    (tmp_path / "file").touch()
    monkeypatch.setenv("DRAGLAB_DATA", str(tmp_path / "file" / "data"))
    ran = draglab("doctor", "--json")
    finding = findings(ran)["folders/sessions"]
    assert ran.code == 2
    assert finding["state"] == "broken"
    assert "DRAGLAB_DATA" in finding["advice"]


def test_no_browser_is_no_failure(draglab, monkeypatch, no_picture):
    def get():
        raise webbrowser.Error("could not locate runnable browser")

    monkeypatch.setattr(checkup.webbrowser, "get", get)
    ran = draglab("doctor", "--json")
    assert ran.code == 0
    assert findings(ran)["programs/browser"]["state"] == "missing"


def test_a_device_that_computes_wrongly_is_broken(monkeypatch):
    assert checkup._device("cpu", lambda: "it").state == "ok"
    assert checkup._device("no_such_device", lambda: "it").state == "broken"


def test_every_extra_is_explained_or_internal():
    assert set(PROJECT["optional-dependencies"]) == set(checkup.EXTRAS) | checkup.INTERNAL_EXTRAS


@pytest.mark.parametrize(
    ("version", "numbers"), [("2.13.0+cpu", [2, 13]), ("1", [1]), ("1.0.0rc1", [1]), ("10.2.1", [10, 2, 1])]
)
def test_versions_are_compared_by_number(version, numbers):
    assert checkup._numbers(version) == numbers


def test_completion_and_the_module_are_the_same_command(tmp_path):
    asked = os.environ | {"_DRAGLAB_COMPLETE": "source_bash"}
    ran = subprocess.run([sys.executable, "-m", "draglab"], env=asked, capture_output=True, text=True, cwd=tmp_path)
    assert ran.returncode == 0, ran.stderr
    assert "_DRAGLAB_COMPLETE=complete_bash" in ran.stdout


def test_a_shell_that_is_not_recognised(draglab, monkeypatch):
    shellingham = pytest.importorskip("shellingham")

    def detect_shell(*_):
        raise shellingham.ShellDetectionFailure

    monkeypatch.setattr(shellingham, "detect_shell", detect_shell)
    ran = draglab("--show-completion")
    assert ran.code != 0  # newer versions of typer have an answer of their own
    assert "internal error" not in ran.err
