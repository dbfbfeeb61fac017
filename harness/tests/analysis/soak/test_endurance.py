"""Slow death: a restart of the API server, a new definition, a lost lead, swallowed panics."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from harness.analysis import judge
from harness.analysis.soakwatches import kills, open_at, watches
from harness.evidence.ndjson import NdjsonWriter
from harness.model.findings import Status
from harness.model.records import Action
from harness.model.soak import (
    API_SERVER,
    DEFINITION,
    TOKEN,
    Disturbance,
    LeaseState,
    Plateau,
)
from harness.tests.analysis.recording import BOOKS, at, span
from harness.tests.analysis.soak.test_drift import STRIDE, soak

if TYPE_CHECKING:
    from pathlib import Path

    from harness.model.findings import CheckOutcome
    from harness.tests.analysis.recording import Recording

PANICS = "controller_runtime_reconcile_panics_total"


def append(path: Path, *records: msgspec.Struct) -> None:
    writer = NdjsonWriter(path)
    for record in records:
        writer.write(record)
    writer.close()


def disturb(recording: Recording, name: str, start: float, end: float, **fields: Any) -> None:
    fields.setdefault("after_cycle", 2)
    append(recording.run.disturbances_file, Disturbance(name=name, span=span(start, end), **fields))


def plateau(recording: Recording, **values: float) -> Plateau:
    made = Plateau(cycle=0, workload="manager", stamp=at(5), pid=1, values=values, cpu_s=0.0)
    append(recording.run.plateaus_file, made)
    return made


def judged(recording: Recording, check: str) -> CheckOutcome:
    return judge(check, recording.evidence, None)


@pytest.mark.parametrize("number", range(102, 109))
def test_without_a_soak_nothing_is_verified(recording: Recording, number: int) -> None:
    assert judged(recording, f"SOA-{number}").status is Status.NOT_VERIFIED


def test_a_restart_of_the_api_server_that_nobody_notices_passes(recording: Recording) -> None:
    soak(recording, cycles=4)
    disturb(recording, API_SERVER, 30, 34, away_s=4.0)
    assert judged(recording, "SOA-104").status is Status.PASS


def test_an_operator_that_no_longer_watches_after_it_is_found(recording: Recording) -> None:
    soak(recording, cycles=4, forget=range(2 * STRIDE, 4 * STRIDE))
    disturb(recording, API_SERVER, 30, 34, away_s=4.0)
    outcome = judged(recording, "SOA-104")
    assert outcome.status is Status.FAIL
    assert "100 of 100 arrivals" in outcome.findings[0].title


@pytest.mark.parametrize(("away_s", "status"), [(3.0, Status.FAIL), (11.0, Status.PASS)])
def test_an_end_is_its_fault_only_while_it_could_have_kept_its_lead(
    recording: Recording, away_s: float, status: Status
) -> None:
    soak(recording, cycles=4)
    disturb(recording, API_SERVER, 30, 45, away_s=away_s, ended=("manager",))
    assert judged(recording, "SOA-104").status is status


def test_where_the_api_server_is_not_restarted_that_is_the_reason(recording: Recording) -> None:
    plateau(recording)
    disturb(recording, API_SERVER, 30, 30, tried=False, note="not in a cluster of kind existing")
    assert judged(recording, "SOA-104").reason == "not in a cluster of kind existing"


def test_what_ends_while_the_api_server_is_away_is_no_finding_of_others(
    recording: Recording,
) -> None:
    recording.process(1, "started")
    recording.process(32, "ended", exit_code=1)
    assert judged(recording, "INS-003").status is Status.FAIL
    disturb(recording, API_SERVER, 30, 45, ended=("manager",), away_s=11.0)
    assert judged(recording, "INS-003").status is Status.PASS


def test_a_new_definition_that_is_served_passes(recording: Recording) -> None:
    plateau(recording)
    disturb(recording, DEFINITION, 39, 45)
    assert judged(recording, "SOA-105").status is Status.PASS


def test_watches_of_a_server_that_was_killed_are_not_open_any_more(recording: Recording) -> None:
    recording.call(2, "watch", BOOKS, stage="ResponseStarted")
    recording.call(26, "watch", BOOKS, stage="ResponseStarted")
    disturb(recording, API_SERVER, 20, 25)
    made, killed = watches(recording.evidence), kills(recording.evidence)
    assert [len(open_at(made, at(t).wall_ns, kills=killed)) for t in (10, 22, 30)] == [1, 0, 1]


def test_a_new_definition_that_is_not_served_is_found(recording: Recording) -> None:
    plateau(recording)
    disturb(recording, DEFINITION, 39, 45, recovered=False, note="ready for generation 1")
    outcome = judged(recording, "SOA-105")
    assert outcome.status is Status.FAIL
    assert outcome.findings[0].detail == "ready for generation 1"


@pytest.mark.parametrize(
    ("counts", "status"), [((40, 47, 54), Status.FAIL), ((40, 47, 47), Status.PASS)]
)
def test_without_an_audit_log_goroutines_tell(
    recording: Recording, counts: tuple[int, ...], status: Status
) -> None:
    recording.run.audit_log.unlink()
    made = plateau(recording)
    for count in counts:
        rest = msgspec.structs.replace(made, values={"goroutines": float(count)})
        append(recording.run.soak_rests_file, rest)
    disturb(recording, DEFINITION, 39, 45)
    disturb(recording, DEFINITION, 49, 55)
    assert judged(recording, "SOA-105").status is status


def test_a_token_that_is_followed_passes(recording: Recording) -> None:
    soak(recording, cycles=4)
    disturb(recording, TOKEN, 30, 34, overlap_s=90.0)
    assert judged(recording, "SOA-108").status is Status.PASS


def test_an_operator_that_goes_on_with_its_old_token_is_found(recording: Recording) -> None:
    soak(recording, cycles=4)
    disturb(recording, TOKEN, 30, 34, overlap_s=90.0, recovered=False, note="401 Unauthorized")
    outcome = judged(recording, "SOA-108")
    assert outcome.status is Status.FAIL
    assert "Nothing converged any more 90 s after its token" in outcome.findings[0].title
    assert "401 Unauthorized" in outcome.findings[0].detail


def test_a_part_that_goes_on_with_the_old_token_is_found_by_its_arrivals(
    recording: Recording,
) -> None:
    soak(recording, cycles=4, forget=range(2 * STRIDE, 2 * STRIDE + 50))
    disturb(recording, TOKEN, 30, 34, overlap_s=90.0)
    outcome = judged(recording, "SOA-108")
    assert outcome.status is Status.FAIL
    assert "50 of 100 arrivals" in outcome.findings[0].title


def test_a_process_that_ends_with_its_old_token_is_found(recording: Recording) -> None:
    soak(recording, cycles=4)
    disturb(recording, TOKEN, 30, 34, overlap_s=90.0, ended=("manager", "manager"))
    outcome = judged(recording, "SOA-108")
    assert outcome.status is Status.FAIL
    assert len(outcome.findings) == 1


def test_a_token_that_is_not_rotated_says_why(recording: Recording) -> None:
    plateau(recording)
    disturb(recording, TOKEN, 30, 30, tried=False, note="the kubelet alone replaces it")
    assert judged(recording, "SOA-108").reason == "the kubelet alone replaces it"


def test_without_a_cycle_after_it_the_end_of_a_token_says_nothing(recording: Recording) -> None:
    soak(recording, cycles=2)
    disturb(recording, TOKEN, 30, 34, overlap_s=90.0)
    assert judged(recording, "SOA-108").reason.startswith("no cycle was over")


def lease(recording: Recording, cycle: int, holder: str, transitions: int) -> None:
    append(
        recording.run.leases_file,
        LeaseState(
            cycle=cycle,
            stamp=at(10.0 * cycle),
            namespace="books-system",
            name="books",
            holder=holder,
            transitions=transitions,
        ),
    )


def test_a_lead_that_changes_by_itself_is_found(recording: Recording) -> None:
    plateau(recording)
    lease(recording, 0, "a", 0)
    lease(recording, 1, "b", 1)
    outcome = judged(recording, "SOA-106")
    assert outcome.status is Status.FAIL
    assert "from a to b between cycles 1 and 2" in outcome.findings[0].title


def test_a_lead_that_changes_with_a_restart_of_ours_is_none(recording: Recording) -> None:
    plateau(recording)
    lease(recording, 0, "a", 0)
    recording.stimulus(5, Action.RESTART, None)
    lease(recording, 1, "b", 1)
    assert judged(recording, "SOA-106").status is Status.PASS


def test_an_operator_without_a_lease_has_no_lead_to_lose(recording: Recording) -> None:
    plateau(recording)
    assert judged(recording, "SOA-106").status is Status.NOT_APPLICABLE


@pytest.mark.parametrize(("count", "status"), [(0, Status.PASS), (2, Status.FAIL)])
def test_panics_that_were_recovered_are_counted(
    recording: Recording, count: int, status: Status
) -> None:
    plateau(recording)
    for when, value in ((5, 0), (15, count)):
        recording.page(when, f'# TYPE {PANICS} counter\n{PANICS}{{controller="book"}} {value}\n')
    assert judged(recording, "SOA-107").status is status


def test_metrics_that_count_no_panics_say_nothing(recording: Recording) -> None:
    plateau(recording)
    recording.page(5, "# TYPE up gauge\nup 1\n")
    assert judged(recording, "SOA-107").status is Status.NOT_APPLICABLE
