"""Export of a model with its card."""

import json
import re

import pytest

from draglab.checkpoints import convert_model, export_model, inspect_file, load_generator, model_card, save_generator
from draglab.cli.main import main
from draglab.errors import DraglabError
from tests.checkpoints.writers import write
from tests.tiny import tiny_generator


@pytest.fixture
def model(tmp_path):
    path = tmp_path / "tiny.safetensors"
    card = {"licence": "Apache-2.0 (made here)", "drag_settings": {"num_layers": 2}, "description": "noise | <b>"}
    save_generator(tiny_generator(), path, card=card)
    return path


def front_matter(text: str) -> dict:
    match = re.match(r"---\n(.*?)---\n", text, re.DOTALL)
    assert match is not None
    return {key: json.loads(value) for key, value in re.findall(r"^(\w+): (.*)$", match[1], re.MULTILINE)}


def test_the_folder_opens_and_says_what_it_is(model, tmp_path):
    export_model(model, tmp_path / "out", name="Tiny")
    generator = load_generator(tmp_path / "out" / "model.safetensors")
    assert generator.sha256 == tiny_generator().sha256
    assert generator.drag_settings == {"num_layers": 2}
    card = (tmp_path / "out" / "README.md").read_text()
    assert front_matter(card)["license"] == "apache-2.0"
    assert front_matter(card)["tags"] == ["draggan", "gan", "stylegan2", "image-editing"]
    assert "# Tiny\n" in card
    assert "noise \\| &lt;b>" in card  # what a file says of itself is text
    assert "| image | 32 x 32 |" in card
    assert "![" not in card


def test_a_card_that_somebody_completed_is_kept(model, tmp_path):
    export_model(model, tmp_path / "out")
    card = tmp_path / "out" / "README.md"
    card.write_text("completed by hand")
    weights = (tmp_path / "out" / "model.safetensors").read_bytes()
    with pytest.raises(DraglabError, match=r"README\.md is there already .* another folder"):
        export_model(model, tmp_path / "out", half=True)
    assert card.read_text() == "completed by hand"
    assert (tmp_path / "out" / "model.safetensors").read_bytes() == weights


def test_a_half_is_said_to_be_one(model, tmp_path):
    export_model(model, tmp_path / "out", half=True)
    assert ", F16 |" in (tmp_path / "out" / "README.md").read_text()
    convert_model(tmp_path / "out" / "model.safetensors", tmp_path / "whole.safetensors")
    assert inspect_file(tmp_path / "whole.safetensors").facts["stored as"] == "F32"


def test_a_model_without_a_licence_needs_one(tmp_path):
    pickle = write(tmp_path / "G.pkl", tiny_generator())
    with pytest.raises(DraglabError, match="--licence"):
        export_model(pickle, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    export_model(pickle, tmp_path / "out", licence="Nvidia Source Code License")
    card = front_matter((tmp_path / "out" / "README.md").read_text())
    assert (card["license"], card["license_name"]) == ("other", "Nvidia Source Code License")
    assert inspect_file(tmp_path / "out" / "model.safetensors").facts["licence"] == "Nvidia Source Code License"


def test_a_card_cannot_be_broken_out_of(model):
    text = model_card(inspect_file(model), "a\n---\nb", 'x" \n---\nlicense: mit')
    assert front_matter(text)["license"] == "other"
    assert text.count("\n---\n") == 1


def test_the_code_of_the_card_drags(model, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    export_model(model, tmp_path / "out")
    [code] = re.findall(r"```python\n(.*?)```", (tmp_path / "out" / "README.md").read_text(), re.DOTALL)
    names: dict = {}
    exec(code.replace("hf:OWNER/REPOSITORY", "out/model.safetensors"), names)
    assert names["result"].image().shape == (32, 32, 3)


def test_the_command(model, tmp_path, capsys):
    assert main(["models", "export", str(model), str(tmp_path / "out"), "--seed", "1-4", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["files"] == ["README.md", "model.safetensors", "samples.webp"]
    assert "![Samples](samples.webp)" in (tmp_path / "out" / "README.md").read_text()
    assert (tmp_path / "out" / "samples.webp").stat().st_size > 100
