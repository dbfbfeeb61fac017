"""The load suite's stamps beside those of the operator that was loaded.

Nothing here depends on how fast the machine is: what is compared are two accounts of the same
moments, on one clock.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from harness import command
from harness.analysis.load.join import Fate
from harness.model.load import ArrivalStatus
from harness.tests.runner.running import Home
from harness.tests.runner.synthetic import Truth, by_log, by_metrics, write_target

if TYPE_CHECKING:
    from harness.tests.runner.synthetic import Account

pytestmark = [
    pytest.mark.controlplane,
    pytest.mark.skipif(command.which("go") is None, reason="needs Go, to build the operator"),
]

SUITE = Path(__file__).parents[3] / "ci" / "benchmarks" / "load" / "suites" / "truth"
PHASES = ("warm-up", "constant", "poisson", "warm-up-stall", "stall")
RATE, SECONDS = 20, 12
PATIENCE_S = 400.0
DECIDED = {0, 5}
"""Passed; or, on a machine that is busy, the load generator was the limit, which is no untruth."""


@pytest.fixture(scope="module")
def truth(tmp_path_factory: pytest.TempPathFactory) -> Truth:
    """A run of one worker that is half busy, and frozen for 2 s of the last phase."""
    home = Home(tmp_path_factory.mktemp("truth"))
    target = write_target(home.path / "target", workers=1, service_time="20ms")
    words = ("--suite", SUITE, "-k", "calibration or stall", "--rate", RATE, "--duration", SECONDS)
    done = home.run(*map(str, words), target=target).finish(within=PATIENCE_S)
    assert done.exit_code in DECIDED, done.stdout + done.stderr
    return Truth(done.run, target)


@pytest.mark.parametrize("phase", PHASES)
def test_every_arrival_is_accounted_for_once(truth: Truth, phase: str) -> None:
    rows = truth.rows(phase)
    numbers = truth.arrivals.arrival[rows]
    assert len(set(numbers.tolist())) == len(numbers) == truth.phases[phase].arrivals
    fates = np.bincount(truth.joined.fate[rows], minlength=len(Fate))
    assert fates.sum() == len(rows)
    assert fates[Fate.IN_FLIGHT] == 0
    status = truth.arrivals.status[rows]
    assert fates[Fate.DROPPED] == (status == ArrivalStatus.DROPPED).sum()
    assert fates[Fate.DONE] == (status == 201).sum()


def test_what_is_done_is_what_the_operator_served(truth: Truth) -> None:
    done = truth.joined.fate == Fate.DONE
    served = truth.log.served
    ours = set(truth.arrivals.uid[done].tolist())
    assert ours == set(served["uid"].tolist())
    assert len(served) == len(ours), "each was served once"
    assert set(served["generation"].tolist()) == {1}


def test_the_operator_worked_between_our_stamps(truth: Truth) -> None:
    served = truth.log.served
    order = {uid: row for row, uid in enumerate(truth.arrivals.uid.tolist())}
    rows = np.array([order[uid] for uid in served["uid"].tolist()])
    arrivals, joined = truth.arrivals, truth.joined
    assert (arrivals.intended_ns[rows] <= arrivals.sent_ns[rows]).all()
    assert (arrivals.sent_ns[rows] < served["enqueued_ns"]).all()
    assert (served["enqueued_ns"] <= served["dequeued_ns"]).all()
    assert (served["service_ended_ns"] < joined.done_ns[rows]).all()
    assert (joined.echoed_ns[rows] < joined.done_ns[rows]).all()


@pytest.mark.parametrize(("phase", "scrapes"), [("constant", (0, 1)), ("poisson", (2, 3))])
def test_the_identities_agree_with_the_operator_s_log(
    truth: Truth, phase: str, scrapes: tuple[int, int]
) -> None:
    before, after = (truth.pages[number] for number in scrapes)
    told = by_metrics(before, after, workers=1)
    window = (before.stamp.mono_ns, after.stamp.mono_ns)
    true = by_log(truth.log, start_ns=window[0], end_ns=window[1], workers=1)
    assert told.items == true.items == len(truth.done(phase))
    # The operator's own stamps lie some microseconds outside those of its metrics.
    assert told.queue_wait_s == pytest.approx(true.queue_wait_s, rel=0.01, abs=2e-4)
    assert told.depth == pytest.approx(true.depth, rel=0.01, abs=2e-4 * RATE)
    assert told.utilisation == pytest.approx(true.utilisation, rel=0.01, abs=1e-3)
    assert _is_plausible(true)


def _is_plausible(account: Account) -> bool:
    return account.queue_wait_s > 0 and 0.1 < account.utilisation < 1


def test_a_stall_counts_from_when_each_arrival_was_due(truth: Truth) -> None:
    rows, stall = truth.done("stall"), (truth.facts["paused_ns"], truth.facts["resumed_ns"])
    intended = truth.arrivals.intended_ns[rows]
    within = rows[(intended > stall[0]) & (intended < stall[1])]
    assert len(within) > RATE, "the schedule went on"
    assert (truth.joined.done_ns[within] > stall[1]).all(), "nothing is done by a frozen operator"
    waited = truth.joined.done_ns[within] - truth.arrivals.intended_ns[within]
    assert (waited > stall[1] - truth.arrivals.intended_ns[within]).all()
    served = truth.log.served["service_ended_ns"]
    assert not ((served > stall[0]) & (served < stall[1])).any()
