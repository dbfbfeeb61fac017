"""Charts as data: what is drawn, what is said of it, what stands in the table."""

from __future__ import annotations

import hashlib
import json
import math

import msgspec
import pytest

from harness import resources
from harness.model.findings import Status
from harness.model.loadresult import KneeState
from harness.model.measurement import Series
from harness.model.result import PhaseBand
from harness.model.soakresult import LeakVerdict
from harness.reporting import render_html
from harness.reporting.charts import charts
from harness.reporting.loadplots import load_plots
from harness.reporting.plots import Plot, encoded
from harness.reporting.soak import soak_table
from harness.reporting.soakplots import soak_plots
from harness.tests.reporting import results
from harness.tests.reporting.loads import LOAD
from harness.tests.reporting.soaks import SOAK, signal

VENDORED = resources.bundled("reports", "vendor", "uplot")


def over_time(*series: Series, phases: tuple[PhaseBand, ...] = ()) -> tuple[Plot, ...]:
    result = msgspec.structs.replace(results.passing(), series=series, phases=phases)
    return charts(result).plots


def cpu(subject: str, *values: float) -> Series:
    seconds = tuple(float(second) for second in range(len(values)))
    return Series(name="cpu", unit="cores", subject=subject, seconds=seconds, values=values)


def named(plots: tuple[Plot, ...], id: str) -> Plot:
    return next(plot for plot in plots if plot.id == id)


def test_phases_that_overlap_lie_in_rows_of_their_own() -> None:
    phases = (
        PhaseBand(name="inner", start_s=2, end_s=5),
        PhaseBand(name="outer", start_s=0, end_s=10),
        PhaseBand(name="next", start_s=10, end_s=20),
    )
    drawn = charts(msgspec.structs.replace(results.passing(), phases=phases))
    assert [(band.name, band.number, band.row, band.shaded) for band in drawn.bands] == [
        ("outer", 1, 0, False),
        ("inner", 2, 1, True),
        ("next", 3, 0, False),
    ]
    assert drawn.rows == 2


def test_cycles_are_shaded_in_turn_and_their_parts_are_not() -> None:
    phases = tuple(
        PhaseBand(name=f"cycle {cycle}", start_s=10 * cycle, end_s=10 * cycle + 10, whole=True)
        for cycle in range(3)
    )
    part = PhaseBand(name="cycle-1-create", start_s=11, end_s=14)
    drawn = charts(msgspec.structs.replace(results.passing(), phases=(*phases, part)))
    assert [band.name for band in drawn.bands if band.shaded] == ["cycle 0", "cycle 2"]


def test_of_many_phases_the_short_ones_are_folded_away() -> None:
    outer = PhaseBand(name="soak", start_s=0, end_s=40)
    inner = tuple(PhaseBand(name=f"p{n}", start_s=n, end_s=n + 1) for n in range(40))
    drawn = charts(msgspec.structs.replace(results.passing(), phases=(outer, *inner)))
    assert [band.name for band in drawn.listed] == ["soak"]
    assert len(drawn.folded) == 40


def test_series_of_one_quantity_share_a_chart_and_the_highest_six_are_drawn() -> None:
    (plot,) = over_time(*(cpu(f"p{n}", 0.1, 0.2 + n) for n in range(8)))
    assert [trace.label for trace in plot.traces] == ["p2", "p3", "p4", "p5", "p6", "p7"]
    assert plot.hidden == 2
    assert plot.sentence.startswith("p2: 0.1 to 2.2 cores, 1.15 on average, most at 1 s; p3:")
    assert plot.heads == ("Time", "p2", "p3", "p4", "p5", "p6", "p7")


def test_values_that_are_no_numbers_are_left_out() -> None:
    (plot,) = over_time(cpu("manager", math.nan, 5.0, math.inf))
    (trace,) = plot.traces
    assert (trace.x, trace.y, trace.style) == ((1.0,), (5.0,), "both")
    assert plot.sentence == "manager: 5 cores."


def test_long_series_are_thinned_to_the_ends_of_each_stretch_and_that_is_said() -> None:
    values = [0.1] * 50_000
    values[31_234] = 7.0
    (plot,) = over_time(cpu("manager", *values))
    (trace,) = plot.traces
    assert len(trace.x) <= 600
    assert max(value for value in trace.y if value is not None) == 7.0
    assert "the least and the greatest value of each" in plot.aside


def test_without_series_there_is_no_chart() -> None:
    assert charts(results.empty()).plots == ()


def test_the_knee_has_a_sign_each_step_and_a_table_that_says_why() -> None:
    plot = named(load_plots(LOAD), "knee-plot")
    marks = {trace.mark: len(trace.x) for trace in plot.traces if trace.style == "points"}
    assert marks == {"dot": 2, "cross": 1, "ring": 1}
    assert plot.lines == ((95.1, "knee 95.1/s"),)
    assert plot.sentence.startswith("4 steps from 80 to 160 arrivals a second: 2 sustained, 1 not")
    assert plot.rows[3][-2:] == ("the generator was the limit", "the generator dropped 3 arrivals")


def test_a_knee_that_was_not_confirmed_is_not_called_one() -> None:
    assert LOAD.knee is not None
    knee = msgspec.structs.replace(LOAD.knee, state=KneeState.AT_LEAST)
    plot = named(load_plots(msgspec.structs.replace(LOAD, knee=knee)), "knee-plot")
    assert plot.lines == ((95.1, "highest sustained 95.1/s"),)


def test_a_distribution_tells_the_usual_shares_and_goes_to_its_tail() -> None:
    plot = named(load_plots(LOAD), "distribution")
    assert plot.sentence == "steady: 50% in 22.8 ms, 90% in 40 ms, 99% in 45.6 ms, 99.9% in 61 ms."
    assert plot.traces[0].x[1:] == pytest.approx((0.30103, 1, 2, 3), abs=1e-4)
    assert [label for _, label in plot.x.ticks] == ["p50", "p90", "p99", "p99.9"]


def test_growth_is_drawn_with_its_power_law() -> None:
    plot = named(load_plots(LOAD), "growth-1")
    line, points = plot.traces
    assert points.x == (100.0, 300.0, 1000.0)
    assert line.y[0] == pytest.approx(2.0)
    assert line.y[-1] == pytest.approx(20.0)
    assert "exponent 1.00 (95 % interval 0.90 to 1.10); 2 ms with 100" in plot.sentence


def test_what_each_object_costs_is_a_straight_line_through_the_points() -> None:
    line, points = named(load_plots(LOAD), "each-1").traces
    assert line.y == pytest.approx((points.y[0], points.y[-1]), rel=1e-6)


def test_growth_of_a_signal_is_told_by_reconciles_or_else_by_objects() -> None:
    counted = SOAK.signals[0]
    for changes, told in (
        ({}, "1434 B a reconcile (1362 to 1505)"),
        (
            {"each_reconcile": None, "each_object": (4100.0, 40.25, 8000.0)},
            "4100 B an object (40.2 to 8000)",
        ),
        ({"each_reconcile": None}, ""),
    ):
        changed = msgspec.structs.replace(counted, **changes)
        table = soak_table(msgspec.structs.replace(SOAK, signals=(changed,)))
        assert table is not None
        assert table.rows[0].each == told
        assert table.rows[0].interval == "(190 KiB to 210 KiB)"


def test_a_signal_is_drawn_with_slope_band_and_warm_up() -> None:
    heap, goroutines, rss = soak_plots(SOAK)
    assert heap.title == "manager: live heap, MiB"
    assert heap.sentence.startswith("Live heap leaks: it grew by 2.73 MiB over 14 cycles")
    assert heap.grey == (0.5, 2.5)
    upper, lower, slope, warm_up, counted = heap.traces
    assert slope.label == "slope +200 KiB a cycle"
    assert slope.y == pytest.approx((counted.y[0], 4000 / 1024 + 200 * 8.5 / 1024, counted.y[-1]))
    assert (len(warm_up.x), len(counted.x)) == (2, 14)
    for above, middle, below in zip(upper.y, slope.y, lower.y, strict=True):
        assert (above or 0) >= (middle or 0) >= (below or 0)
    assert heap.rows[1] == ("2", "4.1 MiB", "no, warm-up")
    assert goroutines.y.scale == "whole"
    assert rss.title.endswith("(beside)")
    assert rss.fills == ()  # too few cycles: nothing is known of a slope


def test_any_further_signal_gets_a_chart_of_its_own() -> None:
    new = signal("API calls a cycle", "1", (310.0,) * 16)
    plots = soak_plots(msgspec.structs.replace(SOAK, signals=(*SOAK.signals, new)))
    assert [plot.title for plot in plots][2] == "manager: API calls a cycle"


def test_signals_that_decide_nothing_say_of_which_group_they_are() -> None:
    cost = signal("CPU time", "s", (0.4,) * 16, verdict=LeakVerdict.LEAK)
    result = msgspec.structs.replace(SOAK, beside=(), cost=(cost,))
    assert soak_plots(result)[-1].title == "manager: CPU time, s (cost)"
    found = soak_table(result)
    assert found is not None
    assert [row.verdict for row in found.rows] == ["Leak", "No leak", "Worse"]


def test_memory_that_grows_beside_a_live_heap_accuses_nobody() -> None:
    rss = signal("RSS", "B", (4e6,) * 16, verdict=LeakVerdict.LEAK)
    found = soak_table(msgspec.structs.replace(SOAK, beside=(rss,)))
    assert found is not None
    assert (found.rows[-1].verdict, found.rows[-1].status) == ("Grows", Status.NOT_VERIFIED)


def test_what_stayed_in_the_cluster_is_told_with_its_write() -> None:
    found = soak_table(SOAK)
    assert found is not None
    assert found.stayed == (
        "2 objects of 1 kind stayed that the operator had made. Events: 3 before the first cycle, "
        "40 after the last."
    )
    ((kind, left, _, _, how),) = found.left
    assert (kind, left) == ("ConfigMap (configmaps)", "2 of 700 created")
    assert how.endswith("first made by create /api/v1/configmaps (line 7 of the audit log)")


def test_what_differs_between_the_inventories_is_counted() -> None:
    found = soak_table(SOAK)
    assert found is not None
    assert found.changes[0] == ("configmaps", "1,214", "1,216", "2", "0")


def test_a_soak_without_leftovers_says_so_where_somebody_looked() -> None:
    clean = soak_table(msgspec.structs.replace(SOAK, left=(), inventory=()))
    assert clean is not None
    assert clean.stayed.startswith(
        "Nothing that the operator had made stayed. Events aside, the same objects were listed"
    )
    unseen = soak_table(msgspec.structs.replace(SOAK, left=(), inventory=None, events=None))
    assert unseen is not None
    assert unseen.stayed == ""


def test_data_can_not_end_its_element() -> None:
    text = "</script><!-- \u2028 & ' \""
    (plot,) = over_time(cpu(text, 1.0, 2.0))
    written = encoded((plot,), (), 2.0)
    assert not set("<>&\u2028\u2029") & set(written)
    (read,) = json.loads(written)["plots"]
    assert read["traces"][0]["label"].startswith("</script><!--")


def test_numbers_are_written_short_and_never_as_something_that_json_lacks() -> None:
    (plot,) = over_time(cpu("manager", 1 / 3, 2.0, 1e300))
    (read,) = json.loads(encoded((plot,), (), 2.0))["plots"]
    assert read["traces"][0]["y"] == [0.33333, 2, 1e300]


def test_the_chart_library_is_what_its_record_says() -> None:
    record = json.loads((VENDORED / "vendored.json").read_text(encoding="utf-8"))
    files = {path.name for path in VENDORED.iterdir()} - {"vendored.json"}
    assert files == set(record["sha256"])
    for name, digest in record["sha256"].items():
        assert hashlib.sha256((VENDORED / name).read_bytes()).hexdigest() == digest
    script = (VENDORED / "uPlot.iife.min.js").read_text(encoding="utf-8")
    assert f"(v{record['version']})" in script.partition("\n")[0]


def test_a_page_with_charts_holds_the_library_and_its_licence_another_neither() -> None:
    licence = (VENDORED / "LICENSE").read_text(encoding="utf-8")
    assert licence in render_html(results.passing())
    assert "uPlot" not in render_html(results.empty())
