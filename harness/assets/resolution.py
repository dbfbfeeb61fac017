"""Resolves components: asks the sources in their order, then makes what is missing."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import msgspec

from harness.assets.asset import Asset, AssetSet
from harness.assets.components import CONTROL_PLANE, KUBERNETES_FAMILY, UNIFORM, Component, Pins
from harness.assets.identify import Versions
from harness.assets.offers import offered
from harness.assets.sources import CacheSource, EnvironmentSource, PathSource
from harness.assets.store import Store
from harness.assets.versions import minor
from harness.errors import AssetError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from harness.assets.gomodules import Maker
    from harness.assets.sources import Finder

__all__ = ["Survey", "resolve", "survey"]


class Survey(msgspec.Struct, frozen=True, kw_only=True):
    """What is on this machine.

    Attributes:
        found: Assets, in the order of the question.
        missing: Components that no source has.
        notes: What was passed over or is unusual, a sentence or two each.
    """

    found: tuple[Asset, ...]
    missing: tuple[Component, ...]
    notes: tuple[str, ...]


def survey(
    components: Iterable[Component] = CONTROL_PLANE,
    *,
    kubernetes: str = "",
    verify: bool = False,
) -> Survey:
    """Looks for components in environment, PATH and cache; makes nothing.

    Args:
        components: Which ones.
        kubernetes: The version that a user asked for; empty for the harness's own.
        verify: Whether cached binaries are hashed; else size and modification time must do.

    Raises:
        AssetError: The environment names something that isn't there or doesn't work.
        UsageError: `kubernetes` is no version.
    """
    wanted = tuple(dict.fromkeys(Component(component) for component in components))
    pins = Pins.of(kubernetes)
    store = Store()
    versions = Versions(store.versions_file)
    notes: list[str] = []
    named = _named(wanted, EnvironmentSource(os.environ, versions), pins, notes)
    finders: tuple[Finder, ...] = (
        PathSource(versions, pins=pins),
        CacheSource(store, pins=pins, thorough=verify),
    )
    found = {
        component: named.get(component) or _first(component, finders, notes) for component in wanted
    }
    versions.save()
    return Survey(
        found=tuple(asset for asset in found.values() if asset),
        missing=tuple(component for component, asset in found.items() if asset is None),
        notes=tuple(notes),
    )


def resolve(
    components: Iterable[Component] = CONTROL_PLANE,
    *,
    kubernetes: str = "",
    build: bool = True,
    verify: bool = False,
    on_progress: Callable[[str], None] | None = None,
) -> AssetSet:
    """Returns usable binaries, and makes those that are missing.

    Order: TEST_ASSET_<NAME> and KUBEBUILDER_ASSETS, PATH, the cache, official releases (their
    checksums verified), a build from Go modules.
    API server, controller-manager and scheduler are of one minor version; what would break
    that is passed over, and said in the set's notes. Silent where everything is found.

    Args:
        components: Which ones.
        kubernetes: The version of Kubernetes that a user asked for; empty for the harness's own.
        build: Whether missing ones are made; else they are an error.
        verify: Whether cached binaries are hashed first; else size and modification time must do.
        on_progress: Told what goes on, a short line each.

    Raises:
        AssetError: One can't be had; a paragraph that says what to do.
        UsageError: `kubernetes` is no version.
    """
    wanted = tuple(dict.fromkeys(Component(component) for component in components))
    pins = Pins.of(kubernetes)
    state = survey(wanted, kubernetes=kubernetes, verify=verify)
    if state.missing and not build:
        raise _absent(state.missing, pins, state.notes)
    notes = list(state.notes)
    made = _made(state.missing, pins, on_progress or _ignore, notes) if state.missing else ()
    assets = {asset.component: asset for asset in (*state.found, *made)}
    return AssetSet(assets=tuple(assets[component] for component in wanted), notes=tuple(notes))


def _made(
    missing: Sequence[Component], pins: Pins, on_progress: Callable[[str], None], notes: list[str]
) -> tuple[Asset, ...]:
    """Makes what is missing, by one way after the other.

    Raises:
        AssetError: The last way failed; the paragraph says also why the others did.
    """
    assets: list[Asset] = []
    for maker in _makers(pins):
        there = {asset.component for asset in assets}
        rest = [component for component in missing if component not in there]
        try:
            assets += maker.make(rest, on_progress, notes) if rest else ()
        except AssetError as error:
            raise _unmade(error, rest, pins, notes) from error
    return tuple(assets)


def _makers(pins: Pins) -> Iterator[Maker]:
    from harness.assets.gomodules import GoModules  # noqa: PLC0415 - only where one is missing
    from harness.assets.network import is_offline, network  # noqa: PLC0415 - slow to import

    store = Store()
    if not is_offline(os.environ):
        from harness.assets.archives import ReleaseFiles  # noqa: PLC0415 - the same

        yield ReleaseFiles(store, pins, network())
    yield GoModules(store, pins)


def _unmade(
    error: AssetError, missing: Sequence[Component], pins: Pins, notes: Sequence[str]
) -> AssetError:
    """Returns the error with what else was tried, and which other versions can be had."""
    words = [str(error), *notes]
    hint = error.hint
    if pins.exact and set(missing) & set(KUBERNETES_FAMILY):
        words.insert(0, f"Kubernetes {pins.kubernetes} can't be had.")
        hint = f"{hint} {offered(Store(), pins)}".strip()
    return AssetError(" ".join(words), hint=hint)


def _named(
    wanted: Sequence[Component], source: Finder, pins: Pins, notes: list[str]
) -> dict[Component, Asset]:
    """Returns what the environment names, less what would mix minor versions.

    The three that must agree are always looked at together, so that the choice doesn't
    depend on which of them a caller wants.
    """
    offers: dict[Component, Asset] = {}
    for component in dict.fromkeys((*wanted, *UNIFORM)):
        if asset := source.find(component, notes if component in wanted else []):
            offers[component] = asset
    uniform = minor(pins.kubernetes) if pins.exact else _uniform_minor(offers, pins)
    chosen = {}
    for component, asset in offers.items():
        if component not in wanted:
            continue
        fits = pins.fits(component, asset.version)
        if pins.exact and component in KUBERNETES_FAMILY and not fits:
            notes.append(
                f"{component} {asset.version} from {asset.source} ({asset.path}) is passed over: "
                f"Kubernetes {pins.kubernetes} was asked for."
            )
            continue
        if component in UNIFORM and minor(asset.version) != uniform:
            notes.append(_mixed(asset, uniform))
            continue
        if not fits:
            notes.append(
                f"{component} {asset.version} from {asset.source} is used as asked; "
                f"the harness is made for {pins.version(component)}."
            )
        chosen[component] = asset
    return chosen


def _uniform_minor(offers: dict[Component, Asset], pins: Pins) -> str:
    """Returns the minor version of API server, controller-manager and scheduler.

    The environment decides it where it names all three alike; else later sources fill up,
    and these have the pinned one.
    """
    minors = {minor(offers[component].version) for component in UNIFORM if component in offers}
    if len(minors) == 1 and all(component in offers for component in UNIFORM):
        return minors.pop()
    return minor(pins.kubernetes)


def _mixed(asset: Asset, uniform: str) -> str:
    others = ", ".join(component for component in UNIFORM if component != asset.component)
    return (
        f"{asset.component} {asset.version} from {asset.source} ({asset.path}) is passed over: "
        f"it must be of one minor version with {others}, and that is {uniform}. "
        "Name all three to use another one."
    )


def _first(component: Component, finders: Sequence[Finder], notes: list[str]) -> Asset | None:
    for finder in finders:
        if asset := finder.find(component, notes):
            return asset
    return None


def _absent(missing: Sequence[Component], pins: Pins, notes: Sequence[str]) -> AssetError:
    names = ", ".join(f"{component} {pins.version(component)}" for component in missing)
    verb = "isn't" if len(missing) == 1 else "aren't"
    return AssetError(
        " ".join((f"{names} {verb} on this machine.", *notes)),
        hint="`harness assets fetch` gets what is missing.",
    )


def _ignore(_: str) -> None:
    """Takes progress that nobody wants."""
