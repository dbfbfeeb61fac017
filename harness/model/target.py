"""The operator under test, as its target definition describes it (made by stage 1)."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import msgspec

__all__ = [
    "Gate",
    "Helm",
    "Image",
    "Install",
    "InstallMode",
    "Kind",
    "KubernetesRange",
    "ManifestPatch",
    "Manifests",
    "Metrics",
    "Mutation",
    "Pprof",
    "Process",
    "Readiness",
    "Requires",
    "Scope",
    "Target",
    "Tests",
    "Twin",
    "Waiver",
    "Webhooks",
    "WorkloadSpec",
]


class _Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of all parts: strict, frozen, by keyword."""


class InstallMode(StrEnum):
    """Which namespaces the operator serves; the words are OLM's."""

    OWN_NAMESPACE = "OwnNamespace"
    SINGLE_NAMESPACE = "SingleNamespace"
    MULTI_NAMESPACE = "MultiNamespace"
    ALL_NAMESPACES = "AllNamespaces"


class Webhooks(StrEnum):
    """Who puts the CA bundle into webhook configurations."""

    MANAGED = "managed"  # the harness, as cert-manager's injector would
    SELF_MANAGED = "self-managed"  # the operator patches its own


class Helm(_Part, frozen=True, kw_only=True):
    """A chart, rendered without a cluster; its hooks are left out.

    Attributes:
        chart: Its folder or archive.
        values: Files of values; a later one overrides.
        release: Name of the release; empty for the target's name.
        namespace: Where the release goes.
    """

    chart: str
    values: tuple[str, ...] = ()
    release: str = ""
    namespace: str = "default"


class Manifests(_Part, frozen=True, kw_only=True):
    """Where the operator's manifests come from; exactly one is set. Paths are absolute.

    None is set where the operator is present already.
    """

    kustomize: str | None = None
    files: tuple[str, ...] = ()
    helm: Helm | None = None


class Image(_Part, frozen=True, kw_only=True):
    """How the operator's image is made, for installs in a cluster.

    Attributes:
        dockerfile: Absolute path; used where no static program is built.
        name: An image that exists, in place of the one that the manifests name.
        build: Command that leaves the archives, run in the target's folder.
        archives: Absolute paths of archives as `docker save` writes them: the operator's own image,
            or others that it deploys.
    """

    dockerfile: str | None = None
    name: str | None = None
    build: tuple[str, ...] = ()
    archives: tuple[str, ...] = ()


class Install(_Part, frozen=True, kw_only=True):
    """How the operator is installed.

    Attributes:
        present: Somebody else has installed it, and it runs: it's only watched.
        skip: Kinds that aren't applied, for example "ServiceMonitor" where its CRD is absent.
    """

    manifests: Manifests = Manifests()
    present: bool = False
    skip: tuple[str, ...] = ()
    image: Image | None = None
    webhooks: Webhooks = Webhooks.MANAGED


class Process(_Part, frozen=True, kw_only=True):
    """How the operator runs as a local process.

    Attributes:
        command: Program and leading arguments; the container's args follow. A relative program
            is looked up from the target's folder, then on PATH. Written "{python}" it is the Python
            that runs the harness.
        build: Command that makes it, run in the target's folder; empty where nothing is to do.
    """

    command: tuple[str, ...]
    build: tuple[str, ...] = ()


class KubernetesRange(_Part, frozen=True, kw_only=True):
    """The versions of Kubernetes that an operator says it runs on, both included.

    Attributes:
        min, max: For example "1.30"; empty where that end isn't declared.
    """

    min: str = ""
    max: str = ""


class Requires(_Part, frozen=True, kw_only=True):
    """What an operator needs.

    Attributes:
        python: Packages beside the harness, as they are imported.
        extra: The harness's own extra that brings them; empty where there is none.
        kubernetes: The versions that it declares.
    """

    python: tuple[str, ...] = ()
    extra: str = ""
    kubernetes: KubernetesRange = KubernetesRange()


class Metrics(_Part, frozen=True, kw_only=True):
    """Where the operator serves metrics.

    Attributes:
        port: Container port.
        dialect: Which names its series have.
        path: URL path.
        names: Its own names of families, by controller-runtime's.
        labels: Likewise of labels, in these families.
    """

    port: int
    dialect: str = "controller-runtime"
    path: str = "/metrics"
    names: dict[str, str] = {}
    labels: dict[str, str] = {}


class Pprof(_Part, frozen=True, kw_only=True):
    """Where a Go operator serves its profiles."""

    port: int


class WorkloadSpec(_Part, frozen=True, kw_only=True):
    """One workload of the operator; what isn't said here comes from its manifest.

    Attributes:
        deployment: Name after rendering.
        namespace: Of an operator that is present already; None where its name is unique.
        container: Which container is the operator; None for the only one, or "manager".
        process: None where the manifests' command can't be run here.
    """

    deployment: str
    namespace: str | None = None
    container: str | None = None
    process: Process | None = None
    metrics: Metrics | None = None
    pprof: Pprof | None = None


class Scope(_Part, frozen=True, kw_only=True):
    """What the operator says that it serves and makes.

    Attributes:
        owns: `Resource.key` of each kind that it makes, for example "deployments.apps".
    """

    mode: InstallMode = InstallMode.ALL_NAMESPACES
    namespaces: tuple[str, ...] = ()
    owns: tuple[str, ...] = ()


class Readiness(_Part, frozen=True, kw_only=True):
    """When a custom resource counts as converged; at most one field is set, else kstatus rules.

    Attributes:
        condition: Type of a condition that must be True for the current generation.
        cel: CEL expression over `self` (the object) that must be true.
        writes: "settled": the operator has stopped writing to it.
    """

    condition: str | None = None
    cel: str | None = None
    writes: str | None = None


class Mutation(_Part, frozen=True, kw_only=True):
    """A spec field and the values that it may be given, in order."""

    path: str
    values: tuple[Any, ...]  # any JSON value


class Kind(_Part, frozen=True, kw_only=True):
    """A kind of custom resource that the operator serves.

    Attributes:
        resource: "<plural>.<group>".
        samples: Absolute paths of files with one object each.
    """

    resource: str
    samples: tuple[str, ...]
    ready: Readiness = Readiness()
    mutations: tuple[Mutation, ...] = ()


class Tests(_Part, frozen=True, kw_only=True):
    """The operator's own tests, as commands run in the target's folder."""

    unit: tuple[str, ...] = ()
    integration: tuple[str, ...] = ()


class Gate(_Part, frozen=True, kw_only=True):
    """A bound on a measurement.

    Attributes:
        measurement: Name, for example "convergence_latency_p99".
        operator: One of "<", "<=", ">", ">="; empty for a bare value, which takes the
            measurement's better direction.
        bound: In `unit`.
        unit: "s", "1/s", "MiB" or "1": one a quantity, whatever the user wrote.
        text: As the user wrote it.
        promql: Expression whose value is bound, of the run's own Prometheus or the user's; empty
            for a measurement of the harness.
    """

    measurement: str
    operator: str
    bound: float
    unit: str
    text: str
    promql: str = ""


class Waiver(_Part, frozen=True, kw_only=True):
    """A dated, reasoned exception for findings.

    Attributes:
        match: Substring of the finding's subject or title; empty matches all of the check's.
        expires: ISO date; an expired waiver fails.
    """

    check: str
    reason: str
    expires: str
    match: str = ""
    link: str = ""


class ManifestPatch(_Part, frozen=True, kw_only=True):
    """An RFC 6902 patch of one rendered manifest.

    Attributes:
        target: `kind` and `name` of the manifest after rendering.
        patch: JSON Patch operations.
    """

    target: dict[str, str]
    patch: tuple[dict[str, Any], ...]  # any JSON value under "value"


class Twin(_Part, frozen=True, kw_only=True):
    """A faulty twin: the same operator with one seeded defect.

    Attributes:
        env: Set in the workload's container.
        patches: Applied to the rendered manifests.
        add: Manifests that are applied beside them.
        expect: Ids of the checks that must find the defect.
    """

    name: str
    title: str
    expect: tuple[str, ...]
    env: dict[str, str] = {}
    patches: tuple[ManifestPatch, ...] = ()
    add: tuple[dict[str, Any], ...] = ()  # Kubernetes objects


class Target(_Part, frozen=True, kw_only=True):
    """The operator under test.

    Attributes:
        folder: Absolute path of the folder that holds target.yaml.
        twin: The defect that is switched on, or None.
    """

    name: str
    folder: str
    install: Install
    kinds: tuple[Kind, ...]
    requires: Requires = Requires()
    workloads: tuple[WorkloadSpec, ...] = ()
    scope: Scope = Scope()
    tests: Tests = Tests()
    gates: tuple[Gate, ...] = ()
    waivers: tuple[Waiver, ...] = ()
    twin: Twin | None = None
