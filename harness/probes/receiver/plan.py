"""Stage 4b: what the watch receiver is told, and what it tells back."""

from __future__ import annotations

from pathlib import Path

import msgspec

from harness.errors import UsageError
from harness.model.resource import Resource
from harness.model.target import Readiness

__all__ = ["FOOTPRINT_COLUMNS", "ReceiverPlan", "ReceiverState", "read_plan"]

FOOTPRINT_COLUMNS = ("mono_ns", "cpu_ns", "rss_bytes", "events", "objects", "gaps")
"""Of receiver.i64, a row a second; `rss_bytes` is -1 where the system doesn't tell."""


class ReceiverPlan(msgspec.Struct, frozen=True, kw_only=True):
    """What the receiver is started with.

    Attributes:
        kubeconfig: Private file with the harness's identity.
        resource: What is watched.
        ready: By it an event is "done".
        name_prefix: Of our objects' names.
        folder: Where events.i64 and receiver.i64 go.
        state: File that holds a ReceiverState as soon as the first list is done, or can't be.
        namespaces: One watch each; empty for one watch of all namespaces.
        labels: Selector of the watches; empty for all objects.
        managers: Field managers of the harness; who else writes counts as the operator.
        lifeline: Descriptor of a pipe by whose end it ends; -1 for none.
    """

    kubeconfig: str
    resource: Resource
    ready: Readiness
    name_prefix: str
    folder: str
    state: str
    namespaces: tuple[str, ...] = ()
    labels: str = ""
    managers: tuple[str, ...] = ("operator-harness-load", "operator-harness")
    lifeline: int = -1


class ReceiverState(msgspec.Struct, frozen=True, kw_only=True):
    """How the receiver is.

    Attributes:
        pid: Its process.
        listed_ns: When the last of its first lists was done, CLOCK_MONOTONIC; 0 before.
        error: Why it can't go on; empty while it can.
    """

    pid: int
    listed_ns: int = 0
    error: str = ""


def read_plan(path: Path) -> ReceiverPlan:
    """Reads a plan.

    Raises:
        UsageError: It is missing or isn't one.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=ReceiverPlan)
    except (OSError, msgspec.MsgspecError) as error:
        raise UsageError(f"Can't read the receiver's plan {path}: {error}") from error
