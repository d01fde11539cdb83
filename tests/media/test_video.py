import os
import sys

import av
import numpy as np
import pytest
from PIL import Image

from draglab import DraglabError
from draglab.media.provenance.origin import edited
from draglab.media.video import check_video_support, open_video

ORIGIN = edited([], "heads", None)


def frames(count: int, height: int = 33, width: int = 47):
    """A gradient that brightens from frame to frame: smooth, so that compression keeps it."""
    y, x = np.mgrid[:height, :width]
    for i in range(count):
        yield np.stack([x * 4, y * 4, np.full_like(x, 20 * i)], axis=-1).clip(0, 255).astype(np.uint8)


def test_mp4_plays_back_with_the_same_colours(tmp_path):
    with open_video(tmp_path / "a.mp4", ORIGIN, fps=10) as video:
        for frame in frames(5, 512, 512):
            video.add(frame)
        video.add(frame, repeat=3)
    with av.open(str(tmp_path / "a.mp4")) as container:
        stream = container.streams.video[0]
        assert (stream.codec_context.name, stream.codec_context.pix_fmt) == ("h264", "yuv420p")
        assert stream.average_rate == 10
        assert "draglab" in container.metadata["comment"]
        decoded = [frame.to_ndarray(format="rgb24", src_colorspace="ITU709") for frame in container.decode(video=0)]
    assert len(decoded) == 8
    for got, wanted in zip(decoded, frames(5, 512, 512), strict=False):
        assert np.abs(got.astype(int) - wanted).mean() < 4


def test_mp4_can_start_before_it_is_loaded(tmp_path):
    with open_video(tmp_path / "a.mp4", ORIGIN) as video:
        for frame in frames(3):
            video.add(frame)
    data = (tmp_path / "a.mp4").read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")


@pytest.mark.parametrize("name", ["a.mp4", "a.gif"])
def test_small_and_odd_sizes_are_enlarged(tmp_path, name):
    with open_video(tmp_path / name, ORIGIN) as video:
        for frame in frames(2, 33, 47):
            video.add(frame)
    if name.endswith("gif"):
        with Image.open(tmp_path / name) as image:
            assert image.size == (47 * 16, 33 * 16)
    else:
        with av.open(str(tmp_path / name)) as container:
            assert (container.streams.video[0].width, container.streams.video[0].height) == (47 * 16, 33 * 16)


def test_odd_sizes_that_are_large_enough(tmp_path):
    with open_video(tmp_path / "a.mp4", ORIGIN) as video:
        video.add(np.zeros((513, 515, 3), np.uint8))
    with av.open(str(tmp_path / "a.mp4")) as container:
        assert (container.streams.video[0].width, container.streams.video[0].height) == (516, 514)


def test_gif_repeats_and_lasts(tmp_path):
    with open_video(tmp_path / "a.gif", ORIGIN, fps=20) as video:
        for frame in frames(4):
            video.add(frame)
        video.add(next(frames(1)), repeat=10)
    with Image.open(tmp_path / "a.gif") as image:
        assert (getattr(image, "n_frames", 1), image.info["loop"]) == (5, 0)
        assert b"draglab" in image.info["comment"]
        assert image.info["duration"] == 50
        image.seek(4)
        assert image.info["duration"] == 500


@pytest.mark.parametrize("name", ["a.mp4", "a.gif"])
@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_an_interrupted_video_leaves_nothing(tmp_path, name, error):
    with pytest.raises(error), open_video(tmp_path / name, ORIGIN) as video:
        for frame in frames(3):
            video.add(frame)
        raise error
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("name", ["a.mp4", "a.gif"])
def test_no_frames(tmp_path, name):
    with pytest.raises(DraglabError, match="no frames"), open_video(tmp_path / name, ORIGIN):
        pass
    assert os.listdir(tmp_path) == []


def test_a_missing_directory(tmp_path):
    with (
        pytest.raises(DraglabError, match="no such directory"),
        open_video(tmp_path / "missing" / "a.mp4", ORIGIN) as video,
    ):
        for frame in frames(2):
            video.add(frame)


@pytest.mark.parametrize("name", ["a.avi", "a"])
def test_unknown_suffix(tmp_path, name):
    with pytest.raises(DraglabError, match=r"use \.mp4 or \.gif"):
        check_video_support(tmp_path / name)


def test_without_pyav(monkeypatch):
    monkeypatch.setitem(sys.modules, "av", None)
    check_video_support("a.gif")
    with pytest.raises(DraglabError, match=r"pip install av.*\.gif"):
        check_video_support("a.mp4")


def test_without_the_encoder(monkeypatch):
    monkeypatch.setattr(av, "codecs_available", {"png"})
    with pytest.raises(DraglabError, match=r"libx264.*\.gif"):
        check_video_support("a.mp4")
