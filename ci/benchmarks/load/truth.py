"""Are the load suite's figures true? Bars 2, 3 and 5 of `make bench-load`.

Each is held against what something else wrote down while it happened: the API server's audit log
(microseconds), and the synthetic operator's own log. A line for each figure, as its run ends:

    name value unit goal holds|falls-short     ("- -" for figures without a goal)

    latency-error   per custom resource: our done less our sent, less the time from the create's
                    receipt to the end of the response to the status write, in the audit log
    send-lag        sent less intended, at 300/s
    seventy-*       the same figures without a goal, and total latency (done less intended), at 70 %
                    of the knee of an operator like bar 4's. Where the service takes far longer
                    than the write after it, the knee is known in closed form: workers / (service +
                    write), with the write's mean of the first run. How busy the workers were, by
                    the operator's log, shows that it was 70 %.
    stall           the operator is frozen for 2 s of 60 s at 200/s: our p99 beside the closed form
    identities      queue wait, depth and utilisation by two scrapes, beside the operator's log

Raw samples, run folders and the operator's logs stay in the output folder.
"""

from __future__ import annotations

import argparse
import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
from bench import TRUTH
from benchmarks.lab import Lab, fresh
from benchmarks.telling import tell

from harness.analysis.load.omission import closed_loop, stall_quantile_s
from harness.analysis.load.percentiles import nearest_rank
from harness.model.load import Operation, uid_hash
from harness.tests.runner.synthetic import (
    TASKS,
    Truth,
    by_log,
    by_metrics,
    written_ms,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray


_NS = 1e9
_MS = 1e6
_BOUND_MS = 10.0
_KNEE_SHARE = 0.7
_KNEE_WORKERS, _KNEE_SERVICE_MS = 20, 250.0
_FEW = 4  # open at any moment of 200/s at 10 ms each, give or take
_ACCOUNT = (("queue_wait_s", "ms", 1000.0), ("depth", "1", 1.0), ("utilisation", "%", 100.0))


class _Metadata(msgspec.Struct, frozen=True):
    uid: str = ""
    generation: int = 0


class _Status(msgspec.Struct, frozen=True, rename="camel"):
    observed_generation: int = 0


class _Answer(msgspec.Struct, frozen=True):
    metadata: _Metadata = _Metadata()
    status: _Status | None = None


class _Reference(msgspec.Struct, frozen=True):
    resource: str = ""
    subresource: str = ""


class _Entry(msgspec.Struct, frozen=True, rename="camel"):
    stage: str
    verb: str
    request_received_timestamp: datetime
    stage_timestamp: datetime
    object_ref: _Reference | None = None
    response_object: msgspec.Raw = msgspec.Raw(b"{}")


def audited(audit_log: Path) -> dict[tuple[int, int], int]:
    """Returns how long each generation took from its create to its status, in nanoseconds.

    Args:
        audit_log: With whole requests of Tasks.

    Returns:
        By uid (as in our rows) and generation 1: of creates only.
    """
    created: dict[int, datetime] = {}
    found: dict[tuple[int, int], int] = {}
    for entry, answer in _entries(audit_log):
        uid = uid_hash(answer.metadata.uid)
        if entry.verb == "create":
            created[uid] = entry.request_received_timestamp
        elif answer.status is not None and answer.status.observed_generation >= 1:
            start = created.get(uid)
            if start is not None and (uid, 1) not in found:
                took = entry.stage_timestamp - start
                found[uid, 1] = (
                    took.days * 86_400 + took.seconds
                ) * 10**9 + took.microseconds * 1000
    return found


def _entries(audit_log: Path) -> Iterator[tuple[_Entry, _Answer]]:
    entries, answers = msgspec.json.Decoder(_Entry), msgspec.json.Decoder(_Answer)
    with audit_log.open("rb") as file:
        for line in file:
            if b'"tasks"' not in line:
                continue
            entry = entries.decode(line)
            named = entry.object_ref
            if entry.stage != "ResponseComplete" or named is None or named.resource != "tasks":
                continue
            if (entry.verb, named.subresource) in {("create", ""), ("patch", "status")}:
                answer = answers.decode(entry.response_object)
                if answer.metadata.uid:
                    yield entry, answer


def quantile(values: NDArray[Any], q: float) -> float:
    """Returns the sample of nearest rank."""
    return float(np.sort(values)[nearest_rank(q, len(values))])


def run_truth(
    lab: Lab,
    name: str,
    keyword: str,
    *,
    rate: float,
    seconds: float,
    audited: bool = False,
    **settings: object,
) -> Truth:
    """Runs the truth suite once.

    Args:
        lab: Where.
        name: Of the figures.
        keyword: Which of its tests.
        rate: Arrivals a second.
        seconds: Of a phase.
        audited: Whether the audit log holds whole requests.
        settings: Of the operator.
    """
    bodies = ("--audit-bodies", TASKS) if audited else ()
    load = ("--rate", str(rate), "--duration", str(seconds))
    return Truth(*lab.run(name, "--suite", TRUTH, "-k", keyword, *load, *bodies, **settings))


def latency_error(lab: Lab) -> None:
    """Bar 2."""
    run = run_truth(
        lab,
        "latency",
        "calibration",
        rate=50,
        seconds=30,
        audited=True,
        workers=4,
        service_time="5ms",
    )
    truth = audited(run.folder.evidence / "audit.log")
    for phase in ("constant", "poisson"):
        lab.say(f"unfinished-{phase}", run.unfinished(phase), "1", most=0)
        ours, theirs = beside_audit(run, phase, truth)
        error = np.abs(ours - theirs)
        lab.figures.keep(f"latency-errors-{phase}-ms", (ours - theirs).tolist())
        bound = max(_BOUND_MS, 0.1 * quantile(theirs, 0.99))
        lab.say(f"latency-error-p50-{phase}", quantile(error, 0.5), "ms", most=1.0)
        lab.say(f"latency-error-p99-{phase}", quantile(error, 0.99), "ms", most=bound)
        for q in (0.5, 0.99):
            lab.say(f"latency-p{q * 100:g}-{phase}", quantile(ours, q), "ms")
            lab.say(f"latency-p{q * 100:g}-{phase}-audited", quantile(theirs, q), "ms")
    at_seventy(lab, write_ms=written_ms(run.log.served))


def at_seventy(lab: Lab, *, write_ms: float) -> None:
    """The figures of bar 2 at 70 % of the knee.

    Args:
        lab: Where.
        write_ms: Mean of the operator's write after its service.
    """
    workers, service_ms = _KNEE_WORKERS, _KNEE_SERVICE_MS
    knee = workers / (service_ms + write_ms) * 1e3
    run = run_truth(
        lab,
        "seventy",
        "calibration",
        rate=_KNEE_SHARE * knee,
        seconds=30,
        audited=True,
        workers=workers,
        service_time=f"{service_ms}ms",
    )
    lab.say("seventy-knee", knee, "1/s")
    truth = audited(run.folder.evidence / "audit.log")
    for phase in ("constant", "poisson"):
        span = run.phases[phase].span
        ends = {"start_ns": span.start.mono_ns, "end_ns": span.end.mono_ns}
        busy = by_log(run.log, **ends, workers=workers).utilisation
        lab.say(f"seventy-busy-{phase}", 100 * busy, "%")
        ours, theirs = beside_audit(run, phase, truth)
        lab.figures.keep(f"seventy-errors-{phase}-ms", (ours - theirs).tolist())
        rows = run.done(phase)
        intended = run.arrivals.intended_ns[rows]
        lag = (run.arrivals.sent_ns[rows] - intended) / _MS
        lab.say(f"seventy-send-lag-p99-{phase}", quantile(lag, 0.99), "ms")
        for q in (0.5, 0.99):
            error = quantile(np.abs(ours - theirs), q)
            lab.say(f"seventy-error-p{q * 100:g}-{phase}", error, "ms")
            total = quantile(run.joined.done_ns[rows] - intended, q) / _MS
            lab.say(f"seventy-total-p{q * 100:g}-{phase}", total, "ms")


def beside_audit(
    run: Truth, phase: str, truth: dict[tuple[int, int], int]
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Returns how long a phase's creates took, in ms: by our stamps and by the audit log's."""
    rows = run.done(phase)
    rows = rows[run.arrivals.operation[rows] == Operation.CREATE]
    ours = run.joined.done_ns[rows] - run.arrivals.sent_ns[rows]
    theirs = np.array([truth[int(run.arrivals.uid[row]), 1] for row in rows])
    return ours / _MS, theirs / _MS


def send_lag(lab: Lab) -> None:
    """The other half of bar 2."""
    run = run_truth(lab, "lag", "calibration", rate=300, seconds=20, workers=8, service_time="5ms")
    rows = run.done("constant")
    lab.say("unfinished-300", run.unfinished("constant"), "1", most=0)
    lag = (run.arrivals.sent_ns[rows] - run.arrivals.intended_ns[rows]) / _MS
    lab.say("send-lag-p50", quantile(lag, 0.5), "ms")
    lab.say("send-lag-p99", quantile(lag, 0.99), "ms", most=5.0)


def stall(lab: Lab) -> None:
    """Bar 3."""
    rate, seconds = 200.0, 60.0
    run = run_truth(
        lab, "stall", "stall", rate=rate, seconds=seconds, workers=16, service_time="5ms"
    )
    rows = run.done("stall")
    lab.say("unfinished-stall", run.unfinished("stall"), "1", most=0)
    arrivals, done = run.arrivals, run.joined.done_ns[rows]
    paused, resumed = run.facts["paused_ns"], run.facts["resumed_ns"]
    drain = drain_rate(run, paused, resumed)
    form = stall_quantile_s(
        0.99, stall_s=(resumed - paused) / _NS, window_s=seconds, rate=rate, drain_rate=drain
    )
    ours = quantile(done - arrivals.intended_ns[rows], 0.99) / _NS
    naive = closed_loop(arrivals.intended_ns[rows], arrivals.sent_ns[rows], done)
    lab.say("stall-p99", ours, "s")
    lab.say("stall-p99-closed-form", form, "s")
    lab.say("stall-p99-error", 100 * abs(ours / form - 1), "%", most=5.0)
    lab.say("stall-p99-closed-loop", quantile(naive, 0.99) / _NS, "s")
    lab.say("stall-drain-rate", drain, "1/s")


def drain_rate(run: Truth, paused: int, resumed: int) -> float:
    """Returns completions a second from the end of the stall until its backlog is worked off."""
    rows = run.done("stall")
    rows = rows[run.arrivals.intended_ns[rows] >= paused]
    due = np.sort(run.arrivals.intended_ns[rows])
    served = run.log.served
    ours = np.isin(served["uid"], run.arrivals.uid[rows])
    ended = np.sort(served["service_ended_ns"][ours])
    open_then = np.searchsorted(due, ended, side="right") - np.arange(1, len(ended) + 1)
    last = int(np.flatnonzero((open_then <= _FEW) & (ended > resumed))[0])
    return (last + 1) / max((int(ended[last]) - resumed) / _NS, 1e-9)


def identities(lab: Lab) -> None:
    """Bar 5."""
    workers = 2
    run = run_truth(
        lab, "identities", "calibration", rate=75, seconds=40, workers=workers, service_time="20ms"
    )
    pages = run.pages
    for name, (before, after) in (("constant", pages[:2]), ("poisson", pages[2:4])):
        if not run.facts[name]:
            tell(f"identities-{name}: the operator wasn't idle when the window ended")
        ours = by_metrics(before, after, workers=workers)
        start, end = before.stamp.mono_ns, after.stamp.mono_ns
        theirs = by_log(run.log, start_ns=start, end_ns=end, workers=workers)
        lab.say(f"items-{name}-difference", abs(ours.items - theirs.items), "1", most=0)
        for field, unit, scale in _ACCOUNT:
            told, true = scale * getattr(ours, field), scale * getattr(theirs, field)
            title = field.removesuffix("_s").replace("_", "-")
            lab.say(f"{title}-{name}", told, unit)
            lab.say(f"{title}-{name}-error", 100 * abs(told / true - 1), "%", most=1.0)


_BARS = {"2": (latency_error, send_lag), "3": (stall,), "5": (identities,)}


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures the bars that are asked for; 1 where one falls short."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--bars", default="2,3,5", help="some of 2, 3, 5")
    parser.add_argument("--output", type=Path, default=Path("bench-load"), help="for raw samples")
    given = parser.parse_args(arguments)
    lab = Lab(fresh(given.output, "truth"))
    for bar in given.bars.split(","):
        for measure in _BARS[bar]:
            measure(lab)
    return 0 if lab.figures.held else 1


if __name__ == "__main__":
    sys.exit(main())
