"""The folder of downloaded models is where the platform and the user want it."""

from __future__ import annotations

from pathlib import Path

import pytest

from draglab.public_models import ModelFolder
from draglab.public_models.folder import default_folder


@pytest.mark.parametrize(
    ("variable", "expected"),
    [(None, "/big/disk/draglab/models"), ("", "/big/disk/draglab/models"), ("/models", "/models"), ("~/m", "~/m")],
)
def test_where_models_are_kept(monkeypatch, variable, expected):
    monkeypatch.setenv("XDG_CACHE_HOME", "/big/disk")
    monkeypatch.delenv("DRAGLAB_MODELS", raising=False)
    if variable is not None:
        monkeypatch.setenv("DRAGLAB_MODELS", variable)
    assert default_folder() == Path(expected).expanduser()


def test_the_folder_follows_the_working_directory_no_further(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DRAGLAB_MODELS", "models")
    folder = ModelFolder()
    monkeypatch.chdir("/")
    assert folder.path == tmp_path / "models"
    assert not folder.path.exists()
