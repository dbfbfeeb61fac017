"""Stage 3: restarts, scales and awaits an operator in its Pods, from any process of the run."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, NoReturn

from harness.clock import SYSTEM_CLOCK, Deadline
from harness.errors import ApiError, ClusterError, HarnessError, InstallFault, NotVerified
from harness.installers.incluster.causes import denied, first_cause
from harness.installers.incluster.leadership import held
from harness.installers.incluster.scenes import observe
from harness.installers.incluster.waiting import Patience, await_available
from harness.installers.installer import NotReady
from harness.kube.pods import log_text, pods_of
from harness.kube.secrecy import Cleaner

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.clock import Clock
    from harness.guard import Guard, ProcessStatus
    from harness.kube.client import KubeClient
    from harness.manifests.objects import Object
    from harness.model.cluster import Cluster
    from harness.model.installation import Installation, Workload

__all__ = ["ClusterControl"]

_POD_S = 90.0
"""Seconds until Pods are gone, or others run: a Pod's grace period is 30 s."""
_PAUSE_S = 0.1
_KILL_GRACE_S = 1
_DELETION_COST = "controller.kubernetes.io/pod-deletion-cost"
_FROZEN = (
    "a container can't be frozen by the Kubernetes API; install the operator as a process "
    "(--install process) to have it paused"
)
_KUBELETS = (
    "the kubelet alone replaces a Pod's token, after 48 minutes, and the old one is valid until it "
    "expires or the Pod is gone: it can't be revoked while the operator runs; install the "
    "operator as a process (--install process) to have it rotated"
)


class ClusterControl:
    """The operator's Deployments; what isn't said otherwise acts on all of their Pods.

    Args:
        installation: As the installer made it.
        cluster: Where it's installed.
        client: The harness's own identity.
        guard: Not needed: Pods end with their cluster, or by an uninstall.
        clock: For deadlines.
    """

    def __init__(
        self,
        *,
        installation: Installation,
        cluster: Cluster,  # noqa: ARG002 - other ways of installing need it
        client: KubeClient,
        guard: Guard,  # noqa: ARG002 - the same
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self._workloads = installation.workloads
        self._client = client
        self._clock = clock
        self._cleaner = Cleaner(client, (item.namespace for item in self._workloads))

    # What is done to it

    def restart(self) -> None:
        """Deletes its Pods, with their grace period; returns when others run in their place.

        Raises:
            ClusterError: They don't end, or no others come.
        """
        for workload in self._workloads:
            old = self._delete(workload)
            self._await_gone(workload, old)
            self._await_running(workload, workload.replicas)

    def stop(self) -> None:
        """Scales it to 0 and waits until its Pods have ended."""
        for workload in self._workloads:
            old = self._uids(workload)
            self._scale(workload, 0)
            self._await_gone(workload, old)

    def kill(self) -> None:
        """Scales it to 0 and leaves its Pods one second between SIGTERM and SIGKILL.

        The API knows no harder way that tells when a container has really ended.
        """
        for workload in self._workloads:
            old = self._uids(workload)
            self._scale(workload, 0)
            self._delete(workload, grace_s=_KILL_GRACE_S)
            self._await_gone(workload, old)

    def start(self) -> None:
        """Scales it back; what runs is left alone. Returns when its Pods run."""
        for workload in self._workloads:
            self._scale(workload, workload.replicas)
            self._await_running(workload, workload.replicas)

    def pause(self) -> None:
        """Can't be done."""
        self._refuse_freezing()

    def resume(self) -> None:
        """Can't be done."""
        self._refuse_freezing()

    def start_replica(self) -> str:
        """Scales the first workload up by one and returns the new Pod's name.

        Raises:
            ClusterError: It doesn't come to run.
        """
        workload = self._workloads[0]
        before = self._uids(workload)
        self._scale(workload, len(before) + 1)
        self._await_running(workload, len(before) + 1)
        new = [pod for pod in self._pods(workload) if pod["metadata"]["uid"] not in before]
        if not new:
            raise ClusterError(f"{workload.name} got no further Pod.")
        return str(new[-1]["metadata"]["name"])

    def stop_replica(self, name: str) -> None:
        """Scales the first workload down by one, which ends this Pod.

        Raises:
            HarnessError: There is no Pod of that name.
        """
        workload = self._workloads[0]
        pods = self._pods(workload)
        pod = next((item for item in pods if item["metadata"]["name"] == name), None)
        if pod is None:
            raise HarnessError(f"There is no replica {name!r}.")
        cost = {"metadata": {"annotations": {_DELETION_COST: "-1000"}}}
        resource = self._client.resource("pods")
        self._client.patch(resource, name, cost, namespace=workload.namespace)
        self._scale(workload, len(pods) - 1)
        self._await_gone(workload, {pod["metadata"]["uid"]})

    def rotation(self) -> NoReturn:
        """Can't be done: the kubelet does it by itself."""
        raise NotVerified(_KUBELETS)

    # How it is

    def await_ready(self, *, timeout: float) -> None:
        """Waits until its Deployments are available and, with leader election, a Pod leads.

        Args:
            timeout: In seconds.

        Raises:
            NotReady: It isn't available, by the first cause that can be seen, or doesn't lead.
        """
        deadline = Deadline(timeout, clock=self._clock)
        self._cleaner.learn()
        for workload in self._workloads:
            try:
                await_available(
                    self._client,
                    self._deployment(workload),
                    workload.container,
                    patience=Patience(ready=deadline.remaining),
                    clean=self._cleaner.clean,
                    clock=self._clock,
                )
            except InstallFault as fault:
                raise NotReady(fault.finding.title, process=workload.name) from fault
            if workload.elects or workload.leases:
                self._await_leader(workload, deadline)

    def leases(self) -> tuple[str, ...]:
        """Returns "namespace/name" of the Leases that it's known to hold."""
        return tuple(dict.fromkeys(name for item in self._workloads for name in item.leases))

    def find_leases(self) -> tuple[str, ...]:
        """Looks for Leases that its Pods hold."""
        pods = [pod for workload in self._workloads for pod in self._pods(workload)]
        return tuple(sorted({*self.leases(), *held(self._client, pods)}))

    def holder(self) -> str:
        """Returns the name of the Pod that leads; empty where none does."""
        pods = [pod for workload in self._workloads for pod in self._pods(workload)]
        return next(iter(held(self._client, pods).values()), "")

    def status(self) -> tuple[ProcessStatus, ...]:
        """Returns nothing: none of its processes is of this machine."""
        return ()

    def log_tail(self, lines: int = 40) -> tuple[str, ...]:
        """Returns the last lines of all its Pods, by time, without known secrets."""
        self._cleaner.learn()
        found: list[str] = []
        for workload in self._workloads:
            for pod in self._pods(workload):
                with suppress(ApiError):  # it hasn't begun
                    name = pod["metadata"]["name"]
                    text = log_text(
                        self._client, workload.namespace, name, workload.container, lines=lines
                    )
                    found += map(self._cleaner.clean, text.splitlines())
        return tuple(found[-lines:])

    # Inside

    def _refuse_freezing(self) -> NoReturn:
        raise NotVerified(_FROZEN)

    def _deployment(self, workload: Workload) -> Object:
        resource = self._client.resource("deployments.apps")
        return self._client.get(resource, workload.name, workload.namespace)

    def _pods(self, workload: Workload) -> list[Object]:
        """Returns its Pods that aren't on their way out."""
        pods = pods_of(self._client, self._deployment(workload))
        return [pod for pod in pods if not pod["metadata"].get("deletionTimestamp")]

    def _uids(self, workload: Workload) -> set[str]:
        return {str(pod["metadata"]["uid"]) for pod in self._pods(workload)}

    def _delete(self, workload: Workload, *, grace_s: int | None = None) -> set[str]:
        """Asks for the deletion of its Pods; returns their uids."""
        resource = self._client.resource("pods")
        pods = pods_of(self._client, self._deployment(workload))
        for pod in pods:
            name, uid = pod["metadata"]["name"], pod["metadata"]["uid"]
            with suppress(ApiError):  # another one of its name, which can't be: it was deleted
                self._client.delete(resource, name, workload.namespace, uid=uid, grace_s=grace_s)
        return {str(pod["metadata"]["uid"]) for pod in pods}

    def _scale(self, workload: Workload, replicas: int) -> None:
        self._client.patch(
            self._client.resource("deployments.apps"),
            workload.name,
            {"spec": {"replicas": replicas}},
            namespace=workload.namespace,
            subresource="scale",
        )

    def _await_gone(self, workload: Workload, uids: set[str]) -> None:
        def gone() -> bool:
            there = pods_of(self._client, self._deployment(workload))
            return not any(pod["metadata"]["uid"] in uids for pod in there)

        self._await(gone, f"The Pods of {workload.namespace}/{workload.name} don't end")

    def _await_running(self, workload: Workload, count: int) -> None:
        def running() -> bool:
            return sum(map(_runs, self._pods(workload))) >= count

        try:
            self._await(running, f"No Pod of {workload.namespace}/{workload.name} comes to run")
        except ClusterError as error:
            scene = observe(
                self._client,
                self._deployment(workload),
                workload.container,
                clean=self._cleaner.clean,
            )
            cause = first_cause(scene)
            raise ClusterError(f"{error} {cause.title}" if cause else str(error)) from error

    def _await(self, met: Callable[[], bool], what: str) -> None:
        """Waits for something of several Pods, by lists: a restart takes seconds anyway."""
        deadline = Deadline(_POD_S, clock=self._clock)
        while not met():
            if deadline.passed:
                raise ClusterError(f"{what} within {_POD_S:g} s.")
            self._clock.sleep(_PAUSE_S)

    def _await_leader(self, workload: Workload, deadline: Deadline) -> None:
        while True:
            leading = held(self._client, self._pods(workload))
            if leading and (not workload.leases or set(workload.leases) & set(leading)):
                return
            if deadline.passed:
                missed = denied(self.log_tail())
                why = f"; {missed.rstrip('.')}" if missed else ""
                raise NotReady(
                    f"no Lease is held by a Pod of {workload.name} after {deadline.seconds:g} s"
                    f"{why}",
                    process=workload.name,
                )
            self._clock.sleep(_PAUSE_S)


def _runs(pod: Object) -> bool:
    """Whether a Pod's containers have been started, at least once."""
    statuses = (pod.get("status") or {}).get("containerStatuses") or ()
    return bool(statuses) and all(
        {"running", "terminated"} & set(item.get("state") or {}) or item.get("restartCount")
        for item in statuses
    )
