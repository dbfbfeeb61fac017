"""Two builds of the synthetic operator in turn on a real control plane."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from harness import command
from harness.analysis.load.samples import read_arrivals
from harness.model.comparison import BASE, HEAD, Direction, block_of
from harness.model.load import PhaseRole
from harness.tests.runner.running import Home
from harness.tests.runner.synthetic import read_log, write_target

if TYPE_CHECKING:
    from pathlib import Path

    from harness.tests.runner.running import Finished

pytestmark = [
    pytest.mark.controlplane,
    pytest.mark.skipif(command.which("go") is None, reason="needs Go, to build the operator"),
]

PATIENCE_S = 400.0
WORDS = ("--rate", "20", "--duration", "3", "--blocks", "4", "--gate", "p50<=5%")


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory) -> tuple[Finished, dict[str, Path]]:
    """The operator beside one that takes five times as long, and has an object less."""
    home = Home(tmp_path_factory.mktemp("compared"))
    targets = {
        BASE: write_target(home.path / "base", service_time="20ms"),
        HEAD: write_target(home.path / "head", service_time="20ms", slow_down_percent=400),
    }
    operator = targets[HEAD] / "operator.yaml"
    documents = operator.read_text().split("\n---\n")
    kept = [text for text in documents if "kind: ValidatingWebhookConfiguration" not in text]
    assert len(kept) == len(documents) - 1
    operator.write_text("\n---\n".join(kept))
    started = home.start("compare", *targets.values(), *WORDS, "--runs", home.runs, "--verbose")
    return started.finish(within=PATIENCE_S), targets


def test_the_slower_build_is_found(compared: tuple[Finished, dict[str, Path]]) -> None:
    done, _ = compared
    (found,) = done.result.comparisons
    if done.exit_code == 5:  # a machine so busy that the load generator was late decides nothing
        assert "load generator was the limit" in done.stdout
        return
    assert done.exit_code == 1, done.stdout + done.stderr
    assert done.stdout.startswith("Slower than the gate allows")
    changes = {change.name: change for change in found.changes}
    assert changes["p50"].direction is Direction.WORSE
    assert changes["reconcile_p50"].direction is Direction.WORSE
    assert changes["api_calls_per_reconcile"].base == pytest.approx(1, abs=0.2)
    assert changes["cpu_per_reconcile"].head > 0
    assert "**Slower than the gate allows**" in done.run.report("comparison.md").read_text()


def test_each_block_is_served_by_its_own_build_and_by_no_other(
    compared: tuple[Finished, dict[str, Path]],
) -> None:
    done, targets = compared
    arrivals = read_arrivals([done.run.load_arrivals_file(0)])
    phases = [item for item in done.evidence.load_phases() if item.role is PhaseRole.MEASURE]
    assert len(phases) == 8
    served = {side: set(read_log(folder).served["uid"]) for side, folder in targets.items()}
    for phase in phases:
        place = block_of(phase.name)
        assert place is not None
        mine = arrivals.uid[(arrivals.phase == phase.index) & (arrivals.status == 201)]
        other = HEAD if place[0] == BASE else BASE
        assert len(mine) > 0
        assert set(mine.tolist()) <= served[place[0]]
        assert not set(mine.tolist()) & served[other]


def test_both_blocks_of_a_pair_have_the_same_arrivals(
    compared: tuple[Finished, dict[str, Path]],
) -> None:
    done, _ = compared
    arrivals = read_arrivals([done.run.load_arrivals_file(0)])
    due: dict[tuple[str, int] | None, list[int]] = {}
    for phase in done.evidence.load_phases():
        rows = arrivals.phase == phase.index
        offsets = np.sort(arrivals.intended_ns[rows]) - phase.span.start.mono_ns
        due[block_of(phase.name)] = offsets.tolist()
    for number in range(4):
        assert due[BASE, number] == due[HEAD, number]
    assert due[BASE, 0] != due[BASE, 1]


def test_what_only_one_build_has_is_gone_with_it(
    compared: tuple[Finished, dict[str, Path]],
) -> None:
    done, _ = compared
    made = [
        call.verb
        for call in done.evidence.calls()
        if call.resource.startswith("validatingwebhookconfigurations.")
        and call.name == "synthetic"
        and call.verb in {"patch", "delete"}
    ]
    assert made == ["patch", "delete", "patch", "delete", "patch"], "b h h b b h h b"
