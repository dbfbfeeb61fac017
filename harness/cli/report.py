"""`harness report`: judges and renders a run folder again, without a cluster."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from harness.cli import completion

__all__ = ["report"]


@click.command()
@click.argument(
    "run",
    type=click.Path(path_type=Path),
    default=Path("harness-runs/latest"),
    shell_complete=completion.runs,
)
def report(run: Path) -> None:
    """Judge a run folder again from its evidence, and write its reports anew.

    RUN is a run folder; harness-runs/latest if not given. Needs no cluster. Works on runs that
    were killed, too: what they recorded is judged, and the rest is not verified.

    \b
    harness report
    harness report harness-runs/20261121T030405Z-smoke-guestbook-a1b2c3
    """  # noqa: D301 - \b is click's mark
    from harness.evidence.folder import RunFolder  # noqa: PLC0415 - heavy
    from harness.reporting.terminal import terminal_summary  # noqa: PLC0415 - heavy
    from harness.runner.conclude import conclude  # noqa: PLC0415 - heavy

    folder = RunFolder.named(run)
    result = conclude(folder)
    click.echo(terminal_summary(result, folder))
    sys.exit(result.exit_code)
