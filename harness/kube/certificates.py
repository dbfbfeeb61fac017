"""Certificates of a kubeconfig: into a TLS context, and what is wrong with them in words."""

from __future__ import annotations

import ssl
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from harness.clock import SYSTEM_CLOCK, utc

if TYPE_CHECKING:
    from harness.clock import Clock

__all__ = ["BadCertificate", "context", "load_pair"]


class BadCertificate(ValueError):
    """A certificate or key that can't be used; the message quotes nothing of it."""


def context(authority: bytes = b"", *, verify: bool = True) -> ssl.SSLContext:
    """Returns a new TLS context for a client.

    Args:
        authority: PEM of whom we trust; empty for the system's authorities.
        verify: Whether the server's certificate is checked at all.

    Raises:
        BadCertificate: The authority holds no certificate.
    """
    try:
        if authority:
            made = ssl.create_default_context(cadata=authority.decode("ascii"))
        else:
            made = ssl.create_default_context()
    except (ssl.SSLError, ValueError):
        raise BadCertificate("it holds no PEM certificate that can be read") from None
    # Clusters' own authorities often lack extensions that strict mode wants (Python 3.13).
    made.verify_flags &= ~ssl.VERIFY_X509_STRICT
    if not verify:
        made.check_hostname = False
        made.verify_mode = ssl.CERT_NONE
    return made


def load_pair(
    into: ssl.SSLContext, certificate: bytes, key: bytes, *, clock: Clock = SYSTEM_CLOCK
) -> None:
    """Lets a context show a client certificate, in handshakes from now on.

    OpenSSL reads them from files only, so they touch the disk for an instant, in a private folder.

    Raises:
        BadCertificate: They can't be read, don't belong together, or aren't valid now.
    """
    _check_time(certificate, clock)
    if b"ENCRYPTED" in key:
        raise BadCertificate("its key is protected by a passphrase, which nobody can type here")
    with tempfile.TemporaryDirectory(prefix="harness-") as private:
        file = Path(private, "pair.pem")
        file.touch(mode=0o600)
        file.write_bytes(certificate.rstrip() + b"\n" + key)
        try:
            into.load_cert_chain(file, password=b"")
        except ssl.SSLError as error:
            if "MISMATCH" in str(error):
                raise BadCertificate("the key doesn't belong to the certificate") from None
            raise BadCertificate("certificate or key can't be read as PEM") from None


def _check_time(certificate: bytes, clock: Clock) -> None:
    from cryptography import x509  # noqa: PLC0415 - rarely needed

    try:
        found = x509.load_pem_x509_certificate(certificate)
    except ValueError:
        raise BadCertificate("it holds no PEM certificate that can be read") from None
    begin, end = found.not_valid_before_utc, found.not_valid_after_utc
    now = utc(clock.now())
    if now > end:
        raise BadCertificate(f"the certificate expired on {end:%Y-%m-%d %H:%M} UTC")
    if now < begin:
        raise BadCertificate(f"the certificate isn't valid before {begin:%Y-%m-%d %H:%M} UTC")
