"""`harness targets`: what targets there are, how they are understood, what is wrong with them."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from harness.cli import completion
from harness.errors import TargetError

if TYPE_CHECKING:
    from harness.model.problems import Problem
    from harness.model.target import Target

__all__ = ["targets"]


@click.group()
def targets() -> None:
    """List, show and check target definitions.

    A target is an operator under test, described by its target.yaml. `harness init` writes one.

    \b
    harness targets list                            what comes with the harness
    harness targets show guestbook                  as the harness understands it
    harness targets lint ./target.yaml              every problem, with file and line
    harness targets schema > target.schema.json     for your editor
    """  # noqa: D301 - \b is click's mark


@targets.command("list")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
def list_targets(*, as_json: bool) -> None:
    """List the bundled targets, with their faulty twins.

    A target whose sources aren't here (an installed harness has only definitions) says so: take
    a checkout of the project to run it.

    \b
    harness targets list
    harness targets list --json | jq -r '.[].name'
    """  # noqa: D301 - \b is click's mark
    import msgspec  # noqa: PLC0415 - light, but only here

    from harness.targets import available  # noqa: PLC0415 - heavy

    entries = available()
    if as_json:
        click.echo(json.dumps(msgspec.to_builtins(entries), indent=2))
        return
    if not entries:
        click.echo("No target comes with this installation.")
    width = max((len(entry.name) for entry in entries), default=0)
    for entry in entries:
        state = "ready to build" if entry.has_sources else "needs its sources"
        twins = f"twins: {', '.join(entry.twins)}" if entry.twins else "no twins"
        click.echo(f"{entry.name:<{width}}  {state}; {twins}")


@targets.command()
@click.argument("target", metavar="NAME|DIR|FILE", shell_complete=completion.targets)
@click.option(
    "--format",
    "form",
    type=click.Choice(["yaml", "json"]),
    default="yaml",
    show_default=True,
    help="How it is printed.",
)
def show(*, target: str, form: str) -> None:
    """Show a target as the harness understands it, defaults filled in.

    Paths are absolute, bounds have one unit a quantity. `derived` is what the rendered manifests
    tell: the objects, and which container of which Deployment is run.

    \b
    harness targets show guestbook
    harness targets show ./target.yaml --format json
    """  # noqa: D301 - \b is click's mark
    import msgspec  # noqa: PLC0415 - light, but only here
    import yaml  # noqa: PLC0415 - heavy

    from harness.targets import load  # noqa: PLC0415 - heavy

    loaded = load(target)
    data: dict[str, Any] = msgspec.to_builtins(loaded)
    try:
        data["derived"] = _derived(loaded)
    except TargetError as error:
        click.echo(f"note: the manifests can't be used: {error}", err=True)
    if form == "json":
        click.echo(json.dumps(data, indent=2, ensure_ascii=False))
    else:
        click.echo(yaml.safe_dump(data, sort_keys=False, allow_unicode=True, width=100), nl=False)


def _derived(target: Target) -> dict[str, Any] | None:
    """Returns what the manifests tell; None, with a note, where they can't be rendered here.

    Raises:
        TargetError: They are broken.
    """
    from harness.installers.workloads import choose  # noqa: PLC0415 - heavy
    from harness.manifests.objects import describe  # noqa: PLC0415 - heavy

    manifests = _render(target)
    if manifests is None:
        return None
    return {
        "workloads": [
            {
                "deployment": describe(item.deployment),
                "container": item.container,
                "process": shlex.join(item.spec.process.command) if item.spec.process else None,
                "not_run": list(item.notes),
            }
            for item in choose(target, manifests)
        ],
        "manifests": [describe(obj) for obj in manifests],
    }


def _render(target: Target) -> tuple[dict[str, Any], ...] | None:
    """Returns the rendered manifests; None, with a note, where what renders them isn't here.

    Raises:
        TargetError: They are broken.
    """
    from harness import assets  # noqa: PLC0415 - heavy
    from harness.installers import render  # noqa: PLC0415 - heavy

    manifests = target.install.manifests
    if target.install.present:
        return None
    if manifests.helm is None and manifests.kustomize is None:
        return render(target, kubectl=Path())
    name = "kubectl" if manifests.helm is None else "helm"
    found = assets.survey((assets.Component(name),)).found
    if not found:
        click.echo(
            f"note: the manifests weren't rendered: {name} isn't here "
            f"(`harness assets fetch {name}` gets it).",
            err=True,
        )
        return None
    path = found[0].path
    return render(target, kubectl=path, helm=path)


@targets.command()
@click.option("--twin", is_flag=True, help="The schema of twins/<name>.yaml instead.")
def schema(*, twin: bool) -> None:
    """Print the JSON Schema of target.yaml.

    Editors check and complete with it. For those with the YAML language server (VS Code,
    Neovim, JetBrains, Emacs), save it and name it in the first line of target.yaml:

    \b
    harness targets schema > target.schema.json
    # yaml-language-server: $schema=./target.schema.json
    """  # noqa: D301 - \b is click's mark
    from harness import targets as stage  # noqa: PLC0415 - heavy

    found = stage.twin_schema() if twin else stage.schema()
    click.echo(json.dumps(found, indent=2, ensure_ascii=False))


@targets.command()
@click.argument("target", metavar="NAME|DIR|FILE", shell_complete=completion.targets)
def lint(*, target: str) -> None:
    """Check a target definition, its twins, manifests and samples.

    Tells every problem with file and line, and ends with exit code 4; with 0 where there is
    none. No cluster is started. Charts need helm, kustomizations kubectl.

    \b
    harness targets lint guestbook
    harness targets lint ./target.yaml
    """  # noqa: D301 - \b is click's mark
    from harness.targets import load  # noqa: PLC0415 - heavy
    from harness.targets.bundled import twin_names  # noqa: PLC0415 - heavy
    from harness.targets.linting import lint as disagreements  # noqa: PLC0415 - heavy
    from harness.targets.loading import find  # noqa: PLC0415 - heavy

    loaded = load(target)
    file = find(target)
    problems: list[Problem] = []
    twins = twin_names(file.parent)
    for twin in twins:
        try:
            load(target, twin=twin)
        except TargetError as error:
            problems += error.problems
    manifests = _render(loaded)
    if manifests is not None:
        problems += disagreements(loaded, file, manifests)
    if problems:
        unique = list(dict.fromkeys(problems))
        lines = "\n".join(str(problem) for problem in unique)
        count = "1 problem" if len(unique) == 1 else f"{len(unique)} problems"
        raise TargetError(f"The target has {count}:\n{lines}", problems=unique)
    rendered = "" if manifests is None else f", {len(manifests)} manifests"
    click.echo(f"{target}: ok ({len(loaded.kinds)} kinds, {len(twins)} twins{rendered})")
