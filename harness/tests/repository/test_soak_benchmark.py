"""The soak benchmarks: what was soaked isn't soaked again, and traces are those of real soaks."""

from __future__ import annotations

import importlib.util
import sys
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import numpy as np
import pytest
import yaml

import harness
from harness.analysis.soak.leaks import Churn, Plateaus
from harness.evidence.columns import ColumnWriter
from harness.evidence.ndjson import NdjsonWriter
from harness.model.soak import Plateau
from harness.model.soakresult import LeakVerdict
from harness.probes.processes import COLUMNS
from harness.runner.conclude import conclude
from harness.targets import load
from harness.tests.analysis.recording import Recording, at
from harness.tests.runner.synthetic import read_faults

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import ModuleType

    Program = Callable[[str], ModuleType]

SCRIPTS = Path(harness.__file__).resolve().parent.parent / "ci" / "benchmarks" / "soak"
KIB, MIB = 1 << 10, 1 << 20
CYCLES = 20


@pytest.fixture(scope="module")
def program() -> Iterator[Program]:
    """Loads a program; those beside it are found as when it is run."""
    sys.path.insert(0, str(SCRIPTS))

    def load(name: str) -> ModuleType:
        if name in sys.modules:
            return sys.modules[name]
        spec = importlib.util.spec_from_file_location(name, SCRIPTS / f"{name}.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = module  # msgspec looks annotations up there
        spec.loader.exec_module(module)
        return module

    yield load
    sys.path.remove(str(SCRIPTS))


def heaps(growth: float, *, seed: int) -> list[float]:
    """A heap in bytes that grows by so many MiB in the soak, within some KiB."""
    noise = np.random.default_rng(seed).normal(0, 5 * KIB, CYCLES)
    return [4 * MIB + growth * MIB * n / CYCLES + float(noise[n]) for n in range(CYCLES)]


def keep_soak(folder: Path, name: str, heap: list[float]) -> Recording:
    """Writes a soak as the lab keeps it."""
    runs = folder / f"{name}-runs"
    runs.mkdir(parents=True)
    recording = Recording(runs)
    recording.run.soak.mkdir()
    writer = NdjsonWriter(recording.run.plateaus_file)
    for cycle, value in enumerate(heap):
        writer.write(
            Plateau(
                cycle=cycle,
                workload="manager",
                stamp=at(10.0 * (cycle + 1)),
                pid=100,
                values={"live heap": value, "goroutines": 40.0, "descriptors": 15.0},
                cpu_s=float(cycle),
                reconciles=180 * (cycle + 1),
                objects=60,
            )
        )
    writer.close()
    conclude(recording.run)
    kept = {"run": f"{name}-runs/run", "words": ["--suite", "soak"]}
    (folder / f"{name}.json").write_bytes(msgspec.json.encode(kept))
    return recording


def lines(capsys: pytest.CaptureFixture[str]) -> dict[str, list[str]]:
    told = [line.split() for line in capsys.readouterr().out.splitlines()]
    return {words[0]: words[1:] for words in told if words[0] != "#"}


@pytest.mark.parametrize("missed", [0, 1])
def test_soaks_that_are_there_are_judged_and_not_run_again(
    program: Program,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    missed: int,
) -> None:
    leaks, word = program("leaks"), "falls-short" if missed else "holds"
    monkeypatch.setattr(leaks, "TRIALS", 60)
    for number in range(1, 7):
        growth = 0.0 if number <= missed else 1.1
        keep_soak(tmp_path, f"leak-{number}", heaps(growth, seed=number))
        keep_soak(tmp_path, f"clean-{number}", heaps(0.0, seed=10 + number))
    assert leaks.main(["--resume", str(tmp_path)]) == missed
    told = lines(capsys)
    assert told["leaks-found"] == [f"{6 - missed}.000", "of-6", ">=6", word]
    assert told["clean-accused"] == ["0.000", "of-6", "<=0", "holds"]
    assert told["clean-cleared"] == ["6.000", "of-6", ">=6", "holds"]
    assert told["false-alarms"][1:] == ["%", "<=1", "holds"]
    assert told["power"][1:] == ["%", ">=95", word]
    assert float(told["leak-6"][0].split("[")[0]) == pytest.approx(1.1 * 17 / 20, rel=0.05)


def test_nothing_is_concluded_before_all_soaks_were_run(
    program: Program, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    keep_soak(tmp_path, "clean-2", heaps(0.0, seed=1))
    assert program("leaks").main(["--resume", str(tmp_path), "--parts", "clean-2"]) == 0
    told = capsys.readouterr()
    assert [line.split()[0] for line in told.out.splitlines()] == ["clean-2"]
    assert "1 of 12 soaks" in told.err


PROGRAM = """
import sys
from pathlib import Path
Path(sys.argv[2], sys.argv[-1]).write_text(" ".join(sys.argv[3:]))
sys.exit({"a,d": 0, "b,e": 1}.get(sys.argv[-1], STATUS))
"""


@pytest.mark.parametrize("status", [0, 1, 2])
def test_lanes_share_the_parts_and_all_end_before_one_that_failed_is_told(
    program: Program, tmp_path: Path, status: int
) -> None:
    soaks, file = program("soaks"), tmp_path / "lanes.py"
    file.write_text(PROGRAM.replace("STATUS", str(status)))
    folder = soaks.Soaks(tmp_path / "kept")
    keep_soak(folder.folder, "z", heaps(0.0, seed=1))
    try:
        soaks.side_by_side(folder, str(file), ["a", "b", "c", "z", "d", "e"], lanes=3)
        failed = False
    except SystemExit as error:
        failed = "a lane of lanes has failed" in str(error)
    assert failed is (status > 1)
    shares = {path.name for path in folder.folder.iterdir() if "z" not in path.name}
    assert shares == {"a,d", "b,e", "c"}
    assert (folder.folder / "c").read_text() == "--lanes 1 --parts c"


def test_a_part_that_is_none_is_refused(program: Program, tmp_path: Path) -> None:
    with pytest.raises(SystemExit):
        program("kinds").main(["--resume", str(tmp_path), "--parts", "threads"])


def test_the_seeded_leak_is_a_mib_or_16_bytes_a_reconcile(program: Program) -> None:
    leaks, soaks = program("leaks"), program("soaks")
    objects = CYCLES * soaks.per_cycle(rate=leaks.RATE, seconds=leaks.SECONDS)
    total = leaks.leak_bytes() * 2 * objects
    assert total >= max(MIB, 16 * 3 * objects)
    assert total < 1.05 * max(MIB, 16 * 3 * objects)


def test_the_leaking_reference_loses_2_mib(program: Program) -> None:
    reference, soaks = program("reference"), program("soaks")
    twin = load("reference", twin="leaks-memory").twin
    defects, reconciler = (import_module(f"noteboard.{of}") for of in ("defects", "reconciler"))
    assert twin is not None
    assert twin.env == {"NOTEBOARD_DEFECT": defects.Defect.LEAKS_MEMORY}
    gone = CYCLES * soaks.per_cycle(rate=reference.RATE, seconds=reference.SECONDS)
    assert gone * reconciler.LEAK_BYTES >= 2 * MIB


def test_calm_operators_have_a_fault_that_there_is(program: Program, tmp_path: Path) -> None:
    known = {"", *(fault["name"] for fault in read_faults())}
    assert {calm.fault for calm in program("calm").CALM.values()} <= known
    target = tmp_path / "target.yaml"
    target.write_text("workloads: [{deployment: x, pprof: {port: 1}, metrics: {port: 2}}]")
    program("soaks").without_pprof(tmp_path)
    assert yaml.safe_load(target.read_text())["workloads"] == [
        {"deployment": "x", "metrics": {"port": 2}}
    ]


def test_enough_objects_are_made_for_one_orphan_in_10000(program: Program) -> None:
    kinds, soaks = program("kinds"), program("soaks")
    assert CYCLES * soaks.per_cycle(rate=kinds.RATE, seconds=kinds.SECONDS) >= 10_000


def trace(program: Program, growth: float, seed: int) -> object:
    values = tuple(heaps(growth, seed=seed))
    heap = Plateaus(name="live heap", unit="B", values=values, matters=MIB, subject="m")
    count = Plateaus(name="goroutines", unit="1", values=(40.0,) * CYCLES, matters=3, resolution=1)
    churn = Churn(reconciles=3_000, objects=1_000)
    return program("resampling").Trace(signals=(heap, count), churn=churn)


def test_a_trace_has_the_slope_of_a_soak_and_the_noise_of_all(program: Program) -> None:
    resampling = program("resampling")
    soaks = [trace(program, 1.0, seed) for seed in range(6)]
    made = list(resampling.resampled(soaks, trials=200, seed=3))
    growths = [item.judge().signals[0].growth / MIB for item in made]
    assert np.mean(growths) == pytest.approx(17 / 20, rel=0.02)
    noises = [item.judge().signals[0].noise for item in made]
    assert 3 * KIB < np.mean(noises) < 7 * KIB
    assert len({item.signals[0].values for item in made}) == 200
    assert {item.signals[1].values for item in made} == {(40.0,) * CYCLES}
    again = list(resampling.resampled(soaks, trials=200, seed=3))
    assert again == made


def test_traces_of_leaks_are_found_and_those_of_none_are_not(program: Program) -> None:
    resampling = program("resampling")
    for growth, verdict in ((1.0, LeakVerdict.LEAK), (0.0, LeakVerdict.NO_LEAK)):
        soaks = [trace(program, growth, seed) for seed in range(6)]
        made = resampling.resampled(soaks, trials=100)
        assert {item.judge().verdict for item in made} == {verdict}


def test_soaks_of_different_lengths_are_not_mixed(program: Program) -> None:
    resampling = program("resampling")
    first = trace(program, 0.0, 1)
    heap = msgspec.structs.replace(first.signals[0], values=first.signals[0].values[:18])  # type: ignore[attr-defined]
    short = resampling.Trace(signals=(heap,), churn=Churn())
    with pytest.raises(ValueError, match="same length"):
        next(resampling.resampled([first, short], trials=1))


@pytest.mark.parametrize(("each_s", "growth"), [(0.01, 0), (0.08, 0), (0.01, 64)])
def test_the_cost_is_that_of_all_processes_but_those_that_load(
    program: Program,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    each_s: float,
    growth: int,
) -> None:
    cpu = "falls-short" if each_s > 0.04 else "holds"
    growing = "falls-short" if growth else "holds"
    recording = keep_soak(tmp_path, "cost", heaps(0.0, seed=1))
    random = np.random.default_rng(2)
    for name, share in (("runner", each_s), ("load-generator", 0.5), ("prometheus", 0.01)):
        writer = ColumnWriter(recording.run.samples / f"harness-{name}.i64", COLUMNS)
        for second in range(205):
            row = dict.fromkeys(COLUMNS, 0)
            rss = 60 * MIB + (growth if name == "runner" else 0) * KIB * second
            row |= {"mono_ns": at(second).mono_ns, "cpu_ns": round(share * second * 1e9)}
            row["rss_bytes"] = rss + int(random.integers(0, 8)) * 4 * KIB
            writer.append(*(row[column] for column in COLUMNS))
        writer.close()
    assert program("cost").main(["--resume", str(tmp_path)]) == int({cpu, growing} != {"holds"})
    told = lines(capsys)
    assert told["cpu-load-generator"] == ["50.000", "%", "-", "-"]
    assert told["cpu"] == [f"{100 * (each_s + 0.01):.3f}", "%", "<=5", cpu]
    assert told["growing"][1:] == ["of-1", "<=0", growing]
    assert "detectable-prometheus" in told


def test_what_is_missing_before_a_kill_is_lost_and_what_came_later_is_not(
    program: Program,
) -> None:
    killed = program("killed")
    second = 10**9
    lost = killed.lost_s({"early": 7 * second, "late": 12 * second}, 10 * second)
    assert lost == {"early": 3.0, "late": 0.0}
    said = [f"cycle-{killed.CYCLE - 1}-create: 20/s", f"cycle-{killed.CYCLE}-create: 20/s"]
    assert killed.await_cycle(said)
    assert not killed.await_cycle(said[:1])
