"""docs/checks.md and the README's table: every check, with the faulty twins that prove it."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

import msgspec
import yaml

from harness.catalogue import load_catalogue
from harness.catalogue.explanation import explain
from harness.catalogue.families import family
from harness.catalogue.sources import source_address
from harness.catalogue.suites import suites_of
from harness.resources import bundled

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from harness.model.findings import CheckInfo

__all__ = ["refresh_overview", "render_page"]

_HEAD = """\
<!-- Written by `python -m harness.catalogue` from reports/checklists/catalogue.yaml. -->
# Checks

What an operator owes, one row for each check. A blocker or a major finding makes the verdict red;
minor and info never do, unless the run is told `--fail-on minor`. What a target doesn't have is
*not applicable*; what a cluster can't show ("needs": capabilities of the cluster) is *not
verified*, never silently passed.

"Proven by" names the faulty twins: operators with one seeded defect that the check catches, run
by, for example, `harness run --suite smoke --target guestbook --twin hot-loop`. A check without a
twin is proven by the harness's own tests alone: they show it evidence that must make it red.

`harness checks explain ID` says the same of one check, and how to waive it: by an entry of
`waivers` in target.yaml with the check's id, a `match`, a reason and the day on which it ends.
"""
_BEGIN, _END = "<!-- checks: begin -->\n", "<!-- checks: end -->"
_IN_PAGE = ("Why", "How it is tested", "What it can't see", "How to mend it")  # the rest is above
_COLUMNS = ("check", "an operator owes", "severity", "suites", "needs", "proven by", "source")


class _Twin(msgspec.Struct, frozen=True):
    """What the page needs of a twin."""

    name: str
    expect: tuple[str, ...] = ()


def render_page() -> str:
    """Returns the page as Markdown, from the catalogue, the suites and the twins."""
    suites, twins, groups = suites_of(), _twins(), _groups()
    lines = [_HEAD, _row(_COLUMNS), "|" + "---|" * len(_COLUMNS)]
    for _, checks in groups:
        lines += [_row(_cells(check, suites, twins)) for check in checks]
    for title, checks in groups:
        lines += ["", f"## {title}"]
        for check in checks:
            lines += _section(check)
    return "\n".join(lines) + "\n"


def refresh_overview(text: str) -> str:
    """Returns a Markdown text, the README's, with the table between its two marks renewed."""
    before, _, rest = text.partition(_BEGIN)
    rows = [
        _row(
            (title, "<br>".join(f"[{c.id}](docs/checks.md#{c.id.lower()}) {c.title}" for c in held))
        )
        for title, held in _groups()
    ]
    table = "\n".join([_row(("group", "an operator owes")), "|---|---|", *rows])
    return f"{before}{_BEGIN}{table}\n{_END}{rest.partition(_END)[2]}"


def _groups() -> list[tuple[str, tuple[CheckInfo, ...]]]:
    """Returns the checks by family."""
    ordered = sorted(load_catalogue().values(), key=_place)
    return [
        (title, tuple(held)) for title, held in groupby(ordered, key=lambda check: family(check.id))
    ]


def _place(check: CheckInfo) -> int:
    """Orders families as they first come in the catalogue; within one, its order is kept."""
    families = [family(known.id) for known in load_catalogue().values()]
    return families.index(family(check.id))


def _twins() -> dict[str, list[str]]:
    """Returns the faulty twins that a check catches, as "operator --twin name", by its id."""
    found: dict[str, list[str]] = {}
    for file in sorted(bundled("operators_under_test").glob("**/twins/*.yaml")):
        twin = msgspec.convert(_read(file), _Twin)
        for check in twin.expect:
            found.setdefault(check, []).append(f"{file.parents[1].name}: {twin.name}")
    return found


def _read(file: Path) -> object:
    return yaml.safe_load(file.read_text(encoding="utf-8"))


def _row(cells: tuple[str, ...]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _cells(
    check: CheckInfo, suites: Mapping[str, list[str]], twins: dict[str, list[str]]
) -> tuple[str, ...]:
    return (
        f"[{check.id}](#{check.id.lower()})",
        check.title,
        check.severity.value,
        ", ".join(suites.get(check.id, [])) or "any",
        ", ".join(check.needs) or "-",
        ", ".join(twins.get(check.id, [])) or "-",
        ", ".join(map(_source, check.refs)) or "-",
    )


def _source(ref: str) -> str:
    address = source_address(ref)
    return f"[{ref}]({address})" if address else ref


def _section(check: CheckInfo) -> Iterator[str]:
    yield from ("", f"### {check.id}", "", f"{check.title}. Severity: {check.severity.value}.", "")
    for title, text in explain(check):
        if title in _IN_PAGE:
            yield f"- **{title}:** {text}"
