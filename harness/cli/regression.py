"""The options by which people say how much worse an operator may become."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import click

from harness.cli import completion
from harness.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["FIGURES", "USUAL", "baseline_options", "gates_of"]

FIGURES = (
    "p50",
    "p90",
    "p99",
    "reconcile_p50",
    "reconcile_p90",
    "reconcile_p99",
    "cpu_per_reconcile",
    "api_calls_per_reconcile",
    "throughput",
)
"""What is compared; of stored runs, without what is asked of the operator in each block."""
USUAL = ("p50", "throughput")
"""What is gated where nothing is named: tails and CPU time need more blocks than usual ones."""
_ALLOWED = "5%"
_GATE = re.compile(r"\s*(?P<name>\w+)\s*<=\s*(?P<share>\d+(?:\.\d+)?)\s*%\s*")
_SHARE = re.compile(r"\s*(?P<share>\d+(?:\.\d+)?)\s*%\s*")


def gates_of(allow: str | None, texts: tuple[str, ...]) -> dict[str, float]:
    """Returns by which share each figure may be worse.

    Args:
        allow: `--allow`, of the usual figures; None if it isn't given.
        texts: `--gate FIGURE<=N%`, in place of the usual ones.

    Raises:
        UsageError: One isn't written like that, its figure isn't known, or both are given.
    """
    if texts and allow is not None:
        raise UsageError(
            "--allow is for the usual figures, and --gate names others in their place.",
            hint=f"Give one of them: --gate 'p50<={allow}'.",
        )
    if not texts:
        share = _SHARE.fullmatch(allow or _ALLOWED)
        if share is None:
            raise UsageError(
                f"--allow {allow}: it isn't N%.",
                hint="It says by how much figures may become worse: --allow 5%.",
            )
        return dict.fromkeys(USUAL, float(share["share"]) / 100)
    return dict(map(_gate, texts))


def _gate(text: str) -> tuple[str, float]:
    match = _GATE.fullmatch(text)
    if match is None:
        raise UsageError(
            f"--gate {text}: it isn't FIGURE<=N%.",
            hint="It says by how much a figure may become worse: --gate 'p50<=5%'. Quotes "
            "keep the shell from taking < for itself.",
        )
    if match["name"] not in FIGURES:
        raise UsageError(
            f"--gate {text}: there is no figure {match['name']!r}.",
            hint=f"There are: {', '.join(FIGURES)}.",
        )
    return match["name"], float(match["share"]) / 100


def baseline_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds `--baseline` and `--allow`."""
    for option in (
        click.option(
            "--allow",
            metavar="N%",
            help=f"By how much {' and '.join(USUAL)} may be worse than in the baseline. "
            f"Default: {_ALLOWED}.",
        ),
        click.option(
            "--baseline",
            default="",
            metavar="RUN",
            shell_complete=completion.runs,
            help="An earlier run (its folder or result.json) of the same load: a figure that is "
            "worse by more than --allow turns the verdict.",
        ),
    ):
        command = option(command)
    return command
