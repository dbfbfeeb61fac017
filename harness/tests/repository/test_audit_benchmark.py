"""The benchmark of the audit log: a log as a kube-apiserver writes it, and always the same."""

from __future__ import annotations

import importlib.util
import itertools
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import harness
from harness.analysis.rbac.ledger import ledger
from harness.evidence.reader import Evidence
from harness.model.access import GrantState
from harness.tests.analysis.recording import OPERATOR

if TYPE_CHECKING:
    from types import ModuleType

SCRIPT = Path(harness.__file__).resolve().parent.parent / "ci" / "benchmarks" / "audit.py"
COUNT = 2_000


@pytest.fixture(scope="module")
def benchmark() -> ModuleType:
    spec = importlib.util.spec_from_file_location("audit_benchmark", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # msgspec looks annotations up there
    spec.loader.exec_module(module)
    return module


def test_the_same_seed_gives_the_same_lines_and_another_one_others(benchmark: ModuleType) -> None:
    first = list(itertools.islice(benchmark.events(COUNT), 500))
    assert first == list(itertools.islice(benchmark.events(COUNT), 500))
    assert first != list(itertools.islice(benchmark.events(COUNT, seed=1), 500))


def test_a_made_run_is_read_whole_and_has_a_ledger(benchmark: ModuleType, tmp_path: Path) -> None:
    run = benchmark.make_run(tmp_path, COUNT)
    assert len(list(run.evidence.glob("audit*.log"))) == 2
    evidence = Evidence(run)
    calls = evidence.calls()
    assert COUNT * 0.95 < len(calls) < COUNT, "repeated lines and both ends of a watch count once"
    assert 0 < len(calls.by({OPERATOR})) < len(calls), "there are other identities"
    book = ledger(evidence)
    assert book.gap == ""
    assert {use.state for use in book.uses} >= {
        GrantState.USED,
        GrantState.UNOBSERVED,
    }


@pytest.mark.parametrize(("value", "word"), [(19.9, "holds"), (20.1, "falls-short")])
def test_a_figure_says_whether_it_meets_its_goal(
    benchmark: ModuleType, value: float, word: str
) -> None:
    figure = benchmark.Figure(name="audit_ledger_time", value=value, unit="s", goal=20.0)
    assert str(figure) == f"audit_ledger_time {value} s 20 {word}"
