"""Waiting for a state: by watch, never by sleeping; a time-out says what was missing."""

from __future__ import annotations

from collections.abc import Callable
from difflib import unified_diff
from typing import TYPE_CHECKING, Any

import yaml

from harness.errors import ApiError
from harness.kube.watch import NotObserved, await_object
from harness.kube.webhooks import failed_conversion
from harness.manifests.secrecy import without_values
from harness.model.records import Wait
from harness.model.resource import ObjectKey, Resource
from harness.model.time import Span
from harness.readiness import State, difference, judge

if TYPE_CHECKING:
    from harness.model.target import Readiness
    from harness.pytest_plugin.context import Context

__all__ = ["Unmet", "Waiter", "redacted", "shown"]

Explain = Callable[[dict[str, Any] | None, dict[str, Any] | None], str]
_NOISE = ("managedFields",)
_LOG_LINES = 10
_LINE_WIDTH = 240
_SHOWN_LINES = 40


class Unmet(AssertionError):
    """What was awaited didn't come in time.

    Attributes:
        wait: What was awaited, how long, and the last object.
    """

    def __init__(self, message: str, *, wait: Wait) -> None:
        super().__init__(message)
        self.wait = wait


class Waiter:
    """Waits on objects and records each wait as evidence.

    Args:
        context: The suite's view of the run.
        log_tail: Gives the operator's last lines, for messages.
    """

    def __init__(self, context: Context, *, log_tail: Callable[[], tuple[str, ...]]) -> None:
        self._context = context
        self._log_tail = log_tail

    def for_ready(
        self, resource: Resource, key: ObjectKey, rule: Readiness, *, generation: int, limit: float
    ) -> dict[str, Any]:
        """Waits until an object meets its readiness rule for a generation.

        Args:
            resource: Its API resource.
            key: Which object.
            rule: When it counts as converged.
            generation: The spec that must have been seen.
            limit: Seconds.

        Returns:
            The object as it was then.

        Raises:
            Unmet: It took longer.
        """
        found = self.wait(
            resource,
            key,
            lambda body: (
                body is not None and judge(body, rule, generation=generation).state is State.READY
            ),
            awaited=f"ready for generation {generation}",
            limit=limit,
            explain=lambda _first, last: difference(last, rule, generation),
        )
        assert found is not None  # noqa: S101 - the predicate is false for None
        return found

    def for_absence(self, resource: Resource, key: ObjectKey, *, limit: float) -> None:
        """Waits until an object (this uid, where known) is gone.

        Raises:
            Unmet: It is still there after `limit` seconds.
        """
        self.wait(
            resource,
            key,
            lambda body: body is None or bool(key.uid and body["metadata"]["uid"] != key.uid),
            awaited="gone",
            limit=limit,
            explain=_still_there,
        )

    def wait(
        self,
        resource: Resource,
        key: ObjectKey,
        predicate: Callable[[dict[str, Any] | None], object],
        *,
        awaited: str,
        limit: float,
        explain: Explain | None = None,
    ) -> dict[str, Any] | None:
        """Waits until `predicate` holds for an object (None while it doesn't exist).

        Args:
            resource: Its API resource.
            key: Which object.
            predicate: What is awaited.
            awaited: The same in words.
            limit: Seconds.
            explain: Says what was missing, from the object as it was first and last seen.

        Raises:
            Unmet: It took longer than `limit` seconds.
        """
        start = self._context.clock.now()
        refusal = ""
        first: dict[str, Any] | None = None
        last: dict[str, Any] | None = None
        met = False
        try:
            first, last, met = self._watch(resource, key, predicate, limit=limit)
        except ApiError as error:
            if not failed_conversion(str(error)):
                raise
            refusal = str(error)
        wait = Wait(
            awaited=awaited,
            subject=key,
            span=Span(start=start, end=self._context.clock.now()),
            met=met,
            timeout_s=limit,
            last=redacted(last) if not met else None,
            difference="" if met or explain is None else explain(redacted(first), redacted(last)),
            refusal=refusal,
        )
        self._context.record(wait)
        if not met:
            raise Unmet(self._message(wait), wait=wait)
        return last

    def _watch(
        self,
        resource: Resource,
        key: ObjectKey,
        predicate: Callable[[dict[str, Any] | None], object],
        *,
        limit: float,
    ) -> tuple[dict[str, Any] | None, dict[str, Any] | None, bool]:
        """Returns the object as it was first and last seen, and whether it met the predicate."""
        seen: list[dict[str, Any] | None] = []

        def met(body: dict[str, Any] | None) -> bool:
            if not seen:
                seen.append(body)
            return bool(predicate(body))

        try:
            last = await_object(
                self._context.client.connection,
                resource,
                key.name,
                key.namespace,
                met,
                timeout=limit,
            )
        except NotObserved as miss:
            if miss.last is None:  # a watch may keep silent about what can't be converted
                self._context.client.find(resource, key.name, key.namespace)
            return (seen[0] if seen else None), miss.last, False
        return (seen[0] if seen else None), last, True

    def _message(self, wait: Wait) -> str:
        parts = [f"{wait.subject}: not {wait.awaited} after {wait.timeout_s:g} s."]
        if wait.refusal:
            parts = [f"{wait.subject}: can't be read: {wait.refusal}"]
        elif wait.difference:
            parts.append(wait.difference)
        parts.extend(self._events(wait.subject))
        lines = self._log_tail()[-_LOG_LINES:]
        if lines:
            parts.append(
                "The operator's last lines:\n"
                + "\n".join(f"  {line[:_LINE_WIDTH]}" for line in lines)
            )
        return "\n".join(parts)

    def _events(self, key: ObjectKey) -> list[str]:
        events = self._context.client.resource("events")
        listed = self._context.client.list(
            events, key.namespace, fields=f"involvedObject.name={key.name}"
        )
        if not listed.items:
            return []
        rows = [
            f"  {event.get('type', '')} {event.get('reason', '')}: {event.get('message', '')}"
            for event in listed.items[-8:]
        ]
        return ["Events:\n" + "\n".join(rows)]


def redacted(body: dict[str, Any] | None) -> dict[str, Any] | None:
    """Returns an object as evidence may hold it: no managedFields, no values of Secrets."""
    if body is None:
        return None
    metadata = {name: value for name, value in body["metadata"].items() if name not in _NOISE}
    return without_values({**body, "metadata": metadata})


def _still_there(_first: dict[str, Any] | None, last: dict[str, Any] | None) -> str:
    if last is None:
        return ""
    metadata = last["metadata"]
    finalizers = ", ".join(metadata.get("finalizers", [])) or "none"
    deleted = metadata.get("deletionTimestamp", "never asked")
    return f"  deletionTimestamp: {deleted}\n  finalizers that are left: {finalizers}"


def shown(first: dict[str, Any] | None, last: dict[str, Any] | None) -> str:
    """Shows what an object became while it was awaited: a diff, or itself if it didn't change.

    Args:
        first: As it was first seen, redacted; None where it didn't exist.
        last: As it was last seen, redacted.
    """
    if last is None:
        return "  The object isn't there." if first is None else "  The object is gone."
    before, after = (_as_lines(body) for body in (first, last))
    if before == after:
        lines = ["  It didn't change while it was awaited:", *(f"    {line}" for line in after)]
    else:
        lines = ["  How it changed while it was awaited (- first seen, + last seen):"]
        diff = list(unified_diff(before, after, lineterm="", n=2))[2:]
        lines += [f"    {line}" for line in diff]
    more = len(lines) - _SHOWN_LINES
    return "\n".join(lines[:_SHOWN_LINES] + ([f"    … {more} more lines"] if more > 0 else []))


def _as_lines(body: dict[str, Any] | None) -> list[str]:
    if body is None:
        return []
    return yaml.safe_dump(body, sort_keys=False, allow_unicode=True).splitlines()
