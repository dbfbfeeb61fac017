"""A run with a soak is judged from its folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from harness.analysis import judge, soak_questions, soak_result
from harness.analysis.soak.audited import with_event_caches
from harness.analysis.soak.leaks import judge_soak
from harness.analysis.soak.signals import signals
from harness.evidence.ndjson import NdjsonWriter
from harness.model.findings import Status
from harness.model.soak import Plateau
from harness.model.soakresult import LeakVerdict
from harness.tests.analysis.recording import at

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from harness.tests.analysis.recording import Recording

KIB, MIB = 1 << 10, 1 << 20


def noise(cycle: int) -> float:
    """Within 20 KiB, and neighbours have nothing to do with each other."""
    return (cycle * 7919 % 41 - 20) * KIB


def soak(
    recording: Recording,
    heap: Callable[[int], float],
    *,
    cycles: int = 20,
    restart: int = 0,
    without_heap: Collection[int] = (),
    **others: float,
) -> None:
    writer = NdjsonWriter(recording.run.plateaus_file)
    for cycle in range(cycles):
        held = {} if cycle in without_heap else {"live heap": heap(cycle) + noise(cycle)}
        writer.write(
            Plateau(
                cycle=cycle,
                workload="manager",
                stamp=at(10.0 * cycle),
                pid=100 + (cycle < restart),
                values={**held, "goroutines": 40.0, **others},
                cpu_s=float(cycle),
                reconciles=100 * (cycle + 1),
                objects=50,
            )
        )
    writer.close()


def test_a_run_without_a_soak_has_no_result_and_its_check_is_not_verified(
    recording: Recording,
) -> None:
    assert soak_result(recording.evidence) is None
    assert judge("SOA-101", recording.evidence, None).status is Status.NOT_VERIFIED


def test_a_leak_fails_the_check_with_its_bytes_a_reconcile(recording: Recording) -> None:
    soak(recording, lambda cycle: 5 * MIB + cycle * 100 * KIB)
    outcome = judge("SOA-101", recording.evidence, None)
    assert outcome.status is Status.FAIL
    assert "live heap leaks" in outcome.findings[0].title
    result = soak_result(recording.evidence)
    assert result is not None
    assert result.signals[0].each_reconcile is not None
    assert result.signals[0].each_reconcile[0] == pytest.approx(1024, rel=0.05)


def test_a_clean_soak_passes_and_says_what_it_could_have_seen(recording: Recording) -> None:
    soak(recording, lambda _: 5 * MIB)
    assert judge("SOA-101", recording.evidence, None).status is Status.PASS
    assert not soak_questions(recording.evidence)
    result = soak_result(recording.evidence)
    assert result is not None
    assert all(signal.detectable for signal in result.signals)


def test_a_cache_that_fills_and_then_is_flat_is_no_leak(recording: Recording) -> None:
    soak(recording, lambda cycle: 5 * MIB + min(cycle, 6) * MIB)
    assert judge("SOA-101", recording.evidence, None).status is not Status.FAIL


def writes_events(recording: Recording, resource: str, each_cycle: int) -> None:
    for cycle in range(20):
        for number in range(each_cycle):
            when = 10.0 * cycle + 1 + number / 100
            recording.call(when, "create", resource, f"e-{cycle}-{number}", code=201)


def at_rest(cycle: int, values: dict[str, float], *, each_s: float = 10.0) -> Plateau:
    return Plateau(
        cycle=cycle,
        workload="manager",
        stamp=at(each_s * cycle),
        pid=100,
        values=values,
        cpu_s=0.0,
    )


@pytest.mark.parametrize("resource", ["events", "events.events.k8s.io"])
def test_events_that_the_client_keeps_for_a_while_are_no_leak(
    recording: Recording, resource: str
) -> None:
    soak(recording, lambda cycle: 5 * MIB + cycle * 70 * KIB)
    writes_events(recording, resource, each_cycle=50)  # 100 KiB a cycle, at 2 KiB each
    outcome = judge("SOA-101", recording.evidence, None)
    assert outcome.status is Status.NOT_VERIFIED
    result = soak_result(recording.evidence)
    assert result is not None
    assert "850 Events that it wrote" in result.signals[0].sentence


def test_a_leak_beside_few_events_is_still_one(recording: Recording) -> None:
    soak(recording, lambda cycle: 5 * MIB + cycle * 100 * KIB)
    writes_events(recording, "events", each_cycle=10)
    assert judge("SOA-101", recording.evidence, None).status is Status.FAIL


def test_events_of_a_while_ago_are_kept_only_by_the_older_client(recording: Recording) -> None:
    plateaus = [at_rest(cycle, {"live heap": 1.0}, each_s=90.0) for cycle in range(20)]
    heaps, _, _ = signals(plateaus)
    for resource in ("events", "events.events.k8s.io"):
        for cycle in range(20):
            recording.call(90.0 * cycle - 1, "create", resource, f"{resource}-{cycle}", code=201)
    (heap,) = with_event_caches(recording.evidence, heaps, plateaus)
    assert heap.allowed == (17 + 8) * 2 * KIB


def test_too_few_cycles_leave_the_question_open(recording: Recording) -> None:
    soak(recording, lambda cycle: 5 * MIB + cycle * MIB, cycles=10)
    assert judge("SOA-101", recording.evidence, None).status is Status.NOT_VERIFIED
    (question,) = soak_questions(recording.evidence)
    assert "10 cycles are too few" in question


def test_plateaus_before_a_restart_do_not_count(recording: Recording) -> None:
    soak(recording, lambda cycle: (50 if cycle < 4 else 5) * MIB, cycles=24, restart=4)
    result = soak_result(recording.evidence)
    assert result is not None
    assert result.cycles == 20
    assert result.verdict is LeakVerdict.NO_LEAK
    assert "was started anew" in " ".join(result.notes)


def test_a_profile_that_was_not_answered_once_does_not_hide_a_leak(recording: Recording) -> None:
    soak(recording, lambda cycle: 5 * MIB + cycle * 100 * KIB, cycles=22, without_heap={7})
    outcome = judge("SOA-101", recording.evidence, None)
    assert outcome.status is Status.FAIL
    assert "live heap leaks" in outcome.findings[0].title
    result = soak_result(recording.evidence)
    assert result is not None
    assert "manager: 1 of 22 plateaus lack a signal, and don't count" in result.notes


def test_what_could_be_read_too_seldom_leaves_the_question_open(recording: Recording) -> None:
    soak(recording, lambda _: 5 * MIB, without_heap=range(4, 12))
    outcome = judge("SOA-101", recording.evidence, None)
    assert outcome.status is Status.NOT_VERIFIED
    (question,) = soak_questions(recording.evidence)
    assert "live heap stays open: it could be read after 12 of 20 cycles only" in question


def test_memory_of_the_process_decides_only_where_there_is_no_live_heap(
    recording: Recording,
) -> None:
    soak(recording, lambda _: 5 * MIB, RSS=60.0 * MIB)
    result = soak_result(recording.evidence)
    assert result is not None
    assert {signal.name for signal in result.signals} == {"live heap", "goroutines"}
    assert [signal.name for signal in result.beside] == ["RSS"]


@pytest.mark.parametrize(
    ("known", "decides", "shown"),
    [
        ({"RSS", "PSS"}, ["RSS"], ["PSS"]),
        ({"memory in use", "RSS", "PSS"}, ["memory in use"], ["RSS", "PSS"]),
        ({"live heap", "memory in use", "RSS"}, ["live heap"], ["memory in use", "RSS"]),
    ],
)
def test_of_the_memory_of_a_process_decides_what_is_most_its_own(
    known: set[str], decides: list[str], shown: list[str]
) -> None:
    """PSS goes with the neighbours; RSS has what its allocator keeps free."""
    made = [at_rest(cycle, dict.fromkeys(sorted(known), 50.0 * MIB)) for cycle in range(20)]
    decide, beside, _ = signals(made)
    assert ([item.name for item in decide], [item.name for item in beside]) == (decides, shown)


def test_memory_in_use_that_could_be_read_only_now_and_then_stays_open_beside_rss() -> None:
    """What isn't looked at leaks unseen, so it isn't passed over for what is worse."""
    in_use = {"memory in use": 4.0 * MIB}
    made = [
        at_rest(cycle, {"RSS": 50.0 * MIB, **(in_use if cycle % 2 else {})}) for cycle in range(20)
    ]
    decide, _, partial = signals(made)
    assert ([item.name for item in decide], [item.name for item in partial]) == (
        ["RSS"],
        ["memory in use"],
    )


CREPT = (
    *(0, 620, 792, 1064, 1196, 1332, 1444, 1552, 1628, 1772),
    *(2704, 2816, 2936, 3080, 3192, 3280, 3336, 3388, 3452, 3500),
)
"""The RSS of a healthy Python process in a real soak, in KiB above the first cycle."""


@pytest.mark.parametrize("name", ["RSS", "working set"])
def test_what_an_allocator_may_keep_is_neither_called_a_leak_nor_passes_for_none(name: str) -> None:
    verdicts = []
    for leak_each in (0.0, 300.0 * KIB):
        made = [
            at_rest(cycle, {name: 60 * MIB + CREPT[cycle] * KIB + leak_each * cycle})
            for cycle in range(20)
        ]
        decide, _, _ = signals(made)
        verdicts.append(judge_soak(decide).signals[0])
    healthy, leaking = verdicts
    assert healthy.verdict is LeakVerdict.INCONCLUSIVE
    assert "may be free pieces that its allocator keeps" in healthy.sentence
    assert leaking.verdict is LeakVerdict.LEAK
    assert (healthy.detectable or 0) > 2 * MIB
