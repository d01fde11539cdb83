"""`draglab models inspect` and `convert`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from draglab.checkpoints import open_model
from tests.checkpoints import writers
from tests.cli.conftest import Ran
from tests.tiny import tiny_generator


@pytest.fixture(scope="module")
def pickled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return writers.write(tmp_path_factory.mktemp("foreign") / "tiny.pkl", tiny_generator(c_dim=3))


def test_inspect(draglab, pickled: Path) -> None:
    ran: Ran = draglab("models", "inspect", str(pickled), "--json")
    found = json.loads(ran.out)
    assert found["format"] == "pickle: training_set_kwargs, G, D, G_ema, augment_pipe"
    assert (found["architecture"], found["image"], found["classes"]) == ("StyleGAN2", "32 x 32", 3)
    assert found["parameters"] == sum(parameter.numel() for parameter in tiny_generator(c_dim=3).parameters())
    assert found["config"]["w_dim"] == 16
    assert found["fingerprint"] in found["warnings"][0]
    shown = draglab("models", "inspect", str(pickled)).out
    assert "StyleGAN2" in shown
    assert "warning:" in shown


def test_inspect_a_bundled_model(draglab) -> None:
    assert "draglab safetensors" in draglab("models", "inspect", "heads").out


def test_convert_keeps_the_model(draglab, pickled: Path, tmp_path: Path) -> None:
    target = tmp_path / "tiny.safetensors"
    assert draglab("models", "convert", str(pickled), str(target)).code == 0
    assert open_model(target).sha256 == tiny_generator(c_dim=3).sha256
    half = tmp_path / "half.safetensors"
    ran = draglab("models", "convert", str(pickled), str(half), "--half", "--json")
    assert ran.json()["file"] == str(half)
    assert half.stat().st_size < 0.6 * target.stat().st_size
    image = draglab("generate", "-m", str(target), "--seed", "1", "--class", "0,0.5,0.5", "-o", str(tmp_path / "i.png"))
    assert image.code == 0


def test_bad_input(draglab, pickled: Path, tmp_path: Path) -> None:
    for arguments, message in (
        (("convert", str(pickled), "x.pkl"), "should end in .safetensors"),
        (("convert", str(pickled), str(tmp_path / "no" / "x.safetensors")), "no"),
        (("inspect", str(tmp_path / "nothing.pkl")), "there is no model"),
        (("inspect", __file__), "no checkpoint that draglab knows"),
    ):
        ran = draglab("models", *arguments)
        assert ran.code == 2
        assert message in ran.err
        assert len(ran.err.splitlines()) == 1
    classes = {"7": "0 to 2", "x": "cannot be read", "1,2": "3 finite numbers", "nan,1,1": "cannot be read"}
    for given, message in classes.items():
        ran = draglab("generate", "-m", str(pickled), "--seed", "1", "--class", given, "-o", str(tmp_path / "i.png"))
        assert ran.code == 2
        assert message in ran.err
