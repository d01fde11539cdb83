"""Files of inverted photos: they come back the same, and damaged or hostile ones are refused in one line."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

import draglab
from draglab import DraglabError
from draglab.checkpoints import save_generator
from draglab.inversion import Frame, Inversion, InvertedPhoto, invert, whole_frame
from draglab.inversion import photo_file as files
from draglab.inversion.resume import ResumeFile
from tests.inversion.pictures import QUICK, smooth_picture
from tests.tiny import tiny_generator


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With a model and an inverted photo."""
    path = tmp_path_factory.mktemp("photos")
    save_generator(tiny_generator(), path / "tiny.safetensors")
    generator = draglab.load_generator(path / "tiny.safetensors", device="cpu")
    inversion = Inversion(
        generator, smooth_picture(50, 60), Frame(30, 25, 40, 5), QUICK, str(path / "tiny.safetensors")
    )
    list(inversion)
    photo = inversion.photo()
    photo.save(path / "photo.draglab")
    Image.fromarray(photo.pixels).save(path / "photo.png")
    photo.save(path / "reference.draglab", "photo.png")
    return path


def same(one: InvertedPhoto, other: InvertedPhoto) -> bool:
    assert (one.frame, one.quality, one.model_sha256) == (other.frame, other.quality, other.model_sha256)
    assert (one.pixels == other.pixels).all()
    assert torch.equal(one.w_plus, other.w_plus)
    return one.generator.sha256 == other.generator.sha256


def test_a_photo_comes_back(folder: Path, tmp_path: Path) -> None:
    first = draglab.load_photo(folder / "photo.draglab", device="cpu")
    assert first.generator.sha256 != first.model_sha256
    assert first.differences.tensors
    first.save(tmp_path / "again.draglab")
    assert same(first, draglab.load_photo(tmp_path / "again.draglab", device="cpu"))


def test_the_result_is_what_the_file_holds(tmp_path: Path) -> None:
    """Rounding to float16 is part of the result, not of the file: an edit replays to the same pixels."""
    generator = tiny_generator()
    photo = invert(generator, smooth_picture(50, 60), whole_frame((50, 60), (32, 32)), QUICK)
    photo.save(tmp_path / "a.draglab")
    assert same(photo, draglab.load_photo(tmp_path / "a.draglab", model=generator))


def test_a_reference_instead_of_the_pixels(folder: Path, tmp_path: Path) -> None:
    assert same(*(draglab.load_photo(folder / name, device="cpu") for name in ("photo.draglab", "reference.draglab")))
    assert (folder / "reference.draglab").stat().st_size < (folder / "photo.draglab").stat().st_size
    for name in ("reference.draglab", "tiny.safetensors"):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    with pytest.raises(DraglabError, match=r"photo.png is not there: put it back"):
        draglab.load_photo(tmp_path / "reference.draglab", device="cpu")
    Image.fromarray(smooth_picture(50, 60, 9)).save(tmp_path / "photo.png")
    with pytest.raises(DraglabError, match="is not the one that was inverted"):
        draglab.load_photo(tmp_path / "reference.draglab", device="cpu")


def test_another_model_is_refused(folder: Path) -> None:
    with pytest.raises(DraglabError, match="was made with another model"):
        draglab.load_photo(folder / "photo.draglab", model=tiny_generator(z_dim=8))
    with pytest.raises(DraglabError, match="was made with another model"):
        draglab.load_photo(folder / "photo.draglab", model="heads")


def changed(folder: Path, tmp_path: Path, **changes) -> Path:
    """The photo with other metadata ("info.NAME" or a name) or tensors (None = left out)."""
    data = (folder / "photo.draglab").read_bytes()
    header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    metadata, tensors = header["__metadata__"], safetensors.torch.load(data)
    info = json.loads(metadata["info"])
    for name, value in changes.items():
        if name in info or name == "surplus":
            info[name] = value
        elif name in metadata:
            metadata[name] = value
        elif value is None:
            tensors.pop(name)
        else:
            tensors[name] = value
    path = tmp_path / "changed.draglab"
    path.write_bytes(safetensors.torch.save(tensors, {**metadata, "info": json.dumps(info)}))
    return path


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"version": "2"}, "written by a newer draglab"),
        ({"format": "other"}, "is not an inverted photo"),
        ({"surplus": 1}, "surplus"),
        ({"model_sha256": "no"}, "model_sha256"),
        ({"model_name": ""}, "model_name"),
        ({"frame": {"x": 1, "y": 1, "size": 1e9, "angle": 0}}, "side of 1e\\+09 px does not fit"),
        ({"frame": {"x": 1, "y": 1}}, "frame"),
        ({"photo": None}, "either the photo or its path"),
        ({"photo_path": "a.png"}, "either the photo or its path"),
        ({"photo": torch.zeros(9, dtype=torch.uint8)}, "not a picture that can be read"),
        ({"photo_sha256": "0" * 64}, "is not the one that was inverted"),
        ({"w_plus": None}, "is damaged"),
        ({"w_plus": torch.zeros(3, 16)}, "w_plus has shape"),
        ({"w_plus": torch.full((8, 16), float("nan"))}, "is damaged"),
        ({"other": torch.zeros(2)}, "is damaged"),
        ({"difference.other": torch.zeros(2).half()}, "is damaged"),
        ({"difference.synthesis.b8.conv1.weight": torch.zeros(2).half()}, "does not fit the model"),
        ({"difference.synthesis.b8.conv1.weight": torch.zeros(16, 16, 3, 3)}, "is damaged"),
        ({"difference.synthesis.b8.conv1.weight": None}, "is damaged"),
    ],
)
def test_changed_files(folder: Path, tmp_path: Path, changes: dict, message: str) -> None:
    with pytest.raises(DraglabError, match=message) as caught:
        draglab.load_photo(changed(folder, tmp_path, **changes), device="cpu")
    assert "\n" not in str(caught.value)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 3000), st.binary(min_size=1, max_size=4), st.booleans())
def test_damaged_files(folder: Path, tmp_path: Path, at: int, data: bytes, cut_off: bool) -> None:
    """Bytes of the header are replaced, or the file is cut off: it opens, or one line says why not."""
    content = bytearray((folder / "photo.draglab").read_bytes())
    content[at : at + len(data)] = data
    path = tmp_path / "damaged.draglab"
    path.write_bytes(content[: at + 1] if cut_off else content)
    try:
        draglab.load_photo(path, device="cpu")
    except DraglabError as error:
        assert "\n" not in str(error)
    assert not cut_off or isinstance(_error(path), DraglabError)


def _error(path: Path) -> Exception | None:
    try:
        files.read_photo_file(path)
    except Exception as error:
        return error
    return None


def test_a_huge_header_is_refused_unparsed(tmp_path: Path) -> None:
    header = b'{"a":"' + b"x" * (files.HEADER_LIMIT + 1) + b'"}'
    (tmp_path / "a.draglab").write_bytes(len(header).to_bytes(8, "little") + header)
    with pytest.raises(DraglabError, match="header that is too large"):
        files.read_photo_file(tmp_path / "a.draglab")
    with pytest.raises(DraglabError, match="there is no photo file"):
        files.read_photo_file(tmp_path / "b.draglab")


def test_unfinished_inversions(tmp_path: Path) -> None:
    generator, picture = tiny_generator(), smooth_picture(50, 60)
    frame = whole_frame((50, 60), (32, 32))
    kept = ResumeFile(tmp_path / "a.draglab")
    whole = Inversion(generator, picture, frame, QUICK)
    for step in whole:
        if step.stage == "tuning" and step.index == 2:
            kept.write(whole)
    again = Inversion(generator, picture, frame, QUICK)
    assert kept.restore(again)
    assert len(list(again)) == 2
    assert again.photo().generator.sha256 == whole.photo().generator.sha256
    with pytest.raises(DraglabError, match="an inversion with another frame"):
        kept.restore(Inversion(generator, picture, Frame(30, 25, 40), QUICK))
    with pytest.raises(DraglabError, match="an inversion with another photo"):
        kept.restore(Inversion(generator, smooth_picture(50, 60, 8), frame, QUICK))
    kept.path.write_bytes(kept.path.read_bytes()[:-9])
    with pytest.raises(DraglabError, match="is damaged"):
        kept.restore(again)
    kept.remove()
    assert not kept.restore(again)


def test_nothing_of_the_file_is_written_on_failure(folder: Path, tmp_path: Path) -> None:
    photo = draglab.load_photo(folder / "photo.draglab", device="cpu")
    with pytest.raises(DraglabError, match="there is no such directory"):
        photo.save(tmp_path / "missing" / "a.draglab")
    assert list(tmp_path.iterdir()) == []


def test_pixels_are_known_by_their_size_as_well() -> None:
    flat = np.zeros((2, 6, 3), np.uint8)
    assert files.pixel_hash(flat) != files.pixel_hash(flat.reshape(3, 4, 3))
