"""Stage 3: a second instance of an installed operator, which lives in and serves a namespace.

What was applied for the first is read from the cluster and copied: accounts, Roles, what its Pods
mount, the Deployment. Cluster-wide bindings get a copy for the second account.
"""

from __future__ import annotations

import copy
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from harness.errors import ClusterError, NotVerified
from harness.installers.process.control import OperatorControl, copy_of, refuse_fixed
from harness.installers.process.files import LaunchFile, read_launch_file, write_launch_file
from harness.installers.process.launching import Launching
from harness.manifests.objects import Object, kind_of, name_of, pod_spec
from harness.manifests.watching import setting_of, told
from harness.model.installation import InstallWay

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.guard import Guard
    from harness.kube.client import KubeClient
    from harness.model.cluster import Cluster
    from harness.model.installation import Installation

__all__ = ["second_instance"]

_FIRST = ("ServiceAccount", "ConfigMap", "Secret", "Role", "RoleBinding")
_POD_S = 60.0
_SUFFIX = "second"
_RBAC = "rbac.authorization.k8s.io"
_ACCOUNT = "system:serviceaccount"


@contextmanager
def second_instance(
    installation: Installation,
    *,
    cluster: Cluster,
    client: KubeClient,
    guard: Guard,
    namespace: str,
) -> Iterator[Installation]:
    """Runs a second instance while the block lasts.

    Args:
        installation: The first.
        cluster: Where.
        client: The harness's own identity.
        guard: Under which processes run.
        namespace: Where the second lives, and which it serves; it is there, and goes with all that
            is in it by whoever made it.

    Yields:
        The second installation, of which `control` makes a handle; it may not be ready yet.

    Raises:
        NotVerified: It can't be run twice here.
        ApiError: A copy is refused.
    """
    if installation.way is InstallWay.PRESENT:
        raise NotVerified("the operator was installed by somebody else, so it can't be copied")
    wide = _wide(installation, client, namespace)
    second = _moved_installation(installation, namespace)
    try:
        _install(installation, client, namespace)
        for binding in wide:
            client.apply(binding)
        if installation.way is InstallWay.PROCESS:
            second = _start(second, installation, cluster, client, guard)
        yield second
    finally:
        if second.launch_file and second.launch_file != installation.launch_file:
            OperatorControl(installation=second, cluster=cluster, client=client, guard=guard).end()
        bindings = client.resource(f"clusterrolebindings.{_RBAC}")
        for binding in wide:
            client.delete(bindings, name_of(binding))
        deployments = client.resource("deployments.apps")
        for workload in second.workloads:
            client.delete(deployments, workload.name, namespace)


def _install(installation: Installation, client: KubeClient, namespace: str) -> None:
    """Applies the copies of what is namespaced, the Deployment last."""
    homes = {workload.namespace for workload in installation.workloads}
    names = {workload.name for workload in installation.workloads}
    made: dict[tuple[str, str], Object] = {}
    for item in installation.objects:
        wanted = item.kind in _FIRST or (item.kind == "Deployment" and item.key.name in names)
        if not wanted or not item.key.namespace:
            continue
        resource = client.resource_of(item.api_version, item.kind)
        body = client.find(resource, item.key.name, item.key.namespace)
        if body is None:
            continue
        moved = _moved({**body, "kind": item.kind, "apiVersion": item.api_version}, namespace)
        _rename(moved, made)
        for subject in moved.get("subjects") or ():
            if (subject.get("namespace") or item.key.namespace) in homes:
                subject["namespace"] = namespace
        made[kind_of(moved), name_of(moved)] = moved
    for moved in sorted(made.values(), key=_rank):
        client.apply(_told(moved, installation, namespace), namespace=namespace)


def _rank(obj: Object) -> int:
    return _FIRST.index(kind_of(obj)) if kind_of(obj) in _FIRST else len(_FIRST)


def _moved(body: Object, namespace: str) -> Object:
    """Returns an object without what a server assigns, in another namespace."""
    metadata = body["metadata"]
    kept = {key: metadata[key] for key in ("name", "labels", "annotations") if metadata.get(key)}
    rest = {key: value for key, value in body.items() if key not in ("metadata", "status")}
    made = copy.deepcopy({**rest, "metadata": {**kept, "namespace": namespace}})
    if kind_of(made) == "ServiceAccount":
        made.pop("secrets", None)
    return made


def _rename(moved: Object, made: dict[tuple[str, str], Object]) -> None:
    """Objects of several namespaces come together in one: Roles of one name get another."""
    if (kind_of(moved), name_of(moved)) not in made or kind_of(moved) not in (
        "Role",
        "RoleBinding",
    ):
        return
    moved["metadata"]["name"] = f"{name_of(moved)}-served"
    if kind_of(moved) == "RoleBinding" and moved["roleRef"]["kind"] == "Role":
        renamed = f"{moved['roleRef']['name']}-served"
        if ("Role", renamed) in made:
            moved["roleRef"]["name"] = renamed


def _told(moved: Object, installation: Installation, namespace: str) -> Object:
    """Returns a Deployment whose operator serves the namespace; other objects as they are."""
    if kind_of(moved) != "Deployment":
        return moved
    spec = pod_spec(moved)
    containers = []
    for item in spec["containers"]:
        setting = setting_of(item)
        other = setting is not None and not setting.own
        containers.append(told(item, (namespace,)) if other else item)
    spec["containers"] = containers
    workload = next(each for each in installation.workloads if each.name == name_of(moved))
    if installation.way is InstallWay.IN_CLUSTER:
        moved["spec"]["replicas"] = workload.replicas
    return moved


def _wide(installation: Installation, client: KubeClient, namespace: str) -> list[Object]:
    users = installation.identities
    made: list[Object] = []
    for body in client.list(client.resource(f"clusterrolebindings.{_RBAC}")).items:
        subjects: list[dict[str, Any]] = [
            {"kind": "ServiceAccount", "name": subject["name"], "namespace": namespace}
            for subject in body.get("subjects") or ()
            if subject.get("kind") == "ServiceAccount"
            and f"{_ACCOUNT}:{subject.get('namespace')}:{subject['name']}" in users
        ]
        if subjects:
            made.append(
                {
                    "apiVersion": f"{_RBAC}/v1",
                    "kind": "ClusterRoleBinding",
                    "metadata": {"name": f"{namespace}-{len(made)}"},
                    "roleRef": body["roleRef"],
                    "subjects": subjects,
                }
            )
    return made


def _moved_installation(installation: Installation, namespace: str) -> Installation:
    workloads = tuple(
        msgspec.structs.replace(
            workload,
            namespace=namespace,
            service_account=f"{_ACCOUNT}:{namespace}:{workload.service_account.rpartition(':')[2]}",
            leases=(),
            metrics=None,
        )
        for workload in installation.workloads
    )
    return msgspec.structs.replace(
        installation, namespace=namespace, workloads=workloads, objects=()
    )


def _start(
    second: Installation,
    installation: Installation,
    cluster: Cluster,
    client: KubeClient,
    guard: Guard,
) -> Installation:
    """Starts the processes and writes a launch file of their own."""
    launch = read_launch_file(Path(installation.launch_file))
    primaries = [item for item in launch.instances if not item.primary]
    try:
        for primary in primaries:
            refuse_fixed(primary)
    except ClusterError as error:
        raise NotVerified(str(error)) from error
    launching = Launching(cluster=cluster, client=client, guard=guard, path=launch.path)
    place = Path(installation.launch_file).with_name(f"launch-{_SUFFIX}.json")
    started = []
    everything = launch
    for primary in primaries:
        made = copy_of(primary, f"{primary.process}-{_SUFFIX}", everything)
        made = msgspec.structs.replace(made, namespace=second.namespace, primary="")
        made = launching.adopt(made, taken=(), timeout=_POD_S)
        started.append(launching.start(made))
        everything = msgspec.structs.replace(launch, instances=(*launch.instances, *started))
        write_launch_file(place, LaunchFile(instances=tuple(started), path=launch.path))
    return msgspec.structs.replace(second, launch_file=str(place))
