"""Stage 3: another build of the operator in the place of the one that is installed.

Both have the same names, so only one of them can be there. What is there of the one and not of the
other is deleted; all else is applied over it, as an upgrade would, and nothing is when it's given
back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.assets import AssetSet
from harness.clock import SYSTEM_CLOCK, Deadline
from harness.errors import ApiError, ClusterError
from harness.installers.process.control import OperatorControl
from harness.installers.process.installer import ProcessInstaller
from harness.kube.pods import pods_of
from harness.manifests.objects import kind_of, name_of, namespace_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.clock import Clock
    from harness.evidence.folder import RunFolder
    from harness.guard import Guard
    from harness.kube.client import KubeClient
    from harness.manifests.objects import Object
    from harness.model.cluster import Cluster
    from harness.model.installation import Installation, Workload
    from harness.model.run import Build
    from harness.settings import Timeouts

__all__ = ["Exchange"]

_PODS_S = 60.0
_PAUSE_S = 0.02
_GONE = 404


class Exchange:
    """Puts one build in the place of another.

    Args:
        cluster: Where.
        client: The harness's own identity.
        guard: Under which the operator's processes run.
        run: Where logs go.
        timeouts: Limits in seconds.
        clock: For pauses where there is nothing to watch.
    """

    def __init__(
        self,
        *,
        cluster: Cluster,
        client: KubeClient,
        guard: Guard,
        run: RunFolder,
        timeouts: Timeouts,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self._cluster = cluster
        self._client = client
        self._guard = guard
        self._run = run
        self._timeouts = timeouts
        self._clock = clock

    def swap(self, installed: Installation, *, old: Build, new: Build) -> Installation:
        """Ends the old build and installs the new one; returns when that is ready.

        Args:
            installed: The old one, as it was installed.
            old: What it was installed from.
            new: What is to be in its place.

        Raises:
            InstallFault: The new one is refused, ends at start or doesn't become ready.
            HarnessError: The old one can't be taken away.
        """
        OperatorControl(
            installation=installed, cluster=self._cluster, client=self._client, guard=self._guard
        ).end()
        for workload in installed.workloads:
            self._empty(workload)
        self._delete_lacking(old.manifests, new.manifests)
        return ProcessInstaller(
            target=new.target,
            cluster=self._cluster,
            client=self._client,
            guard=self._guard,
            run=self._run,
            assets=AssetSet(assets=()),
            timeouts=self._timeouts,
            on_progress=lambda _: None,
            clock=self._clock,
        ).install(new.manifests)

    def _empty(self, workload: Workload) -> None:
        """Waits until a Deployment has no Pod: the new build's would be taken for the old one's."""
        deployments = self._client.resource("deployments.apps")
        found = self._client.find(deployments, workload.name, workload.namespace)
        if found is None:
            return
        none = {"spec": {"replicas": 0}}
        self._client.patch(
            deployments, workload.name, none, namespace=workload.namespace, subresource="scale"
        )
        deadline = Deadline(_PODS_S, clock=self._clock)
        while pods_of(self._client, found):
            if deadline.passed:
                raise ClusterError(
                    f"The Pods of {workload.namespace}/{workload.name} don't end within "
                    f"{_PODS_S:g} s."
                )
            self._clock.sleep(_PAUSE_S)

    def _delete_lacking(self, old: Sequence[Object], new: Sequence[Object]) -> None:
        """Deletes what only the old build has, the last first."""
        kept = {_key(item) for item in new}
        for item in reversed(old):
            if _key(item) in kept:
                continue
            try:
                resource = self._client.resource_of(item["apiVersion"], kind_of(item))
                place = (namespace_of(item) or "default") if resource.namespaced else ""
                self._client.delete(resource, name_of(item), place)
            except ApiError as error:
                if error.status != _GONE:
                    raise


def _key(item: Object) -> tuple[str, str, str, str]:
    group = str(item["apiVersion"]).rpartition("/")[0]
    return group, kind_of(item), namespace_of(item) or "", name_of(item)
