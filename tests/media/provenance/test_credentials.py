"""Manifests: c2pa's own reader accepts them in every kind of file, and finds what was changed."""

from __future__ import annotations

import io
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image

from draglab.media.images import encode_image
from draglab.media.provenance.credentials import manifest_of, seal
from draglab.media.provenance.origin import MOST_EDITS, drawn, edited, generated
from draglab.media.provenance.xmp import packet_of
from tests.media.provenance.pictures import KINDS, picture, written
from tests.provenance import accepted, actions_of, found_in, validated

pytestmark = pytest.mark.usefixtures("signed")
SETTINGS = {"max_steps": 3, "stop_distance": 0.5, "descent": "first-order", "reach": None, "hold": True}
DRAGGED = edited([(2, SETTINGS), (1, {})], "heads", "a" * 64, 7)


@pytest.mark.parametrize("name", KINDS)
def test_every_kind_of_file(tmp_path, name):
    data = written(tmp_path / name, DRAGGED)
    assert accepted(data, "trainedAlgorithmicMedia") == DRAGGED
    assert found_in(data).credentials and found_in(data).xmp == packet_of(DRAGGED)
    assert list(tmp_path.iterdir()) == [tmp_path / name]


@pytest.mark.parametrize("name", KINDS)
def test_a_changed_byte_is_found(tmp_path, name):
    """In the picture, and in the XMP, which the signature covers as well."""
    data = written(tmp_path / name, DRAGGED)
    words = data.index(b"points of a GAN image", data.index(b"xpacket"))
    picture_at = {"a.mp4": (b"mdat", 40), "a.webp": (b"VP8 ", 40), "a.gif": (b"\x2c\0\0\0\0", 60)}.get(name)
    at = len(data) - 20 if picture_at is None else data.index(picture_at[0]) + picture_at[1]
    for place in (words, at):
        changed = bytearray(data)
        changed[place] ^= 1
        state, codes, _ = validated(bytes(changed))
        assert state == "Invalid", (name, place)
        assert any(code.endswith("Hash.mismatch") for code in codes)


def test_the_picture_stays_as_it_was(tmp_path, monkeypatch):
    sealed = encode_image(picture(), DRAGGED)
    with Image.open(io.BytesIO(sealed)) as image:
        assert (np.asarray(image) == picture()).all()
    monkeypatch.setenv("DRAGLAB_SIGN", "off")
    plain = written(tmp_path / "a.mp4", DRAGGED)
    monkeypatch.setenv("DRAGLAB_SIGN", "on")
    signed = written(tmp_path / "b.mp4", DRAGGED)
    assert plain[plain.index(b"mdat") :] == signed[signed.index(b"mdat") :]
    import av

    with av.open(str(tmp_path / "b.mp4")) as video:
        assert len(list(video.decode(video=0))) == 3


def test_what_was_done_is_told():
    _, _, manifest = validated(encode_image(picture(), DRAGGED))
    created, first, second = actions_of(manifest)
    assert created["parameters"]["draglab.seed"] == 7
    assert created["parameters"]["draglab.model"] == "heads"
    assert first["action"] == second["action"] == "c2pa.edited"
    assert first["parameters"]["draglab.model_sha256"] == "a" * 64
    assert first["parameters"]["draglab.points"] == 2
    assert first["parameters"]["draglab.settings"] == SETTINGS
    assert manifest["claim_generator_info"][0]["name"] == "draglab"


def test_a_photo_is_an_ingredient():
    whole = encode_image(picture(), edited([(1, {})], "heads", "a" * 64, put_back=True))
    accepted(whole, "compositeWithTrainedAlgorithmicMedia", photo=True)
    _, _, manifest = validated(whole)
    assert [one["relationship"] for one in manifest["ingredients"]] == ["parentOf"]
    assert "thumbnail" not in manifest["ingredients"][0]
    assert [one["action"] for one in actions_of(manifest)] == ["c2pa.opened", "c2pa.edited"]
    crop = encode_image(picture(), generated("heads", "a" * 64, photo=True))
    accepted(crop, "trainedAlgorithmicMedia", photo=True)
    _, _, manifest = validated(crop)
    assert [one["relationship"] for one in manifest["ingredients"]] == ["inputTo"]
    assert len(actions_of(manifest)[0]["parameters"]["ingredients"]) == 1


def test_other_origins():
    accepted(encode_image(picture(), drawn("A map.")), "dataDrivenMedia")
    unknown = encode_image(picture(), edited([], "anna", None))
    accepted(unknown, "trainedAlgorithmicMedia")
    assert [one["action"] for one in actions_of(validated(unknown)[2])] == ["c2pa.created", "c2pa.edited"]


def test_many_rounds_are_summed_up():
    origin = edited([(1, SETTINGS)] * (MOST_EDITS + 5), "heads", "a" * 64)
    actions = actions_of(validated(encode_image(picture(), origin, "JPEG"))[2])
    assert len(actions) == 2 + MOST_EDITS
    assert actions[-1]["parameters"]["draglab.further_rounds"] == 5
    assert manifest_of(origin, "JPEG")["format"] == "image/jpeg"


def test_there_is_no_time_and_no_place_in_it():
    data = encode_image(picture(), DRAGGED)
    _, _, manifest = validated(data)
    assert "time" not in manifest["signature_info"]
    assert all("when" not in one for one in actions_of(manifest))


def test_only_what_draglab_wrote_is_sealed():
    buffer = io.BytesIO()
    Image.fromarray(picture()).save(buffer, format="PNG")
    with pytest.raises(ValueError, match="only what draglab has encoded"):
        seal(buffer.getvalue())


def test_threads_may_sign_at_once():
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda _: encode_image(picture(), DRAGGED), range(16)))
    assert all(validated(data)[0] == "Valid" for data in made)
    labels = {validated(data)[2]["label"] for data in made}
    assert len(labels) == 16
