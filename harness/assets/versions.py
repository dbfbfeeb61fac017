"""The pinned versions: one constant a component family, in step with the Go modules in `ci`."""

from __future__ import annotations

import re

from harness.errors import UsageError

__all__ = [
    "ETCD",
    "HELM",
    "KIND",
    "KUBERNETES",
    "KWOK",
    "PROMETHEUS",
    "find_version",
    "minor",
    "ordered",
    "parse",
]

KUBERNETES = "1.34.4"
"""kube-apiserver, kube-controller-manager, kube-scheduler, kubectl."""
ETCD = "3.6.5"
"""etcd, etcdctl, etcdutl."""
KWOK = "0.8.0"
"""kwok, kwokctl."""
HELM = "3.20.2"
"""helm; only for targets that are installed by a chart."""
KIND = "0.33.0"
"""kind; only for clusters of that kind."""
PROMETHEUS = "3.15.0"
"""prometheus; only for suites that measure for longer."""

_VERSION = re.compile(r"(?<![\w.])v?(\d+\.\d+\.\d+(?:[-+][0-9A-Za-z.+-]+)?)")


def find_version(text: str) -> str:
    """Returns the first version in a text, without its "v"; empty where there is none.

    Args:
        text: For example "Kubernetes v1.34.4" or "etcd Version: 3.6.5".
    """
    match = _VERSION.search(text)
    return match.group(1) if match else ""


def minor(version: str) -> str:
    """Returns major and minor of a version, for example "1.34" of "1.34.4-rc.0"."""
    return ".".join(version.split(".")[:2])


def ordered(version: str) -> tuple[int, ...]:
    """Returns the numbers of a version, by which versions are sorted."""
    return tuple(int(part) for part in re.findall(r"\d+", version.split("+", maxsplit=1)[0])[:3])


def parse(text: str) -> str:
    """Reads a Kubernetes version that a user wrote; returns it without "v".

    Raises:
        UsageError: It isn't three numbers, for example "1.33.6".
    """
    match = re.fullmatch(r"v?(1\.\d+\.\d+)", text.strip())
    if match is None:
        raise UsageError(
            f"{text!r} is no version of Kubernetes.",
            hint=f"All three numbers are needed, for example {KUBERNETES}, which is the one "
            "that is taken where none is asked for.",
        )
    return match.group(1)
