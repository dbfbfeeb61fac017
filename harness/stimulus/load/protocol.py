"""Stage 4a: what the driver of a load and its child say to each other.

The child reads its assignment from a private file and listens on a unix socket in a private folder:
one JSON document a line, one reply each. A run of phases is Prepare, Begin, Ask until none runs,
and so on, then Quit.
"""

from __future__ import annotations

import msgspec

from harness.model.load import LoadPlan, Mix
from harness.stimulus.load.rendering import Rendering
from harness.stimulus.load.schedule import Schedule

__all__ = [
    "Ask",
    "Assignment",
    "Begin",
    "Halt",
    "PhaseOrder",
    "Prepare",
    "Quit",
    "Reply",
    "Request",
]


class Assignment(msgspec.Struct, frozen=True, kw_only=True):
    """What a child is started with; a private file (0600).

    Attributes:
        plan: Of the load.
        kubeconfig: Private file with the load generator's own identity.
        renderings: One for each sample.
        folder: Where the files of arrivals go.
        socket: Where the driver speaks to the child.
        ui: "HOST:PORT" of Locust's web UI; empty for none.
        master: "HOST:PORT" where Locust's master listens for workers; empty for one process.
    """

    plan: LoadPlan
    kubeconfig: str
    renderings: tuple[Rendering, ...]
    folder: str
    socket: str
    ui: str = ""
    master: str = ""


class PhaseOrder(msgspec.Struct, frozen=True, kw_only=True):
    """A phase to run.

    Attributes:
        index: Of the phase.
        first_arrival: Index of its first arrival.
    """

    index: int
    first_arrival: int
    schedule: Schedule
    mix: Mix = Mix()

    @property
    def draw(self) -> int:
        """What times and operations are drawn by: as a rule, the phase's index."""
        return self.index if self.schedule.draw is None else self.schedule.draw


class _Message(msgspec.Struct, frozen=True, kw_only=True, tag_field="op"):
    pass


class Prepare(_Message, frozen=True, kw_only=True, tag="prepare"):
    """Draw a phase; answered when every worker is ready for it."""

    order: PhaseOrder


class Begin(_Message, frozen=True, kw_only=True, tag="begin"):
    """Run the phase that was prepared from this instant on."""

    start_ns: int


class Ask(_Message, frozen=True, kw_only=True, tag="ask"):
    """Tell how the phase is.

    Attributes:
        wait_s: Answer when no phase runs, or after so many seconds.
    """

    wait_s: float = 0.0


class Halt(_Message, frozen=True, kw_only=True, tag="halt"):
    """Cut the phase short: what is in flight is awaited, the rest never arrives."""


class Quit(_Message, frozen=True, kw_only=True, tag="quit"):
    """End the child, and its workers."""


Request = Prepare | Begin | Ask | Halt | Quit


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to a request; `error` is empty where it was met.

    Attributes:
        workers: Those that answer.
        running: Whether a phase runs.
        arrivals: How many the phase has.
        arrived: How many have been due.
        in_flight: Requests without an answer.
        stopped: Whether a user ended the load in Locust's web UI.
    """

    error: str = ""
    hint: str = ""
    workers: tuple[int, ...] = ()
    running: bool = False
    arrivals: int = 0
    arrived: int = 0
    in_flight: int = 0
    stopped: bool = False
