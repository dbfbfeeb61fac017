"""Waits until a cluster's garbage collector knows kinds that were installed just now.

It looks for new kinds every 30 s, and until then what a custom resource owned may stay. We can't
start it anew, but ask: an object whose owner is of the new kind, and was never there, goes as soon
as the kind is known.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

from harness.clock import SYSTEM_CLOCK, Deadline
from harness.errors import ApiError
from harness.kube.watch import NotObserved, await_object

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.clock import Clock
    from harness.kube.client import KubeClient
    from harness.kube.ledger import Made

__all__ = ["await_collector"]

_CRDS = "customresourcedefinitions.apiextensions.k8s.io"
_LONGEST_S = 90.0  # three of its looks
_TURN_S = 2.0
"""For an object that it could not decide on, the collector asks again at growing intervals, so a
new one is sent at each turn."""


def await_collector(
    client: KubeClient, made: Sequence[Made], *, clock: Clock = SYSTEM_CLOCK
) -> bool:
    """Waits until the owner of each new kind is looked up; returns False where that never came.

    Args:
        client: Our identity.
        made: Of which the CRDs are asked about; a probe lies in the first namespace among them.
        clock: Gives the deadline.

    Raises:
        ApiError: A probe can't be made.
    """
    crds = [item for item in made if item.resource.key == _CRDS]
    homes = [item.name for item in made if item.resource.key == "namespaces"]
    deadline = Deadline(_LONGEST_S, clock=clock)
    owners = [owner for crd in crds for owner in _owners(client.get(crd.resource, crd.name))[:1]]
    return all(
        _collected(client, owner, homes[0] if homes else "default", deadline) for owner in owners
    )


def _owners(crd: dict[str, Any]) -> list[dict[str, Any]]:
    """Returns an owner that was never there for each version that is served."""
    spec = crd["spec"]
    return [
        {
            "apiVersion": f"{spec['group']}/{version['name']}",
            "kind": spec["names"]["kind"],
            "name": "harness-never-there",
            "uid": f"00000000-0000-4000-8000-{secrets.token_hex(6)}",
        }
        for version in spec["versions"]
        if version.get("served")
    ]


def _collected(
    client: KubeClient, owner: dict[str, Any], namespace: str, deadline: Deadline
) -> bool:
    """Sends probes until one of them goes; the others are deleted."""
    resource = client.resource("configmaps")
    sent: list[str] = []
    try:
        while not deadline.passed:
            name = f"harness-probe-{secrets.token_hex(6)}"
            metadata = {"name": name, "namespace": namespace, "ownerReferences": [owner]}
            client.create(resource, {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata})
            sent.append(name)
            try:
                await_object(
                    client.connection,
                    resource,
                    name,
                    namespace,
                    lambda body: body is None,
                    timeout=_TURN_S,
                )
            except NotObserved:
                continue
            return True
        return False
    finally:
        for name in sent:
            _forget(client, name, namespace)


def _forget(client: KubeClient, name: str, namespace: str) -> None:
    try:
        client.delete(client.resource("configmaps"), name, namespace)
    except ApiError:
        return  # it's in the ledger: the uninstall removes it, or tells
