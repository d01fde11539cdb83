"""The folder of downloaded models is where the platform and the user want it."""

from __future__ import annotations

from pathlib import Path

import pytest

from draglab.downloads import ModelFolder
from draglab.downloads.folder import default_folder
from draglab.errors import DraglabError


@pytest.mark.parametrize(
    ("platform", "environment", "expected"),
    [
        ("linux", {}, "~/.cache/draglab/models"),
        ("linux", {"XDG_CACHE_HOME": "/big/disk"}, "/big/disk/draglab/models"),
        ("linux", {"XDG_CACHE_HOME": "relative"}, "~/.cache/draglab/models"),
        ("darwin", {"XDG_CACHE_HOME": "/big/disk"}, "~/Library/Caches/draglab/models"),
        ("win32", {"LOCALAPPDATA": "/AppData"}, "/AppData/draglab/models"),
        ("win32", {}, "~/AppData/Local/draglab/models"),
        ("linux", {"DRAGLAB_MODELS": "/models", "XDG_CACHE_HOME": "/big/disk"}, "/models"),
        ("darwin", {"DRAGLAB_MODELS": "~/models"}, "~/models"),
        ("linux", {"DRAGLAB_MODELS": ""}, "~/.cache/draglab/models"),
    ],
)
def test_where_models_are_kept(platform, environment, expected):
    assert default_folder(environment, platform) == Path(expected).expanduser()


def test_a_user_without_a_home(monkeypatch):
    def nowhere(cls: type[Path]) -> Path:
        raise RuntimeError

    monkeypatch.setattr(Path, "home", classmethod(nowhere))
    with pytest.raises(DraglabError, match="set DRAGLAB_MODELS to a folder"):
        default_folder({}, "linux")


def test_the_folder_follows_the_working_directory_no_further(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DRAGLAB_MODELS", "models")
    folder = ModelFolder()
    monkeypatch.chdir("/")
    assert folder.path == tmp_path / "models"
    assert not folder.path.exists()
