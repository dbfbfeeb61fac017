"""The proof by removal, stages 2 to 4: other roles for the operator, and the smoke suite again.

The operator is stopped; its identities are taken out of the bindings that name them, and bound to
the smallest roles that the evidence so far allows; when the authorizer decides by these, it's
started again. Whatever happens then, `undo` gives back what was bound.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from harness import analysis
from harness.analysis.rbac.swapping import (
    decisions,
    groups_of,
    left_behind,
    naming,
    others_of,
)
from harness.clock import SYSTEM_CLOCK, Clock, Deadline
from harness.errors import ApiError, ClusterError, HarnessError, InstallFault, Interrupted
from harness.evidence.ndjson import write_document
from harness.evidence.reader import Evidence
from harness.model.access import Subject, Swap
from harness.model.resource import Resource
from harness.probes.access import may, read_access, record_access
from harness.probes.barrier import audit_barrier

if TYPE_CHECKING:
    from collections.abc import Iterable

    from harness.analysis.rbac.rules import Request
    from harness.evidence.folder import RunFolder
    from harness.installers import Control
    from harness.kube.client import KubeClient
    from harness.model.access import BindingObject
    from harness.model.cluster import Cluster
    from harness.model.installation import Installation

__all__ = ["PROVEN_BY", "Removal"]

PROVEN_BY = "smoke"
"""The suite that runs again."""

_RBAC = "rbac.authorization.k8s.io"
_BARRIER_S = 10.0
_AGREE_S = 15.0
_PAUSE_S = 0.1
_NAMED = 3


class _Taken(msgspec.Struct, frozen=True, kw_only=True):
    """A binding as it was before we changed it."""

    resource: Resource
    name: str
    namespace: str
    subjects: list[dict[str, Any]]  # as Kubernetes has them


class Removal:
    """Changes what the operator's identities are bound to, and gives it back.

    Args:
        run: The run that is proven; the proof's own folder is made in it.
        cluster: Where.
        client: The harness's own identity.
        installation: The operator.
        control: Stops and starts it.
        only_ours: Touch only bindings that the run itself has applied.
        clock: Stamps the beginning.
    """

    def __init__(
        self,
        *,
        run: RunFolder,
        cluster: Cluster,
        client: KubeClient,
        installation: Installation,
        control: Control,
        only_ours: bool,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self._run = run
        self._cluster = cluster
        self._client = client
        self._installation = installation
        self._control = control
        self._only_ours = only_ours
        self._clock = clock
        self._before = Evidence(run)
        self._taken: list[_Taken] = []
        self._given: list[dict[str, Any]] = []
        self._begun = False

    def begin(self) -> RunFolder:
        """Stops the operator, and makes the proof's folder: all evidence from now on is its own.

        Raises:
            HarnessError: The operator can't be stopped, or the folder can't be made.
        """
        self._begun = True
        self._control.stop()
        if self._cluster.audit_log:
            log = Path(self._cluster.audit_log)
            audit_barrier(self._client.connection, log, timeout=_BARRIER_S, clock=self._clock)
        self._before = Evidence(self._run)
        folder = self._run.make_removal()
        manifest = msgspec.structs.replace(
            self._before.manifest, started=self._clock.now(), suites=(PROVEN_BY,), checks=()
        )
        write_document(folder.target_file, self._before.target)
        write_document(folder.cluster_file, self._cluster)
        write_document(folder.installation_file, self._installation)
        write_document(folder.run_file, manifest)
        return folder

    def swap(self, folder: RunFolder) -> bool:
        """Puts the smallest roles in the place of what is granted; says whether that is done.

        What stands in the way is written down: it makes the proof not verified, not the run fail.

        Args:
            folder: As `begin` returned it.
        """
        obstacle = ""
        left: dict[str, tuple[str, ...]] = {}
        try:
            access = read_access(self._client)
            bindings = naming(access, self._installation.identities)
            if self._only_ours:
                bindings = tuple(binding for binding in bindings if self._is_ours(binding))
            left = left_behind(self._before, bindings)
            objects, obstacle = analysis.smallest_access(self._before)
            if not obstacle:
                self._take(bindings)
                self._give(objects)
                obstacle = self._disagreement()
                record_access(self._client, folder, "1-swapped")
        except Interrupted:
            raise
        except HarnessError as error:
            obstacle = f"the roles could not be changed: {error}"
        swap = Swap(
            taken=tuple(f"{item.resource.kind} {item.name}" for item in self._taken),
            left=left,
            given=tuple(f"{body['kind']} {body['metadata']['name']}" for body in self._given),
            obstacle=obstacle.rstrip("."),
        )
        write_document(folder.swap_file, swap)
        return not obstacle

    def start(self, folder: RunFolder) -> bool:
        """Starts the operator under its new roles; says whether it could be started."""
        for obstacle in self._started():
            swap = Evidence(folder).swap or Swap()
            write_document(folder.swap_file, msgspec.structs.replace(swap, obstacle=obstacle))
            return False
        return True

    def undo(self) -> None:
        """Gives back what was bound, removes what we made, and has the operator run again.

        A second call does nothing more.

        Raises:
            ClusterError: Something could not be given back; all the rest was.
        """
        failures: list[str] = []
        while self._taken:
            item = self._taken.pop()
            try:
                self._client.patch(
                    item.resource, item.name, {"subjects": item.subjects}, namespace=item.namespace
                )
            except ApiError as error:
                failures.append(f"{item.resource.kind} {item.namespace}/{item.name}: {error}")
        while self._given:
            body = self._given.pop()
            meta = body["metadata"]
            resource = self._client.resource_of(body["apiVersion"], body["kind"])
            try:
                self._client.delete(resource, meta["name"], meta.get("namespace", ""))
            except ApiError as error:
                failures.append(f"{body['kind']} {meta['name']}: {error}")
        if self._begun:
            self._begun = False
            failures += self._started()
        if failures:
            raise ClusterError(
                "The operator's own roles could not all be given back:\n" + "\n".join(failures),
                hint="Install the operator again; its manifests hold these bindings.",
            )

    def _started(self) -> list[str]:
        """Starts the operator; returns why it can't be, where it can't."""
        try:
            self._control.start()
        except Interrupted:
            raise
        except (HarnessError, InstallFault) as error:
            return [f"the operator could not be started again: {error}"]
        return []

    def _take(self, bindings: Iterable[BindingObject]) -> None:
        for binding in bindings:
            resource = self._client.resource(f"{binding.kind.lower()}s.{_RBAC}")
            body = self._client.get(resource, binding.name, binding.namespace)
            rest = others_of(binding, self._installation.identities)
            self._taken.append(
                _Taken(
                    resource=resource,
                    name=binding.name,
                    namespace=binding.namespace,
                    subjects=body["subjects"],
                )
            )
            kept = [
                subject for subject in body["subjects"] if msgspec.convert(subject, Subject) in rest
            ]
            self._client.patch(
                resource, binding.name, {"subjects": kept}, namespace=binding.namespace
            )

    def _is_ours(self, binding: BindingObject) -> bool:
        return any(
            (item.kind, item.key.namespace, item.key.name)
            == (binding.kind, binding.namespace, binding.name)
            for item in self._installation.objects
        )

    def _give(self, objects: Iterable[dict[str, Any]]) -> None:
        """Makes the smallest roles under names of this run: nobody else has such."""
        mark = self._run.id.rsplit("-", 1)[-1]
        for body in objects:
            meta = {**body["metadata"], "name": f"{body['metadata']['name']}-{mark}"}
            made = {**body, "metadata": meta}
            if "roleRef" in body:
                made["roleRef"] = {**body["roleRef"], "name": meta["name"]}
            resource = self._client.resource_of(body["apiVersion"], body["kind"])
            self._given.append(made)
            self._client.create(resource, made)

    def _disagreement(self) -> str:
        """Waits until the API server decides as these roles say; returns what it goes on to allow.

        Its authorizer follows roles by a watch of its own, a moment later.
        """
        expected = decisions(self._before, read_access(self._client))
        asked = list(expected)
        deadline = Deadline(_AGREE_S, clock=self._clock)
        while True:
            asked = [item for item in asked if self._decides(*item) != expected[item]]
            if not asked:
                return ""
            if deadline.passed:
                shown = ", ".join(f"{item.verb} {item.resource}" for _, item in asked[:_NAMED])
                return f"the API server doesn't decide as the new roles say, for example {shown}"
            self._clock.sleep(_PAUSE_S)

    def _decides(self, user: str, request: Request) -> bool:
        what = msgspec.structs.asdict(request)
        return may(self._client, user, sorted(groups_of(user)), **what)
