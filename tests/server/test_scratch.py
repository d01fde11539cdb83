"""Temporary folders: deleted at the end, and after a process that was killed by the next one."""

import subprocess
import sys
import tempfile

import pytest

from draglab.server.scratch import PREFIX, Scratch, sweep

HOLD = """
import sys
from draglab.server.scratch import Scratch
scratch = Scratch()
print(scratch.path, flush=True)
sys.stdin.read()
"""


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    return tmp_path


def test_it_is_deleted_at_the_end(place):
    scratch = Scratch()
    (scratch.path / "a.png").write_text("picture")
    assert scratch.path.stat().st_mode & 0o777 == 0o700
    scratch.close()
    assert list(place.iterdir()) == []


def test_what_a_killed_process_left_is_swept_and_nothing_else(place):
    with subprocess.Popen([sys.executable, "-c", HOLD], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        folder = place / process.stdout.readline().decode().strip()
        (folder / "export.mp4").write_text("film")
        others = [place / "draglab-abc", place / f"{PREFIX}being-made", place / "elsewhere"]
        for other in others:
            other.mkdir()
        (others[2] / "lock").write_text("")
        (place / f"{PREFIX}link").symlink_to(others[2])
        sweep(place)
        assert (folder / "export.mp4").exists(), "its process is there"
        process.kill()
    mine = Scratch()
    assert not folder.exists()
    assert all(other.is_dir() for other in others) and (others[2] / "lock").exists()
    mine.close()
