"""Runs that are judged beside another: two builds in turn, and an earlier run as the baseline."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from harness.errors import UsageError
from harness.evidence.folder import RunFolder
from harness.evidence.ndjson import write_document
from harness.model.comparison import HEAD, PROFILE, Baseline, ComparisonPlan, block_name
from harness.model.run import Suite
from harness.model.verdict import Verdict
from harness.pytest_plugin.load.interleaved import order
from harness.runner.baseline import choose_baseline, read_kept, require_version
from harness.runner.conclude import conclude
from harness.settings import LoadSettings, Settings
from harness.targets import load as load_target
from harness.tests.analysis.load.queues import SimulatedOperator
from harness.tests.analysis.load.recording import LoadedRun
from harness.tests.analysis.recording import Recording

GATES = {"p50": 0.05, "throughput": 0.05}
PLAN = ComparisonPlan(
    base="shop@old",
    head="shop",
    gates=GATES,
    blocks=6,
    rate_per_s=40,
    seconds=10,
    warm_up_s=2,
)


def served(slower: float, *, noise: float = 0.05, seed: int = 0) -> SimulatedOperator:
    return SimulatedOperator(workers=4, service_s=0.02 * (1 + slower), noise=noise, seed=seed)


def recorded(folder: Path, **manifest: Any) -> Recording:
    folder.mkdir()
    recording = Recording(folder)
    recording.manifest(**manifest)
    return recording


def steady(folder: Path, *, slower: float = 0.0, rate: float = 40, **manifest: Any) -> RunFolder:
    """A run with a minute of steady load."""
    run = recorded(folder, **manifest).run
    load = LoadedRun(run, served(slower, seed=len(folder.name)))
    load.constant(rate, 60)
    load.write()
    return run


def in_turn(
    folder: Path,
    *,
    slower: float = 0.0,
    wobble: float = 0.0,
    blocks: int = PLAN.blocks,
    forget: tuple[int, ...] = (),
) -> RunFolder:
    """A run that interleaved two builds; arrivals of `forget` aren't done.

    By `wobble`, as a share, each block is slower or faster.
    """
    run = recorded(folder).run
    load = LoadedRun(run, served(0.0))
    random = np.random.default_rng(3)
    for side, number in order(blocks):
        slow = (1 + (slower if side == HEAD else 0.0)) * (1 + wobble * random.uniform(-1, 1))
        load.constant(
            PLAN.rate_per_s,
            PLAN.seconds,
            name=block_name(side, number),
            operator=served(slow - 1, seed=number),
            profile=PROFILE,
        )
    load.write(forget=forget)
    write_document(run.comparison_plan_file, PLAN)
    return run


def gates(run: RunFolder) -> tuple[Verdict, dict[str, bool | None]]:
    """Judges a run; returns its verdict, and its gates by the first word of their names."""
    result = conclude(run, errors=())
    return result.verdict, {gate.gate.measurement.split()[0]: gate.met for gate in result.gates}


def test_each_build_comes_first_as_often() -> None:
    ran = list(order(4))
    assert [side[0] for side, _ in ran] == list("bhhbbhhb")
    assert [number for _, number in ran] == [0, 0, 1, 1, 2, 2, 3, 3]


def test_a_slower_build_turns_the_verdict_and_an_equal_one_does_not(tmp_path: Path) -> None:
    slow = in_turn(tmp_path / "slow", slower=0.2)
    assert gates(slow) == (Verdict.FAIL, {"p50": False, "throughput": True})
    table = slow.report("comparison.md").read_text()
    assert "**Slower than the gate allows**" in table
    assert "6 pairs of neighbouring blocks" in table
    equal = in_turn(tmp_path / "equal")
    assert gates(equal) == (Verdict.PASS, {"p50": True, "throughput": True})
    assert "Base shop@old, head shop" in equal.report("comparison.md").read_text()


def test_blocks_that_are_no_steady_phases_of_the_run_are_in_no_other_figure(tmp_path: Path) -> None:
    result = conclude(in_turn(tmp_path / "run"), errors=())
    assert result.load is not None
    assert result.load.stored is None
    assert [(row.side, row.number) for row in result.load.blocks] == list(order(PLAN.blocks))
    assert not [item for item in result.measurements if item.name.startswith("load_latency")]


def test_noise_leaves_a_gate_open(tmp_path: Path) -> None:
    verdict, held = gates(in_turn(tmp_path / "run", wobble=0.3))
    assert (verdict, held["p50"]) == (Verdict.INCONCLUSIVE, None)


def test_a_comparison_that_was_cut_short_decides_nothing(tmp_path: Path) -> None:
    few = conclude(in_turn(tmp_path / "few", blocks=3), errors=())
    assert few.verdict is Verdict.INCONCLUSIVE
    assert "3 of 6 pairs of blocks were run to their end" in few.sentence
    most = conclude(in_turn(tmp_path / "most", slower=0.2, blocks=5), errors=())
    assert most.verdict is Verdict.INCONCLUSIVE
    assert {gate.met for gate in most.gates} == {None}


def test_arrivals_that_base_never_did_are_a_doubt_and_those_of_head_flatter_it(
    tmp_path: Path,
) -> None:
    first, second = tuple(range(100)), tuple(range(400, 500))  # of base-0 and head-0
    doubted = conclude(in_turn(tmp_path / "base", forget=first), errors=())
    assert "100 of 2,400 arrivals of base were never done" in doubted.sentence
    assert gates(in_turn(tmp_path / "head", forget=second))[1] == {"p50": None, "throughput": None}
    worse = in_turn(tmp_path / "worse", slower=0.2, forget=second)
    assert gates(worse)[1]["p50"] is False


def test_a_run_is_red_where_it_is_worse_than_its_baseline(tmp_path: Path) -> None:
    base = read_kept(str(steady(tmp_path / "base").path))
    for name, slower, expected in (("equal", 0.0, Verdict.PASS), ("slow", 0.2, Verdict.FAIL)):
        run = steady(tmp_path / name, slower=slower)
        write_document(run.baseline_file, Baseline(load=base, gates=GATES))
        verdict, held = gates(run)
        assert verdict is expected
        assert held["p50"] is (expected is Verdict.PASS)
        assert "Two stored runs" in run.report("comparison.md").read_text()


def test_a_baseline_that_turns_out_to_be_of_another_load_decides_nothing(tmp_path: Path) -> None:
    base = read_kept(str(steady(tmp_path / "base", rate=20).path))
    run = steady(tmp_path / "run")
    write_document(run.baseline_file, Baseline(load=base, gates=GATES))
    result = conclude(run, errors=())
    assert result.verdict is Verdict.INCONCLUSIVE
    assert "can't be held against its baseline" in result.sentence
    assert "ran at 20/s" in result.sentence


def test_result_json_alone_is_baseline_enough(tmp_path: Path) -> None:
    run = steady(tmp_path / "run")
    conclude(run, errors=())
    alone = tmp_path / "kept.json"
    alone.write_bytes(run.result_file.read_bytes())
    assert read_kept(str(alone)) == read_kept(str(run.path))
    bare = recorded(tmp_path / "bare").run
    conclude(bare, errors=())
    with pytest.raises(UsageError, match="no load to compare"):
        read_kept(str(bare.result_file))
    alone.write_text("{}")
    with pytest.raises(UsageError, match=r"kept\.json"):
        read_kept(str(alone))


LOAD = (Suite(name="load"),)


def chosen(baseline: Path, **changes: Any) -> Baseline | None:
    load = LoadSettings(profile="steady", rate=40)
    settings = Settings(baseline=str(baseline), load=load, allowed=GATES)
    return choose_baseline(
        msgspec.structs.replace(settings, **changes), target=load_target("guestbook"), suites=LOAD
    )


def test_a_baseline_of_another_target_cluster_profile_or_rate_is_refused(tmp_path: Path) -> None:
    base = steady(tmp_path / "base", target="guestbook").path
    found = chosen(base)
    assert found is not None
    assert found.gates == GATES
    for words, changes in (
        ("the cluster is local there, and kind", {"cluster": "kind"}),
        ("it went through steady", {"load": LoadSettings(profile="churn", rate=40)}),
        ("only a steady load", {"load": LoadSettings(profile="burst")}),
        ("only a steady load", {"load": LoadSettings()}),
        (
            "it ran at 40/s, and this run has 50/s",
            {"load": LoadSettings(profile="steady", rate=50)},
        ),
        ("it ran at 40/s, and this run has no --rate", {"load": LoadSettings(profile="steady")}),
    ):
        with pytest.raises(UsageError, match=words):
            chosen(base, **changes)
    other = steady(tmp_path / "other", target="reference").path
    with pytest.raises(UsageError, match="the target is reference there, and guestbook"):
        chosen(other)
    with pytest.raises(UsageError, match="is no run folder"):
        chosen(tmp_path / "nothing")
    with pytest.raises(UsageError, match=r"this run is on 9\.9\.9"):
        require_version(found, "9.9.9")
