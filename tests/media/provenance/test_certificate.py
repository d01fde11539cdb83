"""The self-made signer, and one's own."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest

from draglab import DraglabError
from draglab.folders import CREDENTIALS
from draglab.media.images import encode_image
from draglab.media.provenance import certificate
from draglab.media.provenance.certificate import FILE, read_signer, self_made_signer
from draglab.media.provenance.credentials import check_signing, seal
from draglab.media.provenance.origin import generated
from tests.media.provenance.certificates import write_chain
from tests.media.provenance.pictures import picture
from tests.provenance import validated

pytestmark = pytest.mark.usefixtures("signed")
ORIGIN = generated("heads", "a" * 64, 7)


@pytest.fixture
def fresh(tmp_path, monkeypatch):
    """A data folder in which there is nothing yet."""
    monkeypatch.setenv("DRAGLAB_DATA", str(tmp_path / "data"))
    return tmp_path / "data"


@pytest.fixture
def own(monkeypatch):
    """Sets the environment to sign with files."""

    def use(files):
        monkeypatch.setenv("DRAGLAB_SIGN_CERT", str(files.certificate))
        monkeypatch.setenv("DRAGLAB_SIGN_KEY", str(files.key))

    return use


def test_it_is_made_once_and_for_this_user_alone(fresh):
    umask = os.umask(0)
    try:
        first = self_made_signer()
    finally:
        os.umask(umask)
    assert self_made_signer() == first and first.algorithm == "ES256"
    path = fresh / CREDENTIALS / FILE
    assert os.listdir(path.parent) == [FILE]
    if os.name == "posix":
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert stat.S_IMODE(path.parent.stat().st_mode) == stat.S_IMODE(fresh.stat().st_mode) == 0o700


def test_it_names_nobody(fresh):
    import getpass
    import platform

    from cryptography import x509

    chain = x509.load_pem_x509_certificates(self_made_signer().chain)
    assert len(chain) == 2 and chain[0].issuer == chain[1].subject
    text = " ".join(name.rfc4514_string() for each in chain for name in (each.subject, each.issuer))
    assert "Self-made by draglab" in text
    assert platform.node() not in text and getpass.getuser() not in text.replace("root", "")


def test_processes_that_begin_together_have_one(fresh):
    program = "from draglab.media.provenance.certificate import self_made_signer as s; print(s().chain.hex())"
    running = [subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) for _ in range(4)]
    assert len({process.communicate()[0] for process in running}) == 1
    assert len(os.listdir(fresh / CREDENTIALS)) == 1


def test_it_is_made_anew_before_it_ends(fresh, monkeypatch):
    monkeypatch.setattr(certificate, "YEARS", 25 / 365)
    first = self_made_signer()
    monkeypatch.setattr(certificate, "YEARS", 10)
    second = self_made_signer()
    assert second != first and self_made_signer() == second


def test_a_damaged_one_is_said(fresh):
    self_made_signer()
    (fresh / CREDENTIALS / FILE).write_bytes(b"damaged")
    with pytest.raises(DraglabError, match=r"both PEM; delete it, and a new one is made"):
        self_made_signer()


def test_a_folder_that_cannot_be_written(tmp_path, monkeypatch):
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setenv("DRAGLAB_DATA", str(tmp_path / "file" / "data"))
    with pytest.raises(DraglabError, match="without Content Credentials, set DRAGLAB_SIGN=off"):
        check_signing()


@pytest.mark.parametrize(
    ("kind", "name"), [("p256", "ES256"), ("p384", "ES384"), ("rsa", "PS256"), ("ed25519", "ED25519")]
)
def test_files_of_ones_own(tmp_path, own, kind, name):
    files = write_chain(tmp_path, kind)
    assert read_signer(files.certificate, files.key).algorithm == name
    own(files)
    check_signing()
    state, codes, manifest = validated(encode_image(picture(), ORIGIN))
    assert (state, codes) == ("Valid", ["signingCredential.untrusted"])
    assert manifest["signature_info"]["issuer"] == "Anna's studio"


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"password": b"secret"}, "the key has a password"),
        ({"kind": "k1"}, "keys of C2PA are of a NIST curve"),
        ({"days": (-20, -10)}, "it is valid from"),
        ({"days": (10, 20)}, "it is valid from"),
        ({"self_signed": True}, "it signs itself"),
        ({"purpose": "1.3.6.1.5.5.7.3.1"}, "C2PA does not take this certificate"),
    ],
)
def test_files_that_c2pa_does_not_take(tmp_path, own, changes, problem):
    own(write_chain(tmp_path, **changes))
    with pytest.raises(DraglabError, match=problem):
        check_signing()


def test_files_that_are_wrong(tmp_path, own, monkeypatch):
    files = write_chain(tmp_path)
    (tmp_path / "other").mkdir()
    own(files._replace(key=write_chain(tmp_path / "other").key))
    with pytest.raises(DraglabError, match="the key is not that of the first certificate"):
        check_signing()
    own(files._replace(key=files.certificate))
    with pytest.raises(DraglabError, match="both PEM"):
        check_signing()
    own(files._replace(certificate=tmp_path / "none.pem"))
    with pytest.raises(DraglabError, match=r"there is no certificate .*none\.pem"):
        check_signing()
    monkeypatch.setenv("DRAGLAB_SIGN_CERT", "")
    with pytest.raises(DraglabError, match="set both DRAGLAB_SIGN_CERT and DRAGLAB_SIGN_KEY"):
        check_signing()


def test_nothing_is_signed_where_it_is_switched_off(monkeypatch):
    monkeypatch.setenv("DRAGLAB_SIGN", "off")
    data = encode_image(picture(), ORIGIN)
    assert seal(data) is data
    monkeypatch.setenv("DRAGLAB_SIGN", "on")
    assert len(seal(data)) > len(data)


def test_without_c2pa(monkeypatch, tmp_path, own):
    monkeypatch.setattr("draglab.media.provenance.credentials.find_spec", lambda name: None)
    data = encode_image(picture(), ORIGIN)
    assert seal(data) is data
    own(write_chain(tmp_path))
    with pytest.raises(DraglabError, match=r"pip install draglab\[c2pa\]"):
        check_signing()


def test_dates_are_those_of_the_clock(fresh):
    from cryptography import x509

    first = x509.load_pem_x509_certificates(self_made_signer().chain)[0]
    left = first.not_valid_after_utc - datetime.now(UTC)
    assert timedelta(days=9.9 * 365) < left <= timedelta(days=10 * 365)
