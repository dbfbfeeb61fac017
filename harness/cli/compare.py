"""`harness compare`: whether one build is slower than another."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import click

from harness.cli import completion
from harness.errors import UsageError

__all__ = ["compare"]

_FIGURES = ("p50", "p99", "throughput")
_GATE = re.compile(r"\s*(?P<name>\w+)\s*<=\s*(?P<share>\d+(?:\.\d+)?)\s*%\s*")
_USUAL = ("p50<=5%", "throughput<=5%")


def _gates(texts: tuple[str, ...]) -> dict[str, float]:
    """Reads `--gate FIGURE<=N%` options as shares by figure.

    Raises:
        UsageError: One isn't written like that, or its figure isn't known.
    """
    found = {}
    for text in texts:
        match = _GATE.fullmatch(text)
        if match is None:
            raise UsageError(
                f"--gate {text}: it isn't FIGURE<=N%.",
                hint="It says by how much a figure may become worse: --gate 'p50<=5%'. Quotes "
                "keep the shell from taking < for itself.",
            )
        if match["name"] not in _FIGURES:
            raise UsageError(
                f"--gate {text}: there is no figure {match['name']!r}.",
                hint=f"There are: {', '.join(_FIGURES)}.",
            )
        found[match["name"]] = float(match["share"]) / 100
    return found


@click.command()
@click.argument("base", type=click.Path(path_type=Path), shell_complete=completion.runs)
@click.argument("head", type=click.Path(path_type=Path), shell_complete=completion.runs)
@click.option(
    "--gate",
    "gates",
    multiple=True,
    default=_USUAL,
    show_default=True,
    metavar="FIGURE<=N%",
    help="By how much p50, p99 or throughput of head may be worse; may be given again. What isn't "
    "named is shown, not gated. 0% asks only that nothing worse is proven.",
)
@click.option(
    "--output",
    "form",
    type=click.Choice(["text", "markdown", "json"]),
    default="text",
    show_default=True,
    help="How it is printed: for people, for a pull request, for programs.",
)
def compare(base: Path, head: Path, gates: tuple[str, ...], form: str) -> None:
    """Say whether HEAD is slower than BASE, by the load that two kept runs went through.

    BASE and HEAD are run folders of the same target, the same cluster and the same load. Each
    phase of steady load is cut into blocks; the ratio of the builds is told with its 95 %
    bootstrap interval, and the gate is held against the interval's bound, never against the point.

    Two stored runs are the weaker way: what changed in the machine between them looks like a
    change of the operator. Run them one after the other on an idle machine.

    \b
    harness run --suite load --target ./target.yaml --profile steady --rate 50 --duration 120
    harness compare harness-runs/BASE harness-runs/latest
    harness compare harness-runs/BASE harness-runs/latest --gate 'p50<=3%' --gate 'p99<=20%'
    harness compare harness-runs/BASE harness-runs/latest --output markdown

    \b
    Exit codes: 0 no figure is worse than its gate, 1 one is, 4 these can't be compared,
    5 the interval reaches across a gate, or the load generator was the limit.
    """  # noqa: D301 - \b is click's mark
    shares = _gates(gates)
    from harness.analysis.load.stored import compare_runs, read_run  # noqa: PLC0415 - heavy
    from harness.evidence.folder import RunFolder  # noqa: PLC0415 - heavy
    from harness.reporting.comparison import (  # noqa: PLC0415 - heavy
        as_json,
        as_markdown,
        as_text,
        overall,
    )

    folders = [RunFolder(path.resolve()) for path in (base, head)]
    alike = folders[0].id == folders[1].id  # kept in different places
    runs = [read_run(run, str(run.path) if alike else run.id) for run in folders]
    found = compare_runs(runs[0], runs[1], shares)
    render = {"text": as_text, "markdown": as_markdown, "json": as_json}[form]
    click.echo(render(found), nl=False)
    sys.exit(overall(found).exit_code)
