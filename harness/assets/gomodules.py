"""Makes binaries from the pinned Go modules, wherever a Go module proxy can be reached."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Protocol

from harness import command
from harness.assets import goerrors, toolchain
from harness.assets.asset import Asset
from harness.assets.components import MODULES, Component, GoModule
from harness.assets.identify import ask
from harness.assets.lock import exclusive
from harness.assets.sources import recipe_of
from harness.errors import AssetError, CommandError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from harness.assets.store import Store
    from harness.assets.toolchain import Toolchain

__all__ = ["GoModules", "Maker"]

_BUILD_TIMEOUT_S = 2 * 3600.0  # six times what two cold cores need
_LIST_TIMEOUT_S = 1800.0  # downloads some 250 modules the first time
_WAIT_TIMEOUT_S = 3 * 3600.0  # for another run's build
_ORIGIN = "built from Go modules"


class Maker(Protocol):
    """A way to make or fetch binaries that aren't on this machine."""

    def make(
        self, missing: Sequence[Component], on_progress: Callable[[str], None]
    ) -> tuple[Asset, ...]:
        """Returns those that it could get; raises AssetError for a failure that stays."""


class GoModules:
    """Builds components from `ci/controlplane` into the cache.

    Args:
        store: The cache.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def make(
        self, missing: Sequence[Component], on_progress: Callable[[str], None]
    ) -> tuple[Asset, ...]:
        """Builds the missing components, one `go build` a module, under the cache's lock.

        What another run built while we waited is taken from the cache. Each module is
        published when it is done, so that a stop loses only the one in work.

        Raises:
            AssetError: There is no fit Go, or it failed; one paragraph that says what to do.
        """
        go = self._fit_toolchain(missing)
        self._store.prepare()
        doing = f"building {', '.join(missing)}"
        with exclusive(
            self._store.lock_file, doing=doing, timeout=_WAIT_TIMEOUT_S, on_wait=on_progress
        ):
            self._store.sweep()
            assets = self._present(missing)
            there = {asset.component for asset in assets}
            rest = [component for component in missing if component not in there]
            if rest:
                on_progress(_announcement(rest))
            for module, components in _by_module(rest):
                assets += self._build(go, module, components, on_progress)
        return tuple(assets)

    def _present(self, components: Sequence[Component]) -> list[Asset]:
        """Returns what is in the cache by now, with its content verified."""
        found = []
        for component in components:
            recipe = recipe_of(component)
            if path := self._store.find(recipe, thorough=True):
                found.append(
                    Asset(component=component, path=path, version=recipe.version, source="cache")
                )
        return found

    def _fit_toolchain(self, missing: Sequence[Component]) -> Toolchain:
        names = ", ".join(missing)
        try:
            go = toolchain.find_toolchain()
        except AssetError as error:
            raise AssetError(f"Can't build {names}: {error}", hint=error.hint) from error
        for module, _ in _by_module(missing):
            wanted = toolchain.required_go(module.files()["go.mod"])
            if not go.at_least(wanted):
                raise AssetError(
                    f"Can't build {names}: {module.name} {module.version} needs Go {wanted} "
                    f"or newer, and {go.path} is {go.version}.",
                    hint=f"Install a newer Go and put it first on PATH, or {goerrors.ELSEWHERE}.",
                )
        return go

    def _build(
        self,
        go: Toolchain,
        module: GoModule,
        components: Sequence[Component],
        on_progress: Callable[[str], None],
    ) -> list[Asset]:
        with self._store.draft() as draft:
            job = _Job(go=go, module=module, draft=draft, log=self._store.log_file(module.name))
            binaries = job.run(components, on_progress)
            assets = []
            for component, binary in binaries.items():
                recipe = recipe_of(component)
                path = self._store.publish(
                    binary, recipe, origin=_ORIGIN, toolchain=f"go{go.version}"
                )
                assets.append(
                    Asset(component=component, path=path, version=recipe.version, source=_ORIGIN)
                )
        names = ", ".join(f"{asset.component} {asset.version}" for asset in assets)
        on_progress(f"{module.name}: built {names}")
        return assets


class _Job:
    """One module's build in a draft folder."""

    def __init__(self, *, go: Toolchain, module: GoModule, draft: Path, log: Path) -> None:
        self._go = go
        self._module = module
        self._draft = draft
        self._log = log
        self._subject = f"Building {module.name} {module.version} from Go modules"

    def run(
        self, components: Sequence[Component], on_progress: Callable[[str], None]
    ) -> dict[Component, Path]:
        """Builds, tries each binary, and returns their paths in the draft."""
        source, out, scratch = (self._draft / name for name in ("source", "out", "tmp"))
        try:
            for folder in (source, out, scratch):
                folder.mkdir()
            for name, content in self._module.files().items():
                (source / name).write_bytes(content)
            self._log.unlink(missing_ok=True)
        except OSError as error:
            raise goerrors.explain(self._subject, [str(error)], log=self._log) from error
        packages = [self._module.packages[component] for component in components]
        meter = _Meter(self._module.name, on_progress)
        self._go_command(["list", "-deps", "-trimpath", "-f", _LISTED, *packages],
                         _LIST_TIMEOUT_S, meter.listed)  # fmt: skip
        flags = ["-trimpath", "-buildvcs=false", "-ldflags", self._module.ldflags]
        self._go_command(["build", "-v", *flags, "-o", f"{out}{os.sep}", *packages],
                         _BUILD_TIMEOUT_S, meter.built)  # fmt: skip
        return {
            component: self._tried(component, out / _file_name(package))
            for component, package in zip(components, packages, strict=True)
        }

    def _go_command(
        self, words: Sequence[str], timeout: float, on_line: Callable[[str], None]
    ) -> None:
        lines: list[str] = []
        with self._log.open("a", encoding="utf-8", errors="replace") as log:

            def take(line: str) -> None:
                lines.append(line)
                log.write(goerrors.without_credentials(line) + "\n")
                on_line(line)

            try:
                command.stream(
                    [self._go.path, *words],
                    timeout=timeout,
                    cwd=self._draft / "source",
                    env=self._go.environment(self._draft / "tmp"),
                    on_line=take,
                )
            except CommandError as error:
                said = lines or str(error).splitlines()[:1]
                raise goerrors.explain(self._subject, said, log=self._log) from error

    def _tried(self, component: Component, binary: Path) -> Path:
        """Returns the binary if it runs and is of the version that we asked for."""
        try:
            version = ask(component, binary)
        except CommandError as error:
            raise AssetError(
                f"{component} was built but doesn't run: {str(error).splitlines()[0]}.",
                hint="If the cache lies on a file system mounted noexec, set XDG_CACHE_HOME "
                "to a folder where programs may run.",
            ) from error
        if version != self._module.version:
            raise AssetError(
                f"{component} was built but says version {version or 'nothing'}, "
                f"not {self._module.version}.",
                hint="Check ci/controlplane against harness/assets/versions.py.",
            )
        return binary


_LISTED = "{{if .Stale}}compile{{else}}ready{{end}} {{.ImportPath}}"
_STEPS = 100  # progress is told at most once a percent


class _Meter:
    """Turns Go's lines into progress: modules downloaded, then packages compiled."""

    def __init__(self, name: str, on_progress: Callable[[str], None]) -> None:
        self._name = name
        self._on_progress = on_progress
        self._downloads = 0
        self._total = 0
        self._done = 0
        self._told = 0

    def listed(self, line: str) -> None:
        """Takes a line of `go list`: a package, or a download."""
        if line.startswith("compile "):
            self._total += 1
        elif line.startswith("go: downloading "):
            self._downloads += 1
            what = " ".join(line.split()[2:4])
            self._on_progress(f"{self._name}: downloading module {self._downloads} ({what})")

    def built(self, line: str) -> None:
        """Takes a line of `go build -v`: the package whose compilation begins."""
        if not line or " " in line or ":" in line:
            return
        self._done += 1
        self._total = max(self._total, self._done)
        step = self._done * _STEPS // self._total
        if step > self._told:
            self._told = step
            self._on_progress(f"{self._name}: {self._done} of {self._total} packages")


def _file_name(package: str) -> str:
    """Returns the name that `go build` gives a command: the last part that is no version."""
    parts = package.split("/")
    last = parts[-1]
    return parts[-2] if last[:1] == "v" and last[1:].isdigit() else last


def _by_module(components: Sequence[Component]) -> list[tuple[GoModule, list[Component]]]:
    groups = [
        (module, [component for component in components if component in module.packages])
        for module in MODULES
    ]
    return [(module, members) for module, members in groups if members]


def _announcement(components: Sequence[Component]) -> str:
    minutes = sum(module.minutes for module, _ in _by_module(components))
    return (
        f"building {', '.join(components)} from Go modules; this is done once and takes "
        f"about {minutes} minute{'' if minutes == 1 else 's'} on two cores "
        "(less where Go's caches are filled)"
    )
