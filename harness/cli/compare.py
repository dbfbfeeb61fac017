"""`harness compare`: whether one build is slower than another."""

from __future__ import annotations

import shlex
import sys
from typing import TYPE_CHECKING, Any

import click
import msgspec

from harness.cli import completion
from harness.cli.load import Duration, Rate
from harness.cli.progress import new_progress
from harness.cli.regression import USUAL, gates_of
from harness.cli.versions import kubernetes_version
from harness.errors import UsageError
from harness.model.comparison import BASE, HEAD, PROFILE, ComparisonPlan
from harness.settings import LoadSettings, Settings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.model.comparison import Comparison
    from harness.runner.prepare import RunRequest
    from harness.runner.progress import Progress
    from harness.runner.sides import Side

__all__ = ["compare"]

_RATE, _SECONDS, _BLOCKS, _WARM_UP_S = 20.0, 10.0, 10, 2.0
_LEAST = 4
_LIVE = ("rate", "block_s", "blocks", "seed", "kubernetes", "runs")
"""What only two targets that are run in turn can have."""


def _even(_: click.Context, parameter: click.Parameter, value: int | None) -> int | None:
    if value is not None and value % 2:
        raise click.BadParameter(
            "it must be even: each build comes first as often.", param=parameter
        )
    return value


@click.command()
@click.argument("base", shell_complete=completion.runs)
@click.argument("head", shell_complete=completion.runs)
@click.option(
    "--rate",
    type=Rate(),
    metavar="N",
    help=f"Arrivals a second, which both builds must sustain. Default: {_RATE:g}.",
)
@click.option(
    "--duration",
    "block_s",
    type=Duration(),
    metavar="TIME",
    help=f"How long a block lasts. Default: {_SECONDS:g}s.",
)
@click.option(
    "--blocks",
    type=click.IntRange(min=_LEAST, max=1000),
    callback=_even,
    metavar="N",
    help=f"Blocks of each build, an even number. Default: {_BLOCKS}.",
)
@click.option(
    "--allow",
    metavar="N%",
    help=f"By how much the usual figures ({', '.join(USUAL)}) of head may be worse. Default: 5%. "
    "0% asks only that nothing worse is proven.",
)
@click.option(
    "--gate",
    "gates",
    multiple=True,
    metavar="FIGURE<=N%",
    help="By how much one figure of head may be worse, in place of --allow; may be given again. "
    "What isn't named is shown, not gated.",
)
@click.option(
    "--seed", type=click.IntRange(min=1), metavar="N", help="Repeat a run's random choices."
)
@kubernetes_version
@click.option(
    "--runs",
    metavar="DIR",
    shell_complete=completion.folders,
    help="Folder for the run folder of two targets. Default: harness-runs.",
)
@click.option(
    "--output",
    "form",
    type=click.Choice(["text", "markdown", "json"]),
    default="text",
    show_default=True,
    help="How it is printed: for people, for a pull request, for programs.",
)
@click.option("--quiet", is_flag=True, help="Only the answer.")
@click.option("--verbose", is_flag=True, help="Every step.")
def compare(
    *,
    base: str,
    head: str,
    allow: str | None,
    gates: tuple[str, ...],
    form: str,
    quiet: bool,
    verbose: bool,
    **live: Any,  # noqa: ANN401 - click's own types
) -> None:
    """Say whether HEAD is slower than BASE.

    Both are targets, NAME|DIR[@GITREF]: their builds run in turn (A B B A) on one cluster, in
    blocks of the same load. Or both are kept runs (their folders or result.json), which is weaker:
    what changed in the machine between them looks like a change of the operator.

    The ratio of head to base comes with its 95 % bootstrap interval; the gate is held against the
    interval's bound, never against the point.

    \b
    harness compare .@main . --rate 50
    harness compare .@v1.2.0 .@v1.3.0 --blocks 20 --duration 15s --allow 3%
    harness compare harness-runs/BASE harness-runs/latest --gate 'p50<=3%' --gate 'p99<=20%'
    harness compare .@main . --output markdown > comparison.md

    \b
    Exit codes: 0 no figure is worse than its gate, 1 one is, 4 these can't be compared,
    5 the interval reaches across a gate, or the load generator was the limit.
    """  # noqa: D301 - \b is click's mark
    shares = gates_of(allow, gates)
    from harness.runner.sides import are_runs  # noqa: PLC0415 - heavy

    if are_runs((base, head)):
        _refuse_live(live)
        found = _stored(base, head, shares)
        click.echo(_rendered(found, form), nl=False)
        from harness.reporting.comparison import overall  # noqa: PLC0415 - heavy

        sys.exit(overall(found).exit_code)
    asked = _Request(base=base, head=head, gates=shares, form=form, **live)
    sys.exit(_interleaved(asked, new_progress(quiet=quiet, verbose=verbose)))


def _refuse_live(live: dict[str, Any]) -> None:
    """Refuses what two kept runs can't have any more.

    Raises:
        UsageError: Names the first.
    """
    for name in _LIVE:
        if live[name]:
            option = {"block_s": "duration", "kubernetes": "kubernetes-version"}.get(name, name)
            raise UsageError(
                f"--{option} says how two targets are run, and both sides are kept runs.",
                hint="Leave it out, or name two targets.",
            )


def _stored(base: str, head: str, shares: dict[str, float]) -> Sequence[Comparison]:
    from harness.analysis.load.stored import compare_runs  # noqa: PLC0415 - heavy
    from harness.runner.baseline import read_pair  # noqa: PLC0415 - heavy

    return compare_runs(*read_pair(base, head), shares)


class _Request(msgspec.Struct, frozen=True, kw_only=True):
    """What two targets are run by."""

    base: str
    head: str
    gates: dict[str, float]
    form: str
    rate: float | None
    block_s: float | None
    blocks: int | None
    seed: int | None
    kubernetes: str
    runs: str | None


def _interleaved(asked: _Request, progress: Progress) -> int:
    """Runs both builds in turn, prints the answer, returns the exit code."""
    from harness.reporting.terminal import terminal_summary  # noqa: PLC0415 - heavy
    from harness.runner.conclude import conclude  # noqa: PLC0415 - heavy
    from harness.runner.execute import execute  # noqa: PLC0415 - heavy
    from harness.runner.interrupt import interruptible  # noqa: PLC0415 - heavy
    from harness.runner.prepare import prepare  # noqa: PLC0415 - heavy
    from harness.runner.sides import check_out  # noqa: PLC0415 - heavy
    from harness.runner.workshop import workshop  # noqa: PLC0415 - heavy

    try:
        with interruptible(progress.note) as interruption, workshop() as room:
            with interruption.breakable():
                sides = [
                    check_out(text, room.folder / name)
                    for name, text in ((BASE, asked.base), (HEAD, asked.head))
                ]
                prepared = prepare(_run_request(asked, sides), progress)
            execution = execute(prepared, progress, interruption)
            progress.stage("Judging the evidence")
            result = conclude(
                execution.run, errors=execution.errors, interrupted=execution.interrupted
            )
    finally:
        progress.end()
    click.echo(terminal_summary(result, execution.run), err=True)
    if result.comparisons:
        click.echo(_rendered(result.comparisons, asked.form), nl=False)
    return int(result.exit_code)


def _run_request(asked: _Request, sides: Sequence[Side]) -> RunRequest:
    from harness.runner.prepare import RunRequest  # noqa: PLC0415 - heavy

    plan = ComparisonPlan(
        base=sides[0].title,
        head=sides[1].title,
        gates=asked.gates,
        blocks=asked.blocks or _BLOCKS,
        rate_per_s=asked.rate or _RATE,
        seconds=asked.block_s or _SECONDS,
        warm_up_s=_WARM_UP_S,
    )
    load = LoadSettings(profile=PROFILE, rate=plan.rate_per_s, duration=plan.seconds)
    settings = Settings(
        output=asked.runs or "harness-runs",
        kubernetes_version=asked.kubernetes,
        seed=asked.seed or 0,
        load=load,
    )
    return RunRequest(
        target=sides[1].target,
        suites=(),
        settings=settings,
        command=shlex.join(["harness", *sys.argv[1:]]),
        base=sides[0].target,
        comparison=plan,
    )


def _rendered(found: Sequence[Comparison], form: str) -> str:
    from harness.reporting.comparison import (  # noqa: PLC0415 - heavy
        as_json,
        as_markdown,
        as_text,
    )

    return {"text": as_text, "markdown": as_markdown, "json": as_json}[form](found)
