"""Stage 3: an operator that somebody else has installed; it's only watched."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, NoReturn

import msgspec

from harness.clock import SYSTEM_CLOCK
from harness.errors import ApiError, NotVerified, TargetError
from harness.installers.faults import not_ready
from harness.installers.installer import NotReady
from harness.installers.removing import give_back
from harness.kube.watch import NotObserved, await_object
from harness.manifests.objects import Object, pod_spec, strings
from harness.model.installation import Installation, InstallWay, Workload

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from harness.assets import AssetSet
    from harness.clock import Clock
    from harness.evidence.folder import RunFolder
    from harness.guard import Guard
    from harness.guard.protocol import ProcessStatus
    from harness.kube.client import KubeClient
    from harness.model.cluster import Cluster
    from harness.model.target import Target, WorkloadSpec
    from harness.settings import Timeouts

__all__ = ["PresentControl", "PresentInstaller"]

_DEPLOYMENTS = "deployments.apps"
_UNTOUCHED = "the operator was there before (install.present), and is left alone"


class PresentInstaller:
    """Finds an operator in the cluster; applies nothing. Arguments as `Installer` has them."""

    def __init__(
        self,
        *,
        target: Target,
        cluster: Cluster,
        client: KubeClient,
        guard: Guard,  # noqa: ARG002 - other installers need it
        run: RunFolder,
        assets: AssetSet,  # noqa: ARG002 - the same
        timeouts: Timeouts,
        on_progress: Callable[[str], None],
        on_kinds: Callable[[], None] | None = None,  # noqa: ARG002 - the same
        load_image: Callable[[Path], None] | None = None,  # noqa: ARG002 - the same
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self._target = target
        self._cluster = cluster
        self._client = client
        self._run = run
        self._timeouts = timeouts
        self._progress = on_progress
        self._clock = clock
        self._found: Installation | None = None

    @staticmethod
    def preflight(target: Target, manifests: Sequence[Object]) -> None:  # noqa: ARG004 - none is rendered
        """Refuses a faulty twin: a defect can't be switched on; see `Installer.preflight`."""
        if target.twin is not None:
            raise TargetError(
                f"The twin {target.twin.name!r} can't be switched on in an operator that runs "
                "already.",
                hint="Leave --twin out, or name manifests instead of install.present.",
            )

    def install(self, manifests: Sequence[Object]) -> Installation:  # noqa: ARG002 - none is applied
        """Finds the operator's Deployments, and waits until they're ready; see `Installer`."""
        self._progress("Looking for the operator")
        found = [self._find(spec) for spec in self._target.workloads]
        workloads = tuple(self._workload(deployment) for deployment in found)
        self._found = installation = Installation(
            namespace=workloads[0].namespace,
            workloads=workloads,
            way=InstallWay.PRESENT,
            notes=(
                "The operator was there before: nothing of it was applied, changed or removed.",
                "Its log, its processes and its metrics aren't read.",
            ),
        )
        self._refuse_unserved()
        self._progress("Waiting until the operator is ready")
        try:
            control = PresentControl(
                installation=installation, cluster=self._cluster, client=self._client
            )
            control.await_ready(timeout=self._timeouts.ready)
        except NotReady as error:
            raise not_ready(
                f"Deployment {error.process}", f"The operator isn't ready: {error}."
            ) from error
        return installation

    def so_far(self) -> Installation | None:
        """Returns the operator that was found but isn't ready; see `Installer.so_far`."""
        return self._found and msgspec.structs.replace(self._found, complete=False)

    def uninstall(self) -> None:
        """Removes what the suites made, and leaves the operator; see `Installer.uninstall`."""
        give_back(
            cluster=self._cluster,
            client=self._client,
            run=self._run,
            patience=self._timeouts.delete,
            end_operator=lambda: None,
            clock=self._clock,
        )

    def _find(self, spec: WorkloadSpec) -> Object:
        resource = self._client.resource(_DEPLOYMENTS)
        if spec.namespace is not None:
            found = self._client.find(resource, spec.deployment, spec.namespace)
            matches = [found] if found is not None else []
        else:
            name = f"metadata.name={spec.deployment}"
            matches = self._client.list(resource, fields=name).items
        if len(matches) == 1:
            return matches[0]
        where = f" in namespace {spec.namespace}" if spec.namespace else ""
        if not matches:
            raise TargetError(
                f"This cluster has no Deployment {spec.deployment!r}{where}, and the target says "
                "that it is present.",
                hint="Check workloads[].deployment and .namespace, and --context.",
            )
        places = ", ".join(sorted(item["metadata"]["namespace"] for item in matches))
        raise TargetError(
            f"Deployments {spec.deployment!r} are in several namespaces: {places}.",
            hint="Say which is meant by workloads[].namespace.",
        )

    def _refuse_unserved(self) -> None:
        missing = []
        for kind in self._target.kinds:
            try:
                self._client.resource(kind.resource)
            except ApiError:
                missing.append(kind.resource)
        if missing:
            raise TargetError(
                f"This cluster doesn't serve {', '.join(missing)}, and the target says that its "
                "operator is present.",
                hint="Check kinds[].resource, and --context.",
            )

    def _workload(self, deployment: Object) -> Workload:
        metadata, spec = deployment["metadata"], pod_spec(deployment)
        account = spec.get("serviceAccountName") or spec.get("serviceAccount") or "default"
        namespace = metadata["namespace"]
        return Workload(
            name=metadata["name"],
            namespace=namespace,
            service_account=f"system:serviceaccount:{namespace}:{account}",
            pod=self._pod(deployment),
        )

    def _pod(self, deployment: Object) -> str:
        """Returns the name of one of its Pods; empty where none can be seen."""
        labels = strings((deployment["spec"].get("selector") or {}).get("matchLabels"))
        selector = ",".join(f"{key}={value}" for key, value in labels.items())
        with suppress(ApiError):
            pods = self._client.list(
                self._client.resource("pods"), deployment["metadata"]["namespace"], labels=selector
            )
            return min((str(pod["metadata"]["name"]) for pod in pods.items), default="")
        return ""


class PresentControl:
    """An operator that is only watched: what would touch it isn't verified.

    Args:
        installation: As the installer made it.
        cluster: Where it is.
        client: The harness's own identity.
        guard: Not needed.
        clock: For deadlines.
    """

    def __init__(
        self,
        *,
        installation: Installation,
        cluster: Cluster,  # noqa: ARG002 - other controls need it
        client: KubeClient,
        guard: Guard | None = None,  # noqa: ARG002 - the same
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self._installation = installation
        self._client = client
        self._clock = clock

    def restart(self) -> None:
        """Refuses."""
        _refuse("it isn't restarted")

    def stop(self) -> None:
        """Refuses."""
        _refuse("it isn't stopped")

    def kill(self) -> None:
        """Refuses."""
        _refuse("it isn't killed")

    def start(self) -> None:
        """Refuses."""
        _refuse("it isn't started")

    def pause(self) -> None:
        """Refuses."""
        _refuse("it isn't frozen")

    def resume(self) -> None:
        """Refuses."""
        _refuse("it isn't frozen")

    def start_replica(self) -> str:
        """Refuses."""
        _refuse("no second copy is started")

    def stop_replica(self, name: str) -> None:  # noqa: ARG002 - there is none
        """Refuses."""
        _refuse("no second copy is started")

    def rotation(self) -> NoReturn:
        """Refuses."""
        _refuse("its token isn't replaced")

    def await_ready(self, *, timeout: float) -> None:
        """Waits until every Deployment has all its replicas available.

        Raises:
            NotReady: Time is over, or one is gone.
        """
        resource = self._client.resource(_DEPLOYMENTS)
        for workload in self._installation.workloads:
            try:
                await_object(
                    self._client.connection,
                    resource,
                    workload.name,
                    workload.namespace,
                    _is_available,
                    timeout=timeout,
                    clock=self._clock,
                )
            except NotObserved as miss:
                status = (miss.last or {}).get("status") or {}
                available = status.get("availableReplicas", 0)
                wanted = ((miss.last or {}).get("spec") or {}).get("replicas", 1)
                raise NotReady(
                    f"{available} of {wanted} replicas are available after {timeout:g} s",
                    process=f"{workload.namespace}/{workload.name}",
                ) from miss

    def leases(self) -> tuple[str, ...]:
        """Returns none: whose they are isn't known."""
        return ()

    def find_leases(self) -> tuple[str, ...]:
        """Returns none, as `leases`."""
        return ()

    def holder(self) -> str:
        """Returns nobody, as `leases`."""
        return ""

    def status(self) -> tuple[ProcessStatus, ...]:
        """Returns none: it isn't on this machine."""
        return ()

    def log_tail(self, lines: int = 40) -> tuple[str, ...]:  # noqa: ARG002 - as the others
        """Returns nothing: its log isn't read."""
        return ()


def _is_available(deployment: Object | None) -> bool:
    if deployment is None:
        return False
    wanted = (deployment.get("spec") or {}).get("replicas", 1)
    status = deployment.get("status") or {}
    seen = status.get("observedGeneration", 0) >= deployment["metadata"].get("generation", 0)
    return bool(seen and wanted and status.get("availableReplicas", 0) >= wanted)


def _refuse(what: str) -> NoReturn:
    raise NotVerified(f"{what}: {_UNTOUCHED}")
