"""Certificates that Content Credentials are signed with: one's own, or one that this machine makes for itself.

C2PA wants a chain: a certificate for signing (not one that signs itself), then those that issued it. The chain that is
made here names nobody: a root, whose key is thrown away, and the certificate for signing.
"""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from draglab.errors import DraglabError
from draglab.files import read_bytes, write_error
from draglab.folders import CREDENTIALS, data_folder, make_private

if TYPE_CHECKING:
    from cryptography import x509

FILE = "signer.pem"
"""Name of the file of the self-made key and chain."""
SELF_MADE = "Self-made by draglab: nobody has checked who signs"
"""Organisation that a self-made certificate names."""
SIZE_LIMIT = 1 << 20
"""Largest file of a certificate or a key, in bytes."""
YEARS = 10
_RENEW = timedelta(days=30)
_CURVES = {"secp256r1": "ES256", "secp384r1": "ES384", "secp521r1": "ES512"}


@dataclass(frozen=True)
class Signer:
    """What signs: a chain of certificates and the key of the first, PEM; its algorithm by C2PA's name."""

    chain: bytes
    key: bytes
    algorithm: str


def read_signer(certificate: Path, key: Path) -> Signer:
    """Read a signer from files.

    Args:
        certificate: PEM, the certificate for signing and then its issuers'. key: PEM, without a password.

    Raises:
        DraglabError: missing, not PEM, not of each other, out of date, or of a kind that C2PA does not take.
    """
    chain = read_bytes(certificate, "certificate", SIZE_LIMIT)
    return _checked(chain, read_bytes(key, "key", SIZE_LIMIT), f"{certificate} and {key}", str(certificate))


def self_made_signer() -> Signer:
    """Return this user's self-made signer, from the data folder; it is made where there is none, or when it gets old.

    Raises:
        DraglabError: it cannot be kept, or is damaged.
    """
    path = data_folder() / CREDENTIALS / FILE
    if not path.is_file() or _gets_old(read_bytes(path, "signing key", SIZE_LIMIT)):
        _make(path)
    data = read_bytes(path, "signing key", SIZE_LIMIT)
    try:
        return _checked(data, data, str(path), str(path))
    except DraglabError as error:
        raise DraglabError(f"{error}; delete it, and a new one is made") from None


def _make(path: Path) -> None:
    """Write a new key and chain, for this user alone; of several processes, one wins."""
    renewed = path.is_file()
    temporary = path.with_name(f".{os.getpid()}-{os.urandom(4).hex()}.part")
    try:
        make_private(path.parent)
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(_new_pem())
        if renewed:
            os.replace(temporary, path)
            return
        try:
            os.link(temporary, path)
        except FileExistsError:
            pass
        except OSError:  # a file system without hard links
            os.replace(temporary, path)
    except OSError as error:
        reason = str(write_error(path, error))
        raise DraglabError(f"{reason}; without Content Credentials, set DRAGLAB_SIGN=off") from None
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def _new_pem() -> bytes:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    root_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    root = _certificate("draglab root", "draglab root", root_key.public_key(), root_key, authority=True)
    leaf = _certificate("draglab", "draglab root", key.public_key(), root_key, authority=False)
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return private + leaf.public_bytes(pem) + root.public_bytes(pem)


def _certificate(name: str, issuer: str, key: Any, signing_key: Any, authority: bool) -> x509.Certificate:
    """Make a certificate as the C2PA Technical Specification wants it (section "Certificate profiles")."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    def full(common: str) -> x509.Name:
        organisation = x509.NameAttribute(NameOID.ORGANIZATION_NAME, SELF_MADE)
        return x509.Name([organisation, x509.NameAttribute(NameOID.COMMON_NAME, common)])

    begin = datetime.now(UTC) - timedelta(days=1)  # clocks differ
    usage = dict.fromkeys(
        ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "encipher_only",
         "decipher_only"), False,
    )  # fmt: skip
    made = (
        x509.CertificateBuilder()
        .subject_name(full(name))
        .issuer_name(full(issuer))
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(begin + timedelta(days=365 * YEARS))
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        .add_extension(
            x509.KeyUsage(digital_signature=not authority, key_cert_sign=authority, crl_sign=authority, **usage),
            critical=True,
        )
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signing_key.public_key()), critical=False)
    )
    if not authority:
        purpose = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION])
        made = made.add_extension(purpose, critical=False)
    return made.sign(signing_key, hashes.SHA256())


def _gets_old(data: bytes) -> bool:
    from cryptography import x509

    try:
        first = x509.load_pem_x509_certificates(data)[0]
    except ValueError:
        return False  # what is wrong is said where it is used
    return first.not_valid_after_utc - datetime.now(UTC) < _RENEW


def _checked(chain_pem: bytes, key_pem: bytes, names: str, certificate: str) -> Signer:
    from cryptography import x509
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import serialization

    try:
        chain = x509.load_pem_x509_certificates(chain_pem)
        key = serialization.load_pem_private_key(key_pem, password=None)
    except TypeError:
        raise DraglabError(f"cannot sign with {names}: the key has a password; give one without") from None
    except (ValueError, UnsupportedAlgorithm):
        raise DraglabError(
            f"cannot sign with {names}: a chain of certificates and a private key are needed, both PEM"
        ) from None
    first, now = chain[0], datetime.now(UTC)
    if key.public_key() != first.public_key():
        raise DraglabError(f"cannot sign with {names}: the key is not that of the first certificate")
    if not first.not_valid_before_utc <= now <= first.not_valid_after_utc:
        raise DraglabError(f"cannot sign with {certificate}: it is valid from {_dates(first)}")
    if first.issuer == first.subject:
        raise DraglabError(
            f"cannot sign with {certificate}: it signs itself, which C2PA refuses; give a certificate for signing and "
            "then its issuer's, in one file"
        )
    pem = serialization.Encoding.PEM
    return Signer(
        b"".join(each.public_bytes(pem) for each in chain),
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()),
        _algorithm(key, names),
    )


def _algorithm(key: Any, names: str) -> str:
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

    if isinstance(key, ec.EllipticCurvePrivateKey) and key.curve.name in _CURVES:
        return _CURVES[key.curve.name]
    if isinstance(key, rsa.RSAPrivateKey) and key.key_size >= 2048:
        return "PS256"
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return "ED25519"
    raise DraglabError(
        f"cannot sign with {names}: keys of C2PA are of a NIST curve, Ed25519, or RSA of 2048 bits or more"
    )


def _dates(certificate: x509.Certificate) -> str:
    return f"{certificate.not_valid_before_utc:%Y-%m-%d} to {certificate.not_valid_after_utc:%Y-%m-%d}"
