"""The option by which people name a Prometheus of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import SplitResult, urlsplit

import click

from harness.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["checked_url", "prometheus_option", "without_password"]

_EXAMPLE = "For example --prometheus-url http://127.0.0.1:9090"
_HIDDEN = "***"

prometheus_option = click.option(
    "--prometheus-url",
    default="",
    metavar="URL",
    help="A Prometheus of yours that scrapes the operator already: gates on PromQL are asked of "
    "it. User name and password in it are sent to it, and written nowhere. Default: suites that "
    "want one (load) get their own.",
)


def checked_url(text: str) -> str:
    """Returns the address, if it can be one.

    Raises:
        UsageError: It can't; the message quotes nothing of it, since it may hold a password.
    """
    if text:
        try:
            parts = urlsplit(text)
            parts.port  # noqa: B018 - it raises where it's none
        except ValueError as error:
            raise UsageError("--prometheus-url: it is no URL.", hint=f"{_EXAMPLE}.") from error
        _refuse(parts)
    return text


def _refuse(parts: SplitResult) -> None:
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise UsageError(
            "--prometheus-url: it must begin with http:// or https://, and name a host.",
            hint=f"{_EXAMPLE}.",
        )
    if parts.query or parts.fragment:
        raise UsageError(
            "--prometheus-url: it is the address of a server, without ? and #.",
            hint=f"{_EXAMPLE}; user name and password may stand before the host.",
        )


def without_password(words: Sequence[str], url: str) -> list[str]:
    """Returns a command line in which the address holds neither user name nor password."""
    account, at, _ = urlsplit(url).netloc.rpartition("@") if url else ("", "", "")
    if not at:
        return list(words)
    shown = url.replace(f"{account}@", f"{_HIDDEN}@", 1)
    return [word.replace(url, shown) for word in words]
