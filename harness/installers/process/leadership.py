"""Stage 3: which process of the operator holds a Lease."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.installers.process.plan import Instance
    from harness.manifests.objects import Object

__all__ = ["LEASES", "holder_of", "lease_name", "other_holder"]

LEASES = "leases.coordination.k8s.io"


def lease_name(lease: Object) -> str:
    """Returns "namespace/name"."""
    meta = lease["metadata"]
    return f"{meta.get('namespace', '')}/{meta['name']}"


def holder_of(lease: Object, instances: Sequence[Instance]) -> str:
    """Returns which of these processes holds a Lease; empty for none.

    Holders call themselves by their host name, which is their Pod's. What a process held before
    it was started again doesn't count, so the Lease must have been renewed since its start.
    """
    spec = lease.get("spec") or {}
    holder, renewed = str(spec.get("holderIdentity") or ""), spec.get("renewTime")
    if not holder or not renewed:
        return ""
    renewed_ns = int(datetime.fromisoformat(str(renewed)).timestamp() * 1e9)
    for instance in instances:
        if instance.hostname and holder.startswith(instance.hostname):
            return instance.process if renewed_ns >= instance.started_ns else ""
    return ""


def other_holder(lease: Object, known: Sequence[str]) -> str:
    """Returns in words who holds a Lease of the operator; empty for a Lease that isn't its."""
    holder = (lease.get("spec") or {}).get("holderIdentity")
    if lease_name(lease) not in known or not holder:
        return ""
    return f"; {lease_name(lease)} is held by {holder}"
