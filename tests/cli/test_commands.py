import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import draglab as package
from draglab.cli.arguments import parse_seeds
from tests.provenance import accepted

START = "import sys; from draglab.cli.main import run; run()"


def test_seed_lists():
    assert parse_seeds(["7"]) == [7]
    assert parse_seeds(["1-4"]) == [1, 2, 3, 4]
    assert parse_seeds(["3,7", "10-11,7"]) == [3, 7, 10, 11]
    assert parse_seeds(["4294967295"]) == [2**32 - 1]


def test_generate_a_sheet(draglab, model):
    ran = draglab("generate", "-m", model, "--seed", "1-6")
    assert ran.code == 0, ran.err
    assert ran.out == "wrote seeds.png\n"
    with Image.open("seeds.png") as image:
        assert image.size[0] > 3 * 32
        assert "Generated with draglab" in image.info["Description"]


def test_generate_one_image(draglab, model):
    ran = draglab("generate", "-m", model, "--seed", 7, "-o", "a.png", "--json")
    assert ran.json() == {"model": "tiny", "seeds": [7], "files": ["a.png"]}
    generator = package.load_generator(model)
    expected = package.generators.to_uint8(generator.image(generator.w_plus_from_seed(7)))[0]
    with Image.open("a.png") as image:
        assert (np.asarray(image) == expected).all()


def test_generate_into_a_directory(draglab, model):
    ran = draglab("generate", "-m", model, "--seed", "3,12", "-o", "made/here")
    assert ran.code == 0, ran.err
    assert sorted(os.listdir("made/here")) == ["seed0003.png", "seed0012.png"]


def test_truncation_moves_towards_the_average(draglab, model):
    for psi in ("0", "1"):
        draglab("generate", "-m", model, "--seed", "3,12", "-o", psi, "--truncation", psi)
    images = {psi: [np.asarray(Image.open(f"{psi}/seed{n}.png")) for n in ("0003", "0012")] for psi in ("0", "1")}
    assert (images["0"][0] == images["0"][1]).all()
    assert (images["1"][0] != images["1"][1]).any()


def test_demo(draglab, signing):
    ran = draglab("demo")
    assert ran.code == 0, ran.err
    assert sorted(os.listdir("demo")) == ["after.png", "before.png", "drag.mp4", "edit.json"]
    assert "Arrived after" in ran.out
    assert "handle 1 is at" in ran.out
    for name in ("before.png", "after.png", "drag.mp4"):
        origin = accepted(Path("demo", name).read_bytes(), "trainedAlgorithmicMedia")
        assert origin.model == "heads" and origin.dragged == (name != "before.png")


def test_help_is_light():
    program = "import sys\nfrom draglab.cli.main import main\nmain(['--help'])\nprint('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip().endswith("False")
    assert "generate" in done.stdout


def start(model: Path, folder: Path, *extra: str) -> subprocess.Popen:
    """A drag that would never end by itself."""
    command = [sys.executable, "-c", START, "drag", "-m", str(model), "--seed", "7", "--point", "8,9:14,9"]
    command += [
        "--preset",
        "paper",
        "--set",
        "feature_resolution=16",
        "--steps",
        "1000000",
        "--set",
        "stop_distance=1e-9",
    ]
    command += ["-o", "a.png", "--save", "e.json", *extra]
    return subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.mark.skipif(os.name == "nt", reason="Ctrl-C cannot be sent to one process on Windows")
def test_ctrl_c_keeps_the_best_so_far(draglab, model):
    process = start(model, Path.cwd(), "--video", "v.mp4", "--json")
    # The video's temporary file appears with its first frame: from then on the drag is running.
    deadline = time.monotonic() + 60
    while not any(name.endswith(".part") for name in os.listdir()) and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert '"interrupted": true' in out
    assert '"stop_reason": "stopped"' in out
    assert sorted(os.listdir()) == ["a.png", "e.json", "v.mp4"]
    # What was kept is what the edit file says.
    assert draglab("drag", "e.json", "-o", "b.png").code == 0
    assert (np.asarray(Image.open("a.png")) == np.asarray(Image.open("b.png"))).all()


def test_ctrl_c_before_the_drag_writes_nothing(draglab, monkeypatch):
    def interrupt(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr("draglab.inversion.inverted_photo.load_generator", interrupt)
    ran = draglab("drag", "--seed", 7, "--point", "8,9:14,9")
    assert (ran.code, ran.err) == (130, "draglab: stopped\n")
    assert os.listdir() == []
