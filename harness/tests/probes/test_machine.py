"""Whose processor time is whose, by a /proc of our own."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from harness.clock import SYSTEM_CLOCK
from harness.model.load import MACHINE_COLUMNS
from harness.probes.machine import MachineUse, parent_of

if TYPE_CHECKING:
    from pathlib import Path

_TICK_NS = 1_000_000_000 // os.sysconf("SC_CLK_TCK")
_NORMAL, _YIELDS = 0, 5


class Machine:
    """Two cores and some processes."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.busy(0)

    def busy(self, ticks: int) -> None:
        """All cores together, with idle and iowait that don't count."""
        lines = [f"cpu {ticks} 0 0 9999 8888 0 0 0 0 0", "cpu0 0", "cpu1 0", "intr 1"]
        (self._path / "stat").write_text("\n".join(lines))

    def process(self, pid: int, parent: int, ticks: int, policy: int = _NORMAL) -> None:
        """One whose name has spaces and brackets, as names may."""
        rest = ["0"] * 50
        rest[0], rest[1], rest[11], rest[13], rest[38] = (
            "S",
            str(parent),
            str(ticks),
            "1",
            f"{policy}",
        )
        (self._path / f"{pid}").mkdir(exist_ok=True)
        (self._path / f"{pid}" / "stat").write_text(f"{pid} (a (b) c) {' '.join(rest)}")


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def used(before: tuple[int, ...], after: tuple[int, ...]) -> dict[str, int]:
    rows = zip(MACHINE_COLUMNS, before, after, strict=True)
    return {name: (now - then) // _TICK_NS for name, then, now in rows if name.endswith("ns")}


def test_what_descends_from_the_run_is_its_own(machine: Machine, tmp_path: Path) -> None:
    machine.process(10, 1, 100)
    machine.process(11, 10, 100)
    machine.process(12, 11, 100)
    machine.process(20, 1, 100)
    use = MachineUse(10, SYSTEM_CLOCK, proc=tmp_path)
    before = use.row()
    machine.busy(170)
    machine.process(11, 10, 130)
    machine.process(12, 11, 140)
    machine.process(20, 1, 200)

    after = use.row()

    assert after[MACHINE_COLUMNS.index("cores")] == 2
    found = used(before, after)
    assert (found["busy_ns"], found["own_ns"], found["yielding_ns"]) == (170, 70, 0)


def test_what_only_takes_what_is_left_over_is_counted_apart(
    machine: Machine, tmp_path: Path
) -> None:
    machine.process(10, 1, 0)
    machine.process(20, 1, 500, _YIELDS)
    use = MachineUse(10, SYSTEM_CLOCK, proc=tmp_path)
    before = use.row()
    machine.process(20, 1, 530, _YIELDS)
    machine.process(21, 20, 7, _YIELDS)
    assert used(before, use.row())["yielding_ns"] == 30 + 7 + 1  # of the new one all


def test_a_process_of_the_run_that_yields_is_the_runs_own(machine: Machine, tmp_path: Path) -> None:
    machine.process(10, 1, 0, _YIELDS)
    use = MachineUse(10, SYSTEM_CLOCK, proc=tmp_path)
    before = use.row()
    machine.process(10, 1, 40, _YIELDS)
    found = used(before, use.row())
    assert (found["own_ns"], found["yielding_ns"]) == (40, 0)


def test_it_reads_the_real_system() -> None:
    assert parent_of(os.getpid()) == os.getppid()
    row = MachineUse(os.getpid(), SYSTEM_CLOCK).row()
    assert len(row) == len(MACHINE_COLUMNS)
    assert row[MACHINE_COLUMNS.index("busy_ns")] > row[MACHINE_COLUMNS.index("own_ns")] > 0
