"""Load on an operator: what is planned, and the columns in which it is measured.

All lies below RUN/evidence/load/: `plan.json` (LoadPlan) and `phases.ndjson` (LoadPhase) by the
driver, `arrivals-<worker>.i64` (ARRIVAL_COLUMNS) by the load child, `events.i64` (EVENT_COLUMNS)
by the watch receiver, `machine.i64` (MACHINE_COLUMNS) by the driver, on a local cluster. Instants
are CLOCK_MONOTONIC in nanoseconds, which all processes of one machine share.
"""

from __future__ import annotations

import hashlib
from enum import IntEnum, StrEnum

import msgspec

from harness.model.resource import Resource
from harness.model.target import Readiness
from harness.model.time import Span

__all__ = [
    "ARRIVAL_COLUMNS",
    "EVENT_COLUMNS",
    "MACHINE_COLUMNS",
    "MOST_ARRIVALS",
    "ArrivalProcess",
    "ArrivalStatus",
    "EventType",
    "LoadPhase",
    "LoadPlan",
    "Mix",
    "Operation",
    "PhaseRole",
    "object_index",
    "object_name",
    "uid_hash",
]

MOST_ARRIVALS = 5_000_000
"""Of one phase: they are drawn before its clock starts."""

ARRIVAL_COLUMNS = (
    "arrival",  # index, unique in the run
    "phase",  # LoadPhase.index
    "operation",  # Operation
    "object",  # index of the object's name; -1 where nothing was there to be touched
    "intended_ns",
    "sent_ns",  # 0 where it was never sent
    "acknowledged_ns",  # when the answer had come, or the failure was known
    "status",  # of HTTP, or ArrivalStatus
    "generation",  # metadata.generation of the answer; 0 where it has none
    "uid",  # uid_hash of the answer; 0 where it has none
)
"""One row for each arrival, when it has ended."""

EVENT_COLUMNS = (
    "received_ns",
    "object",  # index of the object's name; -1 for one that isn't ours
    "uid",  # uid_hash; 0 where the event has none
    "generation",
    "observed",  # status.observedGeneration; -1 where there is none
    "done",  # 1 where the target's readiness holds for that generation in this event
    "type",  # EventType
    "deleting",  # 1 where a deletionTimestamp is set
    "writer",  # 1 where the newest entry of managedFields is the operator's
)
"""One row for each watch event."""

MACHINE_COLUMNS = (
    "mono_ns",
    "cores",
    "busy_ns",  # processor time of all cores that wasn't idle
    "own_ns",  # of the run's own processes
    "yielding_ns",  # of others that run with SCHED_IDLE, hence only on what is left over
)
"""One row a second, all counted from an instant that doesn't matter."""

_UID_BITS = (1 << 63) - 1
_UID_DIGITS = 16
_INDEX_DIGITS = 7


class Operation(IntEnum):
    """What an arrival does to an object."""

    CREATE = 0
    UPDATE = 1  # of the spec: the generation rises
    NOOP_UPDATE = 2  # a write that changes nothing
    DELETE = 3


class ArrivalStatus(IntEnum):
    """What stands in place of an HTTP status where there is none."""

    DROPPED = 0  # no connection was free in time: never sent
    CONNECTION_ERROR = -1
    TIMEOUT = -2
    LOST = -3  # its worker died; whether it was sent isn't known


class EventType(IntEnum):
    """Type of a watch event; GAP stands for a relist."""

    ADDED = 0
    MODIFIED = 1
    DELETED = 2
    GAP = 3
    BOOKMARK = 4


class ArrivalProcess(StrEnum):
    """How the arrivals of a phase are spread over its time."""

    CONSTANT = "constant"
    POISSON = "poisson"
    RAMP = "ramp"
    STEP = "step"
    BURST = "burst"


class PhaseRole(StrEnum):
    """What a phase is for."""

    WARM_UP = "warm-up"  # never in a figure
    SEARCH = "search"  # a step of the search for the knee
    PLATEAU = "plateau"  # confirms the knee
    MEASURE = "measure"
    DRAIN = "drain"  # nothing arrives; the operator finishes
    CLEAR = "clear"  # what was made is deleted; never in a figure
    CYCLE = "cycle"  # of a soak; not in a figure by itself


class Mix(msgspec.Struct, frozen=True, kw_only=True):
    """Shares of the operations in a phase; only their ratios count.

    Where an update or a delete finds no object to touch, a create takes its place, if creates have
    a share; else the arrival is dropped.
    """

    create: float = 1.0
    update: float = 0.0
    noop_update: float = 0.0
    delete: float = 0.0

    @property
    def shares(self) -> tuple[float, ...]:
        """In the order of `Operation`."""
        return (self.create, self.update, self.noop_update, self.delete)


class LoadPlan(msgspec.Struct, frozen=True, kw_only=True):
    """What a load is made of; the same for all of its phases.

    Attributes:
        seed: Of arrival times, operations and names.
        profile: What was asked for: "knee", "steady", "burst", "ramp", "churn", or "default".
        resource: The one that is created, in the sample's version.
        samples: Names of the samples that the objects are made from, in turn.
        namespaces: Object i lies in namespace i modulo their number; empty for a cluster-scoped
            resource.
        ready: The target's rule; by it an event is "done".
        identity: User name of the load generator.
        workers: Processes that generate the load; of each there is a file of arrivals.
        connections: Sockets of each worker at most, which bound what can be in flight.
        burst_connections: So many of them send a burst, and are open from the begin.
        patience_ms: An arrival that can't be sent so long after its intended time is dropped.
            Those of a burst wait.
        mutations: Whether the target declares any; without them there are no spec updates.
    """

    seed: int
    profile: str
    resource: Resource
    samples: tuple[str, ...]
    namespaces: tuple[str, ...]
    ready: Readiness
    identity: str
    workers: int = 1
    connections: int = 256
    burst_connections: int = 32
    patience_ms: int = 250
    mutations: bool = True

    @property
    def name_prefix(self) -> str:
        """What the names of its objects begin with."""
        return f"load-{self.seed & 0xFFFF:04x}-"


class LoadPhase(msgspec.Struct, frozen=True, kw_only=True):
    """A phase that is over, or was cut short.

    Attributes:
        index: As in the rows of its arrivals; ascending from 0.
        name: Unique in the run, for example "bracket-3", "steady", "burst".
        profile: Of which it is a part.
        role: What it is for.
        process: How its arrivals are spread.
        rate_per_s: Planned, on average; None for a burst and where nothing arrives.
        span: From the intended start to when its last arrival was due; of a burst, and of a
            drain, until it was over.
        arrivals: How many were planned; each has a row, unless the phase was cut short.
        first_arrival: Index of the first.
        mix: Of its operations.
        note: Why it was cut short; empty if it wasn't.
    """

    index: int
    name: str
    profile: str
    role: PhaseRole
    process: ArrivalProcess
    rate_per_s: float | None
    span: Span
    arrivals: int
    first_arrival: int = 0
    mix: Mix = Mix()
    note: str = ""


def object_name(prefix: str, index: int) -> str:
    """Returns the name of an object, for example "load-2af3-0000017"."""
    return f"{prefix}{index:0{_INDEX_DIGITS}d}"


def object_index(prefix: str, name: str) -> int:
    """Returns the index that a name was made of; -1 for a name that isn't ours."""
    digits = name[len(prefix) :]
    ours = name.startswith(prefix) and len(digits) == _INDEX_DIGITS and digits.isascii()
    return int(digits) if ours and digits.isdigit() else -1


def uid_hash(uid: str | bytes) -> int:
    """Returns a uid as a positive 63-bit number: the first digits of a UUID.

    Args:
        uid: As the API server writes it; a few that aren't UUIDs are hashed.
    """
    raw = uid.encode() if isinstance(uid, str) else uid
    try:
        number = int(raw.replace(b"-", b"")[:_UID_DIGITS], 16)
    except ValueError:
        number = int.from_bytes(hashlib.blake2b(raw, digest_size=8).digest(), "big")
    return (number & _UID_BITS) or 1
