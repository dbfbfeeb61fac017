"""What the twin `grants-itself-rights` does: the healthy operator never calls this."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from noteboard.names import MANAGER, RBAC

if TYPE_CHECKING:
    from noteboard.api import Requests

__all__ = ["grant_rights", "own_namespace"]

_NAMESPACE_FILE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")


def own_namespace() -> str:
    """Returns the namespace of the operator's pod."""
    return _NAMESPACE_FILE.read_text(encoding="utf-8").strip()


async def grant_rights(api: Requests, *, namespace: str) -> None:
    """Binds cluster-admin to the operator's own ServiceAccount, once.

    Args:
        api: The API server.
        namespace: The operator's own.
    """
    group, _, _ = RBAC.partition("/")
    binding = {
        "apiVersion": RBAC,
        "kind": "RoleBinding",
        "metadata": {"name": MANAGER, "namespace": namespace},
        "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": "cluster-admin"},
        "subjects": [{"kind": "ServiceAccount", "name": MANAGER, "namespace": namespace}],
    }
    if await api.find(binding, MANAGER, namespace) is None:
        await api.apply(binding, force=False)
