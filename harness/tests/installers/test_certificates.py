"""Certificates verify, and only by the run's own authority."""

from __future__ import annotations

import socket
import ssl
import threading
from pathlib import Path

import pytest
from cryptography import x509

from harness.clock import SYSTEM_CLOCK, utc
from harness.installers.certificates import Authority, Pair


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority(now=utc(SYSTEM_CLOCK.now()))


def handshake(pair: Pair, bundle: str, *, name: str, folder: Path) -> str:
    """Returns the version of a TLS connection between a server and a client."""
    (folder / "crt").write_text(pair.certificate)
    (folder / "key").write_text(pair.key)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(folder / "crt", folder / "key")
    client = ssl.create_default_context(cadata=bundle)
    ours, theirs = socket.socketpair()

    def serve() -> None:
        try:
            with server.wrap_socket(theirs, server_side=True):
                pass
        except (ssl.SSLError, OSError):
            theirs.close()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        with client.wrap_socket(ours, server_hostname=name) as connection:
            return connection.version() or ""
    finally:
        ours.close()
        thread.join()


@pytest.mark.parametrize("name", ["hooks.ns.svc", "127.0.0.1", "localhost"])
@pytest.mark.parametrize("algorithm", ["ECDSA", "RSA"])
def test_a_client_that_trusts_the_bundle_accepts_service_name_and_loopback(
    authority: Authority, tmp_path: Path, name: str, algorithm: str
) -> None:
    pair = authority.issue(["hooks.ns.svc"], algorithm=algorithm)
    version = handshake(pair, authority.certificate, name=name, folder=tmp_path)
    assert version.startswith("TLSv1")


def test_another_authority_or_name_is_refused(authority: Authority, tmp_path: Path) -> None:
    pair = authority.issue(["hooks.ns.svc"])
    other = Authority(now=utc(SYSTEM_CLOCK.now()))
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(pair, other.certificate, name="localhost", folder=tmp_path)
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(pair, authority.certificate, name="other.ns.svc", folder=tmp_path)


def test_long_names_do_not_become_common_names(authority: Authority) -> None:
    long = f"{'a' * 63}.{'b' * 60}.svc"
    certificate = x509.load_pem_x509_certificate(authority.issue([long]).certificate.encode())
    assert long not in certificate.subject.rfc4514_string()
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert long in names.get_values_for_type(x509.DNSName)


def test_keys_are_not_printed(authority: Authority) -> None:
    assert "PRIVATE" not in repr(authority.issue(["a"]))
