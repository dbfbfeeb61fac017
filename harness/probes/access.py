"""Stage 4b: who may do what in the cluster, at one moment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from harness.evidence.ndjson import write_document
from harness.kube.status import api_error
from harness.model.access import (
    AccessSnapshot,
    BindingObject,
    PolicyRule,
    RoleObject,
    ServedResource,
    Subject,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from harness.evidence.folder import RunFolder
    from harness.kube.client import KubeClient

__all__ = ["as_binding", "as_role", "may", "read_access", "record_access"]

_REVIEW = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
_CREATED = 201
_RBAC = "rbac.authorization.k8s.io"
_DEFAULTS = ("kubernetes.io/bootstrapping", "rbac-defaults")


def record_access(client: KubeClient, run: RunFolder, moment: str) -> None:
    """Writes all roles and bindings of the cluster as evidence.

    Args:
        client: The harness's own identity.
        run: Where.
        moment: One word that sorts after earlier ones, for example "1-installed".

    Raises:
        ApiError: They can't be read.
    """
    run.access.mkdir(exist_ok=True)
    write_document(run.access / f"{moment}.json", read_access(client))


def read_access(client: KubeClient) -> AccessSnapshot:
    """Reads all roles, bindings and served resources of a cluster.

    Raises:
        ApiError: They can't be read.
    """
    return AccessSnapshot(
        roles=tuple(
            as_role(body) for plural in ("clusterroles", "roles") for body in _list(client, plural)
        ),
        bindings=tuple(
            as_binding(body)
            for plural in ("clusterrolebindings", "rolebindings")
            for body in _list(client, plural)
        ),
        served=_served(client),
    )


def _list(client: KubeClient, plural: str) -> list[dict[str, Any]]:
    return list(client.list(client.resource(f"{plural}.{_RBAC}")).items)


def as_role(body: dict[str, Any]) -> RoleObject:
    """Returns a Role or ClusterRole, given as Kubernetes has it."""
    metadata = body["metadata"]
    label, value = _DEFAULTS
    return RoleObject(
        name=metadata["name"],
        namespace=metadata.get("namespace", ""),
        rules=msgspec.convert(body.get("rules") or (), tuple[PolicyRule, ...]),
        default=(metadata.get("labels") or {}).get(label) == value,
    )


def as_binding(body: dict[str, Any]) -> BindingObject:
    """Returns a RoleBinding or ClusterRoleBinding, given as Kubernetes has it."""
    metadata = body["metadata"]
    return BindingObject(
        name=metadata["name"],
        namespace=metadata.get("namespace", ""),
        role_kind=body["roleRef"]["kind"],
        role_name=body["roleRef"]["name"],
        subjects=msgspec.convert(body.get("subjects") or (), tuple[Subject, ...]),
    )


def _served(client: KubeClient) -> tuple[ServedResource, ...]:
    """Returns each resource and subresource once, whatever versions there are of it."""
    found: dict[tuple[str, str], ServedResource] = {}
    for served in client.served(refresh=True):
        resource = served.resource
        parts = [(resource.plural, served.verbs)]
        parts += [(f"{resource.plural}/{name}", verbs) for name, verbs in served.subresources]
        for name, verbs in parts:
            key = (resource.group, name)
            known = set(found[key].verbs) if key in found else set()
            found[key] = ServedResource(
                group=resource.group,
                resource=name,
                namespaced=resource.namespaced,
                verbs=tuple(sorted(known | verbs)),
            )
    return tuple(found.values())


def may(
    client: KubeClient,
    user: str,
    groups: Iterable[str],
    *,
    verb: str,
    group: str = "",
    resource: str = "",
    subresource: str = "",
    namespace: str = "",
    name: str = "",
    path: str = "",
) -> bool:
    """Asks the API server whether it would allow a request: a SubjectAccessReview.

    Args:
        client: The harness's own identity.
        user: Who would ask.
        groups: The user's.
        verb: What for.
        group: Of the resource; so are the following, but `path`.
        resource: Plural.
        subresource: Empty for the resource itself.
        namespace: Empty for all.
        name: Empty for all.
        path: For what isn't a resource.

    Raises:
        ApiError: It doesn't answer such questions of ours.
    """
    what = (
        {"nonResourceAttributes": {"verb": verb, "path": path}}
        if path
        else {
            "resourceAttributes": {
                "verb": verb,
                "group": group,
                "resource": resource,
                "subresource": subresource,
                "namespace": namespace,
                "name": name,
            }
        }
    )
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SubjectAccessReview",
        "spec": {"user": user, "groups": list(groups), **what},
    }
    answer = client.raw(  # not `create`: nothing is made that a ledger should know
        "POST",
        _REVIEW,
        body=msgspec.json.encode(review),
        headers={"Content-Type": "application/json"},
    )
    if answer.status != _CREATED:
        raise api_error("POST", _REVIEW, answer.status, answer.body)
    return bool(msgspec.json.decode(answer.body)["status"]["allowed"])
