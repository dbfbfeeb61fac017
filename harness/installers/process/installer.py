"""Stage 3: installs an operator and runs it as a process that believes it is in its Pod."""

from __future__ import annotations

import copy
import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from harness.clock import SYSTEM_CLOCK, Deadline, utc
from harness.errors import ApiError, ClusterError
from harness.installers.applying import Applier, implied_namespaces, refuse_unknown_kinds
from harness.installers.certificates import Authority
from harness.installers.faults import not_ready
from harness.installers.images.choosing import container_of
from harness.installers.installer import NotReady
from harness.installers.ordering import CERT_MANAGER_GROUP, Rank, ordered, rank
from harness.installers.process import cgroups
from harness.installers.process.alone import (
    UNCALLED,
    not_called,
    not_converted,
    other_pods,
    stands_alone,
    without_pods,
)
from harness.installers.process.control import OperatorControl
from harness.installers.process.drafting import Draft, draft, locate, preflight
from harness.installers.process.files import LaunchFile, write_launch_file
from harness.installers.process.health import speaks_tls
from harness.installers.process.launching import Launching, namespaces_refused
from harness.installers.removing import give_back
from harness.installers.rendering import twin_alterations
from harness.installers.webhooks import (
    Served,
    certificate_secrets,
    injected,
    missing_secrets,
    rewired,
    service_names,
    services,
)
from harness.installers.workloads import choose
from harness.kube.ledger import Ledger
from harness.manifests.objects import Object, describe, kind_of, name_of, secret_values
from harness.model.installation import Alteration, Installation, MetricsEndpoint, Workload
from harness.model.target import Webhooks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from harness.assets import AssetSet
    from harness.clock import Clock
    from harness.evidence.folder import RunFolder
    from harness.guard import Guard
    from harness.installers.process.plan import Instance
    from harness.kube.client import KubeClient
    from harness.model.cluster import Cluster
    from harness.model.target import Target
    from harness.settings import Timeouts

__all__ = ["ProcessInstaller"]

_PRIVATE = 0o700
_POLL_S = 0.05
_LISTEN_S = 5.0  # a metrics server begins to listen soon after its process, or never


class ProcessInstaller:
    """Installs one operator in one cluster.

    Args:
        target: What is installed.
        cluster: Where.
        client: The harness's own identity.
        guard: Under which processes run.
        run: Where logs go.
        assets: Not needed; other installers run kubectl or helm.
        timeouts: Limits in seconds.
        on_progress: Called with what is being done, in words.
        on_kinds: Called once, when the operator's CRDs are established.
        load_image: Not needed: no image is run.
        clock: For pauses where there is nothing to watch.
    """

    def __init__(
        self,
        *,
        target: Target,
        cluster: Cluster,
        client: KubeClient,
        guard: Guard,
        run: RunFolder,
        assets: AssetSet,  # noqa: ARG002 - other installers need it
        timeouts: Timeouts,
        on_progress: Callable[[str], None],
        on_kinds: Callable[[], None] | None = None,
        load_image: Callable[[Path], None] | None = None,  # noqa: ARG002 - the same
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self._target = target
        self._cluster = cluster
        self._client = client
        self._guard = guard
        self._run = run
        self._timeouts = timeouts
        self._progress = on_progress
        self._on_kinds = on_kinds
        self._clock = clock
        self._applier = Applier(client, timeout=timeouts.install, clock=clock)
        self._authority = Authority(now=utc(clock.now()))
        self._folder = Path(cluster.state_dir) / "operator" / target.name
        self._launch_file = self._folder / "launch.json"
        self._alterations: list[Alteration] = list(twin_alterations(target))
        self._notes: list[str] = []
        self._conversions: dict[str, frozenset[int]] = {}
        self._installed: Installation | None = None
        self._alone = stands_alone(cluster)

    @staticmethod
    def preflight(target: Target, manifests: Sequence[Object]) -> None:
        """Refuses what could never run as a process; see `Installer.preflight`."""
        preflight(target, manifests)

    def install(self, manifests: Sequence[Object]) -> Installation:
        """Applies manifests, starts the operator's processes and waits until they're ready.

        Args:
            manifests: As `render` returned them.

        Raises:
            InstallFault: The API server refuses a manifest (INS-001), or the operator ends at
                start or doesn't become ready (INS-002).
            TargetError: A kind isn't known; nothing has been applied.
            BuildError: The operator's program isn't there; nothing has been applied.
            ClusterError: Cluster or machine stand in the way.
        """
        wanted = ordered(manifests)
        refuse_unknown_kinds(wanted, target=self._target, serves=self._serves)
        drafts = self._drafts(wanted)
        self._progress("Applying the manifests")
        self._apply_before(wanted, drafts)
        self._progress("Starting the operator")
        instances = self._start(drafts)
        self._installed = installation = self._installation(drafts, instances)
        self._await_ready(installation)
        self._apply_after(wanted, drafts, installation)
        return self._complete(installation, drafts)

    def so_far(self) -> Installation | None:
        """Returns who the operator is once its processes were started; see `Installer.so_far`."""
        if self._installed is None:
            return None
        return msgspec.structs.replace(self._told(self._installed), complete=False)

    def uninstall(self) -> None:
        """Ends the operator and deletes what was applied, the last first; CRDs among it.

        Custom resources must be gone already; see `Installer.uninstall`.
        """
        if give_back(
            cluster=self._cluster,
            client=self._client,
            run=self._run,
            patience=self._timeouts.delete,
            end_operator=self._end,
            clock=self._clock,
        ):
            return
        self._end()
        failed: list[str] = []
        for item in reversed(self._applier.applied):
            try:
                resource = self._client.resource_of(item.api_version, item.kind)
                self._client.delete(resource, item.key.name, item.key.namespace, uid=item.key.uid)
            except ApiError as error:
                if error.status not in (404, 409):  # gone, or another one has its name
                    failed.append(f"{item.key}: {error}")
        if failed:
            raise ClusterError("Not everything could be deleted:\n" + "\n".join(failed))

    def _end(self) -> None:
        if self._installed is not None and self._launch_file.exists():
            self._control(self._installed).end()

    # Before anything is applied

    def _serves(self, api_version: str, kind: str) -> bool:
        with suppress(ApiError):
            self._client.resource_of(api_version, kind)
            return True
        return False

    def _drafts(self, manifests: Sequence[Object]) -> tuple[Draft, ...]:
        self._folder.mkdir(mode=_PRIVATE, parents=True, exist_ok=True)
        refused = namespaces_refused(self._folder)
        if refused:
            self._notes.append(
                f"This machine allows no mount namespace ({refused}): the operator finds the API "
                "server by a kubeconfig with a token file, and its volumes at other paths."
            )
        drafts: list[Draft] = []
        for chosen in choose(self._target, manifests):
            made = draft(
                chosen,
                manifests,
                target=self._target,
                folder=self._folder,
                logs=self._run.operator_logs,
                isolated=not refused,
                grace_s=self._timeouts.stop,
                taken=[port for item in drafts for port in item.instance.ports.moved.values()],
            )
            drafts.append(made)
            self._alterations += made.alterations
            self._notes += [note for note in made.notes if note not in self._notes]
        if self._target.install.skip:
            kinds = ", ".join(self._target.install.skip)
            self._notes.append(f"Manifests of these kinds aren't applied (install.skip): {kinds}.")
        cgroups.sweep(path for item in drafts for path in item.instance.cgroups)
        return tuple(drafts)

    # Applying

    def _apply_before(self, wanted: Sequence[Object], drafts: Sequence[Draft]) -> None:
        """Applies what the operator needs to start, the simulated Pod's Deployment last."""
        secrets = self._secrets(wanted, drafts)
        self._guard.redact(secret_values([*wanted, *secrets]))
        groups = {item: [obj for obj in wanted if rank(obj) == item] for item in Rank}
        served = self._target.scope.namespaces
        for obj in [*implied_namespaces(wanted, served=served), *groups[Rank.NAMESPACE]]:
            if not self._is_kept(obj):
                self._applier.apply(obj)
        # The operator's port is known already; nothing is converted before it serves.
        crds = [
            self._applier.apply(self._callable(obj, wanted, drafts).manifest)
            for obj in groups[Rank.CRD]
        ]
        self._applier.await_crds(crds)
        if crds and self._on_kinds is not None:
            self._on_kinds()
        for obj in [*groups[Rank.SUPPORT], *secrets]:
            self._applier.apply(obj)
        for obj in groups[Rank.WORKLOAD]:
            self._applier.apply(self._single(obj, drafts))

    def _is_kept(self, namespace: Object) -> bool:
        """Whether a namespace of a cluster that isn't ours is there: it's used as it is."""
        if not self._alone:
            return False
        found = self._client.find(self._client.resource("namespaces"), name_of(namespace))
        if found is None:
            return False
        if Ledger.beside(Path(self._cluster.kubeconfig)) is not None:
            self._notes.append(f"{describe(namespace)} was there before: used as it is, and left.")
        return True

    def _callable(self, obj: Object, wanted: Sequence[Object], drafts: Sequence[Draft]) -> Served:
        """Returns a CRD whose conversion webhook leads to the process, or which has none."""
        if not self._alone:
            return self._rewired(obj, wanted, drafts)
        manifest, alteration = not_converted(obj)
        self._alterations += [alteration] if alteration else []
        return Served(manifest=manifest)

    def _secrets(self, wanted: Sequence[Object], drafts: Sequence[Draft]) -> list[Object]:
        made, alterations, notes = certificate_secrets(wanted, self._authority)
        self._alterations += alterations
        self._notes += notes
        called = services(wanted)
        names = [name for item in called for name in service_names(item[0], item[1])]
        if not names or self._target.install.webhooks is Webhooks.SELF_MANAGED:
            return made
        for item in drafts:
            more, alterations = missing_secrets(
                item.chosen.deployment,
                item.chosen.container,
                [*wanted, *made],
                self._authority,
                names=names,
            )
            made += more
            self._alterations += alterations
        return made

    def _single(self, manifest: Object, drafts: Sequence[Draft]) -> Object:
        """Returns a Deployment of the operator with one replica, or none; others as they are."""
        ours = any(item.chosen.deployment is manifest for item in drafts)
        replicas = (manifest.get("spec") or {}).get("replicas", 1)
        if self._alone and ours:
            changed, alteration = without_pods(manifest)
            self._alterations.append(alteration)
            return changed
        if self._alone:
            self._notes.append(other_pods(manifest))
            return manifest
        if kind_of(manifest) == "Deployment" and not ours:
            self._notes.append(f"{describe(manifest)} is applied, but no process runs for it.")
        if not ours or replicas == 1:
            return manifest
        self._alterations.append(
            Alteration(
                subject=f"{describe(manifest)}, replicas",
                before=str(replicas),
                after="1",
                reason="One process stands for one Pod; a suite starts more where it needs them.",
            )
        )
        changed = copy.deepcopy(manifest)
        changed["spec"]["replicas"] = 1
        return changed

    def _apply_after(
        self, wanted: Sequence[Object], drafts: Sequence[Draft], installation: Installation
    ) -> None:
        """Applies webhook configurations, once they can be called, and then custom resources."""
        for subject, ports in self._conversions.items():
            self._await_all_tls(ports, subject, installation)
        for obj in wanted:
            if self._alone and kind_of(obj) in UNCALLED:
                self._alterations.append(not_called(obj))
            elif rank(obj) is Rank.WEBHOOK:
                served = self._rewired(obj, wanted, drafts)
                self._await_all_tls(served.ports, describe(obj), installation)
                self._applier.apply(served.manifest)
        if self._cluster.provider != "existing":  # whose admission is theirs
            self._applier.await_owners([obj for obj in wanted if rank(obj) is Rank.CRD])
        for obj in wanted:
            if rank(obj) is Rank.CUSTOM and not obj["apiVersion"].startswith(CERT_MANAGER_GROUP):
                self._applier.apply(obj)

    def _rewired(self, obj: Object, wanted: Sequence[Object], drafts: Sequence[Draft]) -> Served:
        """Returns a manifest whose webhooks lead to the processes, and notes what that changes."""
        managed = self._target.install.webhooks is Webhooks.MANAGED
        served = rewired(
            obj,
            locate=lambda *service: locate(drafts, wanted, service),
            ca_bundle=self._authority.certificate if managed else None,
        )
        self._alterations += served.alterations
        self._notes += [*served.notes, *(injected(obj, wanted) if served.ports else ())]
        if rank(obj) is Rank.CRD and served.ports:
            self._conversions[describe(obj)] = served.ports
        return served

    # Starting

    def _start(self, drafts: Sequence[Draft]) -> tuple[Instance, ...]:
        path = os.environ.get("PATH", os.defpath)
        launching = Launching(
            cluster=self._cluster, client=self._client, guard=self._guard, path=path
        )
        instances: list[Instance] = []
        for item in drafts:
            taken = {instance.pod_uid for instance in instances}
            adopted = launching.adopt(item.instance, taken=taken, timeout=self._timeouts.install)
            instances.append(launching.start(adopted))
        self._notes += [note for note in launching.notes if note not in self._notes]
        write_launch_file(self._launch_file, LaunchFile(instances=tuple(instances), path=path))
        return tuple(instances)

    def _installation(self, drafts: Sequence[Draft], instances: Sequence[Instance]) -> Installation:
        return Installation(
            namespace=instances[0].namespace,
            workloads=tuple(
                _workload(item, instance) for item, instance in zip(drafts, instances, strict=True)
            ),
            launch_file=str(self._launch_file),
        )

    def _await_ready(self, installation: Installation) -> None:
        self._progress("Waiting until the operator is ready")
        try:
            self._control(installation).await_ready(timeout=self._timeouts.ready)
        except NotReady as error:
            raise self._fault(error, installation) from error

    def _fault(self, error: NotReady, installation: Installation) -> Exception:
        workload = next(
            (item for item in installation.workloads if item.process == error.process),
            installation.workloads[0],
        )
        ended = error.exit_code is not None
        what = "ends at start" if ended else "doesn't become ready"
        return not_ready(
            f"Deployment {workload.namespace}/{workload.name}",
            f"The operator {what}: {error}.",
            log=f"evidence/{workload.log}",
            tail=self._control(installation).log_tail(),
        )

    def _await_all_tls(
        self, ports: Iterable[int], subject: str, installation: Installation
    ) -> None:
        for port in sorted(ports):
            self._await_tls(port, subject, installation)

    def _await_tls(self, port: int, subject: str, installation: Installation) -> None:
        """Waits until something answers TLS at a webhook's port."""
        deadline = Deadline(self._timeouts.ready, clock=self._clock)
        control = self._control(installation)
        while not speaks_tls(port):
            ended = [item for item in control.status() if not item.running]
            if ended or deadline.passed:
                process = installation.workloads[0].process
                code = ended[0].exit_code if ended else None
                reason = f"{subject} is called at port {port}, where nothing answers TLS"
                raise self._fault(NotReady(reason, process=process, exit_code=code), installation)
            self._clock.sleep(_POLL_S)

    def _complete(self, installation: Installation, drafts: Sequence[Draft]) -> Installation:
        control = self._control(installation)
        leases = control.leases() or control.find_leases()
        workloads = tuple(
            msgspec.structs.replace(
                workload, leases=leases, metrics=_metrics(item, workload.metrics, self._clock)
            )
            for workload, item in zip(installation.workloads, drafts, strict=True)
        )
        return self._told(msgspec.structs.replace(installation, workloads=workloads))

    def _told(self, installation: Installation) -> Installation:
        """Returns it with what was applied, changed and noted."""
        return msgspec.structs.replace(
            installation,
            objects=tuple(self._applier.applied),
            alterations=tuple(self._alterations),
            notes=tuple(dict.fromkeys(self._notes)),
        )

    def _control(self, installation: Installation) -> OperatorControl:
        return OperatorControl(
            installation=installation,
            cluster=self._cluster,
            client=self._client,
            guard=self._guard,
            clock=self._clock,
        )


def _workload(item: Draft, instance: Instance) -> Workload:
    spec = item.chosen.spec
    metrics, pprof = spec.metrics, spec.pprof
    return Workload(
        name=instance.deployment,
        namespace=instance.namespace,
        service_account=(f"system:serviceaccount:{instance.namespace}:{instance.service_account}"),
        pod=instance.pod if instance.pod_uid else "",
        process=instance.process,
        log=f"operator/{Path(instance.log).name}",
        health=instance.health,
        simulated_pod=bool(instance.pod_uid),
        cpu_limit=cgroups.cores(container_of(item.chosen)) if instance.cgroups else None,
        pprof_url=f"http://127.0.0.1:{instance.ports.local(pprof.port)}" if pprof else "",
        metrics=MetricsEndpoint(
            url=f"https://127.0.0.1:{instance.ports.local(metrics.port)}{metrics.path}",
            dialect=metrics.dialect,
            names=metrics.names,
            labels=metrics.labels,
        )
        if metrics
        else None,
    )


def _metrics(item: Draft, endpoint: MetricsEndpoint | None, clock: Clock) -> MetricsEndpoint | None:
    """Returns the endpoint by HTTPS or HTTP, whichever it really speaks.

    An operator without probes counts as ready before it listens. Where nothing listens in time,
    HTTPS is taken: the scrape tells what is wrong.
    """
    spec = item.chosen.spec.metrics
    if endpoint is None or spec is None:
        return endpoint
    port = item.instance.ports.local(spec.port)
    deadline = Deadline(_LISTEN_S, clock=clock)
    while (secure := speaks_tls(port)) is None and not deadline.passed:
        clock.sleep(_POLL_S)
    if secure is False:
        return msgspec.structs.replace(endpoint, url=endpoint.url.replace("https:", "http:", 1))
    return endpoint
