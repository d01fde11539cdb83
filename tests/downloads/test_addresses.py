"""Only https, and redirects only to hosts of the publisher."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from draglab.downloads.addresses import check_address, check_redirect
from draglab.errors import DraglabError
from tests.downloads.server import CONTENT, Site, serve

SOURCE = "https://models.example.org/a.pkl"
DOMAINS = ["store.example.net", "example.com"]


@pytest.mark.parametrize(
    "url",
    [
        "http://example.org/a.pkl",
        "http://localhost/a.pkl",
        "ftp://example.org/a.pkl",
        "file:///etc/hostname",
        "data:text/plain,a",
        "//example.org/a.pkl",
        "",
    ],
)
def test_addresses_are_https(url):
    with pytest.raises(DraglabError, match="is not an https address"):
        check_address(url)


def test_plain_http_is_for_tests_on_this_machine():
    check_address("https://example.org/a.pkl")
    check_address("http://localhost:80/a.pkl", local_http=True)
    with pytest.raises(DraglabError, match="is not an https address"):
        check_address("http://example.org/a.pkl", local_http=True)


@pytest.mark.parametrize(
    "target",
    [
        "https://models.example.org/b.pkl?signed=1",
        "https://store.example.net/b.pkl",
        "https://example.com/b.pkl",
        "https://cdn.eu.example.com:8443/b.pkl",
    ],
)
def test_redirects_within_the_publisher(target):
    check_redirect(SOURCE, target, DOMAINS)


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("http://models.example.org/a.pkl", "redirects to http://models.example.org/a.pkl, which is not https"),
        ("http://127.0.0.1/a.pkl", "which is not https"),
        ("ftp://models.example.org/a.pkl", "which is not https"),
        ("file:///etc/hostname", "which is not https"),
        ("https://elsewhere.example/a.pkl", "redirects to elsewhere.example, which draglab does not know"),
        ("https://evil-example.com/a.pkl", "does not know"),
        ("https://example.com.evil.org/a.pkl", "does not know"),
        ("https://net.store.example.org/a.pkl", "does not know"),
        ("https://models.example.org@evil.org/a.pkl", "redirects to evil.org"),
        ("https://127.0.0.1/a.pkl", "does not know"),
    ],
)
def test_redirects_elsewhere(target, message):
    with pytest.raises(DraglabError, match=message):
        check_redirect(SOURCE, target, DOMAINS)


def test_a_download_follows_known_redirects_only(site: Site, fetch):
    site.redirect = f"http://localhost:{site.port}/moved.pkl?signature=1"
    with pytest.raises(DraglabError, match=r"127\.0\.0\.1 redirects to localhost, which draglab does not know"):
        fetch()
    site.cut, seen = 100_000, []
    assert fetch(redirects={"127.0.0.1": ["localhost"]}, progress=lambda *done: seen.append(done)).exists()
    # Ranges survive the redirect.
    moved = [request.get("Range") for request in site.requests if request["path"].startswith("/moved")]
    assert moved == [None, "bytes=100000-", "bytes=200000-", "bytes=300000-"]


@pytest.mark.parametrize(
    ("redirect", "message"),
    [
        ("/tiny.pkl", "answered 302 "),
        ("https://[half", "cannot be read"),
        ("file:///etc/hostname", "not allowed|not https"),
    ],
)
def test_redirects_that_lead_nowhere(site: Site, fetch, redirect, message):
    site.redirect = redirect
    with pytest.raises(DraglabError, match=message) as caught:
        fetch()
    assert "\n" not in str(caught.value)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A self-signed one for this machine, with its key."""
    program = shutil.which("openssl")
    if program is None:
        pytest.skip("no openssl to make a certificate with; the rule itself is tested above")
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    command = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost".split()
    command += ["-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost", "-keyout", str(path), "-out", f"{path}.crt"]
    subprocess.run([program, *command], check=True, capture_output=True)
    path.write_text(path.read_text() + Path(f"{path}.crt").read_text())
    return path


def test_https(site: Site, fetch, certificate: Path, monkeypatch):
    with serve(certificate) as secure:
        url = secure.url.replace("http:", "https:")
        with pytest.raises(
            DraglabError, match=r"the certificate of https://.* is not trusted \(self.signed certificate"
        ):
            fetch(url)
        monkeypatch.setenv("SSL_CERT_FILE", f"{certificate}.crt")
        secure.redirect = "http://example.org/a.pkl"
        with pytest.raises(
            DraglabError, match="redirects to http://example.org/a.pkl, which is not https: not followed"
        ):
            fetch(url)
        secure.redirect = None
        assert fetch(url).read_bytes() == CONTENT
