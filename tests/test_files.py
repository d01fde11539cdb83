"""Nothing is ever half-written, and each failure is one line that says why."""

import errno
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from draglab import DraglabError
from draglab.files import check_writable, read_bytes, write_atomically


def write(path: str) -> None:
    with write_atomically(path) as temporary:
        temporary.write_text("text")


def test_writes_and_leaves_nothing_else(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")
    with write_atomically(path) as temporary:
        temporary.write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert os.listdir(tmp_path) == ["a.txt"]


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_an_error_keeps_the_old_file(tmp_path, error):
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(error), write_atomically(path) as temporary:
        temporary.write_text("half")
        raise error
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["a.txt"]


def test_the_name_comes_after_the_disk(tmp_path, monkeypatch):
    """A file is on the disk before it has its name, and its name is before the function returns."""
    done: list[str] = []
    rename, sync = os.replace, os.fsync

    def synced(descriptor: int) -> None:
        done.append("directory" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file")
        sync(descriptor)

    def renamed(source, target) -> None:
        done.append("name")
        rename(source, target)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(os, "replace", renamed)
    write(str(tmp_path / "a"))
    assert done == ["file", "name", "directory"]


def test_writes_through_a_symbolic_link(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "real")
    with write_atomically(tmp_path / "link") as temporary:
        temporary.write_text("text")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_text() == "text"


def test_a_new_file_has_the_usual_permissions(tmp_path):
    (tmp_path / "usual").write_text("")
    with write_atomically(tmp_path / "a") as temporary:
        temporary.write_text("")
    assert (tmp_path / "a").stat().st_mode == (tmp_path / "usual").stat().st_mode


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("missing/a.png", "no such directory"),
        ("file/a.png", "not a directory"),
        (".", "is a directory"),
        ("x" * 300 + ".png", "too long"),
        ("a\0b.png", "not a usable file name"),
    ],
)
def test_unwritable_places_are_named(tmp_path, name, reason):
    (tmp_path / "file").write_text("")
    for attempt in (check_writable, write):
        with pytest.raises(DraglabError, match=reason) as caught:
            attempt(f"{tmp_path}/{name}")
        assert "\n" not in str(caught.value)
    assert os.listdir(tmp_path) == ["file"]


def test_devices_are_not_replaced():
    for attempt in (check_writable, write):
        with pytest.raises(DraglabError, match="not a regular file"):
            attempt("/dev/null")


def test_check_writable_changes_nothing(tmp_path):
    (tmp_path / "a").write_text("old")
    check_writable(tmp_path / "a")
    check_writable(tmp_path / "b")
    assert os.listdir(tmp_path) == ["a"]
    assert (tmp_path / "a").read_text() == "old"


@pytest.mark.parametrize(
    ("code", "reason"),
    [(errno.EACCES, "permission denied"), (errno.ENOSPC, "disk is full"), (errno.EROFS, "read-only")],
)
def test_reasons_of_the_system(tmp_path, monkeypatch, code, reason):
    def refuse(*args):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(DraglabError, match=reason), write_atomically(tmp_path / "a") as temporary:
        temporary.write_text("text")
    assert os.listdir(tmp_path) == []
    monkeypatch.setattr(Path, "write_bytes", refuse)
    with pytest.raises(DraglabError, match=reason):
        check_writable(tmp_path / "a")


@pytest.mark.parametrize("name", ["a.png", "a.mp4", "a.gif", "a.json"])
def test_a_disk_that_fills_up_leaves_nothing(tmp_path, name):
    """A real write error in the middle of the file: the process may not write more than 4 kB into one."""
    program = f"""
import resource, numpy as np
from draglab import DraglabError
from draglab.media import edit_file, images, video
from draglab.media.provenance.origin import drawn
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
noise = np.random.RandomState(0).randint(0, 255, (256, 256, 3)).astype(np.uint8)
try:
    if {name!r}.endswith("json"):
        start = edit_file.WPlusStart.from_array(np.random.RandomState(0).randn(14, 512))
        model = edit_file.ModelReference(name="heads", sha256="0" * 64)
        rounds = [edit_file.Round.from_arrays(np.zeros((1, 2)), np.ones((1, 2)))]
        edit_file.save_edit_file({name!r}, edit_file.EditFile(model=model, start=start, rounds=rounds))
    elif {name!r}.endswith("png"):
        images.save_image({name!r}, noise, drawn("Noise."))
    else:
        with video.open_video({name!r}, drawn("Noise.")) as sink:
            for _ in range(4 if {name!r}.endswith("gif") else 60):
                noise = np.roll(noise, 7)
                sink.add(noise)
except DraglabError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"cannot write {name}: ")
    assert len(done.stdout.splitlines()) == 1
    assert os.listdir(tmp_path) == []


def test_reading_says_what_is_wrong(tmp_path):
    (tmp_path / "big").write_bytes(b"x" * 11)
    for name, reason in {
        "missing": "there is no mask",
        ".": "is a directory",
        "big": "larger than",
        "a\0": "cannot",
    }.items():
        with pytest.raises(DraglabError, match=reason):
            read_bytes(f"{tmp_path}/{name}", "mask", 10)
    assert read_bytes(tmp_path / "big", "mask", 11) == b"x" * 11
