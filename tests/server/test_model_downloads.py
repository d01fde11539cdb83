"""Public models in the editor: what is offered, one download at a time, its errors, who may download or stop."""

import json
import time

import pytest

from draglab.public_models import Catalogue, ModelFolder
from draglab.server.app import Options
from tests.downloads.index import serve_index
from tests.downloads.models import RULES, catalogue
from tests.downloads.packages import WHEEL, WHEEL_NAME, package_catalogue, use_index
from tests.downloads.server import serve
from tests.server.running_server import running, wait_for

TOKEN = "a-token-of-a-person"


@pytest.fixture
def index(monkeypatch, tmp_path):
    """A package index with the wheel of "tiny-8", and pip's settings for it."""
    with serve_index() as one:
        one.files[WHEEL_NAME] = WHEEL
        use_index(monkeypatch, one.url, tmp_path / "pip")
        yield one


@pytest.fixture
def site(monkeypatch):
    """A web server that has a file which is no model, under the address of "tiny-8"."""
    monkeypatch.setenv("no_proxy", "*")
    with serve() as one:
        yield one


@pytest.fixture
def offering(tmp_path):
    """Starts servers that offer the models of a catalogue."""
    folder = tmp_path / "models"
    folder.mkdir()

    def begin(known: Catalogue, **changes):
        options = {"models": folder, "data": tmp_path / "data", "catalogue": known, "rules": RULES}
        return running(Options(**options | changes))

    return begin


def closed_package():
    """The model of a package, with a licence that has to be accepted."""
    known = package_catalogue()
    models = [model.model_copy(update={"licence": "closed"}) for model in known.models]
    return Catalogue(licences=known.licences, redirects={}, models=models)


def listed(client):
    """The last list of models that came."""
    lists = [message for message in client.received if message["type"] == "model_list"]
    return lists[-1] if lists else client.received[0]["models"]


def until_download(client, matches):
    return client.until("model_work", lambda work: matches(work["download"]))["download"]


def test_a_model_is_offered_downloaded_and_chosen_at_once(offering, index):
    closed = closed_package()
    with offering(closed) as server, server.client() as client:
        offers = listed(client)
        (offer,) = offers["offers"]
        assert (offer["name"], offer["title"], offer["licence"], offer["by_hand"]) == (
            "tiny-8",
            "tiny 8",
            "closed",
            None,
        )
        licence = next(each for each in offers["licences"] if each["key"] == "closed")
        assert licence["asks"] and not licence["accepted"] and licence["consequences"] == "Look, do not sell."
        assert client.received[-1]["work"]["download"] is None

        client.send("download_model", model="tiny-8", id=1)
        error = client.until_error()
        assert error["id"] == 1 and "licence to accept first" in error["message"]
        assert index.requests == []

        client.send("download_model", model="tiny-8", accept_licence=True)
        first = until_download(client, lambda download: download is not None)
        assert first["mine"] and not first["stopping"] and first["error"] is None
        until_download(client, lambda download: download is not None and download["done"] == len(WHEEL))
        until_download(client, lambda download: download is None)
        after = listed(client)
        assert after["offers"] == [] and "tiny-8" in [model["name"] for model in after["models"]]
        assert next(each for each in after["licences"] if each["key"] == "closed")["accepted"]
        client.send("new_session", start={"model": "tiny-8", "seed": 3})
        assert client.until("state")["image"] == {"width": 64, "height": 64}
        client.picture("current")


def test_a_download_is_stopped_and_begun_again(offering, index):
    index.stall = len(WHEEL) // 2
    with offering(package_catalogue()) as server, server.client() as client:
        client.send("download_model", model="tiny-8")
        half = until_download(client, lambda download: download is not None and download["done"] > 0)
        assert half["done"] <= half["total"] / 2 + 1
        # Another window of the same person sees it, and a page that is loaded again.
        with server.client() as window:
            assert window.received[-1]["work"]["download"]["mine"]
            window.send("download_model", model="tiny-8", id=3)
            assert "is being downloaded" in window.until_error()["message"]
            window.send("stop_download")
            until_download(window, lambda download: download["stopping"])
            until_download(window, lambda download: download is None)
        until_download(client, lambda download: download is None)
        index.stall = None
        client.send("download_model", model="tiny-8")
        until_download(client, lambda download: download is not None)
        until_download(client, lambda download: download is None)
        assert "tiny-8" in [model["name"] for model in listed(client)["models"]]


def test_a_download_ends_with_the_server(offering, index):
    index.stall = 10
    with offering(package_catalogue()) as server, server.client() as client:
        client.send("download_model", model="tiny-8")
        assert index.stalled.wait(60)
        thread = server.editor.downloads._thread
        began = time.monotonic()
    assert time.monotonic() - began < 5
    thread.join(5)
    assert not thread.is_alive()


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"status": 404}, "404"),
        ({"content": b"\x80\x03 another file"}, "SHA-256"),
        ({"content": b"<html>Please log in</html>"}, "tiny.pkl"),
    ],
    ids=["missing", "wrong", "page"],
)
def test_errors_are_shown_and_put_away(offering, site, change, sentence):
    for name, value in change.items():
        setattr(site, name, value)
    with offering(catalogue(site.url)) as server, server.client() as client:
        client.send("download_model", model="tiny-8")
        failed = until_download(client, lambda download: download is not None and download["error"] is not None)
        assert sentence in failed["error"] and "Traceback" not in failed["error"]
        # It is still there for a page that was closed meanwhile.
        with server.client() as again:
            assert again.received[-1]["work"]["download"]["error"] == failed["error"]
        client.send("stop_download")
        until_download(client, lambda download: download is None)


def test_offline_is_a_sentence(offering, monkeypatch, tmp_path):
    use_index(monkeypatch, "http://127.0.0.1:9/simple", tmp_path / "pip")
    with offering(package_catalogue()) as server, server.client() as client:
        client.send("download_model", model="tiny-8")
        failed = until_download(client, lambda download: download is not None and download["error"] is not None)
        assert "cannot be reached" in failed["error"]


def test_a_full_disk_is_a_sentence(offering, index, monkeypatch):
    def full(self, needed):
        from draglab.errors import DraglabError

        raise DraglabError("the disk of models is full: make room")

    monkeypatch.setattr(ModelFolder, "require_room", full)
    with offering(package_catalogue()) as server, server.client() as client:
        client.send("download_model", model="tiny-8")
        failed = until_download(client, lambda download: download is not None and download["error"] is not None)
        assert failed["error"] == "the disk of models is full: make room"


def test_an_unexpected_failure_is_no_end(offering, index, monkeypatch):
    def fail(*arguments):
        raise ZeroDivisionError

    monkeypatch.setattr("draglab.downloads.pull", fail)
    with offering(package_catalogue()) as server, server.client() as client:
        for _ in range(2):
            client.send("download_model", model="tiny-8")
            failed = until_download(client, lambda download: download is not None and download["error"] is not None)
            assert failed["error"] == "the download failed (ZeroDivisionError): try again"
            client.send("stop_download")
            until_download(client, lambda download: download is None)


def test_a_file_that_draglab_cannot_use_is_an_error(offering, site, tmp_path):
    with offering(catalogue(site.url)) as server, server.client() as client:
        client.send("download_model", model="tiny-8")
        failed = until_download(client, lambda download: download is not None and download["error"] is not None)
        assert "cannot use it" in failed["error"]
        assert (tmp_path / "models" / "tiny.pkl").is_file()


def test_what_is_fetched_by_hand_says_how_and_appears_when_it_is_there(offering, models, tmp_path):
    known = catalogue(
        "https://drive.google.com/file/d/1", by_hand=True, file="tiny.safetensors", sha256=None, sha256_from=None
    )
    with offering(known) as server, server.client() as client:
        (offer,) = listed(client)["offers"]
        place = tmp_path / "models" / "tiny.safetensors"
        assert "drive.google.com" in offer["by_hand"] and str(place) in offer["by_hand"]
        client.send("download_model", model="tiny-8", id=1)
        assert "drive.google.com" in client.until_error()["message"]
        place.write_bytes((models / "tiny.safetensors").read_bytes())
        wait_for(lambda: not server.editor.menu._refreshing.locked())
        client.send("list_models")
        after = client.until("model_list", lambda message: "tiny-8" in [each["name"] for each in message["models"]])
        assert after["offers"] == []


def test_names_that_are_not_in_the_list_are_refused(offering, index):
    with offering(package_catalogue()) as server, server.client() as client:
        for name in ("nothing", "../tiny-8", "https://example.org/tiny.pkl", "/etc/passwd"):
            client.send("download_model", model=name, accept_licence=True, id=1)
            assert "no public model" in client.until_error()["message"]
    assert index.requests == []


def test_a_server_for_several_offers_nothing_unless_its_operator_allows_it(offering, index):
    with offering(package_catalogue(), token=TOKEN) as server, server.client() as client:
        assert listed(client)["offers"] == []
        client.send("download_model", model="tiny-8", accept_licence=True, id=1)
        assert "--downloads" in client.until_error()["message"]
    with offering(package_catalogue(), downloads=False) as server, server.client() as client:
        assert listed(client)["offers"] == []
    assert index.requests == []


def test_who_started_a_download_may_stop_it_and_nobody_else(offering, index, tmp_path):
    index.stall = 10
    closed = closed_package()
    ModelFolder(tmp_path / "models").accept(closed.licences["closed"])
    with (
        offering(closed, token=TOKEN, downloads=True) as server,
        server.client(cookie="draglab_person=anna") as anna,
        server.client(cookie="draglab_person=ben") as ben,
    ):
        offers = listed(anna)
        # Somebody has accepted it for this folder, but not she.
        assert offers["shared"] and not any(each["accepted"] for each in offers["licences"])
        anna.send("download_model", model="tiny-8", id=1)
        assert "licence" in anna.until_error()["message"]
        anna.send("download_model", model="tiny-8", accept_licence=True)
        assert index.stalled.wait(60)
        seen = until_download(ben, lambda download: download is not None)
        assert not seen["mine"]
        ben.send("stop_download", id=1)
        assert "only they can stop it" in ben.until_error()["message"]
        anna.send("stop_download")
        until_download(ben, lambda download: download is None)
        # A failure is told to her whose download it was.
        index.login, index.stall = False, None
        anna.send("download_model", model="tiny-8", accept_licence=True)
        until_download(anna, lambda download: download is not None and download["error"] is not None)
        ben.send("list_sessions")
        ben.until("sessions")
        assert not any("refuses" in json.dumps(message) for message in ben.received)
        assert [each for each in ben.received if each["type"] == "model_work"][-1]["download"] is None
