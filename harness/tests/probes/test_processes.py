"""Process samples, of real processes."""

from __future__ import annotations

import os
import signal
import sys
import threading
from typing import TYPE_CHECKING

from harness import command
from harness.clock import SYSTEM_CLOCK
from harness.evidence.columns import read_columns
from harness.evidence.ndjson import read_ndjson
from harness.model.records import GapRecord
from harness.probes.notes import Notes
from harness.probes.processes import COLUMNS, ProcessSampler, sample

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from harness.evidence.folder import RunFolder


def sampled(run: RunFolder, processes: Callable[[], Mapping[str, int]]) -> None:
    """Samples from a start to an immediate stop."""
    notes = Notes(run)
    sampler = ProcessSampler(
        run=run, processes=processes, notes=notes, clock=SYSTEM_CLOCK, period_s=60
    )
    sampler.start()
    sampler.stop()
    sampler.stop()
    notes.close()


def test_a_sample_sums_a_process_and_its_children() -> None:
    alone = sample(os.getpid())
    waiting = "import signal; print('up', flush=True); signal.pause()"
    reading, writing = os.pipe()
    child = command.spawn([sys.executable, "-c", waiting], env=dict(os.environ), stdout=writing)
    os.close(writing)
    with os.fdopen(reading) as output:
        output.readline()
        both = sample(os.getpid())
    child.send_signal(signal.SIGTERM)
    child.wait(10)
    assert alone is not None
    assert both is not None
    one, two = (dict(zip(COLUMNS[1:], row, strict=True)) for row in (alone, both))
    assert one["pid"] == two["pid"] == os.getpid()
    assert two["processes"] == one["processes"] + 1
    assert two["rss_bytes"] > one["rss_bytes"]
    assert two["cpu_ns"] == two["cpu_user_ns"] + two["cpu_system_ns"] >= one["cpu_ns"]
    assert two["threads"] >= 1
    assert two["fds"] >= 3
    assert 0 < two["pss_bytes"] <= two["rss_bytes"]
    assert two["run_delay_ns"] >= one["run_delay_ns"] >= 0


def test_what_is_looked_at_beside_the_operator_counts_alone() -> None:
    waiting = "import signal; print('up', flush=True); signal.pause()"
    reading, writing = os.pipe()
    child = command.spawn([sys.executable, "-c", waiting], env=dict(os.environ), stdout=writing)
    os.close(writing)
    with os.fdopen(reading) as output:
        output.readline()
        row = sample(os.getpid(), alone=True)
    child.send_signal(signal.SIGTERM)
    child.wait(10)
    assert row is not None
    seen = dict(zip(COLUMNS[1:], row, strict=True))
    assert seen["processes"] == 1
    assert seen["pss_bytes"] == -1, "adding it up holds the process up"
    assert seen["run_delay_ns"] == -1, "of what is looked at beside, nobody asks"
    assert min(seen["rss_bytes"], seen["threads"], seen["fds"]) > 0


def test_a_child_that_nobody_waited_for_spoils_no_sample() -> None:
    child = command.spawn([sys.executable, "-c", ""], env=dict(os.environ))
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # ended, and left as a zombie
    row = sample(os.getpid())
    child.wait(10)
    assert row is not None
    assert min(row) >= 0
    assert sample(child.pid) is None


def test_there_is_a_first_and_a_last_sample_however_short_the_run(run: RunFolder) -> None:
    sampled(run, lambda: {"manager": os.getpid()})
    columns = read_columns(run.samples / "process-manager.i64")
    assert columns.names == COLUMNS
    assert len(columns) >= 1
    assert set(columns["pid"]) == {os.getpid()}
    assert list(columns["mono_ns"]) == sorted(columns["mono_ns"])


def test_a_process_that_ended_has_no_row(run: RunFolder) -> None:
    child = command.spawn([sys.executable, "-c", ""], env=dict(os.environ))
    child.wait(10)
    sampled(run, lambda: {"gone": child.pid})
    assert list(run.samples.iterdir()) == []
    assert list(read_ndjson(run.evidence / "probes.ndjson", GapRecord)) == []


def test_a_failure_is_told_once_and_ends_nothing(run: RunFolder) -> None:
    def broken() -> Mapping[str, int]:
        raise RuntimeError("no pids")

    sampled(run, broken)
    (note,) = read_ndjson(run.evidence / "probes.ndjson", GapRecord)
    assert note.source == "samples/process-processes"
    assert "no pids" in note.reason


def test_a_restarted_process_goes_on_in_its_file_under_its_new_pid(run: RunFolder) -> None:
    notes = Notes(run)
    asked = threading.Semaphore(0)
    pids = iter([os.getpid(), os.getppid()])
    last = os.getppid()

    def processes() -> Mapping[str, int]:
        asked.release()
        return {"ns/manager": next(pids, last)}

    sampler = ProcessSampler(
        run=run, processes=processes, notes=notes, clock=SYSTEM_CLOCK, period_s=0.01
    )
    sampler.start()
    for _ in range(4):
        assert asked.acquire(timeout=5)
    sampler.stop()
    notes.close()
    pid = read_columns(run.samples / "process-ns-manager.i64")["pid"]
    assert list(dict.fromkeys(pid)) == [os.getpid(), os.getppid()]
