"""Stage 5: is the operator slower than it was? Two builds in turn, or a run beside a baseline.

Nothing here loads NumPy where nothing is compared.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.analysis.loaded import load_result
from harness.errors import EvidenceError, UsageError
from harness.evidence.reader import Evidence

if TYPE_CHECKING:
    from harness.evidence.folder import RunFolder
    from harness.model.comparison import Comparison, StoredLoad
    from harness.model.loadresult import LoadResult

__all__ = ["comparison_questions", "comparisons", "read_run", "stored_of"]

_EXAMPLE = "--suite load --profile steady --rate 50 --duration 120"


def comparisons(evidence: Evidence) -> tuple[Comparison, ...]:
    """Returns what the run was compared with, held against its gates; none where nothing was."""
    return evidence.derived(_compared)[0]


def comparison_questions(evidence: Evidence) -> tuple[str, ...]:
    """Returns why a comparison that was asked for decides nothing; each begins a sentence."""
    return evidence.derived(_compared)[1]


def read_run(run: RunFolder) -> StoredLoad:
    """Returns what another run can be compared with, from a run folder.

    Raises:
        UsageError: It is no run, has no steady load, or can't be read.
    """
    if not run.run_file.is_file():
        raise UsageError(
            f"{run.path} is no run folder: it has no run.json.",
            hint="Give folders below harness-runs/, for example harness-runs/latest.",
        )
    try:
        return stored_of(load_result(Evidence(run)), str(run.path))
    except (EvidenceError, KeyError) as error:
        hint = error.hint if isinstance(error, EvidenceError) else ""
        raise UsageError(f"{run.path} can't be read: {error}", hint=hint) from error


def stored_of(load: LoadResult | None, where: str) -> StoredLoad:
    """Returns what another run can be compared with, from a result.

    Args:
        load: As in result.json.
        where: What people call the run.

    Raises:
        UsageError: It has no steady load.
    """
    if load is None:
        raise UsageError(f"{where} has no load to compare.", hint=f"Run it by {_EXAMPLE}.")
    if load.stored is None:
        raise UsageError(
            f"{where} has no phase of steady load: bursts, ramps and the search for the knee have "
            "no blocks that could be compared.",
            hint=f"Run it by {_EXAMPLE}. A result.json of an older version lacks them, too: "
            "`harness report` writes it again.",
        )
    return load.stored


def _compared(evidence: Evidence) -> tuple[tuple[Comparison, ...], tuple[str, ...]]:
    plan, baseline = evidence.comparison_plan, evidence.baseline
    if plan is None and baseline is None:
        return (), ()
    result = load_result(evidence)
    if plan is not None:
        if result is None:
            return (), ("No block of the comparison was run",)
        from harness.analysis.load.interleaved import compare_blocks  # noqa: PLC0415 - NumPy

        found = compare_blocks(plan, result.blocks)
        return (found,), _doubts(found)
    assert baseline is not None  # noqa: S101 - one of them is
    from harness.analysis.load.stored import compare_runs  # noqa: PLC0415 - NumPy

    try:
        head = stored_of(result, "this run")
        compared = compare_runs(baseline.load, head, baseline.gates)
    except UsageError as error:
        return (), (f"The run can't be held against its baseline: {error}",)
    return compared, tuple(question for item in compared for question in _doubts(item))


def _doubts(found: Comparison) -> tuple[str, ...]:
    name = f" of {found.phase}" if found.phase else ""
    return (
        *(f"The comparison{name} decides nothing: {doubt}" for doubt in found.doubts),
        *(f"The comparison{name} leaves a gate open: {why}" for why in found.lacking),
    )
