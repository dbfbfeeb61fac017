"""`harness checks`: what an operator owes, and how each of it is tested."""

from __future__ import annotations

import json
import textwrap
from typing import TYPE_CHECKING, Any

import click

from harness.cli import completion

if TYPE_CHECKING:
    from harness.model.findings import CheckInfo

__all__ = ["checks"]

_WIDTH = 96
_OUTPUT = click.option(
    "--output",
    "form",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="How it is printed.",
)


@click.group()
def checks() -> None:
    """List the checks, and explain one: what, why, how, limits, how to mend and waive it.

    A check has a stable id: three letters of its family, and a number. Reports, waivers and
    target definitions name it by that.

    \b
    harness checks list --suite smoke
    harness checks explain REC-002
    """  # noqa: D301 - \b is click's mark


@checks.command("list")
@click.option(
    "--suite",
    "suites",
    multiple=True,
    metavar="NAME",
    shell_complete=completion.suites,
    help="Only those that a bundled suite judges; may be given again.",
)
@click.option(
    "--family",
    "families",
    multiple=True,
    shell_complete=completion.families,
    metavar="ABC",
    help="Only those whose ids begin so, for example RBA; may be given again.",
)
@click.option(
    "--severity",
    "severities",
    multiple=True,
    type=click.Choice(["blocker", "major", "minor", "info"]),
    help="Only those whose findings are so bad; may be given again.",
)
@_OUTPUT
def list_checks(
    *,
    suites: tuple[str, ...],
    families: tuple[str, ...],
    severities: tuple[str, ...],
    form: str,
) -> None:
    """List the checks with severity, family and the suites that judge them.

    Filters of one kind add up, those of several kinds narrow: a minor RBA check of smoke is one
    that is all three. A blocker or major finding makes the verdict red.

    \b
    harness checks list
    harness checks list --family RBA --family SCO --severity major
    harness checks list --suite unit --output json | jq -r '.[].id'
    """  # noqa: D301 - \b is click's mark
    from harness.catalogue import load_catalogue, suites_of  # noqa: PLC0415 - reads files

    judged = suites_of()
    _refuse_unknown("suite", suites, {name for names in judged.values() for name in names})
    letters = tuple(family.upper() for family in families)
    _refuse_unknown("family", letters, {check.partition("-")[0] for check in load_catalogue()})
    found = [
        check
        for check in load_catalogue().values()
        if (not suites or set(suites) & set(judged.get(check.id, ())))
        and (not letters or check.id.partition("-")[0] in letters)
        and (not severities or check.severity.value in severities)
    ]
    if form == "json":
        click.echo(
            json.dumps([_record(check, judged.get(check.id, [])) for check in found], indent=2)
        )
        return
    if not found:
        click.echo("No check is all of that.")
    for check in found:
        where = ", ".join(judged.get(check.id, ())) or "any"
        click.echo(f"{check.id}  {check.severity.value:<7}  {check.title} ({where})")


@checks.command()
@click.argument("check", metavar="ID", shell_complete=completion.checks)
@_OUTPUT
def explain(*, check: str, form: str) -> None:
    """Explain one check: what, why, how it is tested, its limits, how to mend and waive it.

    ID is as the report shows it, for example RBA-103; small letters do as well.

    \b
    harness checks explain REC-002
    harness checks explain rba-103 --output json
    """  # noqa: D301 - \b is click's mark
    from harness.catalogue import check_info, suites_of  # noqa: PLC0415 - reads files
    from harness.catalogue.explanation import explain as parts_of  # noqa: PLC0415 - likewise

    info = check_info(check.upper())
    judged = suites_of().get(info.id, [])
    if form == "json":
        click.echo(
            json.dumps(
                _record(info, judged) | {"waive": dict(parts_of(info))["How to waive it"]}, indent=2
            )
        )
        return
    click.echo(f"{info.id}, judged by {', '.join(judged) or 'every run that can'}")
    for title, text in parts_of(info):
        click.echo(f"\n{title}")
        for paragraph in text.split("\n\n"):
            lines = paragraph.splitlines()
            whole = len(lines) > 1
            click.echo(
                textwrap.indent(paragraph, "    ")
                if whole
                else textwrap.fill(
                    paragraph,
                    _WIDTH,
                    initial_indent="  ",
                    subsequent_indent="  ",
                    break_long_words=False,
                    break_on_hyphens=False,
                )
            )


def _record(check: CheckInfo, suites: list[str]) -> dict[str, Any]:
    import msgspec  # noqa: PLC0415 - light, but only here

    from harness.catalogue.families import family  # noqa: PLC0415 - likewise

    fields: dict[str, Any] = msgspec.to_builtins(check)
    fields.pop("shows")
    return {
        key: " ".join(value.split()) if isinstance(value, str) else value
        for key, value in {**fields, "family": family(check.id), "suites": suites}.items()
    }


def _refuse_unknown(what: str, given: tuple[str, ...], known: set[str]) -> None:
    unknown = sorted(set(given) - known)
    if unknown:
        raise click.BadParameter(
            f"there is no {what} {unknown[0]!r}; there are {', '.join(sorted(known))}",
            param_hint=f"--{what}",
        )
