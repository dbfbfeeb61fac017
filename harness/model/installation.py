"""The installed operator (made by stage 3)."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from harness.model.resource import ObjectKey

__all__ = [
    "Alteration",
    "InstallWay",
    "Installation",
    "InstalledObject",
    "MetricsEndpoint",
    "Workload",
]


class InstallWay(StrEnum):
    """How an operator comes to run."""

    PROCESS = "process"  # on this machine, believing that it is in its Pod
    IN_CLUSTER = "in-cluster"  # in its Pod
    PRESENT = "present"  # somebody else installed it; it's only watched


class Alteration(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that the harness changed against the operator's own manifests.

    Attributes:
        subject: What was changed, for example "Deployment guestbook-system/manager, args".
        before: As the manifests say; empty where it was added.
        after: As it was applied or run; never a secret value.
        reason: Why, in one sentence.
    """

    subject: str
    before: str
    after: str
    reason: str


class InstalledObject(msgspec.Struct, frozen=True, kw_only=True):
    """An object that the install applied."""

    key: ObjectKey
    kind: str
    api_version: str


class MetricsEndpoint(msgspec.Struct, frozen=True, kw_only=True):
    """Where a workload's metrics can be scraped from this machine.

    Attributes:
        names: The operator's own names of families, by controller-runtime's.
        labels: Likewise of labels, in these families.
    """

    url: str
    dialect: str
    names: dict[str, str] = {}
    labels: dict[str, str] = {}


class Workload(msgspec.Struct, frozen=True, kw_only=True):
    """One running workload of the operator.

    Attributes:
        name: Name of the Deployment.
        namespace: Its namespace.
        service_account: User name, for example "system:serviceaccount:ns:name".
        pod: Name of the Pod that the process stands for; empty where there is none.
        process: Name under which the guard knows the process; in a cluster the Deployment's, by
            which its Pods' names begin, and with them those of their logs and samples.
        log: Path of the log below the evidence folder.
        health: URLs of the probes, by "livenessProbe", "readinessProbe", "startupProbe".
        leases: Leases used for leader election ("namespace/name"), where known.
        container: Name of the operator's container in its Pods.
        replicas: How many Pods its Deployment asks for.
        elects: Whether arguments or environment ask for leader election.
        cpu_limit: Cores that its container may use; None where nothing holds it to a limit.
    """

    name: str
    namespace: str
    service_account: str
    pod: str = ""
    process: str = ""
    log: str = ""
    metrics: MetricsEndpoint | None = None
    pprof_url: str = ""
    health: dict[str, str] = {}
    leases: tuple[str, ...] = ()
    simulated_pod: bool = False
    container: str = ""
    replicas: int = 1
    elects: bool = False
    cpu_limit: float | None = None


class Installation(msgspec.Struct, frozen=True, kw_only=True):
    """The operator as it runs.

    Attributes:
        namespace: The operator's own namespace.
        way: How it was installed.
        workloads: At least one.
        objects: What was applied, in the order of application.
        alterations: What differs from the operator's own manifests.
        notes: What could not be done as in a pod, a sentence each.
        launch_file: Private file (0600) in the cluster's state folder, from which another
            process of the same run can restart the operator; empty in a cluster.
        complete: Whether the install came to its end, the operator ready. If not, this is what is
            known of one that failed: who it was, and what had been applied.
    """

    namespace: str
    workloads: tuple[Workload, ...]
    way: InstallWay = InstallWay.PROCESS
    objects: tuple[InstalledObject, ...] = ()
    alterations: tuple[Alteration, ...] = ()
    notes: tuple[str, ...] = ()
    launch_file: str = ""
    complete: bool = True

    @property
    def identities(self) -> frozenset[str]:
        """User names under which the operator talks to the API server."""
        return frozenset(workload.service_account for workload in self.workloads)
