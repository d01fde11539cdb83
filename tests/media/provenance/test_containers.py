"""Where statements lie in files: other programs find them, pictures stay as they were, and no file can do harm."""

from __future__ import annotations

import io
import random
import re
import struct

import av
import numpy as np
import pytest
from PIL import Image

from draglab.media.images import encode_image, save_image
from draglab.media.provenance.containers import MAX_PARTS, find, kind_of
from draglab.media.provenance.origin import edited, generated
from draglab.media.provenance.xmp import packet_of
from draglab.media.video import open_video
from tests.media.provenance.pictures import KINDS, film, picture, written
from tests.provenance import found_in, origin_in

ORIGIN = generated("heads", "a" * 64, 7)


@pytest.mark.parametrize("name", KINDS)
def test_it_is_written_and_found(tmp_path, name):
    data = written(tmp_path / name, ORIGIN)
    found = found_in(data)
    assert found.xmp == packet_of(ORIGIN) and not found.credentials
    assert data.count(packet_of(ORIGIN)) == 1
    assert origin_in(data) == ORIGIN


@pytest.mark.parametrize("name", KINDS)
def test_the_same_picture_gives_the_same_file(tmp_path, name):
    assert written(tmp_path / name, ORIGIN) == written(tmp_path / f"again_{name}", ORIGIN)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_pillow_finds_it(kind):
    with Image.open(io.BytesIO(encode_image(picture(), ORIGIN, kind))) as image:
        image.load()
        xmp = image.info["xmp"] if kind != "PNG" else image.info["XML:com.adobe.xmp"].encode()
        assert xmp == packet_of(ORIGIN)
        assert image.getexif()[0x010E] == ORIGIN.description
        if kind == "PNG":
            assert (np.asarray(image) == picture()).all()


def test_a_gif_plays_as_before_and_its_block_is_what_adobe_describes(tmp_path):
    data = written(tmp_path / "a.gif", ORIGIN)
    with Image.open(tmp_path / "a.gif") as image:
        assert (getattr(image, "n_frames", 1), image.info["loop"]) == (3, 0)
    # Application extension, the packet, and a trailer from which any walk over blocks comes to the end.
    trailer = b"\x01" + bytes(range(255, -1, -1)) + b"\0"
    block = b"\x21\xff\x0bXMP DataXMP" + packet_of(ORIGIN) + trailer
    assert data.endswith(block + b"\x3b") and data.startswith(b"GIF89a")
    assert data.index(b"NETSCAPE2.0") < 13 + 768 + 30


def test_an_mp4_plays_as_before_and_its_box_is_the_last(tmp_path):
    data = written(tmp_path / "a.mp4", ORIGIN)
    box = bytes.fromhex("be7acfcb97a942e89c71999491e3afac") + packet_of(ORIGIN)
    assert data.endswith(struct.pack(">I4s", len(box) + 8, b"uuid") + box)
    with av.open(str(tmp_path / "a.mp4")) as video:
        assert len(list(video.decode(video=0))) == 3
        assert video.metadata["comment"] == ORIGIN.description


def test_a_jpeg_keeps_its_order(tmp_path):
    data = encode_image(picture(), ORIGIN, "JPEG")
    assert (
        data.index(b"JFIF")
        < data.index(b"Exif\0")
        < data.index(b"http://ns.adobe.com/xap/1.0/\0")
        < data.index(b"\xff\xdb")
    )


def test_what_is_no_picture_is_not_searched():
    for data in (b"", b"x", b"GIF90a" + bytes(20), b"RIFF\0\0\0\0AVI ", bytes(100)):
        assert find(io.BytesIO(data)) is None and kind_of(data[:12]) is None


@pytest.mark.parametrize("name", KINDS)
def test_files_that_are_cut_off_or_changed_never_raise(tmp_path, name):
    data = written(tmp_path / name, ORIGIN)
    chance = random.Random(0)
    for end in [*range(min(len(data), 60)), *chance.sample(range(len(data)), 200)]:
        find(io.BytesIO(data[:end]))
    for _ in range(400):
        changed = bytearray(data)
        for _ in range(chance.randint(1, 4)):
            changed[chance.randrange(12, min(len(data), 900))] = chance.choice(
                [0, 1, 0x7F, 0xFF, chance.randrange(256)]
            )
        find(io.BytesIO(bytes(changed)))


@pytest.mark.parametrize(
    "data",
    [
        b"\x89PNG\r\n\x1a\n" + b"\xff\xff\xff\xffiTXt" + bytes(40),
        b"\xff\xd8\xff\xe1\xff\xff" + b"http://ns.adobe.com/xap/1.0/\0",
        b"\xff\xd8\xff\xe1\0\0" + b"\xff\xe1\0\1" * 5,
        b"RIFF\xff\xff\xff\xffWEBPXMP \xff\xff\xff\xff",
        b"GIF89a" + b"\1\0\1\0\xf7\0\0" + bytes(768) + b"\x21\xff\x0bXMP DataXMP" + b"\xff" * 600,
        b"\0\0\0\x08ftyp" + b"\0\0\0\1uuid" + b"\xff" * 8 + bytes(40),
        b"\0\0\0\x08ftyp" + b"\0\0\0\0uuid" + bytes.fromhex("be7acfcb97a942e89c71999491e3afac"),
        b"\0\0\0\x08ftyp" + b"\0\0\0\7free" * 3,
    ],
)
def test_lengths_that_lie_find_nothing(data):
    found = find(io.BytesIO(data))
    assert found is not None and not found.credentials
    assert found.xmp is None or len(found.xmp) <= len(data)


def test_a_search_ends(monkeypatch):
    """A file of nothing but the smallest parts is given up on."""
    monkeypatch.setattr("draglab.media.provenance.containers.MAX_PARTS", 1000)
    box = struct.pack(">I4s", 24, b"uuid") + bytes.fromhex("d8fec3d61b0e483c92975828877ec481")
    head, tail = b"\0\0\0\x08ftyp", b"\0\0\0\x08free"
    near, far = find(io.BytesIO(head + tail * 998 + box)), find(io.BytesIO(head + tail * 999 + box))
    assert near is not None and far is not None
    assert near.credentials and not far.credentials
    assert MAX_PARTS >= 2**30 // 256


def test_a_mark_is_drawn_where_it_is_wanted(tmp_path, monkeypatch):
    plain = encode_image(picture(64, 96), edited([], "heads", None))
    monkeypatch.setenv("DRAGLAB_MARK", "on")
    labelled = encode_image(picture(64, 96), edited([], "heads", None))
    assert origin_in(labelled).marked and not origin_in(plain).marked
    changed = (np.asarray(Image.open(io.BytesIO(plain))) != np.asarray(Image.open(io.BytesIO(labelled)))).any(2)
    assert changed.any() and not changed[:40].any() and not changed[:, :60].any()
    assert changed.mean() < 0.08
    # A photo with an edit is told apart: its label is longer.
    photo = encode_image(picture(64, 96), edited([], "heads", None, put_back=True))
    longer = (np.asarray(Image.open(io.BytesIO(photo))) != np.asarray(Image.open(io.BytesIO(plain)))).any(2)
    assert longer.sum() > 1.5 * changed.sum()
    # On videos, too.
    with open_video(tmp_path / "a.gif", edited([], "heads", None)) as sink:
        film(sink)
    monkeypatch.delenv("DRAGLAB_MARK")
    with open_video(tmp_path / "b.gif", edited([], "heads", None)) as sink:
        film(sink)
    frames = [np.asarray(Image.open(tmp_path / name).convert("RGB")).astype(int) for name in ("a.gif", "b.gif")]
    corner = np.abs(frames[0] - frames[1])[-40:, -60:]
    assert corner.max() > 60


def test_files_hold_nothing_of_the_machine_or_the_person(tmp_path, monkeypatch):
    import getpass
    import platform

    monkeypatch.chdir(tmp_path)
    for name in KINDS:
        if name.endswith((".mp4", ".gif")):
            with open_video(name, edited([], str(tmp_path / "anna.draglab"), "a" * 64, photo=True)) as sink:
                film(sink)
        else:
            save_image(name, picture(), edited([], str(tmp_path / "anna.draglab"), "a" * 64, photo=True))
        data = (tmp_path / name).read_bytes()
        for private in (str(tmp_path), "anna", platform.node(), getpass.getuser()):
            if len(private) > 3:
                assert private.encode() not in data
        assert not re.search(rb"/(home|root|Users|tmp)/", data)
