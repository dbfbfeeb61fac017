"""False alarms and power of the leak verdict, on simulated soaks with fixed seeds.

Rates are those of the test that runs on real soaks; bounds allow for the simulation's own error
(three standard errors of 3,000 or more trials).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np
import pytest

from harness.analysis.soak.decision import decide
from harness.analysis.soak.leaks import Churn, Plateaus, judge_soak, warm_up
from harness.analysis.soak.trend import holm, trends
from harness.model.soakresult import LeakVerdict, SoakSignal

if TYPE_CHECKING:
    from numpy.typing import NDArray

MIB = 1 << 20
TRIALS = 4_000


def plateaus(
    trials: int,
    *,
    cycles: int = 20,
    noise: float,
    growth: NDArray[np.float64] | float = 0.0,
    correlation: float = 0.0,
    seed: int = 11,
) -> NDArray[np.float64]:
    """Plateaus of many soaks in MiB; `growth` is over the whole soak, or a curve."""
    values = np.random.default_rng(seed).normal(0, noise, (trials, cycles))
    for cycle in range(1, cycles if correlation else 1):
        fresh = values[:, cycle] * np.sqrt(1 - correlation**2)
        values[:, cycle] = correlation * values[:, cycle - 1] + fresh
    line = np.arange(cycles) / cycles
    return values + (growth * line if isinstance(growth, float) else growth)


def shares(values: NDArray[np.float64], *, signals: int = 1) -> tuple[float, float, float]:
    """Shares of soaks with a leak, of signals without one, and of those that stay open."""
    cycles = values.shape[1]
    counted = values[:, warm_up(cycles) :]
    found = trends(counted)
    adjusted = holm(found.p.reshape(-1, signals)).reshape(-1)
    steps = counted.shape[1]
    codes = decide(found, adjusted, steps=steps, matters=np.full(len(values), steps / cycles))
    leaks = float((codes.reshape(-1, signals) == 0).any(axis=1).mean())
    return leaks, float((codes == 1).mean()), float((codes == 2).mean())


@pytest.mark.parametrize("noise", [0.05, 0.2, 0.5])
@pytest.mark.parametrize("cycles", [16, 20, 40])
def test_at_most_1_of_100_soaks_without_a_leak_is_called_leaking(noise: float, cycles: int) -> None:
    leaks, _, _ = shares(plateaus(TRIALS, cycles=cycles, noise=noise))
    assert leaks <= 0.01


def test_many_signals_together_don_t_alarm_more_often_than_one() -> None:
    leaks, _, _ = shares(plateaus(TRIALS * 6, noise=0.2), signals=6)
    assert leaks <= 0.01


@pytest.mark.parametrize(("correlation", "most"), [(0.2, 0.012), (0.4, 0.025), (0.8, 0.045)])
def test_plateaus_that_hang_together_raise_false_alarms_only_a_little(
    correlation: float, most: float
) -> None:
    leaks, _, _ = shares(plateaus(TRIALS, noise=0.2, correlation=correlation))
    assert leaks <= most


@pytest.mark.parametrize(
    ("cycles", "noise", "growth", "power"),
    [(20, 0.05, 1.0, 0.98), (20, 0.1, 1.0, 0.95), (20, 0.2, 1.0, 0.89), (40, 0.2, 1.0, 0.98)],
)
def test_a_leak_of_1_mib_in_a_soak_is_found(
    cycles: int, noise: float, growth: float, power: float
) -> None:
    leaks, none, _ = shares(plateaus(TRIALS, cycles=cycles, noise=noise, growth=growth))
    assert leaks >= power
    assert none <= 0.01


@pytest.mark.parametrize(("cycles", "noise"), [(20, 0.05), (20, 0.2), (40, 0.2)])
def test_the_smallest_detectable_leak_is_what_is_found_in_19_of_20_soaks(
    cycles: int, noise: float
) -> None:
    left_out = warm_up(cycles)
    quiet = trends(plateaus(TRIALS, cycles=cycles, noise=noise)[:, left_out:])
    smallest = float(np.median(quiet.detectable))
    values = plateaus(TRIALS, cycles=cycles, noise=noise, growth=smallest * cycles, seed=5)[
        :, left_out:
    ]
    found = trends(values)
    steps = values.shape[1]
    codes = decide(found, found.p, steps=steps, matters=np.full(TRIALS, smallest * steps))
    assert float((codes == 0).mean()) >= 0.94


def test_a_pass_is_never_given_without_power() -> None:
    _, none, stays_open = shares(plateaus(TRIALS, noise=0.5))
    assert none <= 0.001
    assert stays_open >= 0.99
    _, none, _ = shares(plateaus(TRIALS, noise=0.05))
    assert none >= 0.98


CYCLE = np.arange(20.0)


@pytest.mark.parametrize(
    ("name", "curve"),
    [
        ("a cache that fills and then is flat", 5 * np.minimum(CYCLE / 8, 1)),
        ("allocator warm-up", 3 * (1 - np.exp(-CYCLE / 2))),
        ("growth of a map, once", 2.0 * (CYCLE >= 9)),
        ("a sawtooth of the garbage collector", (CYCLE % 4) / 3),
    ],
)
def test_what_grows_and_stops_is_not_called_a_leak(name: str, curve: NDArray[np.float64]) -> None:
    leaks, _, _ = shares(plateaus(TRIALS, noise=0.05, growth=curve))
    assert leaks <= 0.01, name


@pytest.mark.parametrize("noise", [0.01, 0.05])
def test_a_leak_is_found_though_there_was_a_warm_up_before_it(noise: float) -> None:
    curve = CYCLE / 20 + 0.12 * (1 - np.exp(-CYCLE / 6))
    leaks, _, _ = shares(plateaus(TRIALS, noise=noise, growth=curve))
    assert leaks >= 0.97


def test_a_leak_behind_a_long_warm_up_is_found_by_its_last_half() -> None:
    """As of a Python process, whose memory settles for minutes while it leaks."""
    curve = CYCLE / 20 + 0.6 * (1 - np.exp(-CYCLE / 4))
    values = plateaus(TRIALS, noise=0.01, growth=curve)
    leaks, none, _ = shares(values)
    assert leaks >= 0.9
    assert none <= 0.001
    (signal,) = judged(heap(values[0]))
    assert signal.verdict is LeakVerdict.LEAK


@pytest.mark.parametrize("scale", [3.0, 5.0, 10.0])
@pytest.mark.parametrize("noise", [0.003, 0.01])
def test_what_saturates_within_the_soak_is_no_leak_by_its_last_half(
    scale: float, noise: float
) -> None:
    curve = 5 * (1 - np.exp(-CYCLE / scale))
    leaks, _, _ = shares(plateaus(TRIALS, noise=noise, growth=curve))
    assert leaks <= 0.01


def of_processes(growth: NDArray[np.float64], *, noise: float) -> tuple[float, float]:
    """Shares of soaks called leaking by a process's memory: as of any signal, and as it settles."""
    counted = plateaus(TRIALS, noise=noise, growth=growth)[:, warm_up(20) :]
    found = trends(counted)
    codes = [
        decide(
            found,
            found.p,
            steps=counted.shape[1],
            matters=np.full(TRIALS, 2 * 0.85),
            settles=settles,
        )
        for settles in (False, True)
    ]
    return float((codes[0] == 0).mean()), float((codes[1] == 0).mean())


@pytest.mark.parametrize(
    "curve", [4 * np.minimum(CYCLE / 10, 1), 4 * (1 - np.exp(-CYCLE / 3))], ids=["ramp", "bend"]
)
def test_memory_of_a_process_that_grew_and_is_flat_leaks_far_less_often(
    curve: NDArray[np.float64],
) -> None:
    """Of noise as a Go process has it, in which a bend can't be seen."""
    before, now = of_processes(curve, noise=0.5)
    assert before > 0.05
    assert now <= before / 3


@pytest.mark.parametrize(("noise", "power"), [(0.03, 0.99), (0.06, 0.99), (0.1, 0.95)])
def test_the_fill_of_an_allocator_is_not_taken_for_a_leak_of_2_mib(
    noise: float, power: float
) -> None:
    """Its last part, which a short soak sees, falls off as slowly as this."""
    _, filled = of_processes(2 * (1 - np.exp(-CYCLE / 5)), noise=noise)
    _, leaking = of_processes(2 * CYCLE / 20, noise=noise)
    assert filled <= 0.005
    assert leaking >= power


@pytest.mark.parametrize(
    ("noise", "most"), [(0.003, 0.0), (0.03, 0.001), (0.06, 0.005), (0.1, 0.02)]
)
def test_memory_that_stands_still_between_two_rises_is_rarely_called_leaking(
    noise: float, most: float
) -> None:
    """As what is filled once, and again by new connections when the API server was restarted."""
    twice = 1.6 * np.minimum(CYCLE / 7, 1) + 1.6 * np.clip((CYCLE - 13) / 6, 0, 1)
    _, accused = of_processes(twice, noise=noise)
    assert accused <= most


@pytest.mark.parametrize("noise", [0.02, 0.05, 0.1])
def test_the_smallest_leak_that_memory_can_show_is_found_in_19_of_20_soaks(noise: float) -> None:
    clear = [judged(memory(row))[0] for row in 64 + plateaus(400, noise=noise, growth=5.0)]
    smallest = float(np.median([signal.detectable or 0.0 for signal in clear])) / MIB
    small = 64 + plateaus(400, noise=noise, growth=smallest * 20 / 17, seed=5)
    found = [judged(memory(row))[0].verdict is LeakVerdict.LEAK for row in small]
    assert np.mean(found) >= 0.94


PAUSED = (
    (
        *(0, 192, 408, 672, 884, 1140, 1412, 1612),
        *(1640,) * 6,
        *(1652, 1844, 2112, 2396, 2472, 3308),
    ),
    (
        *(0, 492, 680, 956, 1112, 1352, 1580, 1600, 1700, 1700),
        *(1700, 1728, 1836, 2044, 2276, 2776, 3240, 3504, 3784, 4040),
    ),
)
"""A healthy Python process in two real soaks, in KiB above the first cycle; its API server was
restarted after the tenth."""


@pytest.mark.parametrize("kept", PAUSED)
def test_memory_that_stood_still_and_grew_again_stays_open_and_says_so(
    kept: tuple[int, ...],
) -> None:
    (signal,) = judged(memory(64 + np.array(kept) / 1024))
    assert signal.verdict is LeakVerdict.INCONCLUSIVE
    assert "hardly in some third of the cycles" in signal.sentence


def test_memory_that_grew_much_until_garbage_was_collected_stays_open() -> None:
    # A Go process in a real soak that collects each two minutes only, in MiB above the first cycle.
    early = (0, 22.6, 45.7, 68.2, 90.8, 113.3, 135.9, 158.6, 182.1, 199.9)
    late = (269.9, 287.3, 304.6, 322.2, 342.1, 364.6, 366.0, 366.1, 366.1, 366.1)
    (signal,) = judged(memory(64 + np.array((*early, *late))))
    assert signal.verdict is LeakVerdict.INCONCLUSIVE


def test_memory_leaks_in_no_soak_that_is_too_short_to_have_had_garbage_collected() -> None:
    leaking = memory(64 + 0.2 * CYCLE)
    for seconds, verdict in ((479, LeakVerdict.INCONCLUSIVE), (480, LeakVerdict.LEAK)):
        (signal,) = judge_soak([leaking], seconds=seconds).signals
        assert signal.verdict is verdict
        assert ("a soak of 8 minutes or more would tell" in signal.sentence) is (seconds < 480)
    (heaps,) = judge_soak([heap(40 + 0.2 * CYCLE)], seconds=200).signals
    assert heaps.verdict is LeakVerdict.LEAK
    (flat,) = judge_soak([memory(64 + plateaus(1, noise=0.02)[0])], seconds=200).signals
    assert flat.verdict is LeakVerdict.NO_LEAK


@pytest.mark.parametrize("at", range(4, 19))
def test_a_spike_costs_neither_a_leak_nor_a_pass(at: int) -> None:
    spike = 0.6 * (at == CYCLE)
    leaks, none, _ = shares(plateaus(TRIALS, noise=0.02, growth=1.0 * CYCLE / 20 + spike))
    assert (leaks >= 0.97, none) == (True, 0.0)
    leaks, none, _ = shares(plateaus(TRIALS, noise=0.02, growth=spike))
    assert (leaks <= 0.01, none >= 0.97) == (True, True)


def test_a_leak_is_rarely_cleared_where_plateaus_hang_together() -> None:
    """By the last half alone, whose few plateaus look flat then by chance."""
    _, cleared, _ = shares(plateaus(TRIALS, noise=0.07, growth=1.0, correlation=0.6))
    assert cleared <= 0.06


def test_memory_that_grew_and_slowed_down_stays_open_and_says_so() -> None:
    # A healthy Go process in a real soak, in KiB above the first cycle.
    early = (0, 3488, 3988, 3652, 4300, 4056, 4688, 4084, 5192, 4532)
    late = (5752, 4564, 5528, 5484, 5376, 5188, 5488, 4484, 6080, 5564)
    kept = 1024.0 * np.array((*early, *late))
    (signal,) = judged(memory(50.0 + kept / MIB))
    assert signal.verdict is LeakVerdict.INCONCLUSIVE
    assert "it grew, then slowed down" in signal.sentence


def test_a_steep_line_is_a_leak_though_what_remains_around_it_hangs_together() -> None:
    """As of a real operator: a connection that was made anew in the middle holds 60 KiB more."""
    curve = 1.2 * CYCLE / 20 + 0.06 * (CYCLE >= 10)
    values = np.stack([plateaus(1, noise=0.003, growth=curve)[0], *plateaus(6, noise=0.0)])
    assert trends(values[:1, 3:]).correlation[0] > 0.6
    assert shares(values, signals=7)[0] == 1.0


def test_a_leak_is_found_though_its_line_is_bent_a_little() -> None:
    # The live heap of a real soak with a leak of 1 MiB, in KiB above the first cycle.
    early = (0, 74, 122, 195, 243, 314, 380, 428, 490, 528)
    late = (642, 688, 756, 804, 861, 892, 947, 922, 979, 1034)
    (signal, *_) = judged(*(heap(np.array((*early, *late)) / 1024) for _ in range(8)))
    assert signal.autocorrelation > 0.9
    assert signal.verdict is LeakVerdict.LEAK


def test_a_heap_that_grows_by_steps_and_hardly_between_them_is_not_called_leaking() -> None:
    # The live heap of another project's operator in a real soak, in KiB above the first cycle; its
    # API server was restarted after the tenth.
    early = (0, 76, 100, 115, 140, 278, 291, 307, 327, 339)
    late = (472, 394, 1202, 667, 683, 689, 700, 720, 734, 743)
    (signal,) = judged(heap(np.array((*early, *late)) / 1024))
    assert signal.verdict is LeakVerdict.INCONCLUSIVE
    assert "it grew, then slowed down" in signal.sentence


def test_a_leak_by_steps_is_one_where_it_goes_on() -> None:
    # The same operator at twice the rate: it keeps a value for each object that ever was.
    early = (0, 21, 134, 156, 1932, 340, 432, 408, 667, 701)
    late = (744, 805, 1617, 846, 893, 910, 1368, 1490, 1517, 1538)
    (signal, *_) = judged(*(heap(np.array((*early, *late)) / 1024) for _ in range(7)))
    assert signal.verdict is LeakVerdict.LEAK


IN_USE = {
    # Of a Python process in real soaks of eight minutes, in KiB above the first cycle.
    "healthy": (
        *(0, 589, 544, 859, 863, 840, 857, 872, 1193, 1139),
        *(1474, 1485, 1500, 1468, 1481, 1497, 1470, 1489, 1500, 1467),
    ),
    "healthy again": (
        *(0, 23, 293, 292, 310, 319, 575, 578, 596, 566),
        *(1098, 1111, 1128, 1092, 1113, 1125, 1081, 1095, 1114, 1124),
    ),
    "leaking 2 MiB": (
        *(0, 708, 1070, 1193, 1319, 1445, 1510, 1641, 2065, 2142),
        *(3120, 3172, 3300, 3370, 3496, 3625, 3707, 3840, 3969, 4052),
    ),
}


@pytest.mark.parametrize("name", IN_USE)
def test_memory_in_use_tells_a_leak_from_what_an_allocator_keeps(name: str) -> None:
    (signal,) = judged(memory(64 + np.array(IN_USE[name]) / 1024))
    leaks = name.startswith("leaking")
    assert signal.verdict is (LeakVerdict.LEAK if leaks else LeakVerdict.NO_LEAK)


@pytest.mark.parametrize("noise", [0.005, 0.02])
@pytest.mark.parametrize("scale", [3.0, 5.0, 8.0])
def test_memory_that_slows_down_in_the_last_half_is_rarely_called_leaking(
    noise: float, scale: float
) -> None:
    """As where new connections after a restart of the API server break an allocator's holes up."""
    after = np.clip(CYCLE - 10, 0, None)
    rises = [3 * (1 - np.exp(-x / scale)) for x in (np.minimum(CYCLE, 10.0), after)]
    _, accused = of_processes(rises[0] + rises[1], noise=noise)
    assert accused <= 0.01


def test_a_cache_that_was_full_early_is_no_leak_by_the_last_half_alone() -> None:
    curve = 5 * np.minimum(CYCLE / 6, 1)
    leaks, none, _ = shares(plateaus(TRIALS, noise=0.03, growth=curve))
    assert leaks == 0
    assert none >= 0.9


def heap(values: NDArray[np.float64]) -> Plateaus:
    return Plateaus(
        name="live heap", unit="B", values=tuple(values * MIB), matters=MIB, matters_each=16
    )


def memory(values: NDArray[np.float64]) -> Plateaus:
    kept = tuple((values * MIB).tolist())
    return Plateaus(name="RSS", unit="B", values=kept, matters=2 * MIB, settles=True)


def judged(*signals: Plateaus, churn: Churn | None = None) -> tuple[SoakSignal, ...]:
    return judge_soak(signals, churn=churn).signals


def test_a_leak_is_told_with_bytes_a_reconcile_and_what_would_have_been_seen() -> None:
    values = 40 + plateaus(1, noise=0.02, growth=2.0)[0]
    (signal,) = judged(heap(values), churn=Churn(reconciles=17_000, objects=1_700))
    assert signal.verdict is LeakVerdict.LEAK
    assert signal.warm_up == 3
    assert signal.growth == pytest.approx(1.7 * MIB, rel=0.05)
    assert signal.each_reconcile is not None
    assert signal.each_reconcile[0] == pytest.approx(1.7 * MIB / 17_000, rel=0.05)
    assert signal.each_reconcile[1] < signal.each_reconcile[0] < signal.each_reconcile[2]
    assert signal.each_object is not None
    assert signal.sentence.startswith("live heap leaks: it grew by 1.7")
    assert "a reconcile" in signal.sentence
    assert "over 17 cycles would have shown" in signal.sentence


def test_a_leak_is_told_by_objects_where_nobody_counts_reconciles() -> None:
    values = 40 + plateaus(1, noise=0.001, growth=2.0)[0]
    (signal,) = judged(heap(values), churn=Churn(objects=850))
    assert ", 2.05 KiB an object (" in signal.sentence


def test_no_leak_names_the_smallest_that_would_have_been_seen() -> None:
    (signal,) = judged(heap(40 + plateaus(1, noise=0.03)[0]))
    assert signal.verdict is LeakVerdict.NO_LEAK
    assert signal.detectable is not None
    assert signal.detectable <= signal.matters == pytest.approx(0.85 * MIB)
    assert signal.sentence.startswith("live heap doesn't leak more than that: a growth of ")


def test_plateaus_that_are_too_noisy_leave_it_open_and_say_what_could_have_been_missed() -> None:
    (signal,) = judged(heap(40 + plateaus(1, noise=1.0)[0]))
    assert signal.verdict is LeakVerdict.INCONCLUSIVE
    assert "could have been missed" in signal.sentence


def test_the_growth_that_matters_rises_with_the_number_of_reconciles() -> None:
    values = 40 + plateaus(1, noise=0.01, growth=1.2)[0]
    few, many = (judged(heap(values), churn=Churn(reconciles=n))[0] for n in (1_000, 10_000_000))
    assert (few.verdict, many.verdict) == (LeakVerdict.LEAK, LeakVerdict.NO_LEAK)


def test_one_more_goroutine_once_is_no_leak_but_one_more_every_few_cycles_is() -> None:
    once = Plateaus(
        name="goroutines",
        unit="1",
        values=(*(12.0,) * 9, *(13.0,) * 11),
        matters=3,
        resolution=1,
    )
    often = Plateaus(
        name="goroutines",
        unit="1",
        values=tuple(float(12 + cycle // 3) for cycle in range(20)),
        matters=3,
        resolution=1,
    )
    assert judged(once)[0].verdict is not LeakVerdict.LEAK
    assert judged(often)[0].verdict is LeakVerdict.LEAK


@pytest.mark.parametrize("cycle", range(2, 20))
def test_a_count_that_goes_up_by_one_and_stays_rules_out_three(cycle: int) -> None:
    values = (*(8.0,) * cycle, *(9.0,) * (20 - cycle))
    once = Plateaus(name="threads", unit="1", values=values, matters=3, resolution=1)
    (signal,) = judged(once)
    assert signal.verdict is LeakVerdict.NO_LEAK
    assert signal.detectable is not None
    assert 1 <= signal.detectable <= 2, "half of what is ruled out was seen, or less"


@pytest.mark.parametrize("correlation", [0.0, 0.5, 0.9])
@pytest.mark.parametrize("noise", [0.05, 0.2, 0.5])
def test_a_narrow_span_hides_no_leak_that_matters(noise: float, correlation: float) -> None:
    """It is seen in 19 of 20 soaks, also where plateaus hang together."""
    values = plateaus(TRIALS, noise=noise, correlation=correlation, growth=1.0)
    counted = values[:, warm_up(20) :]
    assert (2 * trends(counted).span <= counted.shape[1] / 20).mean() <= 0.05


def test_signals_that_never_move_don_t_leak() -> None:
    flat = Plateaus(name="threads", unit="1", values=(9.0,) * 20, matters=2, resolution=1)
    (signal,) = judged(flat)
    assert (signal.verdict, signal.detectable) == (LeakVerdict.NO_LEAK, 1)


def test_too_few_cycles_leave_it_open_and_say_how_many_are_needed() -> None:
    (signal,) = judged(heap(40 + plateaus(1, cycles=9, noise=0.01, growth=9.0)[0]))
    assert signal.verdict is LeakVerdict.INCONCLUSIVE
    assert signal.sentence == "live heap stays open: 9 cycles are too few, it needs at least 16"


def test_a_soak_leaks_if_one_signal_does_and_passes_only_if_all_do() -> None:
    leaking = heap(40 + plateaus(1, noise=0.02, growth=3.0)[0])
    clean = heap(40 + plateaus(1, noise=0.02, seed=2)[0])
    noisy = heap(40 + plateaus(1, noise=2.0, seed=3)[0])
    assert judge_soak([leaking, clean, noisy]).verdict is LeakVerdict.LEAK
    assert judge_soak([clean, noisy]).verdict is LeakVerdict.INCONCLUSIVE
    assert judge_soak([clean, clean]).verdict is LeakVerdict.NO_LEAK
    assert judge_soak([]).verdict is LeakVerdict.INCONCLUSIVE


def test_holms_correction_is_that_of_the_textbook() -> None:
    adjusted = holm(np.array([0.01, 0.04, 0.03, 0.005]))
    assert adjusted == pytest.approx([0.03, 0.06, 0.06, 0.02])


def test_the_slope_is_that_of_theil_and_sen_and_a_wild_value_doesn_t_move_it() -> None:
    values = np.arange(20.0) * 3
    wild = values.copy()
    wild[17] = 1e6
    found = trends(np.stack([values, wild]))
    assert found.slope == pytest.approx([3, 3])
    assert found.low[0] == found.high[0] == 3


def test_growth_that_a_cache_may_hold_stays_open_and_what_is_sure_beyond_it_leaks() -> None:
    values = 40 + plateaus(1, noise=0.02, growth=3.0)[0]
    for mib, verdict in ((1.0, LeakVerdict.LEAK), (2.5, LeakVerdict.INCONCLUSIVE)):
        (signal,) = judged(
            msgspec.structs.replace(heap(values), allowed=mib * MIB, allowed_for="of 500 Events")
        )
        assert signal.verdict is verdict
        assert signal.detectable is not None
        assert signal.detectable > mib * MIB
    assert "it grew by 2.56 MiB, but 2.5 MiB may be of 500 Events" in signal.sentence


def test_a_cache_that_may_hold_much_costs_no_pass_where_nothing_grows() -> None:
    flat = heap(40 + plateaus(1, noise=0.02)[0])
    (signal,) = judged(msgspec.structs.replace(flat, allowed=5.0 * MIB, allowed_for="Events"))
    assert signal.verdict is LeakVerdict.NO_LEAK


def test_growth_that_is_clear_but_less_than_what_matters_is_no_leak() -> None:
    (signal,) = judged(heap(40 + plateaus(1, noise=0.01, growth=0.3)[0]))
    assert signal.low > 0
    assert signal.verdict is LeakVerdict.NO_LEAK
