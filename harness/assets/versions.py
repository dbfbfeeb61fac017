"""The pinned versions: one constant a component family, in step with `ci/controlplane`."""

from __future__ import annotations

import re

__all__ = ["ETCD", "KUBERNETES", "KWOK", "find_version", "minor"]

KUBERNETES = "1.34.4"
"""kube-apiserver, kube-controller-manager, kube-scheduler, kubectl."""
ETCD = "3.6.5"
"""etcd, etcdctl, etcdutl."""
KWOK = "0.8.0"
"""kwok, kwokctl."""

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
