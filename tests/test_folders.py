"""draglab's own folders are where the system and the user want them, and folders that are in use stay in use."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from platformdirs.macos import MacOS
from platformdirs.unix import Unix
from platformdirs.windows import Windows

from draglab import folders
from draglab.errors import DraglabError

VARIABLE = "DRAGLAB_TEST"
NAMES = [VARIABLE, "XDG_CACHE_HOME", "XDG_DATA_HOME", "LOCALAPPDATA"]


@pytest.fixture
def on(tmp_path, monkeypatch):
    """Make this process believe that it runs on a system, with a home directory of its own."""
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))

    def believe(platform: str, **environment: str) -> None:
        kinds = {"linux": Unix, "darwin": MacOS, "win32": Windows}
        monkeypatch.setattr(sys, "platform", platform)
        monkeypatch.setattr(folders, "PlatformDirs", kinds[platform])
        # What the system itself answers on Windows.
        monkeypatch.setattr("platformdirs.windows.get_win_folder", lambda name: str(tmp_path / "system" / name))
        for name, value in environment.items():
            monkeypatch.setenv(name, value)

    return believe


@pytest.mark.parametrize(
    ("platform", "environment", "cache", "data"),
    [
        ("linux", {}, ".cache/draglab", ".local/share/draglab"),
        ("linux", {"XDG_CACHE_HOME": "/big", "XDG_DATA_HOME": "/data"}, "/big/draglab", "/data/draglab"),
        ("linux", {"XDG_CACHE_HOME": "big", "XDG_DATA_HOME": "data"}, ".cache/draglab", ".local/share/draglab"),
        ("darwin", {}, "Library/Caches/draglab", "Library/Application Support/draglab"),
        ("win32", {}, "system/CSIDL_LOCAL_APPDATA/draglab", "system/CSIDL_LOCAL_APPDATA/draglab"),
        ("linux", {VARIABLE: "/named", "XDG_CACHE_HOME": "/big"}, "/named", "/named"),
        ("darwin", {VARIABLE: "~/named"}, "named", "named"),
    ],
)
def test_the_folder_follows_the_system(on, tmp_path, platform, environment, cache, data):
    on(platform, **environment)
    assert folders.own_folder("cache", VARIABLE) == tmp_path / cache
    assert folders.own_folder("data", VARIABLE) == tmp_path / data


@pytest.mark.parametrize(
    ("platform", "environment", "cache", "data"),
    [
        ("darwin", {"XDG_CACHE_HOME": "big", "XDG_DATA_HOME": "data"}, "Library/Caches", "Library/Application Support"),
        ("win32", {"LOCALAPPDATA": "local"}, "local", "local"),
        ("win32", {}, "AppData/Local", "AppData/Local"),
    ],
)
def test_a_folder_of_earlier_versions_stays_in_use(on, tmp_path, platform, environment, cache, data):
    """Where platformdirs names another place than draglab did: the old one counts for as long as it is there."""
    on(platform, **{name: str(tmp_path / value) for name, value in environment.items()})
    cache, data = tmp_path / cache / "draglab", tmp_path / data / "draglab"
    assert folders.own_folder("cache", VARIABLE) != cache
    assert folders.own_folder("data", VARIABLE) != data
    cache.mkdir(parents=True)
    data.mkdir(parents=True, exist_ok=True)
    assert folders.own_folder("cache", VARIABLE) == cache
    assert folders.own_folder("data", VARIABLE) == data


@pytest.mark.parametrize("named", ["", "~nobody-of-that-name/models"])
def test_a_user_without_a_home(on, monkeypatch, named):
    on("linux", **{VARIABLE: named})
    monkeypatch.setattr(os.path, "expanduser", lambda path: path)
    with pytest.raises(DraglabError, match=f"no home directory.*set {VARIABLE} to a folder"):
        folders.own_folder("cache", VARIABLE)
    monkeypatch.setenv(VARIABLE, str(Path("/named")))
    assert folders.own_folder("cache", VARIABLE) == Path("/named")
