"""Until a cluster is ready: its API server, its first objects, its simulated nodes."""

from __future__ import annotations

import os
import platform
import signal
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from harness.clock import SYSTEM_CLOCK, Deadline
from harness.clusters.local import components as processes
from harness.errors import ApiError, ClusterError
from harness.model.resource import Resource

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from harness.clusters.local.components import Component
    from harness.guard import Guard
    from harness.kube.client import KubeClient

__all__ = [
    "CREATE",
    "NODES",
    "Boot",
    "forget_leases",
    "is_ready_node",
    "nodes",
    "storage_class",
]

CREATE = "kwokctl create"
"""The guard's name for the process that starts the cluster."""

NODES = ("simulated-node-0", "simulated-node-1")

_NODE = Resource(group="", version="v1", plural="nodes", kind="Node", namespaced=False)
_ACCOUNT = Resource(
    group="", version="v1", plural="serviceaccounts", kind="ServiceAccount", namespaced=True
)
_STORAGE = Resource(
    group="storage.k8s.io",
    version="v1",
    plural="storageclasses",
    kind="StorageClass",
    namespaced=False,
)
_LEASE = Resource(
    group="coordination.k8s.io", version="v1", plural="leases", kind="Lease", namespaced=True
)
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
_OK, _CONFLICT = 200, 409
_SLICE_S = 1.0  # of a wait, between two looks at the processes
_PAUSE_S = 0.02  # between two questions to a server that doesn't listen yet
_WARM_S = 0.4  # what controller-manager needs until it asks its first question
_GLANCE_S = 0.005  # between two looks at what kwokctl has started
_PATIENCE_S = 8.0  # controller-manager ends by itself when it got no API server for ten seconds


def nodes(*, kubelet_port: int, version: str) -> tuple[dict[str, Any], ...]:
    """Returns the simulated nodes: this machine's architecture, room for 10,000 pods each."""
    architecture = _ARCHITECTURES.get(platform.machine(), platform.machine())
    room = {"cpu": "1000", "memory": "4Ti", "ephemeral-storage": "4Ti", "pods": "10000"}
    return tuple(
        {
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": {
                "name": name,
                "annotations": {"kwok.x-k8s.io/node": "fake"},
                "labels": {
                    "kubernetes.io/hostname": name,
                    "kubernetes.io/os": "linux",
                    "kubernetes.io/arch": architecture,
                    "node-role.kubernetes.io/agent": "",
                    "type": "kwok",
                },
            },
            "status": {
                "addresses": [
                    {"type": "InternalIP", "address": "127.0.0.1"},
                    {"type": "Hostname", "address": name},
                ],
                "daemonEndpoints": {"kubeletEndpoint": {"Port": kubelet_port}},
                "allocatable": room,
                "capacity": room,
                "nodeInfo": _node_info(architecture, version),
            },
        }
        for name in NODES
    )


def _node_info(architecture: str, version: str) -> dict[str, str]:
    return {
        "architecture": architecture,
        "operatingSystem": "linux",
        "kubeletVersion": version,
        "kubeProxyVersion": version,
        "containerRuntimeVersion": "simulated",
        "kernelVersion": "simulated",
        "osImage": "simulated",
        "machineID": "",
        "systemUUID": "",
        "bootID": "",
    }


def storage_class() -> dict[str, Any]:
    """Returns the default StorageClass, whose volumes `stages.yaml` makes."""
    return {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {
            "name": "simulated",
            "annotations": {"storageclass.kubernetes.io/is-default-class": "true"},
        },
        "provisioner": "operator-harness/simulated",
        "reclaimPolicy": "Delete",
        "volumeBindingMode": "Immediate",
    }


def is_ready_node(node: dict[str, Any] | None) -> bool:
    """Whether a node is Ready and pods may be scheduled to it."""
    conditions = (node or {}).get("status", {}).get("conditions", ())
    taints = (node or {}).get("spec", {}).get("taints", ())
    return not taints and any(
        condition["type"] == "Ready" and condition["status"] == "True" for condition in conditions
    )


def forget_leases(client: KubeClient) -> None:
    """Removes the simulated nodes' leases, so that a kwok that starts now takes them at once.

    Each kwok process has an identity of its own; it would wait for a killed one's lease to end,
    for 40 s, and no pod would run until then.

    Raises:
        ApiError: The API server refuses.
    """
    for name in NODES:
        client.delete(_LEASE, name, "kube-node-lease")


class Boot:
    """Watches a cluster come up, and its processes meanwhile.

    Args:
        parts: The components.
        guard: Runs the process that starts them (`CREATE`).
        state: Private folder of the cluster.
        log: What that process prints.
        deadline: Until when all must be ready.
    """

    def __init__(
        self,
        *,
        parts: Iterable[Component],
        guard: Guard,
        state: Path,
        log: Path,
        deadline: Deadline,
    ) -> None:
        self._parts = tuple(parts)
        self._guard = guard
        self._state = state
        self._log = log
        self._deadline = deadline
        self._impatient: set[str] = set()
        self._renewed: set[str] = set()
        self._held: dict[str, int] = {}
        self._serving = False
        self._warm: Deadline | None = None

    def await_started(self, client: KubeClient) -> None:
        """Waits until kwokctl has started all, and ends it.

        The clients of the API server are held from their first moment on until it's ready: they
        could only wait for it, and would take from it the processors that it boots on. kwokctl
        itself is ended, since all that it has left to do is to ask for the API server's version,
        by a kubectl every 200 ms.

        Raises:
            ClusterError: A component ended, or time is over.
        """
        while True:
            self.check()
            self._hold()
            if all(part.pid() is not None for part in self._parts):
                break
            if self._deadline.passed:
                raise self._late("kwokctl hasn't started all", client)
            SYSTEM_CLOCK.sleep(_GLANCE_S)
        self._guard.stop(CREATE, grace_s=0.0)

    def _hold(self) -> None:
        for part in self._parts:
            if part.name in _CLIENTS and part.name not in self._held:
                pid = part.pid()
                if pid is not None:
                    _send(pid, signal.SIGSTOP)
                    self._held[part.name] = pid

    def _warm_up(self) -> None:
        """Lets controller-manager begin, until `_cool_down`: the first objects wait for it.

        It needs a processor to begin, and one is free while the API server makes its own roles.
        What it asks then is refused; it asks again as soon as it goes on.
        """
        if _FIRST in self._held:
            _send(self._held[_FIRST], signal.SIGCONT)
            self._warm = Deadline(_WARM_S)

    def _cool_down(self) -> None:
        if self._warm is not None and self._warm.passed:
            _send(self._held[_FIRST], signal.SIGSTOP)
            self._warm = None

    def _let_go(self) -> None:
        self._warm = None
        while self._held:
            _send(self._held.popitem()[1], signal.SIGCONT)

    def await_answer(self, client: KubeClient) -> None:
        """Waits until the API server answers at all.

        Raises:
            ClusterError: A component ended, or time is over.
        """
        self._ask_until(client, "/version")

    def await_server(self, client: KubeClient) -> None:
        """Waits for /readyz; then lets its clients go on, and starts anew those that gave up.

        Raises:
            ClusterError: A component ended, or time is over.
        """
        self._warm_up()
        self._ask_until(client, "/readyz")
        self._serving = True
        self._let_go()
        self.check()

    def describe(self, parts: Iterable[Component]) -> None:
        """Takes better descriptions of the same components, with their ports."""
        self._parts = tuple(parts)

    def _start_anew(self) -> None:
        """Starts once more, and only once, each client that gave up waiting for the API server."""
        while self._impatient:
            name = self._impatient.pop()
            self._renewed.add(name)
            work = next(part.work for part in self._parts if part.name == name)
            processes.start(processes.find_component(work, name), self._guard, state=self._state)

    def _ask_until(self, client: KubeClient, path: str) -> None:
        while True:
            self.check()
            self._cool_down()
            if _answers(client, path):
                return
            if self._deadline.passed:
                raise self._late("The API server isn't ready", client)
            SYSTEM_CLOCK.sleep(_PAUSE_S)

    def furnish(self, client: KubeClient, *, kubelet_port: int, version: str) -> None:
        """Makes nodes and default StorageClass; the API server need not be ready for that.

        Raises:
            ClusterError: A component ended, or time is over.
        """
        self._create(client, _STORAGE, storage_class())
        for node in nodes(kubelet_port=kubelet_port, version=version):
            self._create(client, _NODE, node)

    def await_furnished(self, client: KubeClient) -> None:
        """Waits for what a cluster always has: the default ServiceAccount, and ready nodes.

        Raises:
            ClusterError: A component ended, or time is over.
        """
        self._await(client, _ACCOUNT, "default", "default", lambda found: found is not None)
        for name in NODES:
            self._await(client, _NODE, name, "", is_ready_node)

    def await_serving(self, client: KubeClient) -> None:
        """Waits until each component takes connections.

        Raises:
            ClusterError: A component ended, or time is over.
        """
        for part in self._parts:
            while not part.is_serving():
                self.check()
                if self._deadline.passed:
                    raise self._late(f"{part.name} doesn't serve", client)
                SYSTEM_CLOCK.sleep(_PAUSE_S)
        self.check()

    def check(self) -> None:
        """Raises for a component that ended, or for a kwokctl that failed.

        A client of the API server that had waited for it for long isn't broken, it gave up: that
        may even be seen after the server is ready, since a held one finds only then that its time
        is over. It's started once more, as soon as there is a server.

        Raises:
            ClusterError: With the last lines that it printed.
        """
        for part in self._parts:
            if part.name in self._impatient or not part.has_died():
                continue
            if part.name in _CLIENTS - self._renewed and part.age_s() > _PATIENCE_S:
                self._impatient.add(part.name)
                continue
            raise ClusterError(
                f"{part.name} ended while the cluster was starting. Its last lines:\n"
                f"{part.last_words()}",
                hint=f"Its program is {part.binary}; `harness doctor` checks it.",
            )
        if self._serving:
            self._start_anew()
        kwokctl = self._guard.status(CREATE)
        if kwokctl.exit_code and not kwokctl.asked:
            raise ClusterError(
                f"kwokctl failed (exit code {kwokctl.exit_code}). Its last lines:\n"
                f"{processes.tail(self._log)}",
                hint="`harness doctor` checks the binaries that it starts.",
            )

    def _create(self, client: KubeClient, resource: Resource, body: dict[str, Any]) -> None:
        def create() -> None:
            try:
                client.create(resource, body)
            except ApiError as error:
                if error.status != _CONFLICT:
                    raise

        self.attempt(create, client)

    def attempt(self, act: Callable[[], None], client: KubeClient) -> None:
        """Does something as soon as a server that is still booting lets it happen.

        Args:
            act: Raises ApiError where it can't be done yet.
            client: Tells which server it is.

        Raises:
            ClusterError: A component ended, or time is over.
        """
        while True:
            try:
                return act()
            except ApiError as error:
                self.check()
                if self._deadline.passed:
                    raise self._late(f"The API server refuses: {error}", client) from error
                SYSTEM_CLOCK.sleep(_PAUSE_S)

    def _await(
        self,
        client: KubeClient,
        resource: Resource,
        name: str,
        namespace: str,
        met: Callable[[dict[str, Any] | None], bool],
    ) -> None:
        from harness.kube.watch import NotObserved, await_object  # noqa: PLC0415 - slow to import

        while True:
            self.check()
            try:
                await_object(
                    client.connection,
                    resource,
                    name,
                    namespace,
                    met,
                    timeout=min(_SLICE_S, self._deadline.remaining),
                )
            except NotObserved as error:
                if self._deadline.passed:
                    raise self._late(f"{resource.kind} {name} isn't ready", client) from error
            else:
                return

    def _late(self, what: str, client: KubeClient) -> ClusterError:
        server = next(part for part in self._parts if part.name == "kube-apiserver")
        return ClusterError(
            f"{what} at {client.connection.server} after {self._deadline.seconds:g} s. "
            f"The API server's last lines:\n{server.tail()}",
            hint="A busy machine needs longer: raise the time-out for the cluster.",
        )


_FIRST = "kube-controller-manager"
_CLIENTS = frozenset({"kube-controller-manager", "kube-scheduler", "kwok-controller"})


def _answers(client: KubeClient, path: str) -> bool:
    try:
        return client.raw("GET", path, timeout=_SLICE_S).status == _OK
    except ApiError:
        return False


def _send(pid: int, sig: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, sig)
