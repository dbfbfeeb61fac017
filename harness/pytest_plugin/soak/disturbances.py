"""What happens to every operator one day: its API server restarts, its definition is made anew."""

from __future__ import annotations

import signal
from functools import cached_property
from typing import TYPE_CHECKING, Any

from harness.clock import Deadline
from harness.clusters import provider
from harness.errors import ApiError, ClusterError
from harness.evidence.ndjson import NdjsonWriter
from harness.kube.admission import may_own
from harness.model.cluster import Capability
from harness.model.records import Action, Stimulus
from harness.model.soak import API_SERVER, DEFINITION, Disturbance
from harness.model.time import Span
from harness.pytest_plugin.waiting import Unmet, Waiter
from harness.readiness import judge
from harness.settings import Settings
from harness.stimulus.objects import object_key
from harness.stimulus.samples import samples

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.clusters.provider import Provider
    from harness.model.resource import Resource
    from harness.model.time import Stamp
    from harness.pytest_plugin.context import Context
    from harness.pytest_plugin.operator import Operator

__all__ = ["ROUNDS", "Disturbances"]

ROUNDS = 2  # what is left once may be chance
_COMPONENT = "kube-apiserver"
_DEFINITIONS = "customresourcedefinitions.apiextensions.k8s.io"
_ASSIGNED = ("uid", "resourceVersion", "generation", "creationTimestamp", "managedFields")
_GLANCE_S = 0.05
_SETTLE_S = 3.0  # watches that ended are opened anew
_NAME = "soak-definition"
_STARTS = 3  # of a process that ends again and again


def _bare(body: dict[str, Any]) -> dict[str, Any]:
    """Returns a definition as it can be created: without what the server assigned."""
    metadata = {k: v for k, v in body["metadata"].items() if k not in _ASSIGNED}
    kept = {key: body[key] for key in ("apiVersion", "kind", "spec")}
    return {**kept, "metadata": metadata}


def _is_established(body: dict[str, Any]) -> bool:
    conditions = (body.get("status") or {}).get("conditions") or ()
    return any(
        item.get("type") == "Established" and item.get("status") == "True" for item in conditions
    )


class Disturbances:
    """Disturbs the operator, waits until it had its time to get over it, and writes down how.

    Args:
        context: The suite's view of the run.
        operator: Started again where it ended, as a kubelet would.
    """

    def __init__(self, context: Context, operator: Operator) -> None:
        self._context = context
        self._operator = operator

    def prepare(self, resource: Resource) -> None:
        """Loads what it needs, so that the harness doesn't grow in the middle of a soak.

        Args:
            resource: Of which objects must converge; a rule in CEL takes some 15 MiB.
        """
        if Capability.SNAPSHOT in self._context.cluster.capabilities:
            _ = self._owner
        judge({"metadata": {"generation": 1}}, self._context.rule(resource), generation=1)

    def restart_server(self, *, after_cycle: int) -> None:
        """Ends the API server, has etcd compacted, and starts it again.

        Raises:
            HarnessError: The cluster doesn't come back.
        """
        cluster, guard, clock = self._context.cluster, self._context.guard, self._context.clock
        start = clock.now()
        if Capability.SNAPSHOT not in cluster.capabilities:
            self.not_tried(
                API_SERVER, start, after_cycle, f"not in a cluster of kind {cluster.provider}"
            )
            return
        owner = self._owner
        try:
            # Asked to end, it would wait a minute for its open watches.
            owner.stop_component(cluster, guard, _COMPONENT, sig=signal.SIGKILL)
            owner.compact(cluster, guard)
        finally:
            owner.start_component(cluster, guard, _COMPONENT)
        back = clock.now()
        ended, why = self.recover()
        self.done(API_SERVER, start, back, after_cycle, ended=ended, why=why)

    def recreate(self, resource: Resource, namespace: str, *, after_cycle: int) -> None:
        """Deletes the definition of a kind, makes it anew, and asks for one object of the kind.

        Raises:
            HarnessError: The definition can't be made again.
        """
        context, start = self._context, self._context.clock.now()
        if context.cluster.provider == "existing":
            self.not_tried(
                DEFINITION, start, after_cycle, "others may have objects of that kind there"
            )
            return
        client = context.client
        if client.list(resource).items:
            self.not_tried(DEFINITION, start, after_cycle, "objects of that kind are left")
            return
        definitions = client.resource(_DEFINITIONS)
        body = client.get(definitions, resource.key)
        client.delete(definitions, resource.key)
        self._until(lambda: client.find(definitions, resource.key) is None, "is gone")
        client.create(definitions, _bare(body))
        self._until(
            lambda: _is_established(client.get(definitions, resource.key)), "is established"
        )
        self._until(lambda: self._is_served(resource), "is served")
        self._until(
            lambda: may_own(client, resource.api_version, resource.kind), "lets its objects own"
        )
        back = context.clock.now()
        ended, why = self.recover()
        why = why or self.converges(resource, namespace, number=after_cycle)
        context.clock.sleep(_SETTLE_S)
        self.done(DEFINITION, start, back, after_cycle, ended=ended, why=why)

    def recover(self) -> tuple[tuple[str, ...], str]:
        """Starts processes that ended, and waits for the operator; returns these, and why not."""
        ended: tuple[str, ...] = ()
        reason = ""
        for _ in range(_STARTS):
            ended_now = self._ended()
            if ended_now:
                ended += ended_now
                self._operator.start()
            state = self._operator.readiness()
            if state["ready"]:
                return ended, ""
            reason = str(state["reason"])
            if not self._ended():
                break
        return ended, reason

    @cached_property
    def _owner(self) -> Provider:
        return provider(Settings(cluster=self._context.cluster.provider))

    def _ended(self) -> tuple[str, ...]:
        names = {item.process for item in self._context.installation.workloads if item.process}
        return tuple(
            sorted(
                status.name
                for status in self._context.guard.processes()
                if status.name in names and not status.running
            )
        )

    def converges(self, resource: Resource, namespace: str, *, number: int) -> str:
        """Makes an object and waits until it is ready; returns why it isn't."""
        context = self._context
        waiter = Waiter(context, log_tail=self._operator.log_tail)
        place = namespace if resource.namespaced else ""
        sample = samples(context.session.target)[0]
        body = sample.place(namespace=place, name=f"{_NAME}-{number}")
        try:
            made = context.client.create(resource, body, namespace=place)
        except ApiError as error:
            return str(error)
        key = object_key(resource, made)
        why = ""
        try:
            waiter.for_ready(
                resource,
                key,
                context.rule(resource),
                generation=made["metadata"]["generation"],
                limit=context.timeouts.converge,
            )
        except Unmet as unmet:
            why = str(unmet)
        context.client.delete(resource, key.name, key.namespace)
        try:
            waiter.for_absence(resource, key, limit=context.timeouts.delete)
        except Unmet as unmet:
            why = why or str(unmet)
        return why

    def _is_served(self, resource: Resource) -> bool:
        try:
            self._context.client.list(resource)
        except ApiError:
            return False
        return True

    def _until(self, holds: Callable[[], bool], what: str) -> None:
        limit = self._context.timeouts.install
        deadline = Deadline(limit, clock=self._context.clock)
        while not holds():
            if deadline.passed:
                raise ClusterError(f"{limit:g} s are not enough until the definition {what}.")
            self._context.clock.sleep(_GLANCE_S)

    def not_tried(self, name: str, start: Stamp, after_cycle: int, why: str) -> None:
        """Writes down why something can't be done here."""
        span = Span(start=start, end=start)
        self._write(
            Disturbance(name=name, span=span, after_cycle=after_cycle, tried=False, note=why)
        )

    def done(
        self,
        name: str,
        start: Stamp,
        back: Stamp,
        after_cycle: int,
        *,
        ended: tuple[str, ...],
        why: str,
        overlap_s: float = 0.0,
    ) -> None:
        """Writes down what was done, from its begin until now, and how the operator got over it.

        Args:
            name: Of the disturbance.
            start: Its begin.
            back: When what the operator needs was there again.
            after_cycle: How many cycles were over.
            ended: Processes that ended meanwhile.
            why: It didn't recover; empty where it did.
            overlap_s: How long both tokens were valid.
        """
        end = self._context.clock.now()
        self._context.record(
            Stimulus(
                action=Action.OUTAGE, intended=start, sent=start, acknowledged=end, detail=name
            )
        )
        self._write(
            Disturbance(
                name=name,
                span=Span(start=start, end=end),
                after_cycle=after_cycle,
                away_s=(back.mono_ns - start.mono_ns) / 1e9,
                ended=ended,
                recovered=not why,
                note=why,
                overlap_s=overlap_s,
            )
        )

    def _write(self, record: Disturbance) -> None:
        writer = NdjsonWriter(self._context.run.disturbances_file)
        writer.write(record)
        writer.close()
