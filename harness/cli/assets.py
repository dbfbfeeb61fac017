"""`harness assets`: the binaries that clusters are made of."""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING

import click

from harness.assets.components import CONTROL_PLANE, Component
from harness.cli.versions import kubernetes_version
from harness.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from harness.assets import Asset

__all__ = ["assets"]

_PAUSE_S = 2.0  # between lines of progress where there is no terminal
_MISSING = "-"


@click.group()
def assets() -> None:
    """Find, download, build and remove the binaries of clusters.

    etcd, etcdctl, etcdutl, kube-apiserver, kube-controller-manager, kube-scheduler, kubectl,
    kwok and kwokctl; and helm, where a target is installed by a chart. `harness run` gets what
    it needs by itself; these commands show what it would take, get it beforehand, and give the
    space back.

    \b
    Looked for in this order; the first fit one is taken:
      TEST_ASSET_<NAME>    a file, e.g. TEST_ASSET_ETCD, TEST_ASSET_KUBE_APISERVER
      KUBEBUILDER_ASSETS   a folder of binaries
      PATH                 if of the wanted minor version
      cache                $XDG_CACHE_HOME/harness/assets (~/.cache/harness/assets)
      release              official files, verified by their published SHA-256, into the cache
      build                from pinned Go modules, into the cache; needs Go and a module proxy

    API server, controller-manager and scheduler are always of one minor version; what would
    break that is passed over, and said.

    \b
    HARNESS_ASSETS_MIRROR   base URL of a mirror of the official files, as `wget -x` lays it
                            out: https://mirror.example/dl.k8s.io/release/v1.2.3/bin/...
    HARNESS_OFFLINE=1       nothing is downloaded, by Go neither
    HTTPS_PROXY, NO_PROXY   as everywhere

    \b
    harness assets list
    harness assets fetch
    harness assets fetch --kubernetes-version 1.33.6
    """  # noqa: D301 - \b is click's mark


@assets.command("list")
def list_assets() -> None:
    """Show each binary: version wanted and found, source, path. Gets nothing.

    \b
    harness assets list
    KUBEBUILDER_ASSETS=/usr/local/kubebuilder/bin harness assets list

    Reads TEST_ASSET_<NAME>, KUBEBUILDER_ASSETS, PATH and XDG_CACHE_HOME (see `harness assets
    --help`). Exit code 0 even where some are missing; `harness assets fetch` gets those.
    """  # noqa: D301 - \b is click's mark
    from harness.assets import survey  # noqa: PLC0415 - only when called
    from harness.assets.components import pinned  # noqa: PLC0415

    state = survey(tuple(Component))
    found = {asset.component: asset for asset in state.found}
    rows = [("COMPONENT", "WANTED", "FOUND", "SOURCE", "PATH")]
    for component in Component:
        rows.append((component, pinned(component), *_place(found.get(component))))
    click.echo(_table(rows))
    for note in state.notes:
        click.echo(f"note: {note}")
    missing = [component for component in state.missing if component in CONTROL_PLANE]
    if missing:
        click.echo(f"{len(missing)} missing; `harness assets fetch` gets them.")


@assets.command()
@click.argument(
    "components",
    nargs=-1,
    metavar="[COMPONENT]...",
    type=click.Choice([component.value for component in Component]),
)
@kubernetes_version
def fetch(components: Sequence[str], kubernetes: str) -> None:
    """Get the binaries that are missing, and verify those in the cache by their SHA-256.

    All that a cluster needs if no COMPONENT is named. Official release files are downloaded
    where they can be reached; else Go modules are built, which takes about 20 minutes on two
    cores the first time. Several at the same time are fine: the second waits for the first and
    takes what it made. An interrupted download or build leaves nothing that would be used.

    \b
    harness assets fetch
    harness assets fetch etcd kube-apiserver kubectl
    harness assets fetch --kubernetes-version 1.33.6
    harness assets fetch helm

    \b
    TEST_ASSET_<NAME>, KUBEBUILDER_ASSETS   your own binaries, instead of a build
    XDG_CACHE_HOME                          where the cache lies
    HARNESS_ASSETS_MIRROR, HARNESS_OFFLINE  see `harness assets --help`
    GOPROXY, GOCACHE, GOMODCACHE            as Go knows them
    """  # noqa: D301 - \b is click's mark
    from harness.assets import resolve  # noqa: PLC0415 - only when called

    wanted = tuple(Component(name) for name in components) or CONTROL_PLANE
    with _progress() as tell:
        ready = resolve(wanted, kubernetes=kubernetes, verify=True, on_progress=tell)
    for note in ready.notes:
        click.echo(f"note: {note}", err=True)
    sources = sorted({asset.source for asset in ready.assets})
    click.echo(f"{len(ready.assets)} binaries ready ({', '.join(sources)}).")


@assets.command()
@click.option("--yes", "-y", is_flag=True, help="Don't ask.")
def clean(*, yes: bool) -> None:
    """Remove the cached binaries, after saying which and how much.

    Only what lies below $XDG_CACHE_HOME/harness/assets; Go's own caches stay, so that a new
    build takes minutes (`go clean -cache -modcache` empties these). Don't clean while a cluster
    runs from the cache: its components couldn't be started again.

    \b
    harness assets clean
    harness assets clean --yes
    """  # noqa: D301 - \b is click's mark
    from harness.assets.lock import exclusive  # noqa: PLC0415 - only when called
    from harness.assets.store import Store  # noqa: PLC0415

    store = Store()
    entries = store.contents()
    if not entries:
        click.echo(f"Nothing to remove: {store.root} is empty.")
        return
    click.echo(f"To be removed from {store.root}:")
    for entry in entries:
        click.echo(f"{_megabytes(entry.size):>9}  {entry.path.name}")
    click.echo(f"{_megabytes(sum(entry.size for entry in entries)):>9}  in all")
    if not yes:
        if not sys.stdin.isatty():
            raise UsageError("Nothing was removed.", hint="Add --yes where nobody can be asked.")
        click.confirm("Remove them?", abort=True)
    with exclusive(store.lock_file, doing="cleaning", timeout=0.0):
        for entry in entries:
            store.remove(entry)
    click.echo("Removed.")


def _place(asset: Asset | None) -> tuple[str, str, str]:
    if asset is None:
        return (_MISSING, "missing", _MISSING)
    return (asset.version, asset.source, str(asset.path))


def _table(rows: Sequence[tuple[str, ...]]) -> str:
    """Returns rows as text, columns aligned; the last column may be of any length."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = [
        "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
    return "\n".join(lines)


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.1f} MB"


@contextlib.contextmanager
def _progress() -> Iterator[Callable[[str], None]]:
    """Shows progress on standard error: a line that changes, or some plain ones."""
    if sys.stderr.isatty():
        with _live() as tell:
            yield tell
    else:
        plain = _Plain()
        yield plain.tell
        plain.end()


@contextlib.contextmanager
def _live() -> Iterator[Callable[[str], None]]:
    from rich.console import Console  # noqa: PLC0415 - heavy, and silent where all is found
    from rich.markup import escape  # noqa: PLC0415
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn  # noqa: PLC0415

    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("looking for binaries", total=None)

        def tell(text: str) -> None:
            if text.startswith("building "):
                progress.console.print(escape(text), highlight=False)
            else:
                progress.update(task, description=escape(text))

        yield tell


class _Plain:
    """Lines at least two seconds apart; the last one always comes."""

    def __init__(self) -> None:
        from harness.clock import Deadline  # noqa: PLC0415 - only when called

        self._deadline_of = Deadline
        self._next = Deadline(0.0)
        self._held = ""

    def tell(self, text: str) -> None:
        """Prints a line, or holds it until it is time."""
        if self._next.passed:
            click.echo(text, err=True)
            self._held = ""
            self._next = self._deadline_of(_PAUSE_S)
        else:
            self._held = text

    def end(self) -> None:
        """Prints what is held."""
        if self._held:
            click.echo(self._held, err=True)
