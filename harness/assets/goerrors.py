"""Turns what Go printed into one paragraph that says what to do."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec

from harness.errors import AssetError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

__all__ = ["ELSEWHERE", "explain", "without_credentials"]

ELSEWHERE = (
    "put ready-made binaries into a folder and name it in KUBEBUILDER_ASSETS, or put them on PATH"
)
"""The way out that needs no build; part of many hints."""

_LONGEST = 300  # of a line of Go's that we quote


class _Cause(msgspec.Struct, frozen=True):
    pattern: str
    message: str
    hint: str


_CAUSES = (
    _Cause(
        r"no space left on device|disk quota exceeded",
        "the disk is full",
        "Free some space (a first build needs about 10 GiB in Go's own caches, which "
        "`go clean -cache` empties), or move them with GOCACHE, GOMODCACHE and XDG_CACHE_HOME.",
    ),
    _Cause(
        r"requires go >= ?\S+|go\.mod requires go|invalid go version",
        "this Go is too old",
        f"Install a newer Go and put it first on PATH, or {ELSEWHERE}.",
    ),
    _Cause(
        r"checksum mismatch|SECURITY ERROR|missing go\.sum entry",
        "a module isn't the one that go.sum pins",
        "Check what GOPROXY points at; `go clean -modcache` removes a damaged download.",
    ),
    _Cause(
        r"dial tcp|proxyconnect|no such host|connection refused|i/o timeout|"
        r"TLS handshake|x509:|GOPROXY=off|module lookup disabled|"
        r"\b(?:403|404|407|410|429|5\d\d) [A-Z][a-z]+|unexpected EOF|connection reset",
        "the Go module proxy can't be reached or doesn't serve a module",
        "Check the network, GOPROXY, HARNESS_OFFLINE and HTTPS_PROXY and try again "
        f"(what was downloaded is kept), or {ELSEWHERE}.",
    ),
    _Cause(
        r"signal: killed|cannot allocate memory|out of memory",
        "the machine ran out of memory",
        f"Close other programs and try again, or {ELSEWHERE}.",
    ),
    _Cause(
        r"permission denied|read-only file system|build cache is required|"
        r"cache is disabled|HOME is not defined",
        "Go can't write its caches",
        "Point GOCACHE, GOMODCACHE and XDG_CACHE_HOME at folders that you can write.",
    ),
)


def without_credentials(line: str) -> str:
    """Returns a line of output with user names and passwords in URLs replaced."""
    return re.sub(r"://[^/\s@]+@", "://[redacted]@", line)


def explain(subject: str, lines: Sequence[str], *, log: Path) -> AssetError:
    """Returns the error for a Go command that failed.

    Args:
        subject: What was tried, for example "Building kubernetes 1.34.4".
        lines: All that Go printed.
        log: Where that can be read again.
    """
    for cause in _CAUSES:
        for line in reversed(lines):
            if re.search(cause.pattern, line):
                quote = without_credentials(line).strip()[:_LONGEST]
                return AssetError(f"{subject} failed: {cause.message} ({quote}).", hint=cause.hint)
    return AssetError(
        f"{subject} failed: {_salient(lines)}.",
        hint=f"The whole output is in {log}. If Go can't be helped, {ELSEWHERE}.",
    )


def _salient(lines: Sequence[str]) -> str:
    """Returns the first line that looks like an error, else the last one."""
    spoken = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
    for line in spoken:
        if re.search(r"^go: (?!downloading)|\.go:\d+|error|cannot|undefined", line):
            return without_credentials(line)[:_LONGEST].rstrip(".")
    return without_credentials(spoken[-1])[:_LONGEST].rstrip(".") if spoken else "Go said nothing"
