"""Waits until what a load has left behind is gone: what its objects owned is deleted later.

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

__all__ = ["await_calm", "count_objects", "owned"]

_BELOW = ("pods", "replicasets.apps")
"""What controllers of Kubernetes make for what operators make."""

_CALM_S = 5.0
"""For so long the number of objects must be the same."""

_AGAIN_S = 1.0
_OK = 200


class _Meta(msgspec.Struct, frozen=True):
    remaining: int = msgspec.field(default=0, name="remainingItemCount")


class _Page(msgspec.Struct, frozen=True):
    items: list[msgspec.Raw] = []
    metadata: _Meta = _Meta()


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


def count_objects(client: KubeClient, resources: Sequence[Resource]) -> int | None:
    """Returns how many objects there are, in all namespaces; what may not be listed isn't counted.

    None where no answer came: a server that is too busy to answer isn't at rest.
    """
    total = 0
    for resource in resources:
        try:
            answer = client.raw("GET", resource.path(), query={"limit": "1"})
        except ApiError:
            return None
        if answer.status == _OK:
            page = msgspec.json.decode(answer.body, type=_Page)
            total += len(page.items) + page.metadata.remaining
    return total


def await_calm(
    client: KubeClient, resources: Sequence[Resource], *, limit: float, clock: Clock
) -> bool:
    """Waits until objects neither come nor go; returns whether that came.

    Args:
        client: To count by.
        resources: Of which.
        limit: Seconds.
        clock: To wait by.
    """
    deadline, calm = Deadline(limit, clock=clock), Deadline(_CALM_S, clock=clock)
    last = count_objects(client, resources)
    while not calm.passed:
        if deadline.passed:
            return False
        clock.sleep(_AGAIN_S)
        now = count_objects(client, resources)
        if now is None or now != last:
            last, calm = now, Deadline(_CALM_S, clock=clock)
    return True
