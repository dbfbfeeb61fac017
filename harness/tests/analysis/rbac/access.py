"""RBAC objects for tests, written as briefly as they are read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.evidence.ndjson import write_document
from harness.model.access import (
    AccessSnapshot,
    BindingObject,
    PolicyRule,
    RoleObject,
    ServedResource,
    Subject,
)
from harness.tests.analysis.recording import OPERATOR

if TYPE_CHECKING:
    from collections.abc import Iterable

    from harness.tests.analysis.recording import Recording

NAMESPACE, ACCOUNT = OPERATOR.removeprefix("system:serviceaccount:").split(":")
_READ_WRITE = ("create", "delete", "get", "list", "patch", "update", "watch")


def rule(
    verbs: str, resources: str = "", groups: str = "core", *, names: str = "", urls: str = ""
) -> PolicyRule:
    """Words are separated by blanks; the core group is called "core"."""
    return PolicyRule(
        verbs=tuple(verbs.split()),
        resources=tuple(resources.split()),
        api_groups=tuple("" if group == "core" else group for group in groups.split())
        if resources
        else (),
        resource_names=tuple(names.split()),
        non_resource_urls=tuple(urls.split()),
    )


def served(
    key: str, *, namespaced: bool = True, verbs: Iterable[str] = _READ_WRITE
) -> ServedResource:
    """`key` is "deployments.apps" or "deployments/scale.apps"."""
    resource, _, group = key.partition(".")
    return ServedResource(group=group, resource=resource, namespaced=namespaced, verbs=tuple(verbs))


SERVED = (
    served("pods"),
    served("pods/status", verbs=("get", "patch", "update")),
    served("pods/exec", verbs=("create", "get")),
    served("configmaps"),
    served("secrets"),
    served("serviceaccounts"),
    served("namespaces", namespaced=False),
    served("nodes", namespaced=False),
    served("nodes/proxy", namespaced=False, verbs=("create", "get")),
    served("deployments.apps"),
    served("deployments/status.apps", verbs=("get", "patch", "update")),
    served("deployments/scale.apps", verbs=("get", "patch", "update")),
    served("roles.rbac.authorization.k8s.io"),
    served("clusterroles.rbac.authorization.k8s.io", namespaced=False),
    served("guestbooks.example.com"),
    served("guestbooks/finalizers.example.com", verbs=()),
)


def bound(
    *rules: PolicyRule,
    namespace: str = "",
    name: str = "manager-role",
    subject: Subject | None = None,
) -> AccessSnapshot:
    """One role with one binding to the operator's ServiceAccount; with a namespace, a Role."""
    who = subject or Subject(kind="ServiceAccount", name=ACCOUNT, namespace=NAMESPACE)
    return AccessSnapshot(
        roles=(RoleObject(name=name, namespace=namespace, rules=rules),),
        bindings=(
            BindingObject(
                name=f"{name}-binding",
                namespace=namespace,
                role_kind="Role" if namespace else "ClusterRole",
                role_name=name,
                subjects=(who,),
            ),
        ),
        served=SERVED,
    )


def together(*snapshots: AccessSnapshot) -> AccessSnapshot:
    return AccessSnapshot(
        roles=tuple(role for item in snapshots for role in item.roles),
        bindings=tuple(binding for item in snapshots for binding in item.bindings),
        served=SERVED,
    )


def record(recording: Recording, access: AccessSnapshot, moment: str = "1-installed") -> None:
    recording.run.access.mkdir(exist_ok=True)
    write_document(recording.run.access / f"{moment}.json", access)
