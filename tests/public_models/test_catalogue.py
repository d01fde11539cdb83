"""The list of public models: sound in itself, and the same as what was gathered of them."""

from __future__ import annotations

import json
import os
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from draglab.checkpoints import list_models
from draglab.errors import DraglabError
from draglab.public_models import read_catalogue
from draglab.public_models.catalogue import PUBLIC_MODELS

CATALOGUE = read_catalogue()
GATHERED = Path(os.environ.get("DRAGLAB_ZOO", Path(__file__).resolve().parents[3] / "shared" / "zoo.json"))


def test_names():
    assert CATALOGUE.get("ffhq-512") is CATALOGUE.get("stylegan2-ffhq-512x512.pkl")
    assert CATALOGUE.get("human-1024").width == 512
    assert CATALOGUE.find("FFHQ-512") is None
    with pytest.raises(DraglabError, match="no public model 'ffhq': draglab models list"):
        CATALOGUE.get("ffhq")
    bundled = {entry.name for entry in list_models()}
    assert not bundled & {model.alias for model in CATALOGUE.models}


def test_addresses_can_be_fetched():
    for model in CATALOGUE.models:
        parts = urlsplit(model.url)
        assert parts.scheme == "https"
        assert model.by_hand == (parts.hostname == "drive.google.com")
        # Hugging Face has a page about each file at /blob/ and the file itself at /resolve/.
        assert "/blob/" not in parts.path
        assert model.file.endswith((".pkl", ".pt") if model.package is None else ".safetensors")


def test_every_model_is_of_an_architecture_that_opens():
    for model in CATALOGUE.models:
        assert model.family in ("stylegan2", "stylegan3", "mobile_stylegan"), model.alias
        assert "xl" not in model.alias.split("-") and "StyleGAN-XL" not in model.format


def test_what_models_show():
    catalogue = read_catalogue()
    parts = {model.alias.partition("-")[0] for model in catalogue.models}
    assert parts == set(catalogue.subjects)
    assert catalogue.subject_of(catalogue.get("ffhq-1024-mobile")) == "faces"


def test_licences():
    assert {model.licence for model in CATALOGUE.models} == set(CATALOGUE.licences)
    for licence in CATALOGUE.licences.values():
        assert licence.consequences.endswith(".")
    assert [key for key, licence in CATALOGUE.licences.items() if not licence.asks] == ["cc-by-4.0"]


@pytest.mark.skipif(not GATHERED.is_file(), reason=f"no {GATHERED}: set DRAGLAB_ZOO")
def test_the_same_as_was_gathered():
    # StyleGAN-XL was gathered, too; it is listed when it opens.
    gathered = [entry for entry in json.loads(GATHERED.read_text()) if entry["family"] != "stylegan-xl"]
    files = [model for model in CATALOGUE.models if model.package is None]
    for entry, model in zip(gathered, files, strict=True):
        assert model.url == entry["url"].replace("/blob/", "/resolve/")
        assert (model.sha256, model.sha256_from) == (entry["sha256"], entry["sha256_from"])
        assert (model.bytes, model.family) == (entry["bytes"], entry["family"])
        size = f"{model.height}x{model.width}" if model.height != model.width else str(model.height)
        assert size == str(entry["resolution"])
        if entry["bytes"] is None and entry["size_note"]:
            assert entry["size_note"] == f"{model.megabytes} MB"
        assert entry["name"].split()[0] in model.file


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda data: data["models"].append(data["models"][0]), "ffhq-1024: 'ffhq-1024' occurs twice"),
        (lambda data: data["models"][1].update(alias="FFHQ-1024"), "'ffhq-1024' occurs twice"),
        (lambda data: data["models"][1].update(file=data["models"][0]["alias"]), "occurs twice"),
        (lambda data: data["models"][1].update(url=data["models"][0]["url"]), "occurs twice"),
        (lambda data: data["models"][8].update(sha256=data["models"][1]["sha256"]), "occurs twice"),
        (lambda data: data["models"][0].update(licence="none"), "there is no licence 'none'"),
        (lambda data: data["models"][0].update(url="http://example.org/a"), "is not https"),
        (lambda data: data["models"][0].update(url="https://drive.google.com/a"), "fetched by hand"),
        (lambda data: data["models"][0].update(sha256="0" * 64), "come together"),
        (lambda data: data["models"][0].update(sha256="0" * 63), r"models\[0\].sha256"),
        (lambda data: data["models"][0].update(file="../a.pkl"), r"models\[0\].file"),
        (lambda data: data["models"][0].update(bytes="1"), r"models\[0\].bytes"),
        (lambda data: data["models"][0].update(mirror=""), r"models\[0\].mirror"),
        (lambda data: data["models"][0].update(family="stylegan-xl"), r"models\[0\].family"),
        (lambda data: data.pop("licences"), "licences: Field required"),
        (lambda data: data["models"][-1].update(file="mobile.pkl"), "ends in .safetensors"),
        (lambda data: data["models"][-1].update(sha256="0" * 64, sha256_from="x"), "of unknown bytes"),
        (lambda data: data["models"][-1].update(by_hand=True), "of unknown bytes"),
        (lambda data: data["models"][-1]["package"].update(name="-r"), r"package.name"),
        (lambda data: data["models"][-1]["package"].update(version="1.0 ; x"), r"package.version"),
        (
            lambda data: data["models"][-1]["package"].update(wheel="../a-1-py3-none-any.whl"),
            r"package.wheel",
        ),
        (lambda data: data["models"][-1]["package"].update(bytes=65 << 20), r"package.bytes"),
        (lambda data: data["models"][-1]["package"].update(sha256="0"), r"package.sha256"),
        (lambda data: data["models"][-1]["package"]["members"].update({"a/b": "0" * 64}), r"package.members"),
    ],
)
def test_a_wrong_list_is_refused(tmp_path, change, message):
    data = json.loads(PUBLIC_MODELS.read_text())
    change(data)
    path = tmp_path / "list.json"
    path.write_text(json.dumps(data))
    with pytest.raises(DraglabError, match=message) as caught:
        read_catalogue(path)
    assert "install draglab again" in str(caught.value)


def test_a_missing_list(tmp_path):
    with pytest.raises(DraglabError, match="cannot read the list"):
        read_catalogue(tmp_path / "none.json")
