"""`harness compare` on two kept runs: the exit code decides, and says why where it can't."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from harness.cli import main
from harness.model.load import LoadPhase, Mix
from harness.model.result import Fact
from harness.tests.analysis.load.queues import SimulatedOperator
from harness.tests.analysis.load.recording import LoadedRun
from harness.tests.analysis.recording import Recording

SERVICE_S = 0.02


class Runs:
    """Makes run folders."""

    def __init__(self, parent: Path) -> None:
        self.parent = parent

    def bare(self, name: str, **manifest: Any) -> Recording:
        """A run without load."""
        place = self.parent / "recorded" / name
        place.mkdir(parents=True)
        recording = Recording(place)
        recording.manifest(**manifest)
        return recording

    def loaded(
        self,
        name: str,
        *,
        slower: float = 0.0,
        noise: float = 0.05,
        rate: float = 20,
        seconds: float = 120,
        phases: tuple[str, ...] = ("steady",),
        forget: tuple[int, ...] = (),
        **manifest: Any,
    ) -> str:
        """A run with steady load; returns its folder."""
        service = SERVICE_S * (1 + slower)
        operator = SimulatedOperator(workers=2, service_s=service, noise=noise, seed=len(name))
        recording = self.bare(name, **manifest)
        load = LoadedRun(recording.run, operator)
        for phase in phases:
            load.constant(rate, seconds, name=phase)
        load.write(forget=forget)
        return str(recording.run.path.rename(self.parent / name))


@pytest.fixture
def runs(tmp_path: Path) -> Runs:
    return Runs(tmp_path)


def compare(*words: str) -> int:
    """Returns the exit code."""
    with pytest.raises(SystemExit) as done:
        main(["compare", *words])
    return int(done.value.code or 0)


def test_equal_builds_end_with_0(runs: Runs, capsys: pytest.CaptureFixture[str]) -> None:
    assert compare(runs.loaded("base"), runs.loaded("head-2")) == 0
    shown = capsys.readouterr().out
    assert shown.startswith("Not slower than the gate allows")
    assert "Two stored runs" in shown, "it is the weaker way, and says so"


def test_a_slower_build_ends_with_1_and_names_the_figure(
    runs: Runs, capsys: pytest.CaptureFixture[str]
) -> None:
    assert compare(runs.loaded("base"), runs.loaded("head-2", slower=0.25)) == 1
    shown = capsys.readouterr().out
    (line,) = (line for line in shown.splitlines() if line.startswith("p50"))
    assert line.endswith("beyond the gate")


def test_a_faster_build_ends_with_0(runs: Runs) -> None:
    assert compare(runs.loaded("base", slower=0.25), runs.loaded("head-2")) == 0


def test_an_interval_across_the_gate_ends_with_5(
    runs: Runs, capsys: pytest.CaptureFixture[str]
) -> None:
    noisy: dict[str, Any] = {"noise": 2.0, "rate": 10, "seconds": 60}
    assert compare(runs.loaded("base", **noisy), runs.loaded("head-2", **noisy)) == 5
    assert "reaches across the gate" in capsys.readouterr().out


def test_a_gate_of_0_percent_asks_only_that_nothing_worse_is_proven(runs: Runs) -> None:
    base, head = runs.loaded("base"), runs.loaded("head-2")
    assert compare(base, head, "--gate", "p50<=0%") == 0
    assert compare(base, runs.loaded("head-30", slower=0.1), "--gate", "p50<=0%") == 1


def test_what_is_not_named_by_a_gate_is_shown_and_gates_nothing(
    runs: Runs, capsys: pytest.CaptureFixture[str]
) -> None:
    base, head = runs.loaded("base"), runs.loaded("head-2", slower=0.25)
    assert compare(base, head, "--gate", "throughput<=5%", "--output", "json") == 0
    changes = json.loads(capsys.readouterr().out)["comparisons"][0]["changes"]
    p50 = next(item for item in changes if item["name"] == "p50")
    assert p50["allowed"] is None
    assert p50["direction"] == "worse"


def test_a_gated_figure_that_the_load_is_too_small_for_ends_with_5(
    runs: Runs, capsys: pytest.CaptureFixture[str]
) -> None:
    few: dict[str, Any] = {"rate": 5}
    assert compare(runs.loaded("b", **few), runs.loaded("h2", **few), "--gate", "p99<=50%") == 5
    assert "p99 is gated, but some block has too few arrivals" in capsys.readouterr().out


def test_arrivals_that_were_never_done_do_not_flatter_head(
    runs: Runs, capsys: pytest.CaptureFixture[str]
) -> None:
    base, head = runs.loaded("base"), runs.loaded("head-2", forget=tuple(range(0, 2400, 40)))
    assert compare(base, head) == 5
    assert "60 of 2,400 arrivals of head-2 were never done" in capsys.readouterr().out
    assert compare(base, runs.loaded("head-30", slower=0.25, forget=tuple(range(100)))) == 1


def test_several_phases_are_compared_each_by_itself(
    runs: Runs, capsys: pytest.CaptureFixture[str]
) -> None:
    phases = ("steady", "churn")
    base, head = runs.loaded("base", phases=phases), runs.loaded("head-2", phases=phases)
    assert compare(base, head, "--output", "json") == 0
    document = json.loads(capsys.readouterr().out)
    assert [item["phase"] for item in document["comparisons"]] == ["steady", "churn"]
    assert (document["verdict"], document["exit_code"]) == ("pass", 0)


def test_markdown_is_one_table_a_phase_with_a_verdict_above(
    runs: Runs, capsys: pytest.CaptureFixture[str]
) -> None:
    base, head = runs.loaded("base"), runs.loaded("head-2", slower=0.25)
    assert compare(base, head, "--output", "markdown") == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "**Slower than the gate allows**"
    table = [line for line in lines if line.startswith("| ")]
    assert [line.split(" | ")[0] for line in table[2:]] == [
        "| p50",
        "| p90",
        "| p99",
        "| reconcile_p50",
        "| reconcile_p90",
        "| reconcile_p99",
        "| throughput",
    ]
    assert {line.count("|") for line in table} == {8}


def test_another_machine_is_told(runs: Runs, capsys: pytest.CaptureFixture[str]) -> None:
    facts = [(Fact(name="CPU", value=value),) for value in ("2 of 2", "8 of 8")]
    base = runs.loaded("base", facts=facts[0])
    compare(base, runs.loaded("head-2", facts=facts[1]))
    assert "CPU differs: 2 of 2 for base, 8 of 8 for head." in capsys.readouterr().out


def refused(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """Asserts that it ends with 4 and a hint; returns the message."""
    assert compare(*words) == 4
    error, _, hint = capsys.readouterr().err.partition("\nhint: ")
    assert hint
    return error


def test_what_is_no_run_is_refused(
    runs: Runs, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    base = runs.loaded("base")
    assert "no file or folder" in refused(capsys, base, str(tmp_path / "nothing"))
    assert "is neither a kept run" in refused(capsys, str(tmp_path), base)
    assert "are the same run" in refused(capsys, base, base)
    broken = Path(runs.loaded("head-2")) / "evidence" / "load" / "plan.json"
    broken.write_text("{}", encoding="utf-8")
    assert "can't be read" in refused(capsys, base, str(tmp_path / "head-2"))


def test_a_run_without_load_or_without_steady_load_is_refused(
    runs: Runs, capsys: pytest.CaptureFixture[str]
) -> None:
    base = runs.loaded("base")
    assert "no load" in refused(capsys, base, str(runs.bare("smoke").run.path))
    burst = runs.bare("burst")
    load = LoadedRun(burst.run, SimulatedOperator(workers=2, service_s=SERVICE_S))
    load.burst(100)
    load.write()
    assert "no phase of steady load" in refused(capsys, base, str(burst.run.path))


def test_another_target_and_another_cluster_are_refused(
    runs: Runs, capsys: pytest.CaptureFixture[str]
) -> None:
    base = runs.loaded("base")
    other = runs.loaded("other", target="reference")
    assert "the target is" in refused(capsys, base, other)
    assert "the cluster is" in refused(capsys, base, runs.loaded("kind", cluster="kind"))


def test_other_phases_another_rate_and_another_mix_are_refused(
    runs: Runs, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    base = runs.loaded("base")
    assert "different phases" in refused(capsys, base, runs.loaded("c", phases=("churn",)))
    assert "ran at 20/s in base and at 10/s" in refused(capsys, base, runs.loaded("r", rate=10))
    file = Path(runs.loaded("m")) / "evidence" / "load" / "phases.ndjson"
    phase = msgspec.json.decode(file.read_bytes(), type=LoadPhase)
    mixed = msgspec.structs.replace(phase, mix=Mix(update=3))
    file.write_bytes(msgspec.json.encode(mixed) + b"\n")
    assert "had other arrivals" in refused(capsys, base, str(tmp_path / "m"))


def test_a_phase_that_is_too_short_is_refused(
    runs: Runs, capsys: pytest.CaptureFixture[str]
) -> None:
    short: dict[str, Any] = {"rate": 3, "seconds": 1}
    pair = runs.loaded("b", **short), runs.loaded("h2", **short)
    assert "is too short" in refused(capsys, *pair)


@pytest.mark.parametrize("gate", ["p50", "p50<5%", "p50<=5", "p50<=-5%", "p75<=5%", ""])
def test_a_gate_that_is_not_written_as_one_is_refused(
    gate: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert f"--gate {gate}: " in refused(capsys, "a", "b", "--gate", gate)
