"""`harness cluster`, `kubectl` and `logs`: clusters for people, without a run."""

from __future__ import annotations

import os
import shlex
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from harness.cli import completion
from harness.cli.kind import kind_options, kind_settings
from harness.cli.versions import kubernetes_version
from harness.clock import SYSTEM_CLOCK
from harness.errors import HarnessError, UsageError
from harness.settings import Settings, Timeouts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.assets import AssetSet
    from harness.model.cluster import Cluster

__all__ = ["cluster", "kubectl", "logs"]

_EVERYTHING = {"ignore_unknown_options": True, "help_option_names": ["-h", "--help"]}


@click.group()
def cluster() -> None:
    """Start and stop clusters by themselves.

    A local cluster is a real etcd, API server, controller-manager and scheduler as processes
    of this machine, with simulated nodes and pods. It needs no root and no container runtime,
    listens on 127.0.0.1 only, and is ready within seconds. It stays until it's taken down.
    With --provider kind its nodes are containers, and pods really run; that needs Docker.

    \b
    eval "$(harness cluster up)"     start one; kubectl and envtest find it
    kubectl get nodes
    harness kubectl get pods -A      the same, with the right kubectl
    harness logs kube-apiserver
    harness cluster down --all
    """  # noqa: D301 - \b is click's mark


@cluster.command()
@click.option(
    "--name", default="default", show_default=True, metavar="NAME", help="What to call it."
)
@click.option(
    "--provider",
    "kind_of",
    type=click.Choice(["local", "kind"]),
    default="local",
    show_default=True,
    help="local: processes of this machine. kind: nodes as containers; needs Docker.",
)
@kind_options
@click.option(
    "--durable", is_flag=True, help="Let etcd wait for the disk, as on a real cluster. Slower."
)
@click.option(
    "--timeout",
    default=90.0,
    show_default=True,
    metavar="SECONDS",
    help="How long until it must be ready; kind has four times as long.",
)
@kubernetes_version
def up(
    *,
    name: str,
    kind_of: str,
    durable: bool,
    timeout: float,
    kubernetes: str,
    **kind: Any,  # noqa: ANN401 - click's own types
) -> None:
    """Start a cluster and print how to reach it.

    Standard output holds nothing but export lines for KUBECONFIG (a file that only you may
    read) and KUBEBUILDER_ASSETS (the folder of its binaries, for envtest); progress goes to
    standard error.

    \b
    eval "$(harness cluster up)"
    harness cluster up --name second > second.env
    harness cluster up --kubernetes-version 1.33.6
    eval "$(harness cluster up --provider kind --name pods)"
    """  # noqa: D301 - \b is click's mark
    from harness.assets import resolve  # noqa: PLC0415 - slow to import, and --help needs none
    from harness.clusters import is_kept, provider, read_clusters, sweep  # noqa: PLC0415 - the same

    if any(kept.name == name and is_kept(kept) for kept in read_clusters()):
        raise UsageError(
            f"A cluster named {name!r} is up already.",
            hint=f"Give another --name, or take it down: harness cluster down {name}",
        )
    for sentence in sweep():
        _say(sentence)
    settings = Settings(
        cluster=kind_of,
        durable=durable,
        kubernetes_version=kubernetes,
        timeouts=Timeouts(cluster=timeout),
        **kind_settings(kind_of, kind),
    )
    chosen = provider(settings)
    chosen.check()
    assets = resolve(chosen.needed_assets, kubernetes=kubernetes, on_progress=_say)
    made = _start(name, assets, settings)
    print(f"export KUBECONFIG={shlex.quote(made.kubeconfig)}")
    print(f"export KUBEBUILDER_ASSETS={shlex.quote(str(Path(made.state_dir) / 'bin'))}")


def _start(name: str, assets: AssetSet, settings: Settings) -> Cluster:
    from harness.clusters import new_state_dir, provider  # noqa: PLC0415 - as in `up`
    from harness.guard import Guard  # noqa: PLC0415 - as in `up`

    state_dir = new_state_dir()
    guard = Guard.start(state_dir=state_dir, evidence=None)
    try:
        assets.link(state_dir / "bin")
        made = provider(settings).create(
            name=name,
            run=None,
            assets=assets,
            guard=guard,
            state_dir=state_dir,
            on_progress=_say,
        )
        guard.detach()
    except BaseException:
        guard.owns(state_dir)
        guard.close()
        raise
    return made


@cluster.command()
@click.argument("name", required=False, shell_complete=completion.clusters)
@click.option("--all", "every", is_flag=True, help="Take all clusters down.")
def down(name: str | None, every: bool) -> None:  # noqa: FBT001 - click passes by name
    """Take a cluster down and remove all that it left.

    One that a run is using now isn't touched: stop the run instead.

    \b
    harness cluster down default
    harness cluster down --all
    """  # noqa: D301 - \b is click's mark
    from harness.clusters import read_clusters, sweep  # noqa: PLC0415 - as in `up`

    if (name is None) != every:
        raise UsageError("Say which cluster to take down: either a NAME or --all.")
    found = [kept for kept in read_clusters() if every or kept.name == name]
    if not found and not every:
        raise _unknown(name)
    _take_down(found)
    for sentence in sweep():
        _say(sentence)
    if every:
        from harness.clusters.existing.cleanup import sweep_claims  # noqa: PLC0415 - as in `up`
        from harness.clusters.kind.leftovers import remove_leftovers  # noqa: PLC0415 - as in `up`

        for sentence in (*remove_leftovers(), *sweep_claims()):
            _say(sentence)


def _take_down(clusters: Sequence[Cluster]) -> None:
    from harness.clusters import guard_socket, is_kept, provider  # noqa: PLC0415 - as in `up`
    from harness.guard import Guard  # noqa: PLC0415 - as in `up`

    for found in clusters:
        if not is_kept(found):
            _say(f"{found.name} is left alone: a run uses it")
            continue
        with Guard.connect(guard_socket(found)) as guard:
            provider(Settings(cluster=found.provider)).delete(found, guard)
        _say(f"{found.name} is down")


@cluster.command("list")
def list_() -> None:
    """List the clusters that are up, with the path of each one's kubeconfig.

    \b
    harness cluster list
    """  # noqa: D301 - \b is click's mark
    from harness.clusters import is_kept, read_clusters  # noqa: PLC0415 - as in `up`

    rows = [("NAME", "PROVIDER", "VERSION", "AGE", "USE", "SERVER", "KUBECONFIG")]
    for found in read_clusters():
        use = "kept" if is_kept(found) else "run"
        about = (found.name, found.provider, found.server_version, _age(found))
        rows.append((*about, use, found.server, found.kubeconfig))
    if len(rows) == 1:
        _say('None is up. Start one: eval "$(harness cluster up)"')
        return
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        print("  ".join(cells).rstrip())


@click.command(context_settings=_EVERYTHING)
@click.option(
    "--cluster",
    "name",
    metavar="NAME",
    shell_complete=completion.clusters,
    help="Which one; needed only where several are up.",
)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def kubectl(name: str | None, arguments: tuple[str, ...]) -> None:
    """Run kubectl against a cluster that is up (or was kept by --keep).

    All ARGUMENTS are kubectl's. Where one of its options is also ours, write -- before them.

    \b
    harness kubectl get pods --all-namespaces
    harness kubectl --cluster second apply -f crd.yaml
    harness kubectl -- get --help
    """  # noqa: D301 - \b is click's mark
    from harness.assets import Component, resolve  # noqa: PLC0415 - as in `up`
    from harness.command import environment  # noqa: PLC0415 - as in `up`

    kept = _pick(name)
    program = resolve((Component.KUBECTL,), on_progress=_say).path(Component.KUBECTL)
    sys.stdout.flush()
    env = environment({"KUBECONFIG": kept.kubeconfig})
    os.execve(program, ("kubectl", *arguments), env)  # noqa: S606 - kubectl takes our place


@click.command()
@click.argument("component", required=False)
@click.option(
    "--cluster",
    "name",
    metavar="NAME",
    shell_complete=completion.clusters,
    help="Which one; needed only where several are up.",
)
@click.option(
    "-n",
    "--lines",
    default=200,
    show_default=True,
    metavar="N",
    help="How many of the last lines.",
)
def logs(component: str | None, name: str | None, lines: int) -> None:
    """Show the last lines that a cluster's component printed.

    Without COMPONENT, lists the components and where their logs lie.

    \b
    harness logs
    harness logs kube-controller-manager --lines 50
    tail -f "$(harness logs | awk '/^etcd/ {print $3}')"
    """  # noqa: D301 - \b is click's mark
    from harness.clusters.local.components import components_of, find_component, tail  # noqa: PLC0415 - as in `up`
    from harness.clusters.local.configuration import CLUSTER_NAME  # noqa: PLC0415 - as in `up`

    kept = _pick(name)
    if kept.provider == "kind":
        _kind_logs(kept, component, lines)
        return
    work = Path(kept.state_dir) / "clusters" / CLUSTER_NAME
    if component is not None:
        with suppress(BrokenPipeError):
            print(tail(find_component(work, component).log, lines))
        return
    for part in components_of(work).values():
        state = "running" if part.is_running() else "stopped"
        print(f"{part.name:24} {state:8} {part.log}")


def _kind_logs(kept: Cluster, component: str | None, lines: int) -> None:
    from harness.clusters.kind import components  # noqa: PLC0415 - as in `up`
    from harness.clusters.kind.calls import Calls  # noqa: PLC0415 - as in `up`
    from harness.clusters.kind.layout import name_of  # noqa: PLC0415 - as in `up`

    calls = Calls(name_of(kept))
    node = f"{calls.name}-control-plane"
    if component is not None:
        with suppress(BrokenPipeError):
            print(components.tail(calls, node, component, lines))
        return
    for part, state in components.states(calls, node).items():
        print(f"{part:24} {state:8} {node}")


def _pick(name: str | None) -> Cluster:
    from harness.clusters import read_clusters  # noqa: PLC0415 - as in `up`

    found = [kept for kept in read_clusters() if name is None or kept.name == name]
    if len(found) == 1:
        return found[0]
    if found:
        names = ", ".join(kept.name for kept in found)
        raise UsageError(f"Several clusters are up: {names}.", hint="Say which by --cluster NAME.")
    raise _unknown(name)


def _unknown(name: str | None) -> HarnessError:
    which = f"No cluster named {name!r} is up." if name else "No cluster is up."
    return UsageError(
        which, hint='See: harness cluster list. Start one: eval "$(harness cluster up)"'
    )


def _age(kept: Cluster) -> str:
    started = (Path(kept.state_dir) / "cluster.json").stat().st_mtime
    minutes = int((SYSTEM_CLOCK.now().wall_ns / 1e9 - started) // 60)
    return f"{minutes // 60}h{minutes % 60:02}m" if minutes >= 60 else f"{minutes}m"  # noqa: PLR2004 - minutes


def _say(text: str) -> None:
    click.echo(text, err=True)
