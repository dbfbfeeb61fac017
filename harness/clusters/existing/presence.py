"""Whether an operator that is said to be present is there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.errors import ApiError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.kube.client import KubeClient
    from harness.model.target import Target, WorkloadSpec

__all__ = ["absences"]

_NOT_FOUND = 404


def absences(client: KubeClient, target: Target) -> list[str]:
    """Returns what isn't there of a target, or isn't clear, a line each.

    Raises:
        ApiError: The API server can't be asked.
    """
    found = [line for spec in target.workloads for line in _workload(client, spec)]
    for kind in target.kinds:
        try:
            client.resource(kind.resource)
        except ApiError as error:
            if error.status != _NOT_FOUND:
                raise
            found.append(f"{kind.resource} isn't served (kinds[].resource)")
    return found


def _workload(client: KubeClient, spec: WorkloadSpec) -> Iterator[str]:
    resource = client.resource("deployments.apps")
    listed = client.list(
        resource, spec.namespace or "", fields=f"metadata.name={spec.deployment}"
    ).items
    places = ", ".join(sorted(item["metadata"]["namespace"] for item in listed))
    where = f" in namespace {spec.namespace}" if spec.namespace else ""
    if not listed:
        yield f"there is no Deployment {spec.deployment!r}{where} (workloads[].deployment)"
    elif len(listed) > 1:
        yield (
            f"Deployments {spec.deployment!r} are in several namespaces: {places} "
            "(say which by workloads[].namespace)"
        )
