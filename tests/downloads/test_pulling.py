"""What `pull`, `verify` and `remove` promise besides the transfer: hashes, licences, one process at a time."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from draglab.downloads import verify
from draglab.errors import DraglabError
from draglab.public_models import ModelFolder
from tests.downloads.models import LICENCES, catalogue
from tests.downloads.server import CONTENT, Site
from tests.downloads.test_transfer import UNKNOWN, names

REPOSITORY = Path(__file__).resolve().parents[2]
CHANGED = CONTENT[:-1] + b"!"


def test_an_unknown_hash_is_remembered_and_checked_after(site, fetch, tmp_path):
    model, folder = catalogue(site.url, **UNKNOWN).models[0], ModelFolder(tmp_path)
    fetch(**UNKNOWN)
    assert json.loads((tmp_path / "tiny.pkl.json").read_text())["bytes"] == len(CONTENT)
    assert verify(model, folder) == "remembered"
    folder.remove(model)
    site.content = CHANGED
    with pytest.raises(DraglabError, match=r"of the first download, remembered in .*tiny\.pkl\.json\); not kept"):
        fetch(**UNKNOWN)
    assert names(tmp_path) == ["tiny.pkl.json"]
    site.content = CONTENT
    fetch(**UNKNOWN)
    # Somebody changes the file later.
    (tmp_path / "tiny.pkl").write_bytes(CHANGED)
    for check in (lambda: verify(model, folder), lambda: fetch(**UNKNOWN)):
        with pytest.raises(DraglabError, match="remove tiny-8, then draglab models pull tiny-8"):
            check()
    assert names(tmp_path) == ["tiny.pkl", "tiny.pkl.json"]


def test_a_damaged_memory_of_a_hash(fetch, tmp_path):
    (tmp_path / "tiny.pkl.json").write_text("{")
    with pytest.raises(DraglabError, match=r"tiny\.pkl\.json cannot be read: delete it"):
        fetch(**UNKNOWN)
    # The download is not to blame.
    assert (tmp_path / "tiny.pkl.part").read_bytes() == CONTENT


def test_verifying_what_the_publisher_states(site, fetch, tmp_path):
    model, folder = catalogue(site.url, bytes=len(CONTENT)).models[0], ModelFolder(tmp_path)
    with pytest.raises(DraglabError, match="'tiny-8' is not downloaded"):
        verify(model, folder)
    fetch()
    assert verify(model, folder) == "published"
    assert names(tmp_path) == ["tiny.pkl"]
    (tmp_path / "tiny.pkl").write_bytes(CHANGED)
    with pytest.raises(DraglabError, match="was changed or damaged"):
        verify(model, folder)
    (tmp_path / "tiny.pkl").write_bytes(CONTENT[:1000])
    with pytest.raises(DraglabError, match=f"has 1000 bytes, not the expected {len(CONTENT)}"):
        verify(model, folder)


def test_models_fetched_by_hand(site, fetch, tmp_path):
    url = "https://drive.google.com/file/d/x/view"
    with pytest.raises(DraglabError) as caught:
        fetch(url, by_hand=True)
    expected = f"cannot be fetched by a program: open {url} in a browser and save the file as {tmp_path / 'tiny.pkl'}"
    assert f"{expected}. Its licence: {LICENCES['open']}" in str(caught.value)
    (tmp_path / "tiny.pkl").write_bytes(CHANGED)
    with pytest.raises(DraglabError, match="remove tiny-8, then fetch it again by hand"):
        fetch(url, by_hand=True)
    (tmp_path / "tiny.pkl").write_bytes(CONTENT)
    assert fetch(url, by_hand=True).read_bytes() == CONTENT
    assert site.requests == []


def test_licences_are_accepted_once(site, fetch, tmp_path):
    with pytest.raises(DraglabError, match=r"Closed: Look, do not sell\. .*closed.*pull tiny-8 --accept-licence"):
        fetch(licence="closed")
    assert site.requests == []
    fetch(licence="closed", accept_licence=True)
    ModelFolder(tmp_path).remove(catalogue(site.url).models[0])
    fetch(licence="closed")
    changed = LICENCES["closed"].model_copy(update={"consequences": "Look away."})
    assert ModelFolder(tmp_path).has_accepted(LICENCES["closed"])
    assert not ModelFolder(tmp_path).has_accepted(changed)


def test_open_licences_are_not_asked_about(fetch):
    assert fetch(licence="open").exists()


def test_removing(site, fetch, tmp_path):
    model, folder = catalogue(site.url).models[0], ModelFolder(tmp_path)
    fetch()
    folder.remove(model)
    assert names(tmp_path) == []
    with pytest.raises(DraglabError, match="nothing to remove"):
        folder.remove(model)
    for name in ("tiny.pkl.part", "tiny.pkl.part.json"):
        (tmp_path / name).write_text("")
    folder.remove(model)
    assert names(tmp_path) == []


def test_the_name_appears_only_when_the_file_is_on_the_disk(fetch, tmp_path, monkeypatch):
    def refuse(descriptor: int) -> None:
        if os.fstat(descriptor).st_size == len(CONTENT):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", refuse)
        with pytest.raises(DraglabError, match="No space left on device"):
            fetch()
    assert names(tmp_path) == ["tiny.pkl.part", "tiny.pkl.part.json"]
    assert fetch().read_bytes() == CONTENT


def test_a_folder_that_cannot_be_written(site, tmp_path):
    (tmp_path / "file").write_text("")
    folder = ModelFolder(tmp_path / "file" / "models")
    with pytest.raises(DraglabError, match="cannot write .* or set DRAGLAB_MODELS to another folder"):
        folder.remove(catalogue(site.url).models[0])
    assert not folder.has_accepted(LICENCES["open"])


PULL = """
import sys
from dataclasses import replace
from draglab.downloads import pull
from tests.downloads.models import RULES, catalogue
pull("tiny-8", folder=sys.argv[2], catalogue=catalogue(sys.argv[1]), rules=replace(RULES, timeout=60))
"""


def start(site: Site, folder: Path) -> subprocess.Popen:
    """Another process that has the first 100,000 bytes and waits for more."""
    site.stall = 100_000
    command = [sys.executable, "-c", PULL, site.url, str(folder)]
    process = subprocess.Popen(command, cwd=REPOSITORY, stderr=subprocess.PIPE, text=True)
    part, deadline = folder / "tiny.pkl.part", time.monotonic() + 60
    while not (part.exists() and part.stat().st_size == 100_000):
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.02)
    return process


@pytest.mark.skipif(os.name == "nt", reason="Ctrl-C cannot be sent to one process on Windows")
@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGKILL])
def test_two_processes_and_the_end_of_one(site, fetch, tmp_path, end):
    """The second says so; when the first is stopped or killed, its lock is gone and what it had is continued."""
    process = start(site, tmp_path)
    for attempt in (fetch, lambda: ModelFolder(tmp_path).remove(catalogue(site.url).models[0])):
        with pytest.raises(DraglabError, match="another draglab is working on tiny-8 in .*: wait until it has ended"):
            attempt()
    process.send_signal(end)
    _, err = process.communicate(timeout=60)
    assert ("KeyboardInterrupt" in err) == (end == signal.SIGINT)
    site.stall = None
    site.requests.clear()
    assert fetch().read_bytes() == CONTENT
    assert [request["Range"] for request in site.requests] == ["bytes=100000-"]
