"""SOA-110 to SOA-112: what a soak leaves in the cluster, watches that stay, costs of cycles."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from harness.analysis import judge, soak_result
from harness.evidence.ndjson import NdjsonWriter
from harness.model.findings import Status
from harness.model.inventory import Inventory, InventoryEntry
from harness.model.resource import ObjectKey
from harness.model.soak import Plateau
from harness.tests.analysis.recording import BOOKS, at

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.model.findings import CheckOutcome
    from harness.tests.analysis.recording import Recording

MAPS = "configmaps"
DEFINITIONS = "customresourcedefinitions.apiextensions.k8s.io"


def entry(resource: str, name: str, *, namespace: str = "x", **more: Any) -> InventoryEntry:
    key = ObjectKey(resource=resource, namespace=namespace, name=name, uid=f"{resource}-{name}")
    kind = {"configmaps": "ConfigMap", BOOKS: "Guestbook"}.get(resource, "Thing")
    return InventoryEntry(key=key, kind=kind, **more)


THEIRS = entry(MAPS, "theirs")


def plateaus(
    recording: Recording, *, cpu: Callable[[int], float] = float, leads_to: Any = None
) -> None:
    recording.run.soak.mkdir(exist_ok=True)
    writer = NdjsonWriter(recording.run.plateaus_file)
    for cycle in range(20):
        leads = leads_to(cycle) if leads_to else {}
        writer.write(
            Plateau(
                cycle=cycle,
                workload="manager",
                stamp=at(10.0 * (cycle + 1)),
                pid=100,
                values={"live heap": 5e6, "descriptors": float(sum(leads.values()))},
                cpu_s=cpu(cycle),
                reconciles=1000 * (cycle + 1),
                objects=50,
                leads_to=leads,
            )
        )
    writer.close()


def inventories(recording: Recording, *new: InventoryEntry, **after: Any) -> None:
    plateaus(recording)
    writer = NdjsonWriter(recording.run.soak_inventory_file)
    writer.write(Inventory(name="begin", stamp=at(1), entries=(THEIRS,), events=3))
    after = {"events": 40, **after}
    writer.write(Inventory(name="end", stamp=at(210), entries=(THEIRS, *new), **after))
    writer.close()


def left(recording: Recording) -> CheckOutcome:
    return judge("SOA-110", recording.evidence, None)


def test_a_cluster_that_is_as_it_was_passes_and_events_are_counted(recording: Recording) -> None:
    inventories(recording)
    assert left(recording).status is Status.PASS
    result = soak_result(recording.evidence)
    assert result is not None
    assert (result.left, result.events, result.inventory) == ((), (3, 40), ())


def test_one_orphan_among_thousands_is_a_finding_with_the_write_that_made_it(
    recording: Recording,
) -> None:
    for number in range(50):
        recording.call(5, "create", MAPS, f"page-{number}", namespace="x", code=201)
    inventories(recording, entry(MAPS, "page-7"))
    (finding,) = left(recording).findings
    assert finding.title == (
        "1 object of kind ConfigMap stayed after the soak: an orphan without an owner"
    )
    assert "x/page-7" in finding.detail
    assert "The operator created 50 of them" in finding.detail
    assert finding.evidence[0].line == 9
    result = soak_result(recording.evidence)
    assert result is not None
    assert result.left[0].write.startswith("create /apis")
    assert (result.left[0].count, result.left[0].created) == (1, 50)
    (change,) = result.inventory or ()
    assert change.resource == MAPS
    assert (change.before, change.after, change.came, change.went) == (1, 2, 1, 0)


def test_an_object_in_the_place_of_another_differs_though_the_number_is_the_same(
    recording: Recording,
) -> None:
    plateaus(recording)
    writer = NdjsonWriter(recording.run.soak_inventory_file)
    writer.write(Inventory(name="begin", stamp=at(1), entries=(THEIRS,)))
    writer.write(Inventory(name="end", stamp=at(210), entries=(entry(MAPS, "other"),)))
    writer.close()
    result = soak_result(recording.evidence)
    assert result is not None
    (change,) = result.inventory or ()
    assert (change.before, change.after, change.came, change.went) == (1, 1, 1, 1)


def test_what_goes_with_an_object_that_stays_is_not_told_by_itself(recording: Recording) -> None:
    recording.call(5, "create", "deployments.apps", "web", namespace="x", code=201)
    owner = entry("deployments.apps", "web")
    recording.call(6, "create", MAPS, "of-web", namespace="x", code=201)
    inventories(recording, owner, entry(MAPS, "of-web", owners=(owner.key.uid,)))
    assert [finding.subject for finding in left(recording).findings] == ["deployments.apps"]


def test_a_custom_resource_that_a_finalizer_holds_is_a_finding(recording: Recording) -> None:
    held = [
        entry(BOOKS, name, finalizers=("books/clean-up",), deleted="2027-01-15T08:03:00Z")
        for name in ("load-1", "load-2")
    ]
    inventories(recording, *held)
    (finding,) = left(recording).findings
    assert finding.title == (
        "2 objects of kind Guestbook stayed after the soak, each of them held by its finalizer "
        "books/clean-up"
    )


def test_a_custom_resource_that_nobody_deleted_is_the_loads_own(recording: Recording) -> None:
    inventories(recording, entry(BOOKS, "load-1"))
    assert left(recording).status is Status.PASS


def test_what_the_clusters_controllers_and_others_made_is_passed_over(
    recording: Recording,
) -> None:
    recording.call(2, "create", "secrets", "token", user="somebody", code=201)
    inventories(
        recording,
        entry(MAPS, "kube-root-ca.crt", managers=("kube-controller-manager",)),
        entry("secrets", "token", namespace="elsewhere", managers=("kubectl",)),
    )
    assert left(recording).status is Status.PASS


def test_events_that_outlive_their_time_are_a_finding(recording: Recording) -> None:
    key = ObjectKey(resource="events", namespace="x", name="load-1.17", uid="e")
    inventories(recording, old_events=(key,))
    (finding,) = left(recording).findings
    assert "older than the cluster keeps Events" in finding.title


def test_a_soak_that_was_cut_short_is_not_judged_by_what_is_there(recording: Recording) -> None:
    plateaus(recording)
    writer = NdjsonWriter(recording.run.soak_inventory_file)
    writer.write(Inventory(name="begin", stamp=at(1), entries=(THEIRS,)))
    writer.close()
    outcome = left(recording)
    assert outcome.status is Status.NOT_VERIFIED
    assert "did not come to its end" in outcome.reason


def test_kinds_that_may_not_be_listed_leave_it_open(recording: Recording) -> None:
    inventories(recording, unlisted={"secrets": "Forbidden"})
    assert left(recording).status is Status.NOT_VERIFIED


def recreate(recording: Recording, *, watches_after: int) -> None:
    def watch(when: float, until: float = 0.0) -> None:
        stage = "ResponseComplete" if until else "ResponseStarted"
        took = until - when if until else 0.001
        recording.call(when, "watch", BOOKS, took=took, stage=stage)

    watch(1.0, until=220.0)
    recording.call(219.9, "delete", DEFINITIONS, BOOKS, user="operator-harness", namespace="")
    recording.call(222, "create", DEFINITIONS, BOOKS, user="harness", namespace="", code=201)
    for number in range(watches_after):
        watch(223.0 + number)
    recording.call(240, "list", BOOKS)


@pytest.mark.parametrize(("after", "status"), [(1, Status.PASS), (2, Status.FAIL)])
def test_a_watch_more_after_the_definition_was_made_anew_is_leaked(
    recording: Recording, after: int, status: Status
) -> None:
    recreate(recording, watches_after=after)
    outcome = judge("SOA-111", recording.evidence, None)
    assert outcome.status is status
    assert ["2 watches of" in finding.title for finding in outcome.findings] == [True] * (after - 1)


def test_a_definition_that_stays_leaves_the_question_open(recording: Recording) -> None:
    outcome = judge("SOA-111", recording.evidence, None)
    assert outcome.status is Status.NOT_VERIFIED


def test_cycles_that_cost_more_and_more_requests_are_a_finding(recording: Recording) -> None:
    plateaus(recording)
    for cycle in range(20):
        for number in range(100 + 5 * cycle):
            recording.call(10.0 * cycle + 2 + number / 100, "get", MAPS)
    outcome = judge("SOA-112", recording.evidence, None)
    assert outcome.status is Status.FAIL
    (finding,) = outcome.findings
    assert finding.title.startswith("requests of a cycle grew by")


def test_cycles_that_cost_the_same_pass(recording: Recording) -> None:
    plateaus(recording, cpu=lambda cycle: cycle + (cycle * 7919 % 41) / 2000)
    for cycle in range(20):
        for number in range(100):
            recording.call(10.0 * cycle + 2 + number / 100, "get", MAPS)
    assert judge("SOA-112", recording.evidence, None).status is Status.PASS


def test_a_leak_of_descriptors_names_what_they_lead_to(recording: Recording) -> None:
    plateaus(
        recording, leads_to=lambda cycle: {"timerfd": 4, "/proc/version": cycle, "eventpoll": 1}
    )
    outcome = judge("SOA-101", recording.evidence, None)
    assert outcome.status is Status.FAIL
    (finding,) = outcome.findings
    assert finding.title.startswith("descriptors leaks")
    assert finding.detail == "+16 of them between cycles 4 and 20: /proc/version"


def test_leaked_files_of_different_names_are_told_by_their_folder(recording: Recording) -> None:
    plateaus(
        recording,
        leads_to=lambda cycle: {"timerfd": 4} | {f"/tmp/x/{n}": 1 for n in range(cycle)},
    )
    (finding,) = judge("SOA-101", recording.evidence, None).findings
    assert finding.detail == "+16 of them between cycles 4 and 20: /tmp/x/*"


def test_watches_that_stay_open_grow_from_plateau_to_plateau(recording: Recording) -> None:
    plateaus(recording)
    for cycle in range(20):
        recording.call(10.0 * cycle + 1, "watch", BOOKS, took=0.001, stage="ResponseStarted")
    result = soak_result(recording.evidence)
    assert result is not None
    (signal,) = [signal for signal in result.signals if signal.name == "open watches"]
    assert signal.values == tuple(float(cycle + 1) for cycle in range(20))
    assert judge("SOA-101", recording.evidence, None).status is Status.FAIL
