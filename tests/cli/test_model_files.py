"""`draglab models inspect` and `convert`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from draglab.checkpoints import open_model
from draglab.checkpoints.native import read_header
from tests.checkpoints import writers
from tests.checkpoints.ir_writer import ir_files, wheel, write_folder
from tests.cli.conftest import Ran
from tests.generators.mobile_configs import make_mobile
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
    assert open_model(target).statistics is not None
    # The weights; statistics are stored alike.
    assert read_header(half).dtype == "F16" and half.stat().st_size < 0.75 * target.stat().st_size
    image = draglab("generate", "-m", str(target), "--seed", "1", "--class", "0,0.5,0.5", "-o", str(tmp_path / "i.png"))
    assert image.code == 0


def test_an_ir_in_a_folder_and_in_a_wheel(draglab, tmp_path: Path) -> None:
    generator = make_mobile("narrowing", torch.float32)
    files = ir_files(generator)
    folder, wheel_path = write_folder(tmp_path / "mobile", files), tmp_path / "mobile.whl"
    wheel_path.write_bytes(wheel(files))
    for path, kind in ((folder, "in a folder"), (wheel_path, "in a Python wheel")):
        found = draglab("models", "inspect", path, "--json").json()
        assert (found["format"], found["architecture"]) == (f"OpenVINO IR {kind}", "MobileStyleGAN")
        assert found["bytes"] == (sum(map(len, files.values())) if path == folder else wheel_path.stat().st_size)
        ran = draglab("models", "convert", path, tmp_path / f"{path.name}.safetensors")
        assert ran.code == 0 and "10,000 fixed samples" in ran.err
    hashes = {open_model(tmp_path / f"{name}.safetensors").sha256 for name in ("mobile", "mobile.whl")}
    assert hashes == {open_model(folder).sha256}
    (folder / "MappingNetwork.xml").write_text("<!DOCTYPE net><net/>")
    ran = draglab("models", "convert", folder, tmp_path / "no.safetensors", "--json")
    assert ran.code == 2 and "has a DTD" in ran.json()["error"]
    assert not (tmp_path / "no.safetensors").exists()


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
