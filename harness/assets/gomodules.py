"""Makes binaries from the pinned Go modules, wherever a Go module proxy can be reached."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Protocol

from harness import command
from harness.assets import generation, goerrors, toolchain
from harness.assets.asset import Asset
from harness.assets.components import Component, Pins
from harness.assets.identify import confirm
from harness.assets.lock import exclusive
from harness.assets.sources import cached, recipe_of
from harness.errors import AssetError, CommandError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from harness.assets.modules import GoModule
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
        self,
        missing: Sequence[Component],
        on_progress: Callable[[str], None],
        notes: list[str],
    ) -> tuple[Asset, ...]:
        """Returns those that it could get, and notes why not the others.

        Raises:
            AssetError: A failure that the next way would meet, too, or there is none.
        """


class GoModules:
    """Builds components from pinned (or generated) Go modules into the cache.

    Args:
        store: The cache.
        pins: The versions that are wanted.
    """

    def __init__(self, store: Store, pins: Pins) -> None:
        self._store = store
        self._pins = pins

    def make(
        self,
        missing: Sequence[Component],
        on_progress: Callable[[str], None],
        notes: list[str],
    ) -> tuple[Asset, ...]:
        """Builds the missing components, one `go build` a module, under the cache's lock.

        What another run built while we waited is taken from the cache. Each module is
        published when it is done, so that a stop loses only the one in work.

        Raises:
            AssetError: There is no fit Go, or it failed; one paragraph that says what to do.
        """
        del notes  # nothing comes after us: what fails is an error
        go = self._fit_toolchain(missing)
        self._store.prepare()
        doing = f"building {', '.join(missing)}"
        with exclusive(
            self._store.lock_file, doing=doing, timeout=_WAIT_TIMEOUT_S, on_wait=on_progress
        ):
            self._store.sweep()
            assets = cached(self._store, missing, self._pins)
            there = {asset.component for asset in assets}
            rest = [component for component in missing if component not in there]
            if rest:
                on_progress(self._announcement(rest))
            for module, components in self._by_module(rest):
                assets += self._build(go, module, components, on_progress)
        return tuple(assets)

    def _fit_toolchain(self, missing: Sequence[Component]) -> Toolchain:
        names = ", ".join(missing)
        try:
            go = toolchain.find_toolchain()
        except AssetError as error:
            raise AssetError(f"Can't build {names}: {error}", hint=error.hint) from error
        for module, _ in self._by_module(missing):
            if module.place:
                toolchain.require(go, module.files()["go.mod"], f"{module.name} {module.version}")
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
                recipe = recipe_of(component, self._pins)
                path = self._store.publish(
                    binary, recipe, origin=_ORIGIN, toolchain=f"go{go.version}"
                )
                assets.append(
                    Asset(component=component, path=path, version=recipe.version, source=_ORIGIN)
                )
        names = ", ".join(f"{asset.component} {asset.version}" for asset in assets)
        on_progress(f"{module.name}: built {names}")
        return assets

    def _by_module(self, components: Sequence[Component]) -> list[tuple[GoModule, list[Component]]]:
        groups = [
            (module, [component for component in components if component in module.packages])
            for module in self._pins.modules()
        ]
        return [(module, members) for module, members in groups if members]

    def _announcement(self, components: Sequence[Component]) -> str:
        minutes = sum(module.minutes for module, _ in self._by_module(components))
        return (
            f"building {', '.join(components)} from Go modules; this is done once and takes "
            f"about {minutes} minute{'' if minutes == 1 else 's'} on two cores "
            "(less where Go's caches are filled)"
        )


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
            self._log.unlink(missing_ok=True)
            if self._module.place:
                for name, content in self._module.files().items():
                    (source / name).write_bytes(content)
            else:
                generation.generate(
                    self._module,
                    self._go,
                    source,
                    scratch=scratch,
                    log=self._log,
                    on_progress=on_progress,
                )
        except OSError as error:
            raise goerrors.explain(self._subject, [str(error)], log=self._log) from error
        packages = [self._module.packages[component] for component in components]
        meter = _Meter(self._module.name, on_progress)
        tags = f"-tags={','.join(self._module.tags)}"
        self._go_command(["list", "-deps", "-trimpath", tags, "-f", _LISTED, *packages],
                         _LIST_TIMEOUT_S, meter.listed)  # fmt: skip
        flags = ["-trimpath", "-buildvcs=false", tags, "-ldflags", self._module.ldflags]
        self._go_command(["build", "-v", *flags, "-o", f"{out}{os.sep}", *packages],
                         _BUILD_TIMEOUT_S, meter.built)  # fmt: skip
        binaries = {
            component: out / _file_name(package)
            for component, package in zip(components, packages, strict=True)
        }
        for component, binary in binaries.items():
            confirm(component, binary, self._module.version, made="built")
        return binaries

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
