"""Plateaus of real processes, and what a metrics page adds."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import pytest

from harness.clock import SYSTEM_CLOCK
from harness.evidence.folder import RunFolder
from harness.model.installation import Workload
from harness.model.records import MetricsPage
from harness.model.soak import Plateau
from harness.probes.plateaus import read_gauges, take_plateau

if TYPE_CHECKING:
    from pathlib import Path

    from harness.clock import Clock

PAGE = """
# TYPE controller_runtime_reconcile_total counter
controller_runtime_reconcile_total{controller="a",result="success"} 40
controller_runtime_reconcile_total{controller="b",result="error"} 2
# TYPE workqueue_depth gauge
workqueue_depth{controller="a",name="a",priority=""} 3
workqueue_depth{controller="a",name="a",priority="-100"} 1
# TYPE workqueue_unfinished_work_seconds gauge
workqueue_unfinished_work_seconds{controller="a",name="a"} 1.5
"""


def page(body: str, status: int = 200) -> MetricsPage:
    return MetricsPage(
        workload="manager", url="", stamp=SYSTEM_CLOCK.now(), status=status, body=body
    )


def plateau(run: RunFolder, clock: Clock = SYSTEM_CLOCK, pid: int = 0) -> Plateau:
    run.soak.mkdir(parents=True, exist_ok=True)
    workload = Workload(
        namespace="x", name="manager", process="manager", service_account="manager", replicas=1
    )
    return take_plateau(
        run, workload, cycle=0, pid=pid, token="", clock=clock, objects=5, gone=True
    )


def test_queues_are_summed_over_controllers_and_priorities() -> None:
    gauges = read_gauges(page(PAGE))
    assert gauges.reconciles == 42
    assert gauges.values == {"queue depth": 4.0, "unfinished work": 1.5}


@pytest.mark.parametrize("asked", [page(PAGE, status=403), page("up 1\n")])
def test_a_page_that_counts_nothing_says_nothing(asked: MetricsPage) -> None:
    gauges = read_gauges(asked)
    assert gauges.reconciles is None
    assert gauges.values == {}


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="it counts by /proc")
def test_of_a_process_without_profiles_memory_and_descriptors_are_read(tmp_path: Path) -> None:
    held = (tmp_path / "held").open("w")
    with held:
        taken = plateau(RunFolder(tmp_path / "run"), pid=os.getpid())
    assert taken.leads_to[str(tmp_path / "held")] == 1
    assert taken.values["descriptors"] == sum(taken.leads_to.values())
    assert taken.values["RSS"] > 0
    assert taken.values["threads"] >= 1
    assert taken.notes == ()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="it counts by /proc")
def test_a_descriptor_that_comes_and_goes_is_not_held(tmp_path: Path) -> None:
    class Closes:
        """Closes a file at the first pause that is made while descriptors are counted."""

        def __init__(self) -> None:
            self.passing = (tmp_path / "passing").open("w")

        def now(self) -> object:
            return SYSTEM_CLOCK.now()

        def sleep(self, seconds: float) -> None:
            if seconds:
                self.passing.close()

    taken = plateau(RunFolder(tmp_path / "run"), clock=Closes(), pid=os.getpid())  # type: ignore[arg-type]
    assert str(tmp_path / "passing") not in taken.leads_to


def test_a_process_that_cannot_be_read_is_noted(tmp_path: Path) -> None:
    assert plateau(RunFolder(tmp_path / "run")).notes == ("its process can't be read",)
