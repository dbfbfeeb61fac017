"""Stage 3: installs an operator as its users do: its own image, in its own Pods."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from harness import command
from harness.assets import Component
from harness.clock import SYSTEM_CLOCK, Deadline, utc
from harness.errors import ApiError, BuildError, ClusterError, CommandError, InstallFault
from harness.evidence.ndjson import NdjsonWriter
from harness.installers.applying import Applier, implied_namespaces, refuse_unknown_kinds
from harness.installers.certificates import Authority
from harness.installers.faults import not_ready
from harness.installers.images import choosing
from harness.installers.incluster.control import ClusterControl
from harness.installers.incluster.forwarding import close_ways, lead, metrics_of, pprof_of
from harness.installers.incluster.helm import Release
from harness.installers.incluster.preparing import (
    Prepared,
    prepared,
    refuse_missing_namespaces,
    with_images,
)
from harness.installers.incluster.waiting import Patience, await_available, await_service
from harness.installers.installer import NotReady
from harness.installers.ordering import CERT_MANAGER_GROUP, Rank, ordered, rank
from harness.installers.process.cgroups import cores
from harness.installers.process.identity import service_account_of
from harness.installers.process.plan import elects_leader
from harness.installers.removing import give_back
from harness.installers.rendering import twin_alterations
from harness.installers.webhooks import services
from harness.installers.workloads import Chosen, choose
from harness.kube.client import KubeClient
from harness.kube.ledger import Ledger
from harness.kube.pods import pods_of
from harness.kube.secrecy import Cleaner
from harness.manifests.objects import describe, namespace_of, secret_values
from harness.model.installation import (
    Alteration,
    Installation,
    InstalledObject,
    InstallWay,
    Workload,
)
from harness.model.records import LogLine
from harness.model.resource import ObjectKey

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from harness.assets import AssetSet
    from harness.clock import Clock
    from harness.evidence.folder import RunFolder
    from harness.guard import Guard
    from harness.manifests.objects import Object
    from harness.model.cluster import Cluster
    from harness.model.target import Target
    from harness.settings import Timeouts

__all__ = ["InClusterInstaller"]

_PRIVATE = 0o700
_BUILD_S = 900.0
_END_S = 60.0
"""Seconds until Pods are gone after an uninstall: twice their usual grace period."""
_PAUSE_S = 0.2


class InClusterInstaller:
    """Installs one operator in one cluster; see `Installer`.

    Args:
        target: What is installed.
        cluster: Where.
        client: The harness's own identity.
        guard: Runs what leads to the operator's ports.
        run: Where logs of a failed install go.
        assets: Binaries: helm where the target is a chart.
        timeouts: Limits in seconds.
        on_progress: Called with what is being done, in words.
        on_kinds: Called once, when the operator's CRDs are established.
        load_image: Brings an archive of images to the cluster's nodes.
        clock: For deadlines, and for pauses where there is nothing to watch.
    """

    def __init__(
        self,
        *,
        target: Target,
        cluster: Cluster,
        client: KubeClient,
        guard: Guard,
        run: RunFolder,
        assets: AssetSet,
        timeouts: Timeouts,
        on_progress: Callable[[str], None],
        on_kinds: Callable[[], None] | None = None,
        load_image: Callable[[Path], None] | None = None,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self._target = target
        self._cluster = cluster
        self._guard = guard
        self._run = run
        self._timeouts = timeouts
        self._progress = on_progress
        self._on_kinds = on_kinds
        # Nothing of ours can be brought to the nodes of a cluster that isn't ours.
        self._load = load_image if cluster.provider != "existing" else None
        self._clock = clock
        self._folder = Path(cluster.state_dir) / "operator" / target.name
        self._client = _remembering(client, cluster)
        self._applier = Applier(self._client, timeout=timeouts.install, clock=clock)
        self._authority = Authority(now=utc(clock.now()))
        self._alterations: list[Alteration] = list(twin_alterations(target))
        self._notes: list[str] = []
        self._workloads: tuple[Chosen, ...] = ()
        chart = target.install.manifests.helm
        self._release = (
            Release(
                chart,
                name=target.name,
                program=assets.path(Component.HELM),
                cluster=cluster,
                folder=self._folder,
                timeout=timeouts.install,
            )
            if chart is not None
            else None
        )

    @staticmethod
    def preflight(target: Target, manifests: Sequence[Object]) -> None:
        """Refuses what could never run in a Pod; see `Installer.preflight`.

        Raises:
            TargetError: There is no Deployment, or not the one that the target names.
            BuildError: Its image can't be made.
        """
        for chosen in choose(target, manifests):
            choosing.check(target, chosen)

    def install(self, manifests: Sequence[Object]) -> Installation:
        """Loads the image, applies manifests and waits until the operator is ready.

        Args:
            manifests: As `render` returned them.

        Raises:
            InstallFault: The API server refuses a manifest or the cluster can't run it (INS-001),
                or the operator doesn't become ready (INS-002); by the first cause.
            TargetError: A kind isn't known; nothing has been applied.
            BuildError: The image can't be made; nothing has been applied.
            ClusterError: Cluster or machine stand in the way.
        """
        self._folder.mkdir(mode=_PRIVATE, parents=True, exist_ok=True)
        wanted = ordered(manifests)
        refuse_unknown_kinds(wanted, target=self._target, serves=self._serves)
        refuse_missing_namespaces(wanted, self._has_namespace)
        wanted = self._with_images(wanted)
        self._workloads = choose(self._target, wanted)
        ready = prepared(
            wanted,
            workloads=self._workloads,
            authority=self._authority,
            webhooks=self._target.install.webhooks,
        )
        self._alterations += ready.alterations
        self._notes += ready.notes
        if self._target.install.skip:
            kinds = ", ".join(self._target.install.skip)
            self._notes.append(f"Manifests of these kinds aren't applied (install.skip): {kinds}.")
        self._guard.redact(secret_values([*ready.manifests, *ready.secrets]))
        self._progress("Applying the manifests")
        self._apply(ready)
        return self._complete(ready)

    def so_far(self) -> Installation | None:
        """Returns who the operator is, and what was applied; see `Installer.so_far`."""
        if not self._workloads:
            return None
        return msgspec.structs.replace(
            self._installation(),
            objects=tuple(self._applier.applied),
            alterations=tuple(self._alterations),
            notes=tuple(dict.fromkeys(self._notes)),
            complete=False,
        )

    def uninstall(self) -> None:
        """Removes all that was made, the last first, and waits until it and all Pods are gone.

        Custom resources that are left go first, while their operator may still remove its
        finalizers; then its Pods, then the rest.

        Raises:
            ClusterError: Something stays; all of it is named.
        """
        give_back(
            cluster=self._cluster,
            client=self._client,
            run=self._run,
            patience=self._timeouts.delete,
            timeout=self._timeouts.delete,
            end_operator=self._end_operator,
            clock=self._clock,
        )

    def _end_operator(self) -> None:
        """Ends the operator before its permissions go, so that it's denied nothing on its way.

        Raises:
            ClusterError: Its Pods don't end, or Helm can't end the release.
        """
        try:
            deadline = Deadline(_END_S, clock=self._clock)
            for chosen in self._workloads:
                self._end_pods(chosen, deadline)
        finally:
            close_ways(self._guard)
            if self._release is not None:
                self._release.uninstall()

    def _end_pods(self, chosen: Chosen, deadline: Deadline) -> None:
        resource = self._client.resource("deployments.apps")
        found = self._client.find(resource, chosen.spec.deployment, chosen.namespace)
        if found is None:
            return
        self._client.patch(
            resource,
            chosen.spec.deployment,
            {"spec": {"replicas": 0}},
            namespace=chosen.namespace,
            subresource="scale",
        )
        while pods_of(self._client, found):
            if deadline.passed:
                raise ClusterError(f"The Pods of {describe(chosen.deployment)} don't end.")
            self._clock.sleep(_PAUSE_S)

    # Before anything is applied

    def _serves(self, api_version: str, kind: str) -> bool:
        with suppress(ApiError):
            self._client.resource_of(api_version, kind)
            return True
        return False

    def _has_namespace(self, name: str) -> bool:
        return self._client.find(self._client.resource("namespaces"), name) is not None

    def _with_images(self, manifests: Sequence[Object]) -> list[Object]:
        """Makes and loads images; returns manifests that run them."""
        provided: dict[str, choosing.Provided] = {}
        archives = [] if self._load is None else self._archives()
        for chosen in choose(self._target, manifests):
            named = str(choosing.container_of(chosen).get("image"))
            if named in provided:
                continue
            if self._load is None:
                made = choosing.given(chosen, self._target)
            else:
                made = choosing.provide(chosen, target=self._target, folder=self._folder)
            provided[named] = made
            archives += [made.archive] if made.archive else []
            self._notes.append(f"Image {made.name}: {made.how}.")
        for archive in dict.fromkeys(archives):
            self._progress(f"Loading the image {archive.stem}")
            if self._load is not None:
                self._load(archive)
        changed, alterations = with_images(manifests, provided)
        self._alterations += alterations
        return changed

    def _archives(self) -> list[Path]:
        """Returns the archives that the target brings, built where it says how."""
        image = self._target.install.image
        if image is not None and image.build:
            self._progress("Building images")
            self._build(image.build)
        return list(choosing.extra_archives(self._target))

    def _build(self, words: Sequence[str]) -> None:
        try:
            command.stream(
                words, timeout=_BUILD_S, cwd=Path(self._target.folder), on_line=self._progress
            )
        except CommandError as error:
            raise BuildError(
                f"The images of {self._target.name} can't be built: {error}",
                hint="Run install.image.build in the target's folder.",
            ) from error

    # Applying

    def _apply(self, ready: Prepared) -> None:
        groups = {item: [obj for obj in ready.manifests if rank(obj) == item] for item in Rank}
        watched = implied_namespaces([], served=self._target.scope.namespaces)
        for obj in [*groups[Rank.NAMESPACE], *watched]:
            self._applier.apply(obj)
        crds = [self._applier.apply(obj) for obj in groups[Rank.CRD]]
        self._applier.await_crds(crds)
        if crds and self._on_kinds is not None:
            self._on_kinds()
        for obj in ready.secrets:
            self._applier.apply(obj)
        if self._release is not None:
            self._progress(f"Installing the release {self._release.name}")
            later = (Rank.NAMESPACE, Rank.CRD, Rank.CUSTOM)
            self._release.install([obj for obj in ready.manifests if rank(obj) not in later])
            self._await_workloads()
            self._await_webhooks(groups[Rank.WEBHOOK])
        else:
            for obj in [*groups[Rank.SUPPORT], *groups[Rank.WORKLOAD]]:
                self._applier.apply(obj)
            self._await_workloads()
            for obj in groups[Rank.WEBHOOK]:
                self._applier.apply(obj)
            self._await_webhooks([*groups[Rank.CRD], *groups[Rank.WEBHOOK]])
        if self._cluster.provider != "existing":  # whose admission is theirs
            self._applier.await_owners(crds)
        for obj in groups[Rank.CUSTOM]:
            if not obj["apiVersion"].startswith(CERT_MANAGER_GROUP):
                self._applier.apply(obj)

    def _await_workloads(self) -> None:
        self._progress("Waiting until the operator is available")
        cleaner = Cleaner(self._client, (item.namespace for item in self._workloads))
        cleaner.learn()
        for chosen in self._workloads:
            deployment = self._client.get(
                self._client.resource("deployments.apps"),
                chosen.spec.deployment,
                chosen.namespace,
            )
            try:
                await_available(
                    self._client,
                    deployment,
                    chosen.container,
                    patience=Patience(ready=self._timeouts.ready),
                    clean=cleaner.clean,
                    clock=self._clock,
                )
            except InstallFault as fault:
                self._keep_log(fault)
                raise

    def _keep_log(self, fault: InstallFault) -> None:
        """Writes the last lines of a Pod that failed where those of a running one would be."""
        for reference in fault.finding.evidence:
            writer = NdjsonWriter(self._run.path / reference.file)
            for line in reference.excerpt.splitlines():
                writer.write(LogLine(stamp=self._clock.now(), stream="stdout", text=line))
            writer.close()

    def _await_webhooks(self, objects: Sequence[Object]) -> None:
        """Waits until each Service by which the operator is called answers."""
        for namespace, name, port in services(objects):
            said = await_service(
                self._client,
                (namespace, name, port),
                timeout=self._timeouts.ready,
                clock=self._clock,
            )
            if said:
                raise not_ready(
                    f"Service {namespace}/{name}",
                    f"The operator's webhooks don't answer at the Service {namespace}/{name}.",
                    detail=f"The API server says: {said}",
                    tail=self._control(self._installation()).log_tail(),
                )

    # Afterwards

    def _installation(self) -> Installation:
        return Installation(
            namespace=self._workloads[0].namespace,
            way=InstallWay.IN_CLUSTER,
            workloads=tuple(map(_workload, self._workloads)),
        )

    def _control(self, installation: Installation) -> ClusterControl:
        return ClusterControl(
            installation=installation,
            cluster=self._cluster,
            client=self._client,
            guard=self._guard,
            clock=self._clock,
        )

    def _complete(self, ready: Prepared) -> Installation:
        """Waits until it leads, opens ways to its ports, and tells what there is."""
        installation = self._installation()
        control = self._control(installation)
        try:
            control.await_ready(timeout=self._timeouts.ready)
        except NotReady as error:
            raise not_ready(
                f"Deployment {installation.namespace}/{error.process}",
                f"The operator doesn't become ready: {error}.",
                tail=control.log_tail(),
            ) from error
        ways = lead(
            self._workloads,
            cluster=self._cluster,
            guard=self._guard,
            folder=self._folder,
            clock=self._clock,
        )
        leases = control.find_leases()
        workloads = tuple(
            msgspec.structs.replace(
                _workload(chosen),
                leases=leases,
                metrics=metrics_of(chosen, ways, clock=self._clock),
                pprof_url=pprof_of(chosen, ways),
            )
            for chosen in self._workloads
        )
        return msgspec.structs.replace(
            installation,
            workloads=workloads,
            objects=(*self._applier.applied, *self._released(ready)),
            alterations=tuple(self._alterations),
            notes=tuple(dict.fromkeys(self._notes)),
        )

    def _released(self, ready: Prepared) -> list[InstalledObject]:
        """Returns the objects that Helm made."""
        if self._release is None:
            return []
        applied = {(item.kind, item.key.namespace, item.key.name) for item in self._applier.applied}
        found: list[InstalledObject] = []
        for obj in ready.manifests:
            resource = self._client.resource_of(obj["apiVersion"], obj["kind"])
            place = (namespace_of(obj) or "default") if resource.namespaced else ""
            name = obj["metadata"]["name"]
            body = self._client.find(resource, name, place)
            if body is not None and (resource.kind, place, name) not in applied:
                key = ObjectKey(
                    resource=resource.key,
                    namespace=place,
                    name=name,
                    uid=body["metadata"]["uid"],
                )
                found.append(
                    InstalledObject(key=key, kind=resource.kind, api_version=resource.api_version)
                )
        return found


def _remembering(client: KubeClient, cluster: Cluster) -> KubeClient:
    """Returns a client that writes down what is made; so do all that are made after it."""
    kubeconfig = Path(cluster.kubeconfig)
    ledger = Ledger.beside(kubeconfig) or Ledger.begin(kubeconfig.parent)
    return KubeClient(client.connection, ledger=ledger)


def _workload(chosen: Chosen) -> Workload:
    deployment = chosen.deployment
    account = service_account_of(deployment)
    return Workload(
        name=chosen.spec.deployment,
        namespace=chosen.namespace,
        service_account=f"system:serviceaccount:{chosen.namespace}:{account}",
        process=chosen.spec.deployment,
        log="operator",
        container=chosen.container,
        replicas=int((deployment.get("spec") or {}).get("replicas", 1)),
        elects=elects_leader(choosing.container_of(chosen)),
        cpu_limit=cores(choosing.container_of(chosen)),
    )
