"""The official client library, for suites of users who know it; nothing of ours goes through it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["api_client"]


def api_client(kubeconfig: Path, *, proxy: str = "") -> Any:  # the library ships no types
    """Returns a `kubernetes.client.ApiClient` with the identity of a kubeconfig's current context.

    Its TLS wants certificates and keys in files: they are written beside the kubeconfig, into the
    cluster's private folder, instead of the machine's folder for temporary files.

    Args:
        kubeconfig: Must hold absolute paths; it is never written.
        proxy: URL of the proxy that leads to the server; empty for none, whatever the environment
            says.
    """
    from kubernetes import client, config  # noqa: PLC0415 - takes a second to load

    settings = type.__call__(client.Configuration)  # not a copy of a default that a test has set
    config.load_kube_config_from_dict(
        yaml.safe_load(kubeconfig.read_text(encoding="utf-8")),
        client_configuration=settings,
        persist_config=False,
        temp_file_path=str(kubeconfig.parent),
    )
    settings.proxy = proxy or None
    return client.ApiClient(configuration=settings)
