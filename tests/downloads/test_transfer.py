"""Transfers that go wrong in every way a network has, against a server on this machine."""

from __future__ import annotations

import errno
import io
import os
import shutil
import socket
import time
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from draglab.downloads.transfer import Rules
from draglab.errors import DraglabError
from tests.downloads.models import RULES
from tests.downloads.server import CONTENT

UNKNOWN: dict[str, Any] = {"sha256": None, "sha256_from": None}


def names(folder: Path) -> list[str]:
    """What a person sees in the folder; lock files are hidden."""
    return sorted(name for name in os.listdir(folder) if not name.startswith("."))


def interrupt(site, fetch, at: int) -> None:
    """Leave the first ``at`` bytes in the folder."""
    site.cut, site.content = at, CONTENT
    with pytest.raises(DraglabError, match="could not be downloaded"):
        # After the first attempt the server has no more to give.
        fetch(progress=lambda done, total: setattr(site, "status", 503) if done >= at else None)
    site.cut = site.status = None
    site.requests.clear()


def test_a_download(site, fetch, tmp_path):
    seen = []
    path = fetch(progress=lambda done, total: seen.append((done, total)))
    assert path == tmp_path / "tiny.pkl"
    assert path.read_bytes() == CONTENT
    assert names(tmp_path) == ["tiny.pkl"]
    assert (seen[0], seen[-1]) == ((0, len(CONTENT)), (len(CONTENT), len(CONTENT)))
    assert seen == sorted(seen)
    assert site.requests[0]["User-Agent"].startswith("draglab/")
    assert "Range" not in site.requests[0]
    fetch()
    assert len(site.requests) == 1


def test_an_interrupted_download_goes_on_where_it_stopped(site, fetch, tmp_path):
    interrupt(site, fetch, 100_000)
    assert names(tmp_path) == ["tiny.pkl.part", "tiny.pkl.part.json"]
    assert (tmp_path / "tiny.pkl.part").read_bytes() == CONTENT[:100_000]
    seen = []
    assert fetch(progress=lambda done, total: seen.append((done, total))).read_bytes() == CONTENT
    assert [(request["Range"], request["If-Range"]) for request in site.requests] == [("bytes=100000-", '"one"')]
    assert (seen[0], seen[-1]) == ((100_000, len(CONTENT)), (len(CONTENT), len(CONTENT)))
    assert names(tmp_path) == ["tiny.pkl"]


def test_it_goes_on_by_itself_as_long_as_something_arrives(site, fetch):
    site.cut = 70_000
    assert fetch().read_bytes() == CONTENT
    assert [request.get("Range") for request in site.requests] == [
        None, "bytes=70000-", "bytes=140000-", "bytes=210000-", "bytes=280000-",
    ]  # fmt: skip


def test_without_ranges_it_starts_again(site, fetch, tmp_path):
    interrupt(site, fetch, 100_000)
    site.ranges = False
    assert fetch().read_bytes() == CONTENT
    assert len(site.requests) == 1


def test_it_gives_up_where_every_start_breaks_off(site, fetch, tmp_path):
    site.ranges, site.cut = False, 70_000
    with pytest.raises(DraglabError, match="broke off; 0.1 MB are here, pull again to continue"):
        fetch()
    assert len(site.requests) == 1 + RULES.attempts


def test_a_file_that_changed_in_between_is_fetched_from_its_start(site, fetch):
    interrupt(site, fetch, 100_000)
    site.etag, site.content = '"two"', b"\x80" + CONTENT[:0:-1]
    path = fetch(**UNKNOWN)
    assert path.read_bytes() == site.content
    assert [request["If-Range"] for request in site.requests] == ['"one"']


def test_a_part_of_another_address_is_not_continued(site, fetch):
    interrupt(site, fetch, 100_000)
    assert fetch(site.url.replace("tiny", "other")).read_bytes() == CONTENT
    assert "Range" not in site.requests[0]


@pytest.mark.parametrize("etag", [None, 'W/"weak"'])
def test_the_date_serves_where_there_is_no_strong_etag(site, fetch, etag):
    site.etag, site.modified = etag, "Wed, 21 Oct 2015 07:28:00 GMT"
    interrupt(site, fetch, 100_000)
    assert fetch().read_bytes() == CONTENT
    assert site.requests[0]["If-Range"] == site.modified


def test_without_a_version_nothing_is_continued(site, fetch):
    site.etag = None
    interrupt(site, fetch, 100_000)
    assert fetch().read_bytes() == CONTENT
    assert "Range" not in site.requests[0]


def test_another_part_than_the_one_asked_for_is_not_taken(site, fetch):
    interrupt(site, fetch, 100_000)
    site.shift = 5
    assert fetch().read_bytes() == CONTENT
    assert [request.get("Range") for request in site.requests] == ["bytes=100000-", None]


def test_a_complete_part_is_not_fetched_again(site, fetch, tmp_path):
    """The process ended between the last byte and the renaming."""
    interrupt(site, fetch, 100_000)
    (tmp_path / "tiny.pkl.part").write_bytes(CONTENT)
    assert fetch().read_bytes() == CONTENT
    assert site.requests == []


def test_a_part_longer_than_the_file_is_dropped(site, fetch, tmp_path):
    interrupt(site, fetch, 100_000)
    (tmp_path / "tiny.pkl.part").write_bytes(CONTENT + b"more")
    assert fetch().read_bytes() == CONTENT
    assert [request.get("Range") for request in site.requests] == [f"bytes={len(CONTENT) + 4}-", None]


def test_a_stalled_server(site, fetch, tmp_path):
    site.stall = 50_000
    with pytest.raises(DraglabError, match=r"has sent nothing for 0.3 s; 0.1 MB are here, pull again to continue"):
        fetch()
    assert (tmp_path / "tiny.pkl.part").read_bytes() == CONTENT[:50_000]
    site.stall = None
    assert fetch().read_bytes() == CONTENT


def test_a_server_that_does_not_answer(fetch):
    with socket.create_server(("127.0.0.1", 0)) as listening:
        url, began = f"http://127.0.0.1:{listening.getsockname()[1]}/tiny.pkl", time.monotonic()
        with pytest.raises(DraglabError, match="sent nothing for 0.3 s; pull again later"):
            fetch(url)
        assert time.monotonic() - began < 5


def test_offline_says_what_is_missing_and_where_it_belongs(fetch, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as listening:
        url = f"http://127.0.0.1:{listening.getsockname()[1]}/tiny.pkl"
    with pytest.raises(DraglabError) as caught:
        fetch(url)
    for part in ("tiny-8", url, "no connection (", f"save it as {tmp_path / 'tiny.pkl'}"):
        assert part in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("status", "requests", "message"),
    [
        (404, 1, "answered 404 Not Found for http://.*: if the file has moved, find where and save it as"),
        (403, 1, "answered 403 Forbidden"),
        (503, 2, "answered 503 Service Unavailable; pull again later"),
        (429, 2, "answered 429 Too Many Requests; pull again later"),
    ],
)
def test_errors_of_the_server(site, fetch, tmp_path, status, requests, message):
    site.status = status
    with pytest.raises(DraglabError, match=message):
        fetch()
    assert len(site.requests) == requests
    assert names(tmp_path) == []


class Wrong(NamedTuple):
    """An answer that is not the model, what is known of the model, and what is said."""

    site: dict[str, Any]
    model: dict[str, Any]
    message: str


WRONG = {
    "a web page": Wrong({"content": b"\n<!DOCTYPE html><html>log in</html>"}, {}, "sent a web page instead of a model"),
    "something else": Wrong({"content": b"\x1f\x8b" + bytes(99)}, {}, "sent something else instead of a model"),
    "empty": Wrong({"content": b""}, UNKNOWN, "is empty"),
    "announced too large": Wrong({"content": CONTENT + bytes(200_000)}, UNKNOWN, "too large"),
    "too large": Wrong({"content": CONTENT + bytes(200_000), "length": False}, {}, "too large"),
    "another size": Wrong({}, {"bytes": 300_001}, "has 300002 bytes, not the expected 300001"),
    "another size at the end": Wrong({"length": False}, {"bytes": 300_003}, "has 300002 bytes, not the expected"),
    "changed": Wrong({"content": CONTENT[:-1] + b"!"}, {}, "changed or damaged: its SHA-256 is .* not .* this test"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_not_the_model_is_not_kept(site, fetch, tmp_path, case):
    for name, value in WRONG[case].site.items():
        setattr(site, name, value)
    with pytest.raises(DraglabError, match=WRONG[case].message) as caught:
        fetch(rules=replace(RULES, limit=400_000), **WRONG[case].model)
    assert "\n" not in str(caught.value)
    assert names(tmp_path) == []


def test_without_length_and_hash_the_end_could_not_be_told(site, fetch, tmp_path):
    site.length = False
    with pytest.raises(DraglabError, match="does not say how long"):
        fetch(**UNKNOWN)
    assert names(tmp_path) == []
    assert fetch().read_bytes() == CONTENT


def test_a_disk_without_room_is_noticed_before(site, fetch, tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(10**6, 10**6, 1000))  # pyright: ignore
    with pytest.raises(DraglabError, match=r"is full: 0 MB are needed and 0 MB are free; make room"):
        fetch()
    assert "tiny.pkl.part" not in names(tmp_path)


def test_a_disk_that_fills_up_keeps_what_is_on_it(site, fetch, tmp_path, monkeypatch):
    class FullDisk(io.FileIO):
        def write(self, data) -> int:
            room = 100_000 - self.tell()
            if room <= 0:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return super().write(data[:room])

    real = Path.open
    with monkeypatch.context() as patch:
        patch.setattr(
            Path,
            "open",
            lambda path, mode="r", *rest, **more: (
                FullDisk(path, "a") if path.suffix == ".part" and mode == "ab" else real(path, mode, *rest, **more)
            ),
        )
        with pytest.raises(DraglabError, match=r"cannot write .*tiny\.pkl\.part: No space left on device; make room"):
            fetch()
    assert (tmp_path / "tiny.pkl.part").read_bytes() == CONTENT[:100_000]
    site.requests.clear()
    assert fetch().read_bytes() == CONTENT
    assert site.requests[0]["Range"] == "bytes=100000-"


def test_plain_http_is_refused(site, fetch):
    with pytest.raises(DraglabError, match="is not an https address"):
        fetch(rules=Rules())
    assert site.requests == []


def test_the_proxy_of_the_environment_is_used(site, fetch, monkeypatch):
    monkeypatch.delenv("no_proxy")
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{site.port}")
    # Nothing listens on port 1: only the proxy can have answered.
    assert fetch("http://localhost:1/tiny.pkl").read_bytes() == CONTENT
    assert site.requests[0]["path"] == "http://localhost:1/tiny.pkl"
