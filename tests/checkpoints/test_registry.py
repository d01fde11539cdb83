"""Names of public models stand for downloaded files, and loading never downloads."""

from __future__ import annotations

import shutil
from pathlib import Path
from urllib.request import OpenerDirector

import pytest

import draglab
from draglab.checkpoints import list_models, save_generator
from draglab.errors import DraglabError
from tests.tiny import tiny_generator


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "models"
    monkeypatch.setenv("DRAGLAB_MODELS", str(path))
    monkeypatch.chdir(tmp_path)
    return path


def test_what_is_not_downloaded_is_not_loaded(folder, monkeypatch):
    def refuse(*arguments: object, **options: object) -> None:
        pytest.fail("it went to the network")

    monkeypatch.setattr(OpenerDirector, "open", refuse)
    with pytest.raises(DraglabError, match=r"'ffhq-512' is not downloaded .*: draglab models pull ffhq-512"):
        draglab.load_generator("ffhq-512")
    with pytest.raises(
        DraglabError, match=r"fetched by a program: open https://drive\.google\.com/.* save the file as"
    ):
        draglab.load_generator("stylegan_human_v2_1024.pkl")
    with pytest.raises(DraglabError, match="no model 'ffhq': .* draglab models list"):
        draglab.load_generator("ffhq")
    assert not folder.exists()


def test_what_is_downloaded_is_loaded_by_either_name(folder, tmp_path):
    folder.mkdir()
    save_generator(tiny_generator(), tmp_path / "tiny.safetensors")
    shutil.copy(tmp_path / "tiny.safetensors", folder / "stylegan2-ffhq-512x512.pkl")
    for name in ("ffhq-512", "stylegan2-ffhq-512x512.pkl"):
        generator = draglab.load_generator(name, device="cpu")
        assert (generator.name, generator.config) == ("ffhq-512", tiny_generator().config)


def test_files_and_bundled_models_come_before_public_ones(tmp_path):
    shutil.copytree(tmp_path, tmp_path / "folder")
    save_generator(tiny_generator(), tmp_path / "ffhq.pkl")
    assert draglab.load_generator("ffhq.pkl", device="cpu").name == "ffhq"
    save_generator(tiny_generator(), tmp_path / "heads")
    assert draglab.load_generator("heads", device="cpu").config != tiny_generator().config


def test_bundled_models_have_first_seeds():
    seeds = {entry.name: entry.first_seeds for entry in list_models()}
    # The strip of the editor has twelve places; `draglab demo` drags the first head.
    assert seeds["heads"][0] == 78
    for several in seeds.values():
        assert 8 <= len(set(several)) == len(several) <= 12
