"""Resolves components: asks the sources in their order, then makes what is missing."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import msgspec

from harness.assets.asset import Asset, AssetSet
from harness.assets.components import UNIFORM, Component, pinned
from harness.assets.gomodules import GoModules
from harness.assets.identify import Versions
from harness.assets.sources import CacheSource, EnvironmentSource, PathSource
from harness.assets.store import Store
from harness.assets.versions import minor
from harness.errors import AssetError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

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


def survey(components: Iterable[Component] = tuple(Component), *, verify: bool = False) -> Survey:
    """Looks for components in environment, PATH and cache; makes nothing.

    Args:
        components: Which ones.
        verify: Whether cached binaries are hashed; else size and modification time must do.

    Raises:
        AssetError: The environment names something that isn't there or doesn't work.
    """
    wanted = tuple(dict.fromkeys(Component(component) for component in components))
    store = Store()
    versions = Versions(store.versions_file)
    notes: list[str] = []
    named = _named(wanted, EnvironmentSource(os.environ, versions), notes)
    finders: tuple[Finder, ...] = (PathSource(versions), CacheSource(store, thorough=verify))
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
    components: Iterable[Component] = tuple(Component),
    *,
    build: bool = True,
    verify: bool = False,
    on_progress: Callable[[str], None] | None = None,
) -> AssetSet:
    """Returns usable binaries, and makes those that are missing.

    Order: TEST_ASSET_<NAME> and KUBEBUILDER_ASSETS, PATH, the cache, a build from Go modules.
    API server, controller-manager and scheduler are of one minor version; what would break
    that is passed over, and said in the set's notes. Silent where everything is found.

    Args:
        components: Which ones.
        build: Whether missing ones are made; else they are an error.
        verify: Whether cached binaries are hashed first; else size and modification time must do.
        on_progress: Told what goes on, a short line each.

    Raises:
        AssetError: One can't be had; a paragraph that says what to do.
    """
    wanted = tuple(dict.fromkeys(Component(component) for component in components))
    state = survey(wanted, verify=verify)
    assets = {asset.component: asset for asset in state.found}
    missing = state.missing
    if missing and not build:
        raise _absent(missing, state.notes)
    makers: tuple[Maker, ...] = (GoModules(Store()),) if missing else ()
    for maker in makers:
        made = maker.make(missing, on_progress or _ignore)
        assets.update({asset.component: asset for asset in made})
        missing = tuple(component for component in missing if component not in assets)
    return AssetSet(assets=tuple(assets[component] for component in wanted), notes=state.notes)


def _named(wanted: Sequence[Component], source: Finder, notes: list[str]) -> dict[Component, Asset]:
    """Returns what the environment names, less what would mix minor versions.

    The three that must agree are always looked at together, so that the choice doesn't
    depend on which of them a caller wants.
    """
    offers: dict[Component, Asset] = {}
    for component in dict.fromkeys((*wanted, *UNIFORM)):
        if asset := source.find(component, notes if component in wanted else []):
            offers[component] = asset
    uniform = _uniform_minor(offers)
    chosen = {}
    for component, asset in offers.items():
        if component not in wanted:
            continue
        if component in UNIFORM and minor(asset.version) != uniform:
            notes.append(_mixed(asset, uniform))
            continue
        if minor(asset.version) != minor(pinned(component)):
            notes.append(
                f"{component} {asset.version} from {asset.source} is used as asked; "
                f"the harness is made for {pinned(component)}."
            )
        chosen[component] = asset
    return chosen


def _uniform_minor(offers: dict[Component, Asset]) -> str:
    """Returns the minor version of API server, controller-manager and scheduler.

    The environment decides it where it names all three alike; else later sources fill up,
    and these have the pinned one.
    """
    minors = {minor(offers[component].version) for component in UNIFORM if component in offers}
    if len(minors) == 1 and all(component in offers for component in UNIFORM):
        return minors.pop()
    return minor(pinned(Component.KUBE_APISERVER))


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


def _absent(missing: Sequence[Component], notes: Sequence[str]) -> AssetError:
    names = ", ".join(f"{component} {pinned(component)}" for component in missing)
    verb = "isn't" if len(missing) == 1 else "aren't"
    return AssetError(
        " ".join((f"{names} {verb} on this machine.", *notes)),
        hint="`harness assets fetch` gets what is missing.",
    )


def _ignore(_: str) -> None:
    """Takes progress that nobody wants."""
