"""Stage 3: the run's own authority for the certificates of webhooks."""

from __future__ import annotations

import ipaddress
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Authority", "Pair"]

_LIFE = timedelta(days=7)  # longer than any run, and useless soon after
_SKEW = timedelta(minutes=5)  # a file system or a container may be behind
_CURVE = ec.SECP256R1()
_RSA_EXPONENT = 65537
_RSA_BITS = 2048
_NAME_LIMIT = 64  # bytes of a common name

_Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


class Pair(msgspec.Struct, frozen=True, kw_only=True):
    """A certificate and its private key, as PEM; the key isn't printed."""

    certificate: str
    key: str

    def __repr__(self) -> str:
        return "Pair(key='[redacted]')"


class Authority:
    """A certificate authority of one run; its key is in memory only.

    Args:
        now: Aware time from which its certificates hold.
        name: Its common name.
    """

    def __init__(self, *, now: datetime, name: str = "operator-harness webhook CA") -> None:
        self._now = now
        self._key = ec.generate_private_key(_CURVE)
        self._name = _named(name)
        builder = self._builder(self._name, self._key).add_extension(
            x509.BasicConstraints(ca=True, path_length=None), critical=True
        )
        builder = builder.add_extension(_usage(signs=True), critical=True)
        self._certificate = builder.sign(self._key, hashes.SHA256())

    @property
    def certificate(self) -> str:
        """The authority's own certificate, as PEM: a CA bundle."""
        return self._certificate.public_bytes(serialization.Encoding.PEM).decode()

    @property
    def pair(self) -> Pair:
        """Certificate and key, for a Certificate with `isCA`."""
        return Pair(certificate=self.certificate, key=_pem(self._key))

    def issue(
        self, names: Sequence[str], *, addresses: Sequence[str] = (), algorithm: str = "ECDSA"
    ) -> Pair:
        """Issues a serving certificate, good for clients too.

        Args:
            names: DNS names; "localhost" is added.
            addresses: IP addresses; 127.0.0.1 is added.
            algorithm: "ECDSA" (P-256) or "RSA" (2048 bits).
        """
        key: _Key = (
            rsa.generate_private_key(_RSA_EXPONENT, _RSA_BITS)
            if algorithm == "RSA"
            else ec.generate_private_key(_CURVE)
        )
        all_names = list(dict.fromkeys((*names, "localhost")))
        all_addresses = list(dict.fromkeys((*addresses, "127.0.0.1")))
        subject = _named(next((name for name in all_names if len(name) <= _NAME_LIMIT), ""))
        alternatives = [
            *(x509.DNSName(name) for name in all_names),
            *(x509.IPAddress(ipaddress.ip_address(text)) for text in all_addresses),
        ]
        both = (ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH)
        builder = self._builder(subject, key)
        builder = builder.add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        builder = builder.add_extension(
            x509.BasicConstraints(ca=False, path_length=None), critical=True
        )
        builder = builder.add_extension(_usage(signs=False), critical=True)
        builder = builder.add_extension(x509.ExtendedKeyUsage(both), critical=False)
        signed = builder.sign(self._key, hashes.SHA256())
        return Pair(
            certificate=signed.public_bytes(serialization.Encoding.PEM).decode(), key=_pem(key)
        )

    def _builder(self, subject: x509.Name, key: _Key) -> x509.CertificateBuilder:
        own = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
        issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(self._now - _SKEW)
            .not_valid_after(self._now + _LIFE)
            .add_extension(own, critical=False)
            .add_extension(issuer, critical=False)
        )


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)] if name else [])


def _pem(key: _Key) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()


def _usage(*, signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        key_encipherment=not signs,
        key_cert_sign=signs,
        crl_sign=signs,
        content_commitment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
