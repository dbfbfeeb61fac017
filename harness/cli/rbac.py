"""`harness rbac`: what an operator may do, what it did, and which roles would be enough."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.errors import UsageError

if TYPE_CHECKING:
    from harness.model.access import GrantUse, RbacReport

__all__ = ["rbac"]

_RUN = click.argument("run", type=click.Path(path_type=Path), default=Path("harness-runs/latest"))


@click.group()
def rbac() -> None:
    """Explain an operator's permissions by what a run saw of their use.

    Each run keeps a ledger: every right that is bound to the operator's ServiceAccounts, by which
    rule, and which requests used it. The report shows it as a matrix.

    \b
    harness rbac explain harness-runs/latest secrets
    harness rbac minimal harness-runs/latest > role.yaml
    """  # noqa: D301 - \b is click's mark


@rbac.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.argument("resource")
def explain(run: Path, resource: str) -> None:
    """Say who grants what on RESOURCE, what became of it, and where the evidence lies.

    RESOURCE is written as "deployments.apps", "pods/exec" or "/metrics".

    \b
    harness rbac explain harness-runs/latest leases.coordination.k8s.io
    """  # noqa: D301 - \b is click's mark
    report = _permissions(run)
    uses = [use for use in report.uses if use.grant.key == resource]
    if not uses:
        known = sorted({use.grant.key for use in report.uses})
        close = difflib.get_close_matches(resource, known, n=1)
        raise UsageError(
            f"Nothing on {resource!r} is granted to the operator.",
            hint=f"Did you mean {close[0]!r}?" if close else f"There are: {', '.join(known)}.",
        )
    if report.gap:
        click.echo(f"Use is not verified: {report.gap}.")
    for use in uses:
        click.echo(_words(use))


@rbac.command()
@_RUN
@click.option("--diff", "form", flag_value="diff", help="As a unified diff of today's roles.")
@click.option("--markers", "form", flag_value="markers", help="As controller-gen's markers.")
def minimal(run: Path, form: str | None) -> None:
    """Print the smallest roles under which a run would have gone the same way, as YAML.

    They come with their bindings. What other paths of the operator need isn't in them: the lines
    at the end say what was left out. `harness run --prove-rbac` tries them.

    \b
    harness rbac minimal harness-runs/latest > role.yaml
    harness rbac minimal harness-runs/latest --diff
    harness rbac minimal harness-runs/latest --markers
    """  # noqa: D301 - \b is click's mark
    report = _permissions(run)
    if not report.minimal:
        raise UsageError(f"{run} can't tell which rights were used: {report.gap}.")
    if form == "diff":
        click.echo(report.diff or "# Nothing is granted in vain.\n", nl=False)
    elif form == "markers":
        click.echo("\n".join(report.markers))
    else:
        click.echo(report.minimal, nl=False)


def _permissions(run: Path) -> RbacReport:
    from harness.evidence.folder import RunFolder  # noqa: PLC0415 - heavy
    from harness.reporting import read_result  # noqa: PLC0415 - heavy

    report = read_result(RunFolder.named(run).result_file).permissions
    if report is None:
        raise UsageError(
            f"{run} holds nothing about permissions: its operator was not installed, or an older "
            "version made it.",
            hint="Run the suite again.",
        )
    return report


def _words(use: GrantUse) -> str:
    grant = use.grant
    where = f"in {grant.namespace}" if grant.namespace else "in all namespaces"
    names = f" on {', '.join(grant.names)} only" if grant.names else ""
    lines = [
        f"{', '.join(grant.verbs)} {grant.key}{names} {where}: {use.state.replace('_', ' ')}",
        f"    granted by   {grant.role}, rule {grant.rule}, bound by {grant.binding}",
        f"    to           {grant.identity}",
    ]
    if use.count:
        places = ", ".join(place or "cluster-wide" for place in use.namespaces)
        times = "once" if use.count == 1 else f"{use.count} times"
        lines.append(f"    used         {times}: {', '.join(use.used_verbs)} ({places})")
        lines.append(f"    first        evidence/{use.file}:{use.line}")
    if use.windows:
        lines.append(f"    exercised by {', '.join(use.windows)}")
    if use.dangers:
        lines.append(f"    dangerous    {', '.join(use.dangers)}")
    if use.note:
        lines.append(f"    note         {use.note}")
    return "\n".join(lines)
