"""Runs the phases of a load and knows when the operator has caught up."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import msgspec

from harness.clock import Deadline
from harness.errors import HarnessError
from harness.evidence.ndjson import NdjsonWriter, write_document
from harness.model.load import ArrivalProcess, LoadPhase, LoadPlan, Mix, PhaseRole
from harness.model.records import Notice
from harness.model.time import Span, Stamp
from harness.pytest_plugin.load.beside import Beside
from harness.pytest_plugin.load.live import Live
from harness.pytest_plugin.load.losses import write_losses
from harness.pytest_plugin.load.machine import MachineLog
from harness.pytest_plugin.load.processes import Processes
from harness.pytest_plugin.load.profiles import Profiles
from harness.pytest_plugin.load.setup import set_up
from harness.pytest_plugin.load.ticks import Ticks
from harness.settings import LoadSettings
from harness.stimulus.load.identity import Renewal
from harness.stimulus.load.protocol import PhaseOrder
from harness.stimulus.load.schedule import Schedule

if TYPE_CHECKING:
    from harness.pytest_plugin.context import Context
    from harness.pytest_plugin.load.setup import Setup
    from harness.stimulus.load.client import LoadClient
    from harness.stimulus.load.protocol import Reply

__all__ = ["Load"]

_NS = 1_000_000_000
_LEAD_NS = _NS // 4  # between the order to begin and the first instant
_STEP_S = 0.2
_FINISH_S = 35.0  # longer than the generator waits for an answer
_DRAIN_STEP_S = 0.1


class Load:
    """A load on the operator, at a rate that we decide; started with the first use.

    Suites use it as the fixture `load`.

    Args:
        context: The suite's view of the run.

    Attributes:
        settings: What the user asked for.
        phases: Those that are over.
        profiles: What the load suite does with it.
        beside: Who is told when phases begin and end, and asked for the queue's depth.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        self.settings = msgspec.convert(context.session.load, LoadSettings)
        self.phases: list[LoadPhase] = []
        self.profiles = Profiles(self, context)
        self.beside = Beside()
        self._ticks = Ticks(context)
        self._setup: Setup | None = None
        self._processes: Processes | None = None
        self._client: LoadClient | None = None
        self._renewal: Renewal | None = None
        self._live: Live | None = None
        self._writer: NdjsonWriter | None = None
        self._machine = MachineLog(context)
        self._arrivals = 0
        self._due = 0

    @property
    def plan(self) -> LoadPlan:
        """What the load is made of."""
        return self._started.plan

    @property
    def home(self) -> str:
        """A namespace that was made for this load, whatever it is made of."""
        return self._started.made[0]

    @property
    def live(self) -> Live:
        """How it goes, as far as rows have come."""
        if self._live is None:
            self.start()
        assert self._live is not None  # noqa: S101 - start() makes it
        return self._live

    def start(self) -> None:
        """Makes namespaces and identity and starts the processes, if that isn't done.

        Raises:
            ApiError: The API server refused something, for example a sample.
            HarnessError: A process doesn't start.
        """
        if self._setup is not None:
            return
        context, run = self._context, self._context.run
        run.load.mkdir(exist_ok=True)
        self._setup = setup = set_up(context, self.settings)
        redact = context.guard.redact
        self._renewal = Renewal(context.client, setup.identity, clock=context.clock, redact=redact)
        write_document(run.load_plan_file, setup.plan)
        self._writer = NdjsonWriter(run.load_phases_file)
        files = [run.load_arrivals_file(worker) for worker in range(setup.plan.workers)]
        settled = setup.plan.ready.writes is not None
        self._live = Live(files, run.load_events_file, settled=settled)
        self._processes = Processes(context, setup, ui=self.settings.ui)
        self._client = self._processes.start()
        if self.settings.ui:
            text = f"Locust's web UI is at http://{self.settings.ui}/"
            context.record(Notice(stamp=context.clock.now(), text=text))

    def run(
        self,
        name: str,
        schedule: Schedule,
        *,
        profile: str,
        role: PhaseRole = PhaseRole.MEASURE,
        mix: Mix | None = None,
    ) -> LoadPhase:
        """Runs one phase to its end: until each arrival has an answer.

        Args:
            name: Unique in the run.
            schedule: When what arrives.
            profile: Of which it is a part.
            role: What it is for.
            mix: Of its operations; creates if None.

        Raises:
            HarnessError: A process ended, or a user ended the load in Locust's web UI; the phase
                is recorded as cut short.
        """
        client, mix = self._ready, mix or Mix()
        if self._renewal is not None:
            self._renewal.when_due()
        order = PhaseOrder(
            index=len(self.phases), first_arrival=self._arrivals, schedule=schedule, mix=mix
        )
        planned = client.prepare(order).arrivals
        # Each worker numbers its own, in steps of their number.
        self._arrivals += planned * max(self.plan.workers, 1)
        self.live.forget()
        self.beside.begins(name, role)
        self._machine.note()
        now = self._context.clock.now()
        start = Stamp(mono_ns=now.mono_ns + _LEAD_NS, wall_ns=now.wall_ns + _LEAD_NS)
        client.begin(start.mono_ns)
        note = ""
        try:
            while (reply := client.ask(wait_s=_STEP_S)).running and not reply.stopped:
                self._watch(name, reply)
            _refuse_stop(reply)
        except BaseException as error:
            note = str(error) or type(error).__name__
            self._cut_short(order, start)
            raise
        finally:
            self.beside.ends()
            self._machine.note()
            phase = LoadPhase(
                index=order.index,
                name=name,
                profile=profile,
                role=role,
                process=schedule.process,
                rate_per_s=schedule.mean_rate_per_s,
                span=Span(start=start, end=self._end(start, schedule)),
                arrivals=planned,
                first_arrival=order.first_arrival,
                mix=mix,
                note=note,
            )
            self._record(phase)
        self.beside.answered()
        self.live.follow()
        return phase

    def drain(self, *, limit: float, name: str = "") -> bool:
        """Waits until nothing is open; returns whether that came.

        Args:
            limit: Seconds.
            name: Unique in the run; then the wait is a phase of its own.
        """
        start = self._context.clock.now()
        deadline = Deadline(limit, clock=self._context.clock)
        live = self.live
        live.follow()
        while live.waiting and not deadline.passed:
            self._watch(name or "drain", None)
            self._context.clock.sleep(_DRAIN_STEP_S)
            live.follow()
        self.beside.rests()
        if name:
            self._record(
                LoadPhase(
                    index=len(self.phases),
                    name=name,
                    profile=self.plan.profile,
                    role=PhaseRole.DRAIN,
                    process=ArrivalProcess.BURST,
                    rate_per_s=None,
                    span=Span(start=start, end=self._context.clock.now()),
                    arrivals=0,
                    first_arrival=self._arrivals,
                )
            )
        return not live.waiting

    def clear(self, name: str, *, limit: float, profile: str) -> bool:
        """Deletes every object that is there; returns whether all are gone.

        Args:
            name: Of the phase.
            limit: Seconds, after the requests.
            profile: Of which it is a part.
        """
        everything = Mix(create=0.0, delete=1.0)
        self.run(name, Schedule.burst(), profile=profile, role=PhaseRole.CLEAR, mix=everything)
        return self.drain(limit=limit)

    def close(self) -> None:
        """Ends the processes and asks for the namespaces' deletion."""
        if self._client is not None:
            self._client.close()
        if self._processes is not None:
            self._processes.stop()
        if self._writer is not None:
            self._writer.close()
        self._machine.close()
        if self._setup is not None:
            client = self._context.client
            for namespace in self._setup.made:
                client.delete(client.resource("namespaces"), namespace)

    @property
    def _started(self) -> Setup:
        self.start()
        assert self._setup is not None  # noqa: S101 - start() makes it
        return self._setup

    @property
    def _ready(self) -> LoadClient:
        self.start()
        assert self._client is not None  # noqa: S101 - start() makes it
        return self._client

    def _record(self, phase: LoadPhase) -> None:
        self.phases.append(phase)
        self._due += phase.arrivals
        assert self._writer is not None  # noqa: S101 - a phase only runs after start()
        self._writer.write(phase)

    def _cut_short(self, order: PhaseOrder, start: Stamp) -> None:
        """Lets the workers that live finish what is in flight; writes what the others owe."""
        deadline = Deadline(_FINISH_S, clock=self._context.clock)
        with suppress(HarnessError):  # the child itself may be gone
            self._ready.halt()
            while not deadline.passed and self._ready.ask(wait_s=_STEP_S).running:
                if self._processes is not None and self._processes.dead_workers:
                    break
        until = self._context.clock.now().mono_ns
        for worker in self._processes.dead_workers if self._processes is not None else ():
            file = self._context.run.load_arrivals_file(worker)
            write_losses(
                file, order, self.plan, worker=worker, start_ns=start.mono_ns, until_ns=until
            )

    def _end(self, start: Stamp, schedule: Schedule) -> Stamp:
        if schedule.process is ArrivalProcess.BURST:
            return self._context.clock.now()
        length = int(schedule.length_s * _NS)
        return Stamp(mono_ns=start.mono_ns + length, wall_ns=start.wall_ns + length)

    def _watch(self, name: str, reply: Reply | None) -> None:
        """Looks after the processes, and once a second tells how it goes."""
        now = self._context.clock.now()
        live = self.live
        live.follow()
        due = self._due + (reply.arrived if reply else 0)
        if not self._ticks.is_due(now, due=due, done=live.done):
            return
        self._machine.note()
        if self._processes is not None:
            self._processes.check()
        unanswered = due - self._due - self._ended_in(reply)
        self._ticks.tell(
            name, now, due=due, unanswered=unanswered, live=live, depth=self.beside.depth
        )

    def _ended_in(self, reply: Reply | None) -> int:
        """Arrivals of the running phase that have a row."""
        return self.live.ended - self._due if reply else 0


def _refuse_stop(reply: Reply) -> None:
    if reply.stopped:
        raise HarnessError("The load was ended in Locust's web UI.")
