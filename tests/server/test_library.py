import shutil

import pytest

from draglab.errors import DraglabError
from draglab.server.library import Library


@pytest.fixture
def library(models, tmp_path) -> Library:
    shutil.copy(models / "tiny.safetensors", tmp_path / "other.safetensors")
    (tmp_path / "broken.safetensors").write_bytes(b"nothing")
    (tmp_path / "broken.pkl").write_bytes(b"nothing")
    (tmp_path / "notes.txt").write_text("nothing")
    (tmp_path / "folder.pkl").mkdir()
    one = Library(tmp_path)
    one.find()
    return one


def test_models_are_those_that_can_be_opened(library):
    names = [model.name for model in library.models()]
    assert "other" in names and not {"broken", "notes", "folder"} & set(names)
    assert not library.refresh()
    assert [model.name for model in library.models()] == names


@pytest.mark.parametrize("name", ["nothing", "../other", "other.safetensors", "", "/etc/passwd", "notes"])
def test_only_names_of_the_library_are_opened(library, name):
    with pytest.raises(DraglabError, match="no model"):
        library.path(name)


def test_a_path_of_an_edit_file_stands_for_the_model_of_that_name(library):
    for given in (
        "other",
        "other.safetensors",
        "/models/of/anna/other.pkl",
        "C:\\models\\other.safetensors",
        "../other.x",
    ):
        assert library.name_of(given) == "other"
    for given in ("nothing", "/other/nothing.pkl", "..", ""):
        with pytest.raises(DraglabError, match="not here"):
            library.name_of(given)


def test_a_missing_folder_is_an_empty_one(tmp_path):
    library = Library(tmp_path / "nothing")
    library.find()
    assert "tiny" not in [model.name for model in library.models()]
