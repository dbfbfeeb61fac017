"""A certificate for tests on this machine."""

from __future__ import annotations

import ipaddress
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

__all__ = ["Pair", "self_signed"]


class Pair(NamedTuple):
    """A certificate and its key as PEM."""

    certificate: bytes
    key: bytes


def self_signed(*, begins_h: float = -1.0, ends_h: float = 1.0, passphrase: bytes = b"") -> Pair:
    """A self-signed certificate for 127.0.0.1, good for servers and clients.

    Args:
        begins_h: When it becomes valid, in hours from now.
        ends_h: When it expires, in hours from now.
        passphrase: Of the key; empty for none.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "canary")])
    now = datetime.now(UTC)
    loopback = x509.SubjectAlternativeName(
        [x509.IPAddress(ipaddress.ip_address("127.0.0.1")), x509.DNSName("inside")]
    )
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now + timedelta(hours=begins_h))
        .not_valid_after(now + timedelta(hours=ends_h))
        .add_extension(loopback, critical=False)
        .sign(key, hashes.SHA256())
    )
    return Pair(
        certificate.public_bytes(serialization.Encoding.PEM),
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(passphrase)
            if passphrase
            else serialization.NoEncryption(),
        ),
    )
