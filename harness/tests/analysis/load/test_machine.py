"""How much of the machine other work used."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from harness.analysis.load.machine import Machine, read_machine
from harness.evidence.columns import ColumnWriter
from harness.model.load import MACHINE_COLUMNS

if TYPE_CHECKING:
    from pathlib import Path

S = 1_000_000_000


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """Of two cores, over ten seconds: the run uses one, what yields a half, others a quarter."""
    writer = ColumnWriter(tmp_path / "machine.i64", MACHINE_COLUMNS)
    for second in range(10, 21):
        at = second * S
        writer.append(at, 2, 7 * at // 4 + 5, at + 9, at // 2)
    writer.close()
    found = read_machine(tmp_path / "machine.i64")
    assert found is not None
    return found


@pytest.mark.parametrize(("start_s", "end_s"), [(10, 20), (12.3, 15.9)])
def test_it_is_what_is_neither_idle_nor_the_runs_own_nor_yields(
    machine: Machine, start_s: float, end_s: float
) -> None:
    assert machine.others(int(start_s * S), int(end_s * S)) == pytest.approx((0.25, 2))


def test_nothing_is_said_of_a_time_in_which_nobody_looked(machine: Machine) -> None:
    assert machine.others(9 * S, 12 * S) is None
    assert machine.others(18 * S, 21 * S) is None


def test_there_may_be_no_file(tmp_path: Path) -> None:
    assert read_machine(tmp_path / "machine.i64") is None
