"""Stage 7: `report.html`, one file that needs no network, and script only to draw its charts.

The template only places what is in the result. The page's policy forbids everything but the
one style sheet and the one script that stand in it, by their hashes; so nothing that an
operator wrote could run even if it were not escaped. What is drawn stands in an element of its
own as JSON, which no browser runs; the library that draws it is only in pages with charts.
"""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from harness import resources
from harness.evidence.loglines import readable
from harness.model.findings import Status
from harness.reporting import text
from harness.reporting.access import PROOF_STATUS, STATE_WORDS, access_matrix
from harness.reporting.charts import charts
from harness.reporting.digest import (
    breakdown,
    findings_of,
    headlines,
    places,
    ranked,
    tally,
)
from harness.reporting.load import load_view
from harness.reporting.plots import encoded
from harness.reporting.soak import soak_table
from harness.reporting.timeline import SHOWN_ROWS, timelines

if TYPE_CHECKING:
    from pathlib import Path

    from harness.model.result import RunResult

__all__ = ["render_html"]

_LIBRARY = ("reports", "vendor", "uplot")
_FOLDED_LINES = 24
_KEPT_LINES = 18
_LEADING_LINES = 6
_BOUNDS = {"<": "<", "<=": "≤", ">": ">", ">=": "≥"}
_TEST_STATUS = {"passed": "pass", "failed": "fail", "broken": "error", "skipped": "skipped"}


def render_html(result: RunResult) -> str:
    """Returns the page."""
    over_time, load, soak = charts(result), load_view(result.load), soak_table(result.soak)
    plots = (
        *(load.plots if load else ()),
        *(soak.plots if soak else ()),
        *over_time.plots,
    )
    style, script = _assets(drawn=bool(plots or over_time.bands))
    page: str = (
        _environment()
        .get_template("report.html")
        .render(
            result=result,
            run=result.run,
            findings=ranked(result),
            items=[(item, findings_of(result, item)) for item in result.checks],
            anchors={item.check.id: index for index, item in enumerate(result.checks, start=1)},
            tally=tally(result),
            headlines=headlines(result),
            breakdowns={item.name: breakdown(result, item) for item in headlines(result)},
            with_intervals=any(text.interval(item) for item in result.measurements),
            environment=_environment_rows(result),
            tail=tuple(readable(line) for line in result.tail),
            timelines=timelines(result.convergences),
            shown_rows=SHOWN_ROWS,
            leading_lines=_LEADING_LINES,
            charts=over_time,
            load=load,
            soak=soak,
            drawn=encoded(plots, over_time.bands, over_time.end)
            if plots or over_time.bands
            else "",
            matrices=access_matrix(result.permissions),
            state_words=STATE_WORDS,
            proof_words=text.PROOF_WORDS,
            proof_status=PROOF_STATUS,
            style=Markup(style),  # noqa: S704 - our own file, no part of it from a run
            script=Markup(script),  # noqa: S704 - likewise
            policy=_policy(style, script),
        )
    )
    return page


def _assets(*, drawn: bool) -> tuple[str, str]:
    """Returns style sheet and script; what draws is only in pages that hold a chart."""
    own, library = resources.bundled("reports", "assets"), resources.bundled(*_LIBRARY)
    styles, scripts = [own / "report.css"], [own / "report.js"]
    licence = ""
    if drawn:
        styles.insert(0, library / "uPlot.min.css")
        scripts = [library / "uPlot.iife.min.js", own / "charts.js", *scripts]
        licence = f"/* uPlot\n\n{_read(library / 'LICENSE')} */\n"
    return "\n".join(map(_read, styles)), licence + "\n".join(map(_read, scripts))


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def _environment_rows(result: RunResult) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Returns the lines of the environment table; facts of one name share a line."""
    rows: dict[str, list[str]] = {}
    for fact in result.environment:
        rows.setdefault(fact.name, []).append(fact.value)
    return tuple((name, tuple(values)) for name, values in rows.items())


def _policy(style: str, script: str) -> str:
    return (
        f"default-src 'none'; style-src '{_hash(style)}'; script-src '{_hash(script)}'; "
        "base-uri 'none'; form-action 'none'"
    )


def _hash(content: str) -> str:
    digest = hashlib.sha256(content.encode()).digest()
    return f"sha256-{base64.b64encode(digest).decode()}"


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(resources.bundled("reports", "templates")),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        bound=lambda operator: _BOUNDS.get(operator, operator),
        count=text.count,
        duration=text.duration,
        folded=_folded,
        interval=text.interval,
        moment=text.moment,
        number=text.number,
        places=places,
        outcome=lambda outcome: _TEST_STATUS.get(outcome, "not_verified"),
    )
    environment.globals.update(
        gate_words=text.GATE_WORDS,
        gate_status={True: Status.PASS, False: Status.FAIL, None: Status.NOT_VERIFIED},
        status_words=text.STATUS_WORDS,
        verdict_words=text.VERDICT_WORDS,
        quantity=text.quantity,
        suites=text.suites,
        target=text.target,
    )
    return environment


def _shown(value: Any) -> Any:  # noqa: ANN401 - jinja2's finalize gets whatever is printed
    return (
        text.visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value
    )


def _folded(content: str) -> tuple[str, str, int]:
    """Returns (what is shown, what is folded away, how many lines that is)."""
    lines = content.splitlines()
    if len(lines) <= _FOLDED_LINES:
        return content, "", 0
    rest = lines[_KEPT_LINES:]
    return "\n".join(lines[:_KEPT_LINES]), "\n".join(rest), len(rest)
