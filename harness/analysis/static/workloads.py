"""SEC-002, SEC-003, OBS-007, RBA-007, LIF-011, RES-013: how the operator's pods are made."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from harness.analysis.static.rules import listed
from harness.manifests.objects import kind_of, name_of, namespace_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.analysis.static.material import Container, Flaw, Material, Placed, Workload

__all__ = [
    "has_own_account",
    "has_probes",
    "has_time_to_end",
    "images_and_resources",
    "replicas_elect",
    "unprivileged",
]

Json = dict[str, Any]
_DIGEST = re.compile(r"@sha256:[0-9a-f]{64}$")
_TAG = re.compile(r":(?P<tag>[\w][\w.-]{0,127})$")
_MOVING = frozenset({"latest", "main", "master", "edge", "nightly", "stable", "dev", "devel"})
_SNIPPET = """\
securityContext:
  runAsNonRoot: true
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities:
    drop: [ALL]
  seccompProfile:
    type: RuntimeDefault
"""


def unprivileged(workload: Workload) -> Iterator[Flaw]:
    """SEC-002: who takes over the operator must not take over its node."""
    shared = [
        f"the pod has {key}: true"
        for key in ("hostNetwork", "hostPID", "hostIPC")
        if workload.pod.get(key)
    ]
    shared += [
        f"the volume {volume.get('name')} is a hostPath"
        for volume in workload.pod.get("volumes") or ()
        if "hostPath" in volume
    ]
    pod = workload.pod.get("securityContext") or {}
    for container in workload.containers:
        wrong = list(_privileges(container, pod))
        if wrong:
            yield workload.flaw(
                f"The container {container.name} runs with more rights than it needs: {wrong[0]}"
                + (f", and {len(wrong) - 1} more" if len(wrong) > 1 else ""),
                detail=listed(wrong),
                snippet=_SNIPPET,
            )
    if shared:
        yield workload.flaw("Its pods share the node", detail=listed(shared))


def _privileges(container: Container, pod: Json) -> Iterator[str]:
    own = container.body.get("securityContext") or {}
    if own.get("privileged"):
        yield "it is privileged"
    user = own.get("runAsUser", pod.get("runAsUser"))
    if user == 0:
        yield "it runs as user 0 (root)"
    elif not user and not own.get("runAsNonRoot", pod.get("runAsNonRoot", False)):
        yield "it may run as root (neither runAsNonRoot nor runAsUser)"
    if own.get("allowPrivilegeEscalation", True):
        yield "allowPrivilegeEscalation isn't false"
    capabilities = own.get("capabilities") or {}
    if "ALL" not in (capabilities.get("drop") or ()):
        yield "capabilities.drop isn't [ALL]"
    added = [name for name in capabilities.get("add") or () if name != "NET_BIND_SERVICE"]
    if added:
        yield f"it adds the capabilities {', '.join(added)}"
    if not own.get("readOnlyRootFilesystem"):
        yield "readOnlyRootFilesystem isn't true"


def images_and_resources(workload: Workload) -> Iterator[Flaw]:
    """SEC-003: what runs is known, and what it may take."""
    for container in workload.containers:
        image = str(container.body.get("image") or "")
        loose = _loose(image)
        if loose:
            yield workload.flaw(
                f"The image of {container.name} isn't pinned: {image or 'none'} {loose}",
                remedy="Name a version that never moves, or better a digest.",
            )
        if container.initial:
            continue
        resources = container.body.get("resources") or {}
        requests, limits = resources.get("requests") or {}, resources.get("limits") or {}
        lacking = [
            f"requests.{name}" for name in ("cpu", "memory") if name not in {**limits, **requests}
        ]
        if "memory" not in limits:
            lacking.append("limits.memory")
        if lacking:
            yield workload.flaw(
                f"The container {container.name} doesn't say what it takes: "
                f"{', '.join(lacking)} missing",
                snippet="resources:\n  requests: {cpu: 10m, memory: 64Mi}\n"
                "  limits: {memory: 256Mi}\n",
            )


def _loose(image: str) -> str:
    if _DIGEST.search(image):
        return ""
    tag = _TAG.search(image.rpartition("/")[2])
    if tag is None:
        return "has no tag, so it is latest"
    return f"has the moving tag {tag['tag']}" if tag["tag"] in _MOVING else ""


def has_probes(workload: Workload) -> Iterator[Flaw]:
    """OBS-007: nobody else can tell that an operator hangs."""
    main = [container for container in workload.containers if not container.initial]
    for key, what in (("livenessProbe", "restarted"), ("readinessProbe", "known to be ready")):
        if not any(key in container.body for container in main):
            yield workload.flaw(
                f"No container has a {key}",
                detail=f"Without it a hanging operator is never {what}."
                if key == "livenessProbe"
                else "Without it a rollout goes on before the new operator works.",
            )


def has_own_account(workload: Workload) -> Iterator[Flaw]:
    """RBA-007: rights are given to the operator, not to whatever runs beside it."""
    if workload.account in {"", "default"}:
        yield workload.flaw(
            "It runs under its namespace's default ServiceAccount",
            detail="Each pod of that namespace that names no other account has its rights.",
        )


def has_time_to_end(workload: Workload) -> Iterator[Flaw]:
    """LIF-011: an operator that is killed at once can't finish a write or release its lease."""
    if workload.pod.get("terminationGracePeriodSeconds") == 0:
        yield workload.flaw("terminationGracePeriodSeconds is 0: it is killed without a warning")


def replicas_elect(material: Material) -> list[Flaw] | str:
    """RES-013: several replicas must be able to hold a lease, or they act at the same time."""
    several = [
        item
        for item in material.workloads
        if (item.obj["spec"].get("replicas") or 1) > 1
        and (not material.operators or name_of(item.obj) in material.operators)
    ]
    if not several:
        return "no workload of the operator has more than one replica"
    return [
        workload.flaw(
            f"It has {workload.obj['spec']['replicas']} replicas, but its ServiceAccount can't "
            "hold a lease",
            detail="No Role or ClusterRole bound to it allows get, create and update of leases "
            "(coordination.k8s.io), so its replicas can't elect a leader.",
        )
        for workload in several
        if not _may_elect(material, workload)
    ]


def _may_elect(material: Material, workload: Workload) -> bool:
    """Whether a workload may hold a lease, as far as the manifests say."""
    verbs: set[str] = set()
    for role in _roles(material, workload):
        if role is None:
            return True  # cluster-admin, or another role that the manifests don't bring
        verbs |= {
            verb
            for rule in role.obj.get("rules") or ()
            if {"leases", "*"} & set(rule.get("resources") or ())
            and {"coordination.k8s.io", "*"} & set(rule.get("apiGroups") or ())
            for verb in rule.get("verbs") or ()
        }
    return "*" in verbs or ({"get", "create"} <= verbs and bool({"update", "patch"} & verbs))


def _roles(material: Material, workload: Workload) -> Iterator[Placed | None]:
    """Yields the roles that are bound to a workload's account; None for one that isn't there."""
    account = (workload.account or "default", namespace_of(workload.obj) or "default")
    for item in material.objects:
        if kind_of(item.obj) not in {"RoleBinding", "ClusterRoleBinding"}:
            continue
        place = namespace_of(item.obj) or "default"
        subjects = {
            (subject.get("name"), subject.get("namespace") or place)
            for subject in item.obj.get("subjects") or ()
            if subject.get("kind") == "ServiceAccount"
        }
        if account in subjects:
            ref = item.obj.get("roleRef") or {}
            namespace = place if ref.get("kind") == "Role" else None
            yield material.named(str(ref.get("kind")), str(ref.get("name")), namespace)
