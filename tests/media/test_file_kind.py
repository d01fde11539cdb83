"""Files that are no edit files are told what they are; on the server and in the page alike."""

from __future__ import annotations

import io
import json
import pickle
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy
import torch
from PIL import Image

from draglab.errors import DraglabError
from draglab.media.edit_file import parse_edit_file
from draglab.media.file_kind import not_an_edit_file
from draglab.media.provenance.origin import drawn
from draglab.media.video import open_video

SCRIPT = Path(__file__).resolve().parents[2] / "src/draglab/server/static/js/sniff.js"


def picture(kind: str) -> bytes:
    data = io.BytesIO()
    Image.new("RGB", (40, 30), (255, 0, 0)).save(data, format=kind)
    return data.getvalue()


def torch_file() -> bytes:
    data = io.BytesIO()
    torch.save({"w": torch.zeros(2)}, data)
    return data.getvalue()


def arrays() -> bytes:
    data = io.BytesIO()
    np.savez(data, w=np.zeros(3))
    return data.getvalue()


def video(folder: Path) -> bytes:
    with open_video(folder / "a.mp4", drawn("A test."), 20) as film:
        film.add(np.zeros((64, 64, 3), np.uint8))
    return (folder / "a.mp4").read_bytes()


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    return {
        **{f"a {kind} picture": picture(kind) for kind in ("PNG", "JPEG", "GIF", "WebP", "BMP", "TIFF")},
        "a video": video(tmp_path_factory.mktemp("video")),
        "a PDF document": b"%PDF-1.7 ...",
        "looks like a model: safetensors": safetensors.numpy.save({"w": np.zeros(3)}),
        "looks like a model: pickle": pickle.dumps({"G_ema": 1}, protocol=2),
        "looks like a model: pt": torch_file(),
        "looks like a model: npz": arrays(),
    }


def test_what_is_no_edit_file_is_told_what_it_is(files):
    for what, data in files.items():
        with pytest.raises(DraglabError) as refused:
            parse_edit_file(data, "holiday.json")
        assert str(refused.value).startswith("holiday.json ")
        assert what.partition(":")[0] in str(refused.value)
        assert "open an edit file (.json) that draglab has saved" in str(refused.value)
        assert not_an_edit_file(data[:64]) == not_an_edit_file(data)


@pytest.mark.parametrize("data", [b"", b"{", b'{"format": "draglab-edit"}', b"\xef\xbb\xbf{}", b"BM is text", b"[1]"])
def test_text_is_for_the_reader_of_edit_files(data):
    assert not_an_edit_file(data) is None


@pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")
def test_the_page_knows_the_same(files, tmp_path):
    cases = {what: list(data[:64]) for what, data in files.items()} | {"": list(b'{"format": "draglab-edit"}')}
    module = tmp_path / "sniff.mjs"
    module.write_text(SCRIPT.read_text())
    program = f"""
        import {{ kindOf }} from {json.dumps(module.as_uri())};
        const cases = {json.dumps(cases)}, said = {{}};
        for (const [what, data] of Object.entries(cases))
            said[what] = await kindOf(new Blob([new Uint8Array(data)]));
        console.log(JSON.stringify(said));
    """
    ran = subprocess.run(
        ["node", "--input-type=module", "-e", program], capture_output=True, text=True, timeout=60, check=True
    )
    said = json.loads(ran.stdout)
    assert said.pop("") == {"kind": "edit"}
    for what, found in said.items():
        kind = what.partition(":")[0]
        # The editor takes photos; an edit file is read by the server, which refuses pictures in its place.
        assert found["kind"] == "photo" if "picture" in kind else kind in found["problem"], (what, found)
