"""`draglab verify`: its words and exit codes, and files that were made to do harm."""

from __future__ import annotations

import io
import json
import os
import random
import subprocess
import sys
import time

import pytest
from PIL import Image

from draglab import DraglabError
from draglab.media.images import encode_image
from draglab.media.provenance import c2pa_child, checking
from draglab.media.provenance.checking import check_file
from draglab.media.provenance.containers import add_xmp
from draglab.media.provenance.origin import edited, generated
from tests.media.provenance.certificates import write_chain
from tests.media.provenance.pictures import KINDS, picture, written
from tests.provenance import validated

ORIGIN = edited([(1, {"max_steps": 3})], "heads", "a" * 64, 7)


@pytest.fixture
def unsigned(tmp_path):
    """A signed picture is made by the tests of the fixture `signed`; this one has XMP alone."""
    written(tmp_path / "a.png", ORIGIN)
    return tmp_path / "a.png"


def test_xmp_alone(unsigned):
    report = check_file(unsigned)
    assert report.verdict == "unsigned" and report.credentials is None
    text = report.as_text()
    assert "made by a trained model (AI) (trainedAlgorithmicMedia)" in text
    assert "model heads, SHA-256 aaaaaaaaaaaa..., seed 7, 1 round of dragging" in text
    assert text.endswith("It is not signed: anybody can write or change such a statement.")
    assert json.loads(json.dumps(report.as_json()))["xmp"]["origin"]["seed"] == 7


@pytest.mark.parametrize("name", KINDS)
def test_signed_and_changed(tmp_path, signed, name):
    data = written(tmp_path / name, edited([(1, {})], "heads", "a" * 64, put_back=True))
    report = check_file(tmp_path / name)
    assert report.verdict == "untrusted" and report.credentials is not None
    assert report.credentials.self_made and report.credentials.problems == ()
    assert report.credentials.ingredients == ("parentOf",)
    text = report.as_text()
    assert "a photo or other media with parts made by a trained model (AI)" in text
    assert "draglab made by itself" in text and "made from: the photo that was edited" in text
    changed = bytearray(data)
    changed[data.index(b"a part of this photo", data.index(b"xpacket"))] ^= 1
    (tmp_path / name).write_bytes(changed)
    report = check_file(tmp_path / name)
    assert report.verdict == "tampered" and report.credentials is not None
    assert any(code.endswith("Hash.mismatch") for code in report.credentials.problems)
    assert "NOT VALID" in report.as_text() and "CHANGED" in report.as_text()


def test_somebody_who_is_trusted(tmp_path, signed, monkeypatch):
    files = write_chain(tmp_path)
    monkeypatch.setenv("DRAGLAB_SIGN_CERT", str(files.certificate))
    monkeypatch.setenv("DRAGLAB_SIGN_KEY", str(files.key))
    written(tmp_path / "a.jpg", ORIGIN)
    assert check_file(tmp_path / "a.jpg").verdict == "untrusted"
    report = check_file(tmp_path / "a.jpg", files.root)
    assert report.verdict == "intact" and report.credentials is not None
    assert report.credentials.trusted and not report.credentials.self_made
    assert "signed by Anna's studio" in report.as_text()
    (tmp_path / "other").mkdir()
    assert check_file(tmp_path / "a.jpg", write_chain(tmp_path / "other").root).verdict == "untrusted"
    for wrong in (b"\xff\xfe", b"no certificate"):
        (tmp_path / "w.pem").write_bytes(wrong)
        try:
            assert check_file(tmp_path / "a.jpg", tmp_path / "w.pem").verdict != "intact"
        except DraglabError as error:
            assert "not PEM" in str(error)


def test_without_c2pa_a_manifest_is_seen_but_not_checked(tmp_path, signed, monkeypatch):
    written(tmp_path / "a.gif", ORIGIN)
    monkeypatch.setattr(checking, "find_spec", lambda name: None)
    report = check_file(tmp_path / "a.gif")
    assert report.verdict == "unchecked"
    assert "pip install draglab[c2pa]" in report.as_text()


def test_saving_anew_drops_everything(tmp_path, signed):
    written(tmp_path / "a.png", ORIGIN)
    with Image.open(tmp_path / "a.png") as image:
        image.convert("RGB").save(tmp_path / "b.jpg")
    report = check_file(tmp_path / "b.jpg")
    assert report.verdict == "nothing"
    assert "That proves nothing" in report.as_text()


def test_words_of_others(tmp_path):
    names = 'xmlns:q="http://iptc.org/std/Iptc4xmpExt/2008-02-29/" xmlns:m="http://ns.adobe.com/xap/1.0/"'
    rdf = 'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"'
    buffer = io.BytesIO()
    Image.fromarray(picture()).save(buffer, format="JPEG")
    for source, words in (
        ("http://cv.iptc.org/newscodes/digitalsourcetype/digitalCapture", "taken by a camera (digitalCapture)"),
        ("https://elsewhere.example/x", "digital source type https://elsewhere.example/x"),
    ):
        packet = f'<r {rdf} {names}><rdf:Description q:DigitalSourceType="{source}" m:CreatorTool="T\u202e&#10;x"/></r>'
        (tmp_path / "a.jpg").write_bytes(add_xmp(buffer.getvalue(), packet.encode()))
        report = check_file(tmp_path / "a.jpg")
        assert report.verdict == "unsigned"
        assert words in report.as_text() and "\u202e" not in report.as_text()


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("none.png", "there is no file"),
        ("folder", "is not a file"),
        ("a.txt", "is no picture or video"),
        ("a\0b", "no file"),
    ],
)
def test_what_cannot_be_checked(tmp_path, name, problem):
    (tmp_path / "folder").mkdir()
    (tmp_path / "a.txt").write_text("text")
    with pytest.raises(DraglabError, match=problem):
        check_file(tmp_path / name)


@pytest.mark.skipif(os.name != "posix", reason="named pipes are of POSIX systems")
def test_a_pipe_does_not_block(tmp_path):
    os.mkfifo(tmp_path / "a.png")
    with pytest.raises(DraglabError, match="is not a file"):
        check_file(tmp_path / "a.png")


def test_a_damaged_manifest_is_no_traceback(tmp_path, signed):
    """Changes within the manifest itself, which native code parses, in the process that reads it."""
    data = written(tmp_path / "a.png", ORIGIN)
    begin, chance = data.index(b"caBX"), random.Random(1)
    for number in range(6):
        changed = bytearray(data)
        for _ in range(1 + 40 * (number % 2)):
            changed[begin + 4 + chance.randrange(600)] = chance.randrange(256)
        (tmp_path / "b.png").write_bytes(changed)
        assert check_file(tmp_path / "b.png").verdict in ("tampered", "nothing", "unsigned")
    for end in (begin + 40, begin + 400, len(data) - 30):
        (tmp_path / "b.png").write_bytes(data[:end])
        assert check_file(tmp_path / "b.png").verdict in ("tampered", "unsigned")


@pytest.mark.parametrize(
    ("program", "problem"),
    [
        ("import os; os.abort()", "reading it was stopped"),
        ("print('[' * 100000)", "reading it was stopped"),
        ("print('[]')", "reading it was stopped"),
        ("import time; time.sleep(60)", "takes longer"),
    ],
)
def test_a_reader_that_dies_or_hangs(tmp_path, signed, monkeypatch, program, problem):
    written(tmp_path / "a.png", ORIGIN)
    (tmp_path / "child.py").write_text(program)
    monkeypatch.setattr(c2pa_child, "__file__", str(tmp_path / "child.py"))
    monkeypatch.setattr(checking, "SECONDS", 1 if "sleep" in program else 60)
    begin = time.monotonic()
    report = check_file(tmp_path / "a.png")
    assert time.monotonic() - begin < 30
    assert report.verdict == "tampered" and report.credentials is not None
    assert problem in report.credentials.problems[0]


def test_the_reading_process_needs_nothing_of_draglab_and_agrees_with_c2pa(tmp_path, signed):
    data = written(tmp_path / "a.webp", ORIGIN)
    asked = {"path": str(tmp_path / "a.webp"), "mime": "image/webp", "settings": {"version": 1}}
    program = f"import runpy, sys; runpy.run_path({c2pa_child.__file__!r}, run_name='__main__'); " \
        "assert 'draglab' not in sys.modules"  # fmt: skip
    done = subprocess.run([sys.executable, "-c", program], input=json.dumps(asked), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    state, codes, manifest = validated(data)
    assert (answer["state"], answer["problems"]) == (state, codes)
    assert answer["signature"]["cert_serial_number"] == manifest["signature_info"]["cert_serial_number"]


def test_nothing_is_asked_over_the_network(tmp_path, signed, monkeypatch):
    """A file whose XMP names a manifest elsewhere is not followed."""
    import http.server
    import threading

    asked = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            self.send_error(404)

        def log_message(self, *_):
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        buffer = io.BytesIO()
        Image.fromarray(picture()).save(buffer, format="JPEG")
        packet = (
            '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
            '<rdf:Description rdf:about="" xmlns:dcterms="http://purl.org/dc/terms/" '
            f'dcterms:provenance="http://127.0.0.1:{server.server_port}/m.c2pa"/></rdf:RDF></x:xmpmeta>'
        )
        data = add_xmp(buffer.getvalue(), packet.encode())
        (tmp_path / "a.jpg").write_bytes(data)
        assert check_file(tmp_path / "a.jpg").verdict == "nothing"
        # Even where c2pa is asked about it.
        monkeypatch.setattr(checking, "find", lambda file: checking.Found("JPEG", None, credentials=True))
        assert check_file(tmp_path / "a.jpg").verdict == "tampered"
        server.shutdown()
    assert asked == []


def test_a_settled_picture_is_checked_quickly(tmp_path):
    data = encode_image(picture(), generated("heads", None))
    (tmp_path / "a.png").write_bytes(data)
    begin = time.monotonic()
    check_file(tmp_path / "a.png")
    assert time.monotonic() - begin < 1
