"""Whatever a person gets wrong: one line that says what to do, exit code 2, and nothing half-written."""

import errno
import json
import os
import subprocess
import sys

import av
import numpy as np
import pytest
from PIL import Image

from draglab.cli.main import main

POINT = ("--point", "8,9:14,9")


def check(ran, message: str, files: list[str] | None = None) -> None:
    assert ran.code == 2
    assert ran.out == ""
    assert ran.err.startswith("draglab: ")
    assert len(ran.err.splitlines()) == 1
    assert message in ran.err
    assert sorted(os.listdir()) == (files or [])


@pytest.mark.parametrize(
    ("points", "message"),
    [
        ([], "no points were given: add --point handle:target, as in --point 64,90:64,105, or --do smile"),
        (["8,9"], "for instance 64,90:64,105"),
        (["a,b:c,d"], "for instance 64,90:64,105"),
        (["1,2,3:4,5"], "for instance 64,90:64,105"),
        ([""], "for instance 64,90:64,105"),
        (["nan,9:14,9"], "not a finite number"),
        (["8,9:inf,9"], "not a finite number"),
        (["8,9:14,32"], "target (14, 32) is outside the image: x must be 0 to 31, y 0 to 31"),
        (["-1,9:14,3"], "handle (-1, 9) is outside the image"),
        (["8,9:8,9"], "handle (8, 9) lies on its target"),
        (["8,9:14,9", "8,9:3,3"], "two handles lie at (8, 9)"),
    ],
)
def test_points(draglab, model, points, message):
    flags = [flag for point in points for flag in ("--point", point)]
    check(draglab("drag", "-m", model, "--seed", 7, *flags), message)


@pytest.mark.parametrize("seed", ["-1", "4294967296", "1.5", "seven", "", "1-3", "\u0661"])
def test_seeds(draglab, model, seed):
    check(draglab("drag", "-m", model, "--seed", seed, *POINT), "give a whole number from 0 to 4294967295")


@pytest.mark.parametrize("seeds", ["-1", "4294967296", "1-", "5-2", "x", "", "1,,2", "0-4294967295"])
def test_seeds_to_generate(draglab, model, seeds):
    check(draglab("generate", "-m", model, "--seed", seeds), "seed")


@pytest.mark.parametrize(
    ("mask", "message"),
    [
        (np.eye(16, dtype=bool), "mask m.png is 16x16, but the image is 32x32; make a mask of 32x32 pixels"),
        (np.zeros((32, 32), bool), "freezes the whole image: paint the region that may move"),
        (np.ones((32, 32), bool), "lets the whole image move: leave it out"),
    ],
)
def test_masks(draglab, model, mask, message):
    Image.fromarray(mask).save("m.png")
    check(draglab("drag", "-m", model, "--seed", 7, *POINT, "--mask", "m.png"), message, ["m.png"])


@pytest.mark.parametrize(
    "shape",
    ["circle:", "circle:1,2", "circle:1,2,3,4", "circle:8,9,-3", "circle:8,9,0", "circle:a,b,c", "circle:8,9,inf"]
    + ["circle:nan,9,4", "rect:1,2,3", "rect:9,2,3,4", "rect:1,9,3,4", "rect:1,2,3,4,5"],
)
def test_shapes_that_are_none(draglab, model, shape):
    ran = draglab("drag", "-m", model, "--seed", 7, *POINT, f"--mask={shape}")
    check(ran, f"'{shape}' is not a shape: write circle:x,y,radius or rect:left,top,right,bottom")


@pytest.mark.parametrize("shape", ["circle:500,9,3", "circle:8.5,9.5,0.2", "rect:40,40,50,50", "rect:1.2,1.2,1.4,1.4"])
def test_shapes_beside_the_image(draglab, model, shape):
    ran = draglab("drag", "-m", model, "--seed", 7, *POINT, "--mask", shape)
    check(ran, f"no pixel is inside '{shape}': x goes from 0 to 31, y from 0 to 31")


def test_a_mask_that_is_none(draglab, model):
    command = ("drag", "-m", model, "--seed", 7, *POINT, "--mask", "m.png")
    check(draglab(*command), "there is no mask m.png")
    with open("m.png", "w") as file:
        file.write("not an image")
    check(draglab(*command), "not an image", ["m.png"])


@pytest.mark.parametrize("name", ["unknown", "missing.safetensors", "../heads"])
def test_unknown_models(draglab, name):
    check(draglab("drag", "-m", name, "--seed", 7, *POINT), f"there is no model '{name}'")


def test_a_file_that_is_no_model(draglab):
    with open("m.safetensors", "w") as file:
        file.write("not a model")
    ran = draglab("drag", "-m", "m.safetensors", "--seed", 7, *POINT)
    check(ran, "m.safetensors: the file is no checkpoint that draglab knows", ["m.safetensors"])


@pytest.mark.parametrize("device", ["toaster", "meta", "meta:0", "vulkan", "cuda:99", ""])
def test_unknown_device(draglab, model, device):
    check(draglab("drag", "-m", model, "--device", device, "--seed", 7, *POINT), f"device '{device}'")


@pytest.mark.parametrize("command", [("generate", "--seed", 1, "-m"), ("models", "inspect"), ("models", "verify")])
@pytest.mark.parametrize("name", ["x" * 5000, "/" + "x" * 5000, "x\0y"])
def test_names_that_no_file_can_have(draglab, command, name):
    ran = draglab(*command, name)
    check(ran, "there is no")
    assert len(ran.err) < 1200


def test_a_long_name_of_a_converted_model(draglab, model):
    name = "n" * 243 + ".safetensors"
    assert draglab("models", "convert", model, name).code == 0
    assert os.listdir() == [name]
    check(draglab("models", "convert", model, "n" + name), "the name is too long", [name])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "broken JSON"),
        ("{}", "is not a draglab edit file"),
        ('{"format": "draglab-edit", "version": 4}', "newer draglab (version 4)"),
        ('{"format": "draglab-edit", "version": 2}', "e.json: model: Field required"),
    ],
)
def test_edit_files(draglab, content, message):
    with open("e.json", "w") as file:
        file.write(content)
    check(draglab("drag", "e.json"), message, ["e.json"])


def test_an_edit_file_that_is_none(draglab):
    check(draglab("drag", "e.json"), "there is no edit file e.json")
    check(draglab("drag", "."), "is a directory")


def test_an_edit_file_of_another_model(draglab, model):
    draglab("drag", "-m", model, "--seed", 7, *POINT, "--steps", 1, "--save", "e.json", "-o", "a.png")
    with open("e.json") as file:
        content = json.load(file)
    content["model"]["sha256"] = "0" * 64
    with open("e.json", "w") as file:
        json.dump(content, file)
    check(draglab("drag", "e.json", "-o", "b.png"), "made with another model", ["a.png", "e.json"])


@pytest.mark.parametrize("extra", [("--seed", "7"), ("--truncation", "0.5"), ("--steps", "3"), ("--preset", "paper")])
def test_edit_files_have_their_own_start_and_settings(draglab, extra):
    check(draglab("drag", "e.json", *extra), " file has its own")


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        (("-o", "missing/a.png"), "cannot write missing/a.png: there is no such directory"),
        (("-o", "."), "unknown image suffix"),
        (("-o", "a.xyz"), "unknown image suffix '.xyz'; use .png"),
        (("--video", "a.avi"), "unknown video suffix '.avi'; use .mp4 or .gif"),
        (("--video", "missing/a.mp4"), "there is no such directory"),
        (("--save", "a.txt"), "an edit file's name ends in .json"),
        (("-o", "a.png", "--save", "missing/e.json"), "there is no such directory"),
        (("-o", "/dev/full/a.png"), "not a directory"),
    ],
)
def test_outputs_are_checked_before_anything_is_computed(draglab, extra, message):
    # A model that does not exist would be the next error.
    check(draglab("drag", "-m", "unknown", "--seed", 7, *POINT, *extra), message)


def test_two_outputs_of_one_name(draglab, monkeypatch):
    os.mkdir("d")
    check(
        draglab("drag", "-m", "unknown", "--seed", 7, *POINT, "-o", "a.png", "--save", "d/../a.png"),
        "two outputs have the same name",
        ["d"],
    )


def test_without_h264(draglab, monkeypatch):
    monkeypatch.setattr(av, "codecs_available", set())
    check(draglab("drag", "-m", "unknown", "--seed", 7, *POINT, "--video", "a.mp4"), "or give a name that ends in .gif")


@pytest.mark.parametrize(
    "extra", [("-o", "a.png"), ("-o", "a.png", "--video", "v.mp4"), ("-o", "a.png", "--save", "e.json")]
)
def test_disk_full_on_export(draglab, model, monkeypatch, extra):
    def refuse(*arguments):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", refuse)
    ran = draglab("drag", "-m", model, "--seed", 7, *POINT, "--steps", 1, *extra)
    check(ran, "the disk is full; free some space")


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        (("--set", "step_size=0"), "step_size is '0': it must be a number above 0"),
        (("--set", "step_size=nan"), "step_size is 'nan'"),
        (("--set", "step_size"), "write name=value"),
        (("--set", "stepsize=1"), "unknown setting 'stepsize'"),
        (("--set", "patience=0"), "of at least 1 or none"),
        (("--set", "subpixel=3"), "true or false"),
        (("--truncation", "nan"), "--truncation"),
        (("--truncation", "inf"), "--truncation"),
        (("--steps", "0"), "max_steps is '0'"),
        (("--steps", "many"), "--steps"),
        (("--set", "r1=-3"), "r1 is '-3'"),
        (("--set", "feature_resolution=12"), "feature_resolution 12 is not a block"),
        (("--set", "latent_space=z"), "it must be w+ or w"),
        (("--preset", "other"), "--preset"),
        (("--class", "1"), "no classes"),
        (("--frob",), "--frob"),
        (("a.json", "b.json"), "b.json"),
    ],
)
def test_settings(draglab, model, extra, message):
    ran = draglab("drag", "-m", model, "--seed", 7, *POINT, *extra)
    if extra[0].endswith(".json"):
        assert ran.code == 2
        assert message in ran.err
    else:
        check(ran, message)


def test_errors_as_json(draglab):
    ran = draglab("drag", "--seed", "-1", *POINT, "--json")
    assert ran.code == 2
    assert list(ran.json()) == ["error"]
    assert "seed '-1' is out of range" in ran.json()["error"]
    assert draglab("drag", "--json", "--frob").json()["error"].startswith("No such option")


def test_control_codes_do_not_reach_the_terminal(draglab):
    ran = draglab("drag", "\x1b[31mx\n\udcff.json")
    check(ran, "\\x1b[31mx\\n\\udcff.json")


def test_a_bug_is_one_line_too(draglab, monkeypatch):
    monkeypatch.setattr("draglab.checkpoints.list_models", lambda: 1 / 0)
    ran = draglab("models")
    assert ran.code == 1
    assert ran.err == (
        "draglab: internal error: ZeroDivisionError: division by zero; DRAGLAB_DEBUG=1 shows where, please report it\n"
    )
    monkeypatch.setenv("DRAGLAB_DEBUG", "1")
    assert "Traceback" in draglab("models").err


def test_a_reader_that_has_gone(monkeypatch):
    """`draglab ... | head` ends without a traceback."""
    program = "import sys; from draglab.cli.main import main; sys.exit(main(['models', '--json']))"
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run([sys.executable, "-c", program], stdout=write, stderr=subprocess.PIPE, text=True)
    os.close(write)
    assert done.stderr == ""


def test_main_is_what_the_script_runs(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("draglab 0.")
