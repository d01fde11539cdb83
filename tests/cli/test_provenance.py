"""Every command's pictures and videos say how they were made, and c2pa's own reader accepts them.

`draglab demo` is in test_commands.py, batches and transfers are in tests/batch.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from draglab import load_generator
from tests.inversion.pictures import smooth_picture
from tests.provenance import accepted, found_in, origin_in

TRAINED, COMPOSITE = "trainedAlgorithmicMedia", "compositeWithTrainedAlgorithmicMedia"
DRAG = ("--point", "8,9:14.5,9", "--steps", "2", "--set", "feature_resolution=16", "--set", "descent=first-order")


@pytest.fixture(autouse=True)
def _switches(monkeypatch):
    """Options of one test do not stay for the next."""
    for name in ("DRAGLAB_SIGN_CERT", "DRAGLAB_SIGN_KEY", "DRAGLAB_MARK"):
        monkeypatch.setenv(name, "")


def read(name: str) -> bytes:
    return Path(name).read_bytes()


def test_generate(draglab, model, signing):
    sha256 = load_generator(model).sha256
    for name in ("a.png", "a.jpg", "a.webp"):
        assert draglab("generate", "-s", 7, "-m", model, "-o", name).code == 0
        origin = accepted(read(name), TRAINED)
        assert (origin.seed, origin.dragged, origin.model_sha256) == (7, False, sha256)
    assert draglab("generate", "-s", "1-4", "-m", model, "-o", "sheet.png").code == 0
    accepted(read("sheet.png"), TRAINED)
    assert draglab("generate", "-s", "1-2", "-m", model, "-o", "many").code == 0
    assert [accepted(read(f"many/seed000{seed}.png"), TRAINED).seed for seed in (1, 2)] == [1, 2]


def test_drag(draglab, model, signing):
    files = ("-o", "a.jpg", "--video", "a.mp4", "--save", "e.json")
    ran = draglab("drag", "--seed", 7, "-m", model, *DRAG, *files)
    assert ran.code == 0, ran.err
    for name in ("a.jpg", "a.mp4"):
        origin = accepted(read(name), TRAINED)
        assert (origin.seed, origin.rounds, origin.edits[0].settings["max_steps"]) == (7, 1, 2)
    assert draglab("drag", "e.json", "-o", "again.webp").code == 0
    accepted(read("again.webp"), TRAINED)


def test_a_photo(draglab, model, signing):
    Image.fromarray(smooth_picture(50, 60)).save("anna.png")
    invert = ("invert", "anna.png", "-m", model, "--box", "30,25,40,5", "--fast", "--heat-map", "heat.png")
    ran = draglab(*invert, "--device", "cpu", "-o", "anna.draglab")
    assert ran.code == 0, ran.err
    accepted(read("heat.png"), "dataDrivenMedia")
    files = ("-o", "crop.png", "--video", "crop.mp4", "--save", "e.json")
    assert draglab("drag", "anna.draglab", *DRAG, *files).code == 0
    assert draglab("drag", "anna.draglab", *DRAG, "-o", "whole.jpg", "--paste-back").code == 0
    assert draglab("drag", "anna.draglab", *DRAG, "-o", "st.webp", "--paste-back", "--stitch").code == 0
    assert draglab("drag", "e.json", "-o", "again.png", "--paste-back").code == 0
    for name, source in (
        ("crop.png", TRAINED),
        ("crop.mp4", TRAINED),
        ("whole.jpg", COMPOSITE),
        ("st.webp", COMPOSITE),
        ("again.png", COMPOSITE),
    ):
        origin = accepted(read(name), source, photo=True)
        assert origin.model_sha256 == load_generator(model).sha256 and origin.rounds == 1
        assert b"anna" not in read(name)


def test_bench(draglab, model, signing):
    short = ("--points", "1", "--pairs", "2", "--judge", "heads", "--steps", "2", "--set", "feature_resolution=16")
    ran = draglab("bench", "landmarks", "-m", model, *short, "-o", "bench")
    assert ran.code == 0, ran.err
    sheets = list(Path("bench").glob("*.png"))
    assert sheets
    for sheet in sheets:
        accepted(sheet.read_bytes(), TRAINED)


def test_verify(draglab, model, signed):
    assert draglab("generate", "-s", 7, "-m", model, "-o", "a.png").code == 0
    ran = draglab("verify", "a.png")
    assert ran.code == 0 and "Nothing was changed since it was signed." in ran.out
    report = draglab("verify", "a.png", "--json").json()
    assert report["verdict"] == "untrusted" and report["credentials"]["self_made"] is True
    assert report["xmp"]["source"].endswith("/trainedAlgorithmicMedia")
    data = bytearray(read("a.png"))
    data[-30] ^= 1
    Path("b.png").write_bytes(data)
    ran = draglab("verify", "b.png")
    assert ran.code == 3 and "CHANGED" in ran.out
    with Image.open("a.png") as image:
        image.save("c.webp")
    assert draglab("verify", "c.webp").code == 4
    ran = draglab("verify", "nothing.png")
    assert ran.code == 2 and ran.err == "draglab: there is no file nothing.png: check the name\n"
    ran = draglab("verify", "nothing.png", "--json")
    assert ran.code == 2 and "there is no file" in ran.json()["error"]


def test_a_signature_that_cannot_be_checked_here(draglab, model, signed, monkeypatch):
    assert draglab("generate", "-s", 7, "-m", model, "-o", "a.png").code == 0
    monkeypatch.setattr("draglab.media.provenance.checking.find_spec", lambda name: None)
    assert draglab("verify", "a.png").code == 5


def test_options_before_the_command(draglab, model, signed, tmp_path):
    from tests.media.provenance.certificates import write_chain

    files = write_chain(tmp_path)
    ran = draglab("--sign-with", files.certificate, files.key, "generate", "-s", 7, "-m", model, "-o", "a.png")
    assert ran.code == 0, ran.err
    report = draglab("verify", "a.png", "--trust", files.root, "--json").json()
    assert report["verdict"] == "intact" and report["credentials"]["signer"] == "Anna's studio"
    ran = draglab("--sign-with", files.key, files.key, "drag", "--seed", 7, "-m", model, *DRAG)
    assert ran.code == 2 and "both PEM" in ran.err and not Path("dragged.png").exists()
    ran = draglab("--no-sign", "--sign-with", files.certificate, files.key, "demo")
    assert ran.code == 2 and "exclude each other" in ran.err
    ran = draglab("--no-sign", "--visible-mark", "generate", "-s", 7, "-m", model, "-o", "b.png")
    assert ran.code == 0 and not found_in(read("b.png")).credentials
    assert origin_in(read("b.png")).marked
