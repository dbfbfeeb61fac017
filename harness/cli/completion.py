"""`harness completion`, and the words that options and arguments are completed with.

A shell asks at each press of the tab key, so this starts nothing and imports nothing heavy; it
reads names of files, and a kubeconfig where a context is asked for.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from functools import wraps
from pathlib import Path

import click
from click.shell_completion import CompletionItem, get_completion_class

from harness.errors import HarnessError, UsageError
from harness.resources import bundled

__all__ = [
    "checks",
    "clusters",
    "completion",
    "contexts",
    "families",
    "files",
    "folders",
    "runs",
    "suites",
    "targets",
    "twins",
]

_VARIABLE = "_HARNESS_COMPLETE"  # click's name for a program called "harness"
_SHOWN_RUNS = 20

Completer = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]


def _completer(words: Callable[[click.Context, str], Iterable[CompletionItem]]) -> Completer:
    """Makes a function what click calls: nothing is offered where something can't be read."""

    @wraps(words)
    def complete(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[CompletionItem]:
        with suppress(OSError, HarnessError):
            return list(words(ctx, incomplete))
        return []

    return complete


def _files(kind: str) -> CompletionItem:
    """Lets the shell offer files or folders; it must come first, and does so if no word fits."""
    return CompletionItem("", type=kind)


def _matching(names: Iterable[str], incomplete: str, about: str = "") -> Iterator[CompletionItem]:
    return (CompletionItem(name, help=about) for name in names if name.startswith(incomplete))


@_completer
def suites(_: click.Context, incomplete: str) -> Iterator[CompletionItem]:
    """Bundled suites by name, or folders."""
    yield _files("dir")
    found = sorted(file.parent.name for file in bundled("suites").glob("*/suite.yaml"))
    yield from _matching(found, incomplete, "bundled suite")


@_completer
def targets(_: click.Context, incomplete: str) -> Iterator[CompletionItem]:
    """Bundled targets by name, or files."""
    yield _files("file")
    found = sorted(file.parent.name for file in _operators().glob("*/target.yaml"))
    yield from _matching(found, incomplete, "bundled target")


@_completer
def twins(ctx: click.Context, incomplete: str) -> Iterator[CompletionItem]:
    """Faulty twins of the target that the line names so far."""
    target = str(ctx.params.get("target") or "")
    if not target:
        return
    known = _operators() / target
    path = known if known.is_dir() else Path(target)
    folder = path if path.is_dir() else path.parent
    found = sorted(file.stem for file in folder.glob("twins/*.yaml"))
    yield from _matching(found, incomplete, f"twin of {folder.name}")


@_completer
def clusters(_: click.Context, incomplete: str) -> Iterator[CompletionItem]:
    """Clusters that are up."""
    from harness.clusters.state import read_clusters  # noqa: PLC0415 - heavy

    yield from _matching((found.name for found in read_clusters()), incomplete, "cluster")


@_completer
def contexts(ctx: click.Context, incomplete: str) -> Iterator[CompletionItem]:
    """Contexts of the kubeconfig that the line names, else of those that kubectl reads."""
    import yaml  # noqa: PLC0415 - only here

    default = os.environ.get("KUBECONFIG") or str(Path.home() / ".kube" / "config")
    named = str(ctx.params.get("kubeconfig") or "")
    for file in [named] if named else default.split(os.pathsep):
        with suppress(OSError, UnicodeDecodeError, yaml.YAMLError):
            found = yaml.load(Path(file).read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
            entries = found.get("contexts") if isinstance(found, dict) else None
            names = [str(entry["name"]) for entry in entries or () if "name" in entry]
            yield from _matching(names, incomplete, "context")


@_completer
def runs(_: click.Context, incomplete: str) -> Iterator[CompletionItem]:
    """Run folders below harness-runs/, the newest first; or other folders."""
    yield _files("dir")
    parent = Path("harness-runs")
    found = sorted((file.parent.name for file in parent.glob("*/run.json")), reverse=True)
    newest = ["latest", *(name for name in found if name != "latest")][: _SHOWN_RUNS + 1]
    if found:
        yield from _matching((f"{parent}/{name}" for name in newest), incomplete, "run")


@_completer
def checks(_: click.Context, incomplete: str) -> Iterator[CompletionItem]:
    """Ids of checks, with what an operator owes by them."""
    from harness.catalogue import load_catalogue  # noqa: PLC0415 - only here

    for check in load_catalogue().values():
        yield from _matching([check.id], incomplete.upper(), check.title)


@_completer
def families(_: click.Context, incomplete: str) -> Iterator[CompletionItem]:
    """The letters that ids of checks begin with."""
    from harness.catalogue import load_catalogue  # noqa: PLC0415 - only here
    from harness.catalogue.families import family  # noqa: PLC0415 - only here

    for letters in dict.fromkeys(check.partition("-")[0] for check in load_catalogue()):
        yield from _matching([letters], incomplete.upper(), family(letters))


@_completer
def files(_: click.Context, incomplete: str) -> Iterator[CompletionItem]:  # noqa: ARG001 - the shell's
    """Files of any kind."""
    yield _files("file")


@_completer
def folders(_: click.Context, incomplete: str) -> Iterator[CompletionItem]:  # noqa: ARG001 - the shell's
    """Folders."""
    yield _files("dir")


def _operators() -> Path:
    return bundled("operators_under_test")


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print the script that completes our command lines in a shell.

    The tab key then completes commands and options, and the names of bundled suites and targets,
    of a target's twins, of checks, of clusters that are up and of kept runs. One line installs it:

    \b
    eval "$(harness completion bash)"     in ~/.bashrc
    eval "$(harness completion zsh)"      in ~/.zshrc, after compinit
    harness completion fish > ~/.config/fish/completions/harness.fish

    It needs `harness` on PATH, bash 4.4 or newer, and a new shell.

    \b
    harness run --suite smoke --target gu<TAB>
    harness run --suite smoke --target guestbook --twin <TAB>
    """  # noqa: D301 - \b is click's mark
    root = click.get_current_context().find_root()
    made = get_completion_class(shell)
    if made is None:
        raise UsageError(f"This version of click has no completion for {shell}.")
    click.echo(made(root.command, {}, "harness", _VARIABLE).source())
