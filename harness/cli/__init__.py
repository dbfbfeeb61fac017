"""The command line: options in, runner called; nothing is decided here.

Commands are imported when they are called, so that `harness --help` answers at once.
"""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING

import click

from harness import __version__
from harness.errors import HarnessError, TargetError
from harness.model.verdict import ExitCode

if TYPE_CHECKING:
    from collections.abc import Sequence

    from click.shell_completion import CompletionItem

__all__ = ["main"]

_COMMANDS = {
    "run": ("harness.cli.run:run", "Run suites against an operator and judge it."),
    "init": ("harness.cli.init:init", "Write a target.yaml from a project, chart or manifests."),
    "targets": ("harness.cli.targets:targets", "List, show and check target definitions."),
    "report": ("harness.cli.report:report", "Judge and render a run folder again."),
    "compare": ("harness.cli.compare:compare", "Say whether one build is slower than another."),
    "checks": ("harness.cli.checks:checks", "List the checks, and explain one."),
    "rbac": ("harness.cli.rbac:rbac", "Explain permissions: granted, used, dangerous."),
    "runs": ("harness.cli.runs:runs", "List the kept run folders, and remove old ones."),
    "cluster": ("harness.cli.cluster:cluster", "Start and stop local clusters by themselves."),
    "kubectl": ("harness.cli.cluster:kubectl", "Run kubectl against a kept cluster."),
    "logs": ("harness.cli.cluster:logs", "Show the logs of a kept cluster's components."),
    "assets": ("harness.cli.assets:assets", "Find, build and remove the binaries of clusters."),
    "doctor": ("harness.cli.doctor:doctor", "Say what this machine can and can't run."),
    "completion": ("harness.cli.completion:completion", "Complete command lines in a shell."),
}


class _Lazy(click.Group):
    """A group whose commands are imported when they are needed."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Returns the names, in the order of use."""
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Imports and returns a command."""
        if cmd_name not in _COMMANDS:
            return None
        module, _, name = _COMMANDS[cmd_name][0].partition(":")
        command: click.Command = getattr(importlib.import_module(module), name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Lists the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in _COMMANDS.items()])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Completes the commands without importing them."""
        from click.shell_completion import CompletionItem  # noqa: PLC0415 - only for shells

        options = click.Command.shell_complete(self, ctx, incomplete)
        names = ((name, text) for name, (_, text) in _COMMANDS.items())
        found = [CompletionItem(n, help=text) for n, text in names if n.startswith(incomplete)]
        return [*found, *options]


@click.group(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="harness")
def harness() -> None:
    """Judge a Kubernetes operator: unmodified, generically, with a verdict that can go red.

    \b
    harness run --suite smoke --target guestbook    a bundled operator
    harness run --suite smoke --target ./my-operator/target.yaml
    harness report harness-runs/latest              judge and render a kept run again
    harness doctor                                  what this machine lacks

    \b
    Exit codes: 0 pass, 1 the operator failed, 2 interrupted, 3 the harness or its
    environment broke, 4 wrong usage, target or operator build, 5 inconclusive.
    """  # noqa: D301 - \b is click's mark


def main(argv: Sequence[str] | None = None) -> None:
    """Runs the command line and exits with our exit code."""
    try:
        harness.main(args=argv, prog_name="harness", standalone_mode=False)
    except click.exceptions.Exit as done:
        sys.exit(done.exit_code)
    except click.Abort:
        click.echo("Stopped.", err=True)
        sys.exit(ExitCode.INTERRUPTED)
    except click.ClickException as error:
        error.show()
        sys.exit(ExitCode.USAGE)
    except HarnessError as error:
        sys.exit(_explain(error))
    except KeyboardInterrupt:
        click.echo("Stopped.", err=True)
        sys.exit(ExitCode.INTERRUPTED)
    except Exception as bug:  # noqa: BLE001 - Python would end with 1, which blames the operator
        sys.exit(_confess(bug))


def _confess(bug: Exception) -> int:
    """Prints an error that nobody foresaw; with HARNESS_TRACEBACK=1, where it arose."""
    import os  # noqa: PLC0415 - rare
    import traceback  # noqa: PLC0415 - rare

    if os.environ.get("HARNESS_TRACEBACK"):
        traceback.print_exception(bug)
    what = str(bug) if isinstance(bug, OSError) else f"{type(bug).__name__}: {bug}"
    click.echo(f"error: {what}", err=True)
    click.echo(
        "hint: If the machine isn't to blame, report it with what HARNESS_TRACEBACK=1 shows.",
        err=True,
    )
    return int(ExitCode.ERROR)


def _explain(error: HarnessError) -> int:
    """Prints an error for people: what, where, how to mend it."""
    click.echo(f"error: {error}", err=True)
    if isinstance(error, TargetError):
        shown = str(error)
        for problem in error.problems:
            if str(problem) not in shown:
                click.echo(f"  {problem}", err=True)
    if error.hint:
        click.echo(f"hint: {error.hint}", err=True)
    return int(error.exit_code)
