"""Certificates of one's own, of every kind that C2PA takes and some that it does not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest

pytest.importorskip("cryptography", reason="cryptography comes with c2pa-python, which is not installed")

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import NameOID, ObjectIdentifier

PEM = serialization.Encoding.PEM


class Files(NamedTuple):
    certificate: Path
    key: Path
    root: Path


def new_key(kind: str) -> Any:
    if kind == "rsa":
        return rsa.generate_private_key(public_exponent=65537, key_size=2048)
    if kind == "ed25519":
        return ed25519.Ed25519PrivateKey.generate()
    return ec.generate_private_key({"p256": ec.SECP256R1, "p384": ec.SECP384R1, "k1": ec.SECP256K1}[kind]())


def write_chain(
    folder: Path,
    kind: str = "p256",
    purpose: str = "1.3.6.1.5.5.7.3.4",
    days: tuple[int, int] = (-1, 300),
    password: bytes | None = None,
    self_signed: bool = False,
) -> Files:
    """Write a certificate with its issuer's, its key, and the issuer alone.

    Args:
        purpose: extended key usage: ...3.4 = e-mail, which C2PA takes; ...3.1 = servers.
    """
    root_key, key = new_key("p256"), new_key(kind)
    root = _certificate("Root of a test", "Root of a test", root_key, root_key, None, days)
    name = "Anna's studio"
    issuer, issuer_key = (name, key) if self_signed else ("Root of a test", root_key)
    leaf = _certificate(name, issuer, key, issuer_key, purpose, days)
    locked = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    files = Files(folder / "c.pem", folder / "k.pem", folder / "root.pem")
    files.certificate.write_bytes(leaf.public_bytes(PEM) + (b"" if self_signed else root.public_bytes(PEM)))
    files.key.write_bytes(key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, locked))
    files.root.write_bytes(root.public_bytes(PEM))
    return files


def _certificate(
    name: str, issuer: str, key: Any, issuer_key: Any, purpose: str | None, days: tuple[int, int]
) -> x509.Certificate:
    authority, now = purpose is None, datetime.now(UTC)
    names = [x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, each)]) for each in (name, issuer)]
    others = dict.fromkeys(
        [
            "content_commitment",
            "key_encipherment",
            "data_encipherment",
            "key_agreement",
            "encipher_only",
            "decipher_only",
        ],
        False,
    )
    made = (
        x509.CertificateBuilder()
        .subject_name(names[0])
        .issuer_name(names[1])
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + timedelta(days=days[0]))
        .not_valid_after(now + timedelta(days=days[1]))
        .add_extension(x509.BasicConstraints(authority, None), critical=True)
        .add_extension(
            x509.KeyUsage(
                digital_signature=not authority,
                key_cert_sign=authority,
                crl_sign=authority,
                **others,
            ),
            critical=True,
        )
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False)
    )
    if purpose is not None:
        made = made.add_extension(x509.ExtendedKeyUsage([ObjectIdentifier(purpose)]), critical=False)
    return made.sign(issuer_key, None if isinstance(issuer_key, ed25519.Ed25519PrivateKey) else hashes.SHA256())
