import json
import os
import re

import av
import numpy as np
import pytest
from PIL import Image

from draglab import DragEdit, DragSettings, drag_steps, load_generator
from draglab.dragging import DragRun
from draglab.media.edit_file import load_edit_file

POINT = ("--point", "8,9:14.5,9")
SHORT = ("--steps", "3", "--set", "stop_distance=0.01")


def pixels(path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image)


def test_drag_writes_everything(draglab, model):
    ran = draglab(
        "drag", "-m", model, "--seed", 7, *POINT, *SHORT, "-o", "a.png", "--video", "a.mp4", "--save", "e.json"
    )
    assert ran.code == 0, ran.err
    assert "3 steps in " in ran.out
    assert "wrote a.png, a.mp4, e.json" in ran.out
    assert sorted(os.listdir()) == ["a.mp4", "a.png", "e.json"]
    assert pixels("a.png").shape == (32, 32, 3)
    with av.open("a.mp4") as video:
        assert len(list(video.decode(video=0))) == 20 + 3 * 4 + 20


def test_what_does_not_arrive_keeps_its_best_step_and_says_so(draglab, model):
    generator = load_generator(model, device="cpu")
    edit = DragEdit([(8, 9)], [(14.5, 9)])
    steps = list(drag_steps(generator, generator.w_plus_from_seed(7), edit, DragSettings(max_steps=9, descent="first-order")))
    best = min(steps, key=lambda step: step.distances.mean())
    assert best.index < 9
    common = ("drag", "-m", model, "--seed", 7, *POINT, "--steps", 9, "--save", "e.json", "--device", "cpu")
    common += ("--set", "descent=first-order")
    ran = draglab(*common, "-o", "a.png")
    assert ran.code == 0, ran.err
    left = f"{best.distances[0]:.1f} px are left"
    assert f"Stopped at the limit of 9 steps (max_steps); {left}. Step {best.index} of 9 is kept." in ran.out
    assert (pixels("a.png") == best.image()).all()
    told = draglab(*common, "--json").json()["rounds"][0]
    assert (told["stop_reason"], told["steps"], told["steps_run"]) == ("max_steps", best.index, 9)
    assert draglab("drag", "e.json", "-o", "b.png", "--device", "cpu").code == 0
    assert (pixels("b.png") == pixels("a.png")).all()


def test_a_drag_without_progress_says_so(draglab, model, monkeypatch):
    conclude = DragRun.conclude

    def stalls(self: DragRun, *found):
        step = conclude(self, *found)
        self.stop_reason = "stalled"
        return step

    monkeypatch.setattr(DragRun, "conclude", stalls)
    ran = draglab("drag", "-m", model, "--seed", 7, *POINT)
    assert re.search(r"^Stopped: the point no longer moves closer; \d\.\d px are left\.$", ran.out, re.MULTILINE)


def test_an_edit_file_replays_to_the_same_pixels(draglab, model):
    draglab("drag", "-m", model, "--seed", 7, *POINT, *SHORT, "--truncation", 0.7, "-o", "a.png", "--save", "e.json")
    ran = draglab("drag", "e.json", "-o", "b.png", "--save", "f.json")
    assert ran.code == 0, ran.err
    assert (pixels("a.png") == pixels("b.png")).all()
    with open("e.json") as first, open("f.json") as second:
        assert json.load(first) == json.load(second)


def test_a_point_adds_a_round_to_an_edit_file(draglab, model):
    draglab("drag", "-m", model, "--seed", 7, *POINT, *SHORT, "-o", "a.png", "--save", "e.json")
    ran = draglab("drag", "e.json", "--point", "20,20:20,26", *SHORT, "-o", "b.png", "--save", "f.json", "--json")
    assert ran.code == 0, ran.err
    assert [one["targets"] for one in ran.json()["rounds"]] == [[[14.5, 9]], [[20, 26]]]
    again = draglab("drag", "f.json", "-o", "c.png")
    assert again.code == 0, again.err
    assert (pixels("b.png") == pixels("c.png")).all()
    assert (pixels("a.png") != pixels("b.png")).any()


def test_json_is_all_there_is_on_standard_output(draglab, model):
    ran = draglab("drag", "-m", model, "--seed", 7, *POINT, "-p", "20,20:20,26", *SHORT, "--json")
    told = ran.json()
    assert ran.code == 0
    assert told["steps"] == told["rounds"][0]["steps"] == 3
    assert told["rounds"][0]["stop_reason"] == "max_steps"
    assert np.array(told["rounds"][0]["handles"]).shape == (2, 2)
    assert len(told["rounds"][0]["distances"]) == 2
    assert told["files"] == {"image": "dragged.png"}
    assert told["interrupted"] is False
    assert told["start"]["seed"] == 7


def test_options_reach_the_settings(draglab, model):
    changes = ("feature_resolution=16", "r1=4", "latent_space=w", "mask_weight=0", "patience=9", "subpixel=true")
    options = ("--preset", "paper", *(word for change in changes for word in ("--set", change)))
    ran = draglab("drag", "-m", model, "--seed", 7, *POINT, "--steps", 1, *options, "--save", "e.json")
    assert ran.code == 0, ran.err
    with open("e.json") as file:
        settings = json.load(file)["rounds"][0]["settings"]
    assert (settings["anchor"], settings["patience"], settings["subpixel"]) == (0, 9, True)
    assert (settings["feature_resolution"], settings["r1"], settings["latent_space"]) == (16, 4, "w")
    assert (settings["mask_weight"], settings["max_steps"]) == (0, 1)


def test_a_mask_is_used_and_saved(draglab, model):
    mask = np.zeros((32, 32), bool)
    mask[:16] = True
    Image.fromarray(mask).save("m.png")
    common = ("drag", "-m", model, "--seed", 7, *POINT, *SHORT)
    draglab(*common, "-o", "free.png")
    ran = draglab(*common, "--mask", "m.png", "-o", "a.png", "--save", "e.json")
    assert ran.code == 0, ran.err
    assert (pixels("free.png") != pixels("a.png")).any()
    draglab("drag", "e.json", "-o", "b.png")
    assert (pixels("a.png") == pixels("b.png")).all()


def test_a_mask_may_be_a_shape(draglab, model):
    rows, columns = np.mgrid[:32, :32]
    shapes = {
        "circle:10,9,8.5": np.hypot(columns - 10, rows - 9) <= 8.5,
        "rect:2,3,20,15": (columns >= 2) & (columns <= 20) & (rows >= 3) & (rows <= 15),
    }
    for shape, movable in shapes.items():
        Image.fromarray(movable).save("m.png")
        common = ("drag", "-m", model, "--seed", 7, *POINT, *SHORT)
        assert draglab(*common, "--mask", "m.png", "-o", "file.png").code == 0
        ran = draglab(*common, "--mask", shape, "-o", "shape.png", "--save", "e.json")
        assert ran.code == 0, ran.err
        assert (pixels("file.png") == pixels("shape.png")).all()
        (saved,) = load_edit_file("e.json").rounds
        assert (saved.movable() == movable).all()


@pytest.mark.parametrize("name", ["a.gif", "a.mp4"])
def test_videos_end_with_the_edited_image(draglab, model, name: str):
    ran = draglab("drag", "-m", model, "--seed", 7, *POINT, *SHORT, "-o", "a.png", "--video", name)
    assert ran.code == 0, ran.err
    if name.endswith("gif"):
        with Image.open(name) as image:
            image.seek(getattr(image, "n_frames", 1) - 1)
            last = np.asarray(image.convert("RGB"))
    else:
        with av.open(name) as video:
            last = list(video.decode(video=0))[-1].to_ndarray(format="rgb24", src_colorspace="ITU709")
    assert last.shape == (512, 512, 3)
    average = last.reshape(32, 16, 32, 16, 3).mean((1, 3))
    assert np.abs(average - pixels("a.png")).mean() < 12


def test_help_settings_lists_each_with_its_default(draglab):
    ran = draglab("drag", "--help-settings")
    assert ran.code == 0, ran.err
    for name in DragSettings.infos():
        assert f"{name}=" in ran.out
    assert "patience=24  (whole number, at least 1, none)" in ran.out
    assert "latent_space=w+  (w+|w)" in ran.out
