"""Certificates of a cluster: an identity for each component, so that audit tells them apart.

kwokctl makes one certificate for all, but uses a `pki` folder that is there already as it is.
It needs ca.crt, ca.key, admin.crt and admin.key; the other files are ours, and reach the
components by their arguments.
"""

from __future__ import annotations

import datetime
import ipaddress
from typing import TYPE_CHECKING

import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from harness.clock import SYSTEM_CLOCK, utc
from harness.clusters.local.identities import IDENTITIES
from harness.errors import ClusterError
from harness.guard.leftovers import write_private

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from cryptography.x509 import Certificate

__all__ = ["Pki", "write_kubeconfig"]

_SERVER_NAMES = (
    "kubernetes",
    "kubernetes.default",
    "kubernetes.default.svc",
    "kubernetes.default.svc.cluster.local",
    "localhost",
)
_LIFE = datetime.timedelta(days=3650)  # a kept cluster must not end by its certificates


class Pki:
    """Writes keys (0600) and certificates into a folder.

    Args:
        folder: Made if absent (0700).
        service_ip: Address of the Service "kubernetes".
        identities: File name to user and groups of each client certificate.
        servers: File names of the server certificates.
    """

    def __init__(
        self,
        folder: Path,
        *,
        service_ip: str,
        identities: Mapping[str, tuple[str, tuple[str, ...]]] = IDENTITIES,
        servers: Sequence[str] = ("kube-apiserver", "kwok-server"),
    ) -> None:
        self.folder = folder
        self._identities = identities
        self._servers = servers
        self._addresses = ("127.0.0.1", "::1", service_ip)
        self._now = utc(SYSTEM_CLOCK.now())

    def write(self) -> None:
        """Makes authority, identities, server certificates and the ServiceAccounts' key."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        key = self._write_key("ca")
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "operator-harness-ca")])
        authority = (
            self._builder(name, name, key.public_key())
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_usage(signs=True), critical=True)
            .add_extension(
                x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False
            )
            .sign(key, hashes.SHA256())
        )
        self._write_certificate("ca", authority)
        for file, (user, groups) in self._identities.items():
            self._write_leaf(file, user, groups, authority, key, server=False)
        for file in self._servers:
            self._write_leaf(file, file, (), authority, key, server=True)
        accounts = self._write_key("service-accounts")
        public = accounts.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        write_private(self.folder / "service-accounts.pub", public)

    def adopt(self, certificate: bytes, key: bytes) -> None:
        """Makes the identities' certificates by an authority that exists already (both PEM)."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_private(self.folder / "ca.crt", certificate)
        authority = x509.load_pem_x509_certificate(certificate)
        signer = serialization.load_pem_private_key(key, password=None)
        if not isinstance(signer, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey):
            raise ClusterError("The cluster's authority has neither an elliptic nor an RSA key.")
        for file, (user, groups) in self._identities.items():
            self._write_leaf(file, user, groups, authority, signer, server=False)

    def _write_leaf(
        self,
        file: str,
        user: str,
        groups: Sequence[str],
        authority: Certificate,
        authority_key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey,
        *,
        server: bool,
    ) -> None:
        key = self._write_key(file)
        subject = x509.Name(
            [x509.NameAttribute(NameOID.ORGANIZATION_NAME, group) for group in groups]
            + [x509.NameAttribute(NameOID.COMMON_NAME, user)]
        )
        purpose = ExtendedKeyUsageOID.SERVER_AUTH if server else ExtendedKeyUsageOID.CLIENT_AUTH
        builder = (
            self._builder(subject, authority.subject, key.public_key())
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(signs=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key()),
                critical=False,
            )
        )
        if server:
            names: list[x509.GeneralName] = [x509.DNSName(name) for name in _SERVER_NAMES]
            names += [x509.IPAddress(ipaddress.ip_address(text)) for text in self._addresses]
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        self._write_certificate(file, builder.sign(authority_key, hashes.SHA256()))

    def _builder(
        self, subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey
    ) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(self._now - datetime.timedelta(hours=1))
            .not_valid_after(self._now + _LIFE)
        )

    def _write_key(self, file: str) -> ec.EllipticCurvePrivateKey:
        key = ec.generate_private_key(ec.SECP256R1())
        write_private(
            self.folder / f"{file}.key",
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.TraditionalOpenSSL,
                serialization.NoEncryption(),
            ),
        )
        return key

    def _write_certificate(self, file: str, certificate: Certificate) -> None:
        write_private(
            self.folder / f"{file}.crt", certificate.public_bytes(serialization.Encoding.PEM)
        )


def _usage(*, signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=signs,
        crl_sign=signs,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def write_kubeconfig(path: Path, *, server: str, pki: Path, identity: str, name: str) -> None:
    """Writes a kubeconfig (0600) that names the identity's files.

    Args:
        path: Where to.
        server: URL.
        pki: Folder of the certificates.
        identity: File name of the client certificate, a key of `IDENTITIES`.
        name: Name of cluster, context and user in the file.
    """
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": name,
        "clusters": [
            {
                "name": name,
                "cluster": {"server": server, "certificate-authority": str(pki / "ca.crt")},
            }
        ],
        "users": [
            {
                "name": name,
                "user": {
                    "client-certificate": str(pki / f"{identity}.crt"),
                    "client-key": str(pki / f"{identity}.key"),
                },
            }
        ],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
    }
    write_private(path, yaml.safe_dump(document, sort_keys=False).encode())
