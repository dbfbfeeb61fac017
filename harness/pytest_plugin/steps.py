"""Steps that several suites share: rest, snapshots, the family of an object, a dry run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.clock import Deadline
from harness.errors import ApiError
from harness.kube.webhooks import failed_webhook
from harness.model.records import Snapshot
from harness.model.resource import ObjectKey
from harness.probes.footprint import created_by, inventory
from harness.probes.quiet import await_quiet

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.pytest_plugin.context import Context
    from harness.pytest_plugin.resources import CustomResources, LiveCustomResource
    from harness.pytest_plugin.waiting import Waiter
    from harness.stimulus.samples import Sample

__all__ = ["Family", "Rest", "Snapshots", "dry_run"]

_QUIET_SECONDS = 2.0
_PATIENCE_SECONDS = 10.0


class Rest:
    """The operator at rest: it has nothing left to do, and is watched while nothing is asked.

    Args:
        context: The suite's view of the run.
    """

    def __init__(self, context: Context) -> None:
        self._context = context

    def begin(self) -> None:
        """Waits until the operator has written nothing for 2 s, but no longer than 10 s.

        An operator that never stops is no reason to wait: the silence that follows is judged.
        """
        audit_log = self._context.cluster.audit_log
        if audit_log is None:
            self._context.clock.sleep(_QUIET_SECONDS)
            return
        await_quiet(
            Path(audit_log),
            self._context.installation.identities,
            quiet=_QUIET_SECONDS,
            deadline=Deadline(_PATIENCE_SECONDS, clock=self._context.clock),
            clock=self._context.clock,
        )

    def observe(self) -> float:
        """Lets the window of silence pass and returns its length in seconds."""
        seconds = self._context.timeouts.silence
        self._context.clock.sleep(seconds)  # the measurement itself: nothing is awaited
        return seconds


class Snapshots:
    """Writes down which objects are there.

    Args:
        context: The suite's view of the run.
    """

    def __init__(self, context: Context) -> None:
        self._context = context

    def __call__(
        self, name: str, resource: LiveCustomResource, *, also: Sequence[ObjectKey] = ()
    ) -> str:
        """Takes a snapshot of a custom resource's namespace and of objects elsewhere.

        Of a cluster-scoped one, all that is younger in the whole cluster is listed.

        Args:
            name: What it shows; made unique by the sample's name.
            resource: Whose namespace is listed.
            also: Objects that are looked up one by one.

        Returns:
            The name under which the judge finds it.
        """
        unique = f"{resource.sample.name}/{name}"
        found = inventory(
            self._context.client,
            namespace=resource.namespace,
            also=(resource.key, *also),
            since=resource.since,
            owner=resource.key.uid,
        )
        self._context.record(Snapshot(name=unique, stamp=self._context.clock.now(), objects=found))
        return unique


class Family:
    """What belongs to a custom resource: owned by reference, or created by the operator for it.

    Args:
        context: The suite's view of the run.
        waiter: Waits for their end.
    """

    def __init__(self, context: Context, waiter: Waiter) -> None:
        self._context = context
        self._waiter = waiter

    def __call__(self, resource: LiveCustomResource) -> tuple[ObjectKey, ...]:
        """Returns the family, without the custom resource itself."""
        members = set(resource.children())
        named = {(key.resource, key.namespace, key.name) for key in members}
        calls = self._context.audit.calls()
        for key in created_by(
            calls,
            self._context.installation.identities,
            since_wall_ns=resource.created.wall_ns,
        ):
            if (key.resource, key.namespace, key.name) not in named:
                members.add(key)
        return tuple(sorted(members))

    def await_gone(self, keys: Sequence[ObjectKey]) -> None:
        """Waits until all of them are gone, within one `delete` time-out.

        Raises:
            Unmet: One of them stays.
        """
        deadline = Deadline(self._context.timeouts.delete, clock=self._context.clock)
        for key in keys:
            resource = self._context.client.resource(key.resource)
            self._waiter.for_absence(resource, key, limit=max(deadline.remaining, 1.0))


def dry_run(context: Context, factory: CustomResources, sample: Sample) -> dict[str, Any]:
    """Sends a sample as a server-side dry run with strict field validation.

    Returns:
        "status" (HTTP), "message" (the server's own words where it refused), "sample".
    """
    _, resource, body = factory.prepare(sample)
    facts: dict[str, Any] = {"sample": sample.name, "status": 201, "message": ""}
    try:
        context.client.create(
            resource,
            body,
            namespace=body["metadata"].get("namespace", ""),
            dry_run=True,
            field_validation="Strict",
        )
    except ApiError as error:
        if not 400 <= error.status < 500 and not failed_webhook(str(error)):  # noqa: PLR2004 - not the operator's fault
            raise
        facts.update(status=error.status, message=str(error))
    return facts
