"""Runs the cycles of a soak, and what disturbs it in the middle."""

from __future__ import annotations

from contextlib import closing, suppress
from typing import TYPE_CHECKING

import msgspec

from harness.clock import Deadline
from harness.errors import ApiError, HarnessError, NotVerified
from harness.evidence.ndjson import NdjsonWriter, write_document
from harness.model.cluster import Capability
from harness.model.digits import data_size
from harness.model.installation import InstallWay
from harness.model.load import Mix, PhaseRole
from harness.model.records import Notice
from harness.model.soak import LeaseState
from harness.probes.kubelet import later_usage
from harness.probes.plateaus import take_plateau
from harness.pytest_plugin.leftovers import Leftovers
from harness.pytest_plugin.soak.disk import (
    estimate,
    nearly_full,
    refuse_full_disk,
    used,
)
from harness.pytest_plugin.soak.disturbances import ROUNDS
from harness.pytest_plugin.soak.frugal import give_back
from harness.pytest_plugin.soak.news import rehearse, tick, too_few
from harness.pytest_plugin.soak.plan import plan_soak
from harness.pytest_plugin.soak.rate import BRACKET_S, choose_rate
from harness.stimulus.load.schedule import Schedule

if TYPE_CHECKING:
    from harness.model.installation import Workload
    from harness.model.loadresult import Knee
    from harness.model.soak import SoakPlan
    from harness.probes.kubelet import Usage
    from harness.pytest_plugin.context import Context
    from harness.pytest_plugin.load.driver import Load
    from harness.pytest_plugin.scraping import Metrics
    from harness.pytest_plugin.soak.disturbances import Disturbances
    from harness.pytest_plugin.soak.rotation import TokenRotation
    from harness.pytest_plugin.whitebox import WhiteBox

__all__ = ["Soak"]

_REST_S = 1.0  # requeues of what is gone, and the answers to the last requests
_BACK_S = 13.0  # informers retry with a back-off; all are back at what is served anew by then
_OVERTIME = 2.0  # times the duration, from which on no new cycle begins
_LEASES = "leases.coordination.k8s.io"
_NOT_ITS = frozenset({"kube-system", "kube-node-lease"})
_WIDE = 1.0  # a bracket of a factor of two is enough for a half


class Soak:
    """Runs the cycles.

    Args:
        context: The suite's view of the run.
        load: What arrives in them.
        metrics: Whose tokens may read the operator's metrics.
        whitebox: Looks into the operator meanwhile.
        disturbances: What happens in the middle, and at the end.
        rotation: Of the operator's token.
    """

    def __init__(
        self,
        context: Context,
        load: Load,
        metrics: Metrics,
        whitebox: WhiteBox,
        disturbances: Disturbances,
        *,
        rotation: TokenRotation,
    ) -> None:
        self._context = context
        self._load = load
        self._metrics = metrics
        self._whitebox = whitebox
        self._disturbances = disturbances
        self._rotation = rotation
        self._plan: SoakPlan | None = None
        self._usage: dict[str, Usage] = {}
        self._done = 0

    def run(self, *, overlap_s: float = 0.0) -> int:
        """Runs all cycles; returns how many were complete.

        Cycles that take longer than planned delay the next ones; when they have taken twice the
        duration, disturbances left out, or on a disk that is nearly full, no new one begins.

        Args:
            overlap_s: As in `plan_soak`.

        Raises:
            HarnessError: The load broke.
            NotVerified: No rate is sustained.
        """
        run = self._context.run
        run.soak.mkdir(exist_ok=True)
        self._load.start()
        self._plan = plan = self._planned(overlap_s)
        refuse_full_disk(plan, run.path)
        write_document(run.soak_plan_file, plan)
        a_minute, whole = estimate(plan)
        self._tell(
            f"Soak: {plan.cycles} cycles of {plan.cycle_s:.3g} s with {plan.objects} objects each, "
            f"{plan.rate_per_s:.3g} arrivals a second ({plan.rate_from}){_warming(plan)}; about "
            f"{data_size(a_minute)} of evidence a minute, {data_size(whole)} in all."
            f"{too_few(plan, settles=self._settles)}"
        )
        rehearse(plan)
        self._disturbances.prepare(self._load.plan.resource)
        writer = NdjsonWriter(run.plateaus_file)
        try:
            self._rotation.begin(plan)
            left = Leftovers(self._context)
            left.begin()
            with self._whitebox.beside(self._load):
                self._warm_up(plan, "warm-up", rounds=plan.warm_ups)
                done = self._cycles(plan, writer)
            left.end()
            return done
        finally:
            self._rotation.end()
            writer.close()

    def _planned(self, overlap_s: float) -> SoakPlan:
        settings = self._load.settings
        chosen = choose_rate(
            settings.rate,
            folder=self._context.run.path,
            manifest=self._context.evidence.manifest,
            search=self._bracket,
        )
        return plan_soak(
            duration=settings.duration,
            rate=chosen.per_s,
            rate_from=chosen.source,
            overlap_s=overlap_s,
            settles=self._settles,
            restarts=Capability.SNAPSHOT in self._context.cluster.capabilities,
        )

    @property
    def _settles(self) -> bool:
        return any(not item.pprof_url for item in self._context.installation.workloads)

    def _bracket(self) -> Knee:
        """Finds about the highest rate that is sustained, and deletes what that made."""
        from harness.analysis.load.knee import KneeSettings  # noqa: PLC0415 - loads SciPy
        from harness.pytest_plugin.load.search import find_knee  # noqa: PLC0415 - the same

        context, load = self._context, self._load
        self._tell(
            f"No load run of this target beside this one has a knee: {BRACKET_S:.0f} s are spent "
            "to find about half of one. --rate says it yourself."
        )
        settings = KneeSettings(budget_s=BRACKET_S, precision=_WIDE)
        found = find_knee(load, context, settings)
        load.drain(limit=context.timeouts.converge)
        load.clear("bracket-clear", limit=context.timeouts.delete, profile="knee")
        return found

    def _cycles(self, plan: SoakPlan, writer: NdjsonWriter) -> int:
        clock = self._context.clock
        limit_s, spent_s = plan.cycles * plan.cycle_s * _OVERTIME, 0.0
        done, middle = 0, plan.cycles // 2
        for cycle in range(plan.cycles):
            full = nearly_full(self._context.run.path)
            if full:
                self._tell(full)
            if full or spent_s >= limit_s:
                break
            began = clock.now()
            within = Deadline(plan.cycle_s, clock=clock)
            gone = self._round(plan, f"cycle-{cycle + 1}", PhaseRole.CYCLE)
            clock.sleep(_REST_S)
            self._sample(plan, writer, cycle, gone=gone)
            self._look_at_leases(cycle)
            done += 1
            left = (plan.cycles - done) * plan.cycle_s + max(within.remaining, 0.0)
            left += plan.warm_ups_again * plan.round_s if done <= middle else 0.0
            disk = used(self._context.run.path)
            self._context.record(tick(self._context, plan, cycle=done, left_s=left, disk=disk))
            give_back()
            self._done = done
            spent_s += max(plan.cycle_s, (clock.now().mono_ns - began.mono_ns) / 1e9)
            if done == middle:
                self._disturbances.restart_server(after_cycle=done)
                # What its clients take anew for their connections isn't what its work leaves.
                self._warm_up(plan, "warm-up-again", rounds=plan.warm_ups_again)
            self._rotation.after(done, plan, self._load.plan.resource, self._home)
            if done < plan.cycles and not within.passed:
                clock.sleep(within.remaining)
        return done

    def recreate_definition(self) -> None:
        """Has the definition of the load's kind made anew, twice, with a plateau before and after.

        Raises:
            HarnessError: The definition can't be made again.
            NotVerified: There was no soak before.
        """
        plan = self._plan
        if plan is None or not self._done:
            raise NotVerified("the soak before ended without a cycle")
        with closing(NdjsonWriter(self._context.run.soak_rests_file)) as writer:
            for number in range(ROUNDS + 1):
                if number:
                    self._disturbances.recreate(
                        self._load.plan.resource, self._home, after_cycle=self._done
                    )
                if number == ROUNDS:
                    self._context.clock.sleep(_BACK_S)
                self._sample(plan, writer, plan.cycles + number, gone=True)

    @property
    def _home(self) -> str:
        """A namespace of the load's."""
        names = self._load.plan.namespaces
        return names[0] if names else ""

    def _warm_up(self, plan: SoakPlan, name: str, *, rounds: int) -> None:
        for number in range(rounds):
            self._round(plan, f"{name}-{number + 1}", PhaseRole.WARM_UP)

    def _round(self, plan: SoakPlan, name: str, role: PhaseRole) -> bool:
        """Creates, changes, deletes; returns whether nothing was left."""
        load = self._load
        schedule = Schedule.constant(plan.rate_per_s, plan.objects / plan.rate_per_s)
        limit = self._context.timeouts.converge
        load.run(f"{name}-create", schedule, profile="soak", role=role)
        load.drain(limit=limit)
        if load.plan.mutations:
            change = Mix(create=0.0, update=1.0)
            load.run(f"{name}-change", schedule, profile="soak", role=role, mix=change)
            load.drain(limit=limit)
        return load.clear(f"{name}-delete", limit=self._context.timeouts.delete, profile="soak")

    def _sample(self, plan: SoakPlan, writer: NdjsonWriter, cycle: int, *, gone: bool) -> None:
        context = self._context
        with suppress(HarnessError):  # the plateau says what could not be read
            self._metrics.scrape()
        pids = {status.name: status.pid for status in context.guard.processes() if status.running}
        for workload in context.installation.workloads:
            writer.write(
                take_plateau(
                    context.run,
                    workload,
                    cycle=cycle,
                    pid=pids.get(workload.process, 0),
                    token=self._metrics.valid_token if workload.metrics else "",
                    clock=context.clock,
                    objects=plan.objects,
                    gone=gone,
                    container=self._used(workload),
                )
            )

    def _used(self, workload: Workload) -> Usage | None:
        """What a kubelet says of a workload at rest, or said before; None outside of Pods."""
        context = self._context
        if context.installation.way is not InstallWay.IN_CLUSTER:
            return None
        usage, clock = None, context.clock
        with suppress(ApiError):
            usage = later_usage(context.client, workload, than=clock.now(), clock=clock)
        if usage is not None:
            self._usage[workload.name] = usage
        elif (last := self._usage.get(workload.name)) is not None:
            return msgspec.structs.replace(last, working_set_bytes=-1)
        return usage

    def _look_at_leases(self, cycle: int) -> None:
        """Writes down who leads; a Lease of the cluster's own says nothing of the operator."""
        context = self._context
        namespaces = {item.namespace for item in context.installation.workloads} - _NOT_ITS
        with closing(NdjsonWriter(context.run.leases_file)) as writer:
            for namespace in sorted(namespaces):
                try:
                    found = context.client.list(context.client.resource(_LEASES), namespace).items
                except ApiError:
                    continue  # then whether it kept its lead isn't verified
                for lease in found:
                    spec = lease.get("spec") or {}
                    writer.write(
                        LeaseState(
                            cycle=cycle,
                            stamp=context.clock.now(),
                            namespace=namespace,
                            name=lease["metadata"]["name"],
                            holder=str(spec.get("holderIdentity") or ""),
                            transitions=int(spec.get("leaseTransitions") or 0),
                        )
                    )

    def _tell(self, text: str) -> None:
        self._context.record(Notice(stamp=self._context.clock.now(), text=text))


def _warming(plan: SoakPlan) -> str:
    """Says what goes before the first cycle and in the middle; empty for nothing."""
    if not plan.warm_ups:
        return ""
    seconds = plan.warm_ups * plan.round_s
    text = f", after {plan.warm_ups} rounds of as many in a row, {seconds:.0f} s, to warm up"
    if not plan.warm_ups_again:
        return text
    seconds = plan.warm_ups_again * plan.round_s
    return f"{text}, and {plan.warm_ups_again}, {seconds:.0f} s, when its API server was restarted"
