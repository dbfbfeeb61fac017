"""Stages 5 to 7: judge, verdict, reports, from evidence alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from harness import analysis, reporting, verdict
from harness.errors import EvidenceError
from harness.evidence.ndjson import write_document
from harness.evidence.reader import Evidence
from harness.model.result import ErrorNote, RunResult
from harness.model.run import RunManifest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.evidence.folder import RunFolder

__all__ = ["conclude"]


_CHANGED = "The file was changed after the run, or comes from another version."


class _Ending(msgspec.Struct, frozen=True, kw_only=True):
    """How stages 2 to 4 ended; kept as evidence, so that a run can be judged again."""

    errors: tuple[ErrorNote, ...] = ()
    interrupted: str = ""


def conclude(
    run: RunFolder,
    *,
    errors: Sequence[ErrorNote] | None = None,
    interrupted: str = "",
) -> RunResult:
    """Judges a run folder, decides the verdict and writes every report.

    Args:
        run: Live or kept.
        errors: What broke in stages 2 to 4; None to take what the run itself recorded.
        interrupted: By what it was stopped; empty if it wasn't.

    Raises:
        EvidenceError: The folder is no run folder, or can't be read.
    """
    manifest = _manifest(run)
    ending = _ending(run, errors, interrupted=interrupted)
    evidence = Evidence(run)
    result = verdict.decide(
        evidence=evidence,
        catalogue=analysis.load_catalogue(),
        outcomes=analysis.judge_run(evidence, manifest.checks),
        measurements=analysis.measure(evidence),
        unanswered=analysis.unanswered(evidence),
        convergences=analysis.convergences(evidence),
        series=analysis.series(evidence),
        phases=analysis.bands(evidence),
        permissions=analysis.permissions(evidence),
        load=analysis.load_result(evidence),
        soak=analysis.soak_result(evidence),
        comparisons=analysis.comparisons(evidence),
        questions=(
            *analysis.load_questions(evidence),
            *analysis.soak_questions(evidence),
            *analysis.comparison_questions(evidence),
        ),
        errors=(*ending.errors, *_faults(evidence, ending)),
        interrupted=ending.interrupted,
    )
    reporting.write_reports(result, run)
    return result


def _faults(evidence: Evidence, ending: _Ending) -> tuple[ErrorNote, ...]:
    """Where measuring broke by itself; what an interruption cut short isn't that."""
    return () if ending.interrupted else analysis.load_faults(evidence)


def _manifest(run: RunFolder) -> RunManifest:
    try:
        return msgspec.json.decode(run.run_file.read_bytes(), type=RunManifest)
    except OSError as error:
        raise EvidenceError(
            f"{run.path} is no run folder: it has no run.json.",
            hint="Give a folder below harness-runs/, for example harness-runs/latest.",
        ) from error
    except msgspec.DecodeError as error:
        raise EvidenceError(f"{run.run_file}: {error}", hint=_CHANGED) from error


def _ending(run: RunFolder, errors: Sequence[ErrorNote] | None, *, interrupted: str) -> _Ending:

    file = run.evidence / "ending.json"
    if errors is not None:
        ending = _Ending(errors=tuple(errors), interrupted=interrupted)
        write_document(file, ending)
        return ending
    try:
        return msgspec.json.decode(file.read_bytes(), type=_Ending)
    except FileNotFoundError:  # killed before it could say how it ended
        return _Ending(interrupted="killed before it ended")
    except (OSError, msgspec.DecodeError) as error:
        raise EvidenceError(f"{file}: {error}", hint=_CHANGED) from error
