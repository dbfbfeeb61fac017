"""Custom resources as tests use them: made from samples, awaited, removed at the end."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.clock import Deadline
from harness.model.resource import ObjectKey, Resource
from harness.probes.footprint import children_of
from harness.probes.quiet import await_quiet
from harness.pytest_plugin.waiting import Unmet
from harness.stimulus.mutation import Change, changes, merge_patch, value_at
from harness.stimulus.objects import CustomResource, Objects

if TYPE_CHECKING:
    from harness.model.target import Readiness
    from harness.model.time import Stamp
    from harness.pytest_plugin.context import Context
    from harness.pytest_plugin.namespaces import Place
    from harness.pytest_plugin.waiting import Waiter
    from harness.stimulus.samples import Sample

__all__ = ["CustomResources", "LiveCustomResource"]

_SETTLED_SECONDS = 3.0
_MAX_NAME = 50


class LiveCustomResource:
    """A custom resource that a test made.

    Attributes:
        sample: What it was made from.
        resource: Its API resource, in the sample's version.
        watched: The same in the version that evidence is recorded in, which is the preferred one.
        created: Just before its creation was asked for.
    """

    def __init__(
        self,
        handle: CustomResource,
        *,
        sample: Sample,
        context: Context,
        waiter: Waiter,
        created: Stamp,
        versions: int = 1,
    ) -> None:
        self._handle = handle
        self._versions = versions
        self._context = context
        self._waiter = waiter
        self._turn = 0
        self.created = created
        self.sample = sample
        self.resource = handle.resource
        self.watched = context.client.resource(handle.resource.key)

    @property
    def key(self) -> ObjectKey:
        """Which object it is, with its uid."""
        return self._handle.key

    @property
    def name(self) -> str:
        """metadata.name."""
        return self._handle.name

    @property
    def namespace(self) -> str:
        """metadata.namespace; empty for cluster-scoped kinds."""
        return self._handle.namespace

    @property
    def generation(self) -> int:
        """metadata.generation after the last write of the test."""
        return self._handle.generation

    @property
    def body(self) -> dict[str, Any]:
        """The object as it was last read or written."""
        return self._handle.body

    @property
    def since(self) -> str:
        """The creationTimestamp of a cluster-scoped one, by which its family is sought."""
        return "" if self.namespace else str(self.body["metadata"].get("creationTimestamp") or "")

    def refresh(self) -> dict[str, Any] | None:
        """Reads it again; None when it is gone."""
        return self._handle.refresh()

    def await_ready(self, *, limit: float | None = None) -> dict[str, Any]:
        """Waits until it meets the target's readiness rule for its present generation.

        Args:
            limit: Seconds; the run's `converge` time-out if not given.

        Raises:
            Unmet: It took longer.
        """
        rule = self._rule()
        body = self._waiter.for_ready(
            self.watched,
            self.key,
            rule,
            generation=self.generation,
            limit=limit or self._context.timeouts.converge,
        )
        if rule.writes:
            self._await_settled()
        return body

    def update(self, path: str, value: Any) -> None:  # noqa: ANN401 - any JSON
        """Changes one field, for example `update("spec.size", 3)`."""
        self._handle.update(Change(path=path, value=value, before=value_at(self.body, path)))

    def patch(self, patch: dict[str, Any]) -> None:
        """Sends a JSON merge patch."""
        self._handle.patch(patch)

    def mutate(self) -> Change | None:
        """Makes the next change that the target declares; None if it declares none that differs.

        Where samples are of several versions, a field that this one's version lacks is passed
        over: the API server drops it.
        """
        self.refresh()
        several = self._versions > 1
        for change in changes(self.sample.kind, self.body, turn=self._turn, present_first=several):
            self._turn += 1
            self._handle.patch(merge_patch(self.body, change), detail=str(change))
            if not several or value_at(self.body, change.path) is not None:
                return change
        return None

    def children(self) -> tuple[ObjectKey, ...]:
        """Returns the objects that belong to it by ownerReferences, directly or not."""
        return children_of(self._context.client, self.key, since=self.since)

    def child(
        self, resource: str, name: str | None = None, *, namespace: str | None = None
    ) -> tuple[Resource, ObjectKey]:
        """Returns a subject for `eventually`: a child by its resource and name.

        Args:
            resource: For example "deployments.apps" or "configmaps".
            name: The custom resource's own name if not given.
            namespace: The custom resource's own if not given; a cluster-scoped one has none.
        """
        found = self._context.client.resource(resource)
        place = (namespace or self.namespace) if found.namespaced else ""
        return found, ObjectKey(resource=found.key, namespace=place, name=name or self.name)

    def delete(self) -> None:
        """Asks for its deletion and returns at once."""
        self._handle.delete()

    def await_gone(self, *, limit: float | None = None) -> None:
        """Waits until it is gone.

        Raises:
            Unmet: It is still there.
        """
        self._waiter.for_absence(
            self.resource, self.key, limit=limit or self._context.timeouts.delete
        )

    def _rule(self) -> Readiness:
        return self._context.rule(self.resource)

    def _await_settled(self) -> None:
        audit_log = self._context.cluster.audit_log
        if audit_log:
            await_quiet(
                Path(audit_log),
                self._context.installation.identities,
                quiet=_SETTLED_SECONDS,
                deadline=Deadline(self._context.timeouts.converge, clock=self._context.clock),
                clock=self._context.clock,
            )


class CustomResources:
    """Makes custom resources from samples and removes them when a test is over.

    Args:
        context: The suite's view of the run.
        objects: Sends them.
        waiter: Waits for them.
        samples: All samples of the target.
        place: Where they go.
    """

    def __init__(
        self,
        *,
        context: Context,
        objects: Objects,
        waiter: Waiter,
        samples: tuple[Sample, ...],
        place: Place,
    ) -> None:
        self._context = context
        self._objects = objects
        self._waiter = waiter
        self._samples = samples
        self._place = place
        self._made: list[LiveCustomResource] = []

    def prepare(
        self, sample: Sample | str | None = None, *, spec: dict[str, Any] | None = None
    ) -> tuple[Sample, Resource, dict[str, Any]]:
        """Returns a sample's object, placed where this test's go, and its resource.

        In a namespace of the test's own it keeps its name; elsewhere it gets a unique one.
        """
        chosen = self._choose(sample)
        resource = self._context.client.resource_of(
            chosen.body["apiVersion"], chosen.body["kind"], refresh=False
        )
        own = resource.namespaced and not self._place.shared
        body = chosen.place(
            namespace=(chosen.namespace or self._place.namespace) if resource.namespaced else "",
            name=None if own else self._unique(chosen.body["metadata"]["name"]),
        )
        if spec:
            body.setdefault("spec", {}).update(spec)
        return chosen, resource, body

    def create(
        self,
        sample: Sample | str | None = None,
        *,
        spec: dict[str, Any] | None = None,
        name: str | None = None,
    ) -> LiveCustomResource:
        """Creates a custom resource, in the test's namespace where its kind is namespaced.

        Args:
            sample: A sample or its name; the target's first if not given.
            spec: Fields that replace the sample's.
            name: Another name than the sample's, taken as it is.

        Raises:
            ApiError: It was refused.
        """
        chosen, resource, body = self.prepare(sample, spec=spec)
        if name:
            body["metadata"]["name"] = name
        created = self._context.clock.now()
        handle = self._objects.create(resource, body)
        live = LiveCustomResource(
            handle,
            sample=chosen,
            context=self._context,
            waiter=self._waiter,
            created=created,
            versions=len(self._versions_of(chosen)),
        )
        self._made.append(live)
        return live

    def _unique(self, name: str) -> str:
        return f"{name[:_MAX_NAME].rstrip('-.')}-{self._place.suffix}"

    def _versions_of(self, chosen: Sample) -> set[str]:
        return {
            str(sample.body["apiVersion"])
            for sample in self._samples
            if sample.kind.resource == chosen.kind.resource
        }

    def remove_all(self) -> None:
        """Deletes what was made and is still there, and waits until it is gone.

        One that stays isn't an error of the clean-up: the wait is recorded as unmet, and LIF-001
        is judged by the tests that delete on purpose.
        """
        for live in reversed(self._made):
            if live.refresh() is not None:
                live.delete()
                with suppress(Unmet):
                    live.await_gone()
        self._made.clear()

    def _choose(self, sample: Sample | str | None) -> Sample:
        if sample is None:
            return self._samples[0]
        if isinstance(sample, str):
            for known in self._samples:
                if known.name == sample:
                    return known
            names = ", ".join(known.name for known in self._samples)
            raise LookupError(f"The target has no sample {sample!r}; it has: {names}")
        return sample
