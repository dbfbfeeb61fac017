"""Removes what a load has made, and waits until what that owned is gone, too.

Kubernetes collects what a deleted object owned in the background. Thousands of Deployments that go
keep a control plane busy for a minute, in which another phase would measure that, not the operator.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import msgspec

from harness.clock import Deadline
from harness.errors import ApiError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.clock import Clock
    from harness.kube.client import KubeClient
    from harness.model.resource import Resource
    from harness.pytest_plugin.context import Context
    from harness.pytest_plugin.load.driver import Load

__all__ = ["await_calm", "clear_up", "count_objects", "owned"]

_BELOW = ("pods", "replicasets.apps")
"""What controllers of Kubernetes make for what operators make."""

_CALM_S = 3.0
"""For so long the number of objects must be the same."""

_AGAIN_S = 0.5
_OK = 200


class _Meta(msgspec.Struct, frozen=True):
    remaining: int = msgspec.field(default=0, name="remainingItemCount")


class _Page(msgspec.Struct, frozen=True):
    items: list[msgspec.Raw] = []
    metadata: _Meta = _Meta()


def clear_up(load: Load, context: Context, *, name: str, profile: str, limit: float) -> bool:
    """Deletes every object of a load; returns whether they and what they owned are gone in time.

    Args:
        load: What has made them.
        context: Of its suite.
        name: Of the phase, unique in the run.
        profile: Of which it is a part.
        limit: Seconds.
    """
    within = Deadline(limit, clock=context.clock)
    gone = load.clear(name, limit=limit, profile=profile)
    made = owned(context.client, context.session.target.scope.owns)
    # What is cluster-scoped may own objects in any namespace.
    namespaces = load.plan.namespaces or ("",)
    calm = await_calm(context.client, made, namespaces, limit=within.remaining, clock=context.clock)
    return gone and calm


def owned(client: KubeClient, owns: Sequence[str]) -> tuple[Resource, ...]:
    """Returns the kinds that an operator makes, and what is made for those.

    Args:
        client: Knows which of them there are.
        owns: As in the target.
    """
    found = []
    for key in dict.fromkeys((*owns, *_BELOW)):
        with suppress(ApiError):  # a kind that this cluster doesn't serve
            found.append(client.resource(key))
    return tuple(found)


def count_objects(
    client: KubeClient, resources: Sequence[Resource], namespaces: Sequence[str]
) -> int | None:
    """Returns how many objects there are; what may not be listed isn't counted.

    None where no answer came: a server that is too busy to answer isn't at rest.

    Args:
        client: To ask by.
        resources: Of which; what has no namespace is counted, too.
        namespaces: In which; the empty one means all.
    """
    total = 0
    for path in dict.fromkeys(one.path(place) for one in resources for place in namespaces):
        try:
            answer = client.raw("GET", path, query={"limit": "1"})
        except ApiError:
            return None
        if answer.status == _OK:
            page = msgspec.json.decode(answer.body, type=_Page)
            total += len(page.items) + page.metadata.remaining
    return total


def await_calm(
    client: KubeClient,
    resources: Sequence[Resource],
    namespaces: Sequence[str],
    *,
    limit: float,
    clock: Clock,
) -> bool:
    """Waits until there are no objects, or they neither come nor go; returns whether that came.

    Args:
        client: To count by.
        resources: Of which.
        namespaces: In which.
        limit: Seconds.
        clock: To wait by.
    """
    deadline, calm = Deadline(limit, clock=clock), Deadline(_CALM_S, clock=clock)
    last = count_objects(client, resources, namespaces)
    while last != 0 and not calm.passed:
        if deadline.passed:
            return False
        clock.sleep(_AGAIN_S)
        now = count_objects(client, resources, namespaces)
        if now is None or now != last:
            last, calm = now, Deadline(_CALM_S, clock=clock)
    return True
