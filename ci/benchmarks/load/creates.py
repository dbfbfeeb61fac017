"""How many creates a second does the load generator send? Bars 1 and 9 of `make bench-load`.

Bar 1: beside the best client-go loop (`rival/`), both at their own best concurrency, under the same
identity, in the same namespaces. The API server counts: its apiserver_request_total of creates that
were answered by 201. Rounds of one block go generator, rival, generator with measurement, and back.
With measurement means: the watch receiver is running, and the rows are followed while they come.

    creates-alone      the generator by itself, by the rival's rate
    creates-measured   the same with full measurement
    creates-*-per-s    the rates themselves
    creates-*-cpu      CPU time of the client alone, for each create

Both go before others (`command.hurry`).

Bar 9: two of Locust's workers beside one process, at the same total rate and the same instants, in
ten pairs. Those of a pair take turns each 7.5 s, four times, in an order that alternates, since the
machine's speed drifts within a minute. The bar names no rate: the machine must have spare
processors, or its queues are compared and not the workers. So the rate is one at which not more
than half of all processor time is used (as in bar 2), and that share is printed with its goal. The
turns together are long enough for a p99 that rests on 40 arrivals; the first second of each isn't
counted.

    workers-p50, -p90, -p99    how far the latencies of two workers (answer less intended) are from
                               those of one: the bound of the 95 % interval that is farther from 0
    workers-lag-p99            of that, how far the send lags are (sent less intended)
    workers-processors         processor time in use, of all, the larger of the two
"""

from __future__ import annotations

import argparse
import statistics
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import numpy as np
import psutil
from bench import Cluster, Generator, interval
from benchmarks.lab import fresh
from benchmarks.telling import Figures, tell

from harness import command
from harness.clock import SYSTEM_CLOCK, Deadline
from harness.model.load import ARRIVAL_COLUMNS
from harness.probes.receiver.plan import ReceiverPlan
from harness.pytest_plugin.load.live import Live
from harness.stimulus.load.schedule import Schedule

if TYPE_CHECKING:
    from collections.abc import Callable

_COLUMN = {name: at for at, name in enumerate(ARRIVAL_COLUMNS)}
_MARKER = "OBJECT-NAME-GOES-HERE"
_CONCURRENCY = (4, 8, 16, 32, 64)
_BUILD_S, _ROUND_S = 900.0, 300.0
_SWEEP_SHARE = 0.25
_SETTLE_S = 1.0
_TURNS = 4
"""Of each of the two in a pair."""
_JUDGED = ("p50", "p90", "p99")
_MOST_USED = 50.0  # percent
_NS = 1e9


class _Round(msgspec.Struct, frozen=True, kw_only=True):
    """One round of creates.

    Attributes:
        created: As the API server counted.
        seconds: From the first request sent to the last answer.
        cpu_us: CPU time of the client for each create.
    """

    who: str
    created: int
    seconds: float
    cpu_us: float

    @property
    def per_s(self) -> float:
        return self.created / self.seconds


class _Report(msgspec.Struct, frozen=True):
    ok: int
    failed: int
    start_ns: int
    end_ns: int
    cpu_ns: int


class _Rival:
    """The client-go loop."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        source = Path(__file__).with_name("rival")
        self._program = cluster.folder / "rival"
        tell("building the rival")
        command.run(("go", "build", "-o", self._program, "."), cwd=source, timeout=_BUILD_S)
        metadata = {"labels": cluster.body["metadata"].get("labels", {}), "name": _MARKER}
        self._body = cluster.folder / "rival.json"
        self._body.write_bytes(msgspec.json.encode({**cluster.body, "metadata": metadata}))
        self._paths = ",".join(cluster.resource.path(name) for name in cluster.namespaces)
        self._rounds = 0

    def run(self, count: int, *, concurrency: int, http2: bool) -> _Round:
        """Creates so many objects."""
        self._rounds += 1
        before = self._cluster.created()
        done = command.run(
            (
                self._program,
                f"-kubeconfig={self._cluster.identity.kubeconfig}",
                f"-paths={self._paths}",
                f"-body={self._body}",
                f"-prefix=rival-{self._rounds}-",
                f"-count={count}",
                f"-concurrency={concurrency}",
                f"-http2={'true' if http2 else 'false'}",
            ),
            timeout=_ROUND_S,
        )
        told = msgspec.json.decode(done.output.splitlines()[-1], type=_Report)
        created = self._cluster.created() - before
        if told.failed or told.ok != created:
            tell(f"rival: {told.ok} answered, {told.failed} failed, {created} counted")
        return _Round(
            who="rival",
            created=created,
            seconds=(told.end_ns - told.start_ns) / _NS,
            cpu_us=told.cpu_ns / 1e3 / max(count, 1),
        )


def _ours(
    cluster: Cluster,
    generator: Generator,
    count: int,
    who: str,
    meanwhile: Callable[[], object] = lambda: None,
) -> _Round:
    before, cpu = cluster.created(), generator.cpu_s
    rows = generator.run(Schedule.burst(count), meanwhile=meanwhile)
    cpu = generator.cpu_s - cpu
    begin, end = rows[:, _COLUMN["sent_ns"]].min(), rows[:, _COLUMN["acknowledged_ns"]].max()
    created = cluster.created() - before
    if created != int((rows[:, _COLUMN["status"]] == 201).sum()):  # noqa: PLR2004 - HTTP
        tell(f"{who}: {len(rows)} rows, {created} counted")
    seconds = float(end - begin) / _NS
    return _Round(who=who, created=created, seconds=seconds, cpu_us=cpu / max(count, 1) * 1e6)


class _Receiver:
    """The watch receiver, and what follows its rows."""

    def __init__(self, cluster: Cluster, generator: Generator, folder: Path) -> None:
        folder.mkdir(mode=0o700)
        state, file = folder / "state.json", folder / "receiver.json"
        plan = ReceiverPlan(
            kubeconfig=str(cluster.kubeconfig),
            resource=generator.plan.resource,
            ready=generator.plan.ready,
            name_prefix=generator.plan.name_prefix,
            folder=str(folder),
            state=str(state),
        )
        file.write_bytes(msgspec.json.encode(plan))
        self._process = command.spawn(
            (sys.executable, "-P", "-m", "harness.probes.receiver", str(file)),
            env=command.environment(),
            stderr=2,
        )
        deadline = Deadline(30.0)
        while not state.exists() and not deadline.passed:
            SYSTEM_CLOCK.sleep(0.05)
        self._live = Live((), folder / "events.i64")

    def follow(self) -> None:
        """Takes in what has come."""
        self._live.follow()

    def stop(self) -> None:
        """Ends it."""
        self._process.terminate()
        self._process.wait(10.0)


def bar_1(cluster: Cluster, figures: Figures, *, blocks: int, count: int) -> None:
    """Creates a second beside the rival's."""
    rival = _Rival(cluster)
    command.hurry()  # as the generator does; the rival shall not wait for others, either
    small = max(int(count * _SWEEP_SHARE), 200)
    mode, best = _sweep_rival(cluster, rival, small)
    connections = _sweep_ours(cluster, small)
    rounds: list[_Round] = []
    with ExitStack() as rest:
        generator = rest.enter_context(Generator(cluster, seed=900, connections=connections))
        measured = rest.enter_context(Generator(cluster, seed=901, connections=connections))

        def alone() -> _Round:
            return _ours(cluster, generator, count, "alone")

        def theirs() -> _Round:
            return rival.run(count, concurrency=best, http2=mode)

        def with_measurement() -> _Round:
            folder = cluster.folder / f"receiver-{len(rounds)}"
            receiver = _Receiver(cluster, measured, folder)
            try:
                return _ours(cluster, measured, count, "measured", receiver.follow)
            finally:
                receiver.stop()

        for block in range(blocks):
            for take in (alone, theirs, with_measurement, with_measurement, theirs, alone):
                rounds.append(take())
                cluster.empty()
            rates = ", ".join(f"{one.who} {one.per_s:.0f}" for one in rounds[-6:])
            tell(f"block {block + 1} of {blocks}: {rates}")
            figures.keep("creates", rounds)
    _say_creates(figures, rounds)


def _say_creates(figures: Figures, rounds: list[_Round]) -> None:
    blocks = [rounds[at : at + 6] for at in range(0, len(rounds), 6)]
    means = [
        {
            who: statistics.fmean(one.per_s for one in block if one.who == who)
            for who in ("alone", "rival", "measured")
        }
        for block in blocks
    ]
    for who, goal, bound in (("alone", 0.90, 0.85), ("measured", 0.70, None)):
        ratios = [mean[who] / mean["rival"] for mean in means]
        bounds = interval(ratios)
        name = f"creates-{who}"
        figures.say(name, statistics.fmean(ratios), "x", least=goal, bounds=bounds)
        if bound is not None:
            figures.say(f"{name}-bound", bounds[0], "x", least=bound)
    for who in ("alone", "measured", "rival"):
        figures.say(f"creates-{who}-per-s", statistics.fmean(m[who] for m in means), "1/s")
        cpu = statistics.fmean(one.cpu_us for one in rounds if one.who == who)
        figures.say(f"creates-{who}-cpu", cpu, "us")


def _sweep_rival(cluster: Cluster, rival: _Rival, count: int) -> tuple[bool, int]:
    """Returns whether HTTP/2 suits it, and the best concurrency."""
    found: dict[tuple[bool, int], float] = {}
    for http2 in (False, True):
        for concurrency in _CONCURRENCY:
            taken = rival.run(count, concurrency=concurrency, http2=http2)
            found[http2, concurrency] = taken.per_s
            tell(f"rival: {concurrency} at once, HTTP/2 {http2}: {taken.per_s:.0f}/s")
            cluster.empty()
    return max(found, key=lambda key: found[key])


def _sweep_ours(cluster: Cluster, count: int) -> int:
    found: dict[int, float] = {}
    for number, connections in enumerate(_CONCURRENCY):
        with Generator(cluster, seed=800 + number, connections=connections) as generator:
            taken = _ours(cluster, generator, count, "alone")
        found[connections] = taken.per_s
        tell(f"generator: {connections} connections: {taken.per_s:.0f}/s")
        cluster.empty()
    return max(found, key=lambda key: found[key])


def bar_9(cluster: Cluster, figures: Figures, *, pairs: int, rate: float, seconds: float) -> None:
    """Two workers beside one process."""
    ones: dict[str, list[float]] = {}
    differences: dict[str, list[float]] = {}
    used: dict[int, list[float]] = {1: [], 2: []}
    schedule = Schedule.poisson(rate, seconds / _TURNS)
    with (
        Generator(cluster, seed=700) as one,
        Generator(cluster, seed=700, connections=16, workers=2) as two,
    ):
        for pair in range(pairs):
            rows: dict[Generator, list[np.ndarray]] = {one: [], two: []}
            for turn in range(pair, pair + _TURNS):
                for who in (one, two) if turn % 2 else (two, one):
                    before = _processors()
                    rows[who].append(_settled(who.run(schedule)))
                    busy, whole = _processors() - before
                    used[who.plan.workers].append(float(busy / whole))
                    cluster.empty()  # their objects have the same names
            counted = {who: np.concatenate(turns) for who, turns in rows.items()}
            raw = {str(who.plan.workers): held.tolist() for who, held in counted.items()}
            figures.keep(f"workers-pair-{pair + 1}", {"columns": ARRIVAL_COLUMNS, "rows": raw})
            found = {who: _quantiles(held) for who, held in counted.items()}
            for name, single in found[one].items():
                ones.setdefault(name, []).append(single)
                differences.setdefault(name, []).append(found[two][name] - single)
            tell(f"pair {pair + 1} of {pairs}: of one process {_shown(found[one])}")
            tell(f"{' ' * len(f'pair {pair + 1} of {pairs}')}  of two workers {_shown(found[two])}")
            kept = {"one_ms": ones, "two_less_one_ms": differences, "processors": used}
            figures.keep("workers", kept)
    for name, values in differences.items():
        low, high = interval(values)
        allowed = max(1.0, 0.05 * statistics.fmean(ones[name])) if name in _JUDGED else None
        worst = max(abs(low), abs(high))
        figures.say(f"workers-{name}", worst, "ms", most=allowed, bounds=(low, high))
    share = 100 * max(statistics.fmean(values) for values in used.values())
    figures.say("workers-processors", share, "%", most=_MOST_USED)


def _settled(rows: np.ndarray) -> np.ndarray:
    """Returns the arrivals of a turn without those of its first second."""
    intended = rows[:, _COLUMN["intended_ns"]]
    return rows[intended >= intended.min() + _SETTLE_S * _NS]


def _quantiles(rows: np.ndarray) -> dict[str, float]:
    """Returns quantiles of latency and send lag in milliseconds."""
    intended = rows[:, _COLUMN["intended_ns"]]
    took = rows[:, _COLUMN["acknowledged_ns"]] - intended
    lag = rows[:, _COLUMN["sent_ns"]] - intended
    found = {f"p{q}": float(np.percentile(took, q)) / 1e6 for q in (50, 90, 99)}
    return {**found, "lag-p99": float(np.percentile(lag, 99)) / 1e6}


def _shown(found: dict[str, float]) -> str:
    return ", ".join(f"{name} {value:.2f}" for name, value in found.items()) + " ms"


def _processors() -> np.ndarray:
    """Returns the processor time used and all there was, in seconds since the machine's start."""
    spent = psutil.cpu_times()
    whole = sum(spent) - spent.guest - spent.guest_nice  # which user and nice hold, too
    return np.array([whole - spent.idle - spent.iowait, whole])


def main() -> int:
    """Runs the bars; returns 1 where a goal isn't met."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--bars", default="1,9", help="which: 1, 9 or both (default)")
    parser.add_argument("--blocks", type=int, default=10, help="of bar 1; pairs of bar 9")
    parser.add_argument("--count", type=int, default=4000, help="creates in each round")
    parser.add_argument("--rate", type=float, default=150.0, help="arrivals a second of bar 9")
    parser.add_argument("--seconds", type=float, default=30.0, help="of each of a pair of bar 9")
    parser.add_argument("--output", type=Path, default=Path("bench-load"), help="for raw samples")
    options = parser.parse_args()
    bars = options.bars.split(",")
    figures = Figures(fresh(options.output, "creates"))
    with Cluster() as cluster:
        if "1" in bars:
            bar_1(cluster, figures, blocks=options.blocks, count=options.count)
        if "9" in bars:
            bar_9(
                cluster,
                figures,
                pairs=options.blocks,
                rate=options.rate,
                seconds=options.seconds,
            )
    return 0 if figures.held else 1


if __name__ == "__main__":
    sys.exit(main())
