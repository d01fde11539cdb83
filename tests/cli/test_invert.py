"""`draglab invert`, and drags of its result."""

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from PIL import Image

from draglab import DraglabError, load_generator, load_photo
from draglab.cli.inversions import choose_face, several_faces
from draglab.inversion import Frame, FramedFace
from draglab.inversion.faces import has_dlib
from tests.inversion.pictures import own_image, smooth_picture

POINT = ("--point", "8,9:14.5,9", "--steps", "2", "--set", "stop_distance=0.01", "--set", "descent=first-order")


@pytest.fixture
def photo(tmp_path):
    path = tmp_path / "work" / "photo.png"
    path.parent.mkdir(exist_ok=True)
    Image.fromarray(smooth_picture(50, 60)).save(path)
    return path


def pixels(path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image)


def test_invert_drag_and_paste_back(draglab, model, photo):
    invert = (
        "invert",
        photo,
        "-m",
        model,
        "--box",
        "30,25,40,5",
        "--fast",
        "--heat-map",
        "heat.png",
        "--device",
        "cpu",
    )
    ran = draglab(*invert, "-o", "p.draglab")
    assert ran.code == 0, ran.err
    assert "frame 30.0,25.0,40.0,5.0 of 60x50" in ran.out
    assert "LPIPS 0." in ran.out
    assert "wrote p.draglab, heat.png" in ran.out
    assert sorted(os.listdir()) == ["heat.png", "p.draglab", "photo.png"]
    ran = draglab("drag", "p.draglab", *POINT, "--set", "feature_resolution=16", "-o", "crop.png", "--save", "e.json")
    assert ran.code == 0, ran.err
    assert pixels("crop.png").shape == (32, 32, 3)
    ran = draglab("drag", "p.draglab", *POINT, "--set", "feature_resolution=16", "-o", "back.png", "--paste-back")
    assert ran.code == 0, ran.err
    expected = load_photo("p.draglab", device="cpu").paste(pixels("crop.png"))
    assert (pixels("back.png") == expected).all()
    assert expected.shape == (50, 60, 3)
    stitched = draglab(
        "drag", "p.draglab", *POINT, "--set", "feature_resolution=16", "-o", "st.png", "--paste-back", "--stitch"
    )
    assert stitched.code == 0, stitched.err
    with Image.open("st.png") as image:
        assert image.size == (60, 50)
    assert (pixels("st.png") == expected).mean() > 0.1
    # The edit file names the photo and replays to the same pixels, in the crop or in the photo.
    assert draglab("drag", "e.json", "-o", "again.png", "--device", "cpu").code == 0
    assert (pixels("again.png") == pixels("crop.png")).all()
    assert draglab("drag", "e.json", "-o", "again.png", "--paste-back", "--device", "cpu").code == 0
    assert (pixels("again.png") == expected).all()


def test_json_and_the_middle_of_the_photo(draglab, model, photo):
    ran = draglab("invert", photo, "-m", model, "--no-align", "--fast", "--json", "--reference")
    assert ran.code == 0, ran.err
    found = ran.json()
    assert found["frame"] == {"x": 29.5, "y": 24.5, "size": 50, "angle": 0.0}
    assert found["quality"]["lpips"] < found["quality"]["lpips_projection"]
    assert found["verdict"]
    assert not found["interrupted"]
    (name,) = found["files"].values()
    assert load_photo(name).pixels.shape == (50, 60, 3)
    assert os.path.getsize(name) < 100_000


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("invert", "none.png", "--no-align"), "there is no photo none.png"),
        (("invert", "photo.png", "--fast", "--best"), "--fast, --best and --pti exclude each other"),
        (("invert", "photo.png", "--no-align", "--box", "1,2,3"), "--box and --no-align exclude each other"),
        (("invert", "photo.png", "--face", "2", "--box", "1,2,3"), "leave --box and --no-align out"),
        (("invert", "photo.png", "a/photo.jpg", "--face", "2"), "--face and --heat-map are for one photo"),
        (("invert", "photo.png", "--box", "1,2"), "as in --box 320,240,400,0"),
        (("invert", "photo.png", "--box", "500,2,30"), "outside the photo of 60x50"),
        (("invert", "photo.png", "-o", "a.png"), "ends in .draglab"),
        (("invert", "photo.png", "photo.png", "-o", "a.draglab"), "2 photos do not fit into the file a.draglab"),
        (("invert", "photo.png", "a/photo.jpg", "--box", "1,2,3"), "--box, --face and --heat-map are for one photo"),
        (("invert", "photo.png", "a/photo.jpg", "-o", "photo.png"), "cannot make the folder photo.png: File exists"),
        (("invert", "photo.png", "photo.jpg"), "photo.png and photo.jpg would both become photo.draglab"),
        (("invert", "photo.png", "-o", "no/a.draglab"), "there is no such directory"),
        (("drag", "photo.png", "--point", "1,2:3,4"), "a photo must first be brought into a model"),
        (("drag", "none.draglab", "--point", "1,2:3,4"), "there is no photo file none.draglab"),
        (("drag", "photo.draglab"), "no points were given"),
        (("drag", "photo.draglab", "--seed", "1", "--point", "1,2:3,4"), "a file has its own start"),
        (("drag", "photo.draglab", "--stitch", "--point", "1,2:3,4"), "add --paste-back"),
        (("drag", "--seed", "1", "--paste-back", "--point", "8,9:14,9"), "--paste-back needs a photo"),
    ],
)
def test_bad_input(draglab, model, photo, arguments, message):
    model_option = (
        ()
        if arguments[1].endswith(".draglab") or (arguments[1] == "photo.png" and arguments[0] == "drag")
        else ("-m", model)
    )
    ran = draglab(*arguments, *model_option)
    assert ran.code == 2
    assert message in ran.err
    assert len(ran.err.splitlines()) == 1
    assert os.listdir() == ["photo.png"]


# The published scheme with fewer steps.
SHORT = """
from draglab.inversion import InversionSettings
published = InversionSettings.pti
InversionSettings.pti = lambda **changes: published(projection_steps=120, tuning_steps=80, **changes)
"""


def start(folder, *arguments, before: str = "") -> subprocess.Popen:
    """The command line in a process of its own. before: code to run in it first."""
    program = f"{before}\nimport sys; from draglab.cli.main import main; sys.exit(main(sys.argv[1:]))"
    return subprocess.Popen(
        [sys.executable, "-c", program, *map(str, arguments)],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_for(path, process: subprocess.Popen) -> None:
    until = time.monotonic() + 60
    while not path.exists():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < until
        time.sleep(0.02)


def test_ctrl_c_keeps_the_best_so_far(model, photo):
    arguments = ("invert", photo, "-m", model, "--no-align", "--pti", "--json", "-o", "p.draglab")
    process = start(photo.parent, *arguments)
    wait_for(photo.parent / "p.draglab.resume", process)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    found = json.loads(out)
    assert found["interrupted"]
    assert 0 < found["quality"]["projection_steps"] < 450
    assert load_photo(photo.parent / "p.draglab").pixels.shape == (50, 60, 3)


def test_going_on_after_kill(model, photo):
    arguments = ("invert", photo, "-m", model, "--no-align", "--pti", "--json", "-o", "p.draglab")
    process = start(photo.parent, *arguments, before=SHORT)
    wait_for(photo.parent / "p.draglab.resume", process)
    time.sleep(0.3)
    process.kill()
    process.communicate()
    assert not (photo.parent / "p.draglab").exists()
    whole = start(photo.parent, *arguments[:-1], "q.draglab", before=SHORT)
    again = start(photo.parent, *arguments, "--resume", before=SHORT)
    outputs = [process.communicate(timeout=120) for process in (whole, again)]
    assert (whole.returncode, again.returncode) == (0, 0), outputs
    assert not (photo.parent / "p.draglab.resume").exists()
    results = [load_photo(photo.parent / name).generator.sha256 for name in ("p.draglab", "q.draglab")]
    assert results[0] == results[1]


def test_many_photos_of_which_one_is_broken(draglab, model, photo):
    """The broken one is reported, the others are made; --resume makes what is missing, and nothing else."""
    Image.fromarray(smooth_picture(40, 40, 1)).save("other.jpg")
    (photo.parent / "broken.png").write_bytes(photo.read_bytes()[:300])
    command = ("invert", "photo.png", "broken.png", "none.png", "other.jpg", "-m", model, "--no-align", "--fast")
    ran = draglab(*command, "-o", "made")
    assert ran.code == 2
    errors = ran.err.splitlines()
    assert [line.split(":")[1].strip() for line in errors[:2]] == ["broken.png", "none.png"]
    assert "damaged" in errors[0]
    assert errors[2:] == ["draglab: 2 of 4 photos could not be inverted; the others are done"]
    assert "other.jpg (4 of 4):" in ran.out
    assert sorted(os.listdir("made")) == ["other.draglab", "photo.draglab"]
    assert load_photo("made/photo.draglab", device="cpu").pixels.shape == (50, 60, 3)

    Image.fromarray(smooth_picture(40, 60, 2)).save("broken.png")
    before = os.stat("made/photo.draglab").st_mtime_ns
    ran = draglab(*command, "-o", "made", "--resume", "--json")
    assert ran.code == 2
    found = ran.json()["photos"]
    assert [one["photo"] for one in found] == ["photo.png", "broken.png", "none.png", "other.jpg"]
    assert [one.get("skipped", False) for one in found] == [True, False, False, True]
    assert "there is no photo" in found[2]["error"]
    assert found[1]["quality"]["lpips"] < found[1]["quality"]["lpips_projection"]
    assert os.stat("made/photo.draglab").st_mtime_ns == before

    # Another photo of that name is not taken for the one that is done; without --resume everything is made again.
    Image.fromarray(smooth_picture(50, 60, 5)).save(photo)
    ran = draglab("invert", photo, "-m", model, "--no-align", "--fast", "-o", "made", "--resume", "--json")
    assert ran.code == 0
    assert "skipped" not in ran.json()
    ran = draglab("invert", photo, "-m", model, "--no-align", "--fast", "-o", "made", "--resume")
    assert ran.out == "made/photo.draglab is there already: skipped\n"
    assert "wrote made/photo.draglab" in draglab("invert", photo, "-m", model, "--no-align", "--fast", "-o", "made").out


def test_ctrl_c_ends_many_photos_and_resume_goes_on(model, photo):
    for seed in (1, 2):
        Image.fromarray(smooth_picture(50, 60, seed)).save(photo.parent / f"{seed}.png")
    arguments = ("invert", photo, "1.png", "2.png", "-m", model, "--no-align", "--best", "--json", "-o", "made")
    made = photo.parent / "made"
    process = start(photo.parent, *arguments)
    wait_for(made / "1.draglab.resume", process)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert [one["interrupted"] for one in json.loads(out)["photos"]] == [False, True]
    assert sorted(os.listdir(made)) == ["1.draglab", "1.draglab.resume", "photo.draglab"]
    process = start(photo.parent, *arguments, "--resume")
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    found = json.loads(out)["photos"]
    assert [one.get("skipped", False) for one in found] == [True, False, False]
    assert found[1]["quality"]["projection_steps"] == 120
    assert sorted(os.listdir(made)) == ["1.draglab", "2.draglab", "photo.draglab"]


def faces(count: int) -> list[FramedFace]:
    return [FramedFace(Frame(10.0 * n, 20, 30), Frame(10.0 * n + 0.4, 18, 15)) for n in range(1, count + 1)]


def test_a_face_is_chosen_by_its_number():
    assert choose_face(faces(3), 2) == faces(3)[1]
    with pytest.raises(DraglabError, match="3 faces were found in the photo: give --face 1 to 3, or place"):
        choose_face(faces(3), 4)
    with pytest.raises(DraglabError, match="one face was found in the photo: give --face 1, or place"):
        choose_face(faces(1), 2)


def test_the_report_says_which_of_several_faces_was_taken():
    two = "It shows 2 faces, the largest first: 1 at 10,18, 2 at 20,18 (taken). For another, give --face."
    assert several_faces(faces(2), 2) == two
    crowd = several_faces(faces(20), 19)
    assert crowd.startswith("It shows 20 faces, the largest first: 1 at 10,18, 2 at 20,18, ")
    assert crowd.endswith(", 6 at 60,18, 19 at 190,18 (taken) and others. For another, give --face.")


@pytest.mark.skipif(not has_dlib(), reason="the extra dlib is not installed")
def test_the_second_of_two_faces_is_inverted(draglab):
    heads = load_generator("heads", device="cpu")
    small = np.asarray(Image.fromarray(own_image(heads, 12)).resize((180, 180)))
    pair = np.full((256, 436, 3), 120, np.uint8)
    pair[76:, :180], pair[:, 180:] = small, own_image(heads, 31)
    Image.fromarray(pair).save("pair.png")
    ran = draglab("invert", "pair.png", "-m", "heads", "--fast", "--face", "2", "--json", "--device", "cpu")
    assert ran.code == 0, ran.err
    found = ran.json()
    assert found["face"] == 2 and len(found["faces"]) == 2
    assert np.hypot(found["frame"]["x"] - 90, found["frame"]["y"] - 166) < 20
    assert np.hypot(found["faces"][0]["x"] - 308, found["faces"][0]["y"] - 128) < 50
    assert len(found["notes"]) == 1 and found["notes"][0].startswith("It shows 2 faces")
