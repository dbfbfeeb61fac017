"""The official client library, for suites of users who know it; nothing of ours goes through it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

from harness.kube.kubeconfig import read_kubeconfig

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["api_client"]


def api_client(kubeconfig: Path) -> Any:  # noqa: ANN401 - the library ships no types of it
    """Returns a `kubernetes.client.ApiClient` with the identity of a kubeconfig's current context.

    Its TLS wants certificates and keys in files: they are written beside the kubeconfig, into the
    cluster's private folder, instead of the machine's folder for temporary files. It takes the
    proxy that we take, or none.

    Args:
        kubeconfig: Must hold absolute paths; it is never written.

    Raises:
        UsageError: As `read_kubeconfig`.
    """
    from kubernetes import client, config  # noqa: PLC0415 - takes a second to load

    settings = type.__call__(client.Configuration)  # not a copy of a default that a test has set
    config.load_kube_config_from_dict(  # type: ignore[no-untyped-call]  # as above
        yaml.safe_load(kubeconfig.read_text(encoding="utf-8")),
        client_configuration=settings,
        persist_config=False,
        temp_file_path=str(kubeconfig.parent),
    )
    proxy = read_kubeconfig(kubeconfig).credentials.proxy
    settings.proxy, settings.proxy_headers = proxy.url or None, dict(proxy.headers) or None
    return client.ApiClient(configuration=settings)
