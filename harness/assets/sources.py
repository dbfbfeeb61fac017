"""Where binaries are found without making them: environment, PATH, cache.

Each source is asked in turn; one that has the binary but not fit for use says so in a note.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from harness import command
from harness.assets.asset import Asset
from harness.assets.components import PINS, Component, Pins, variable
from harness.assets.releases import release_recipe
from harness.assets.store import Recipe, Store
from harness.assets.versions import minor
from harness.errors import AssetError, CommandError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from harness.assets.identify import Versions

__all__ = [
    "FOLDER",
    "CacheSource",
    "EnvironmentSource",
    "Finder",
    "PathSource",
    "cached",
    "recipe_of",
]

FOLDER = "KUBEBUILDER_ASSETS"
"""Environment variable that names a folder of binaries, as controller-runtime's tests use it."""


def recipe_of(component: Component, pins: Pins = PINS) -> Recipe:
    """Returns the identity of a component's build from its Go module."""
    module = pins.module_of(component)
    return Recipe(component=component, version=module.version, inputs=module.inputs(component))


def cached(store: Store, components: Iterable[Component], pins: Pins) -> list[Asset]:
    """Returns those of the components that are in the cache by now, their content verified."""
    source = CacheSource(store, pins=pins, thorough=True)
    found = (source.find(component, []) for component in components)
    return [asset for asset in found if asset]


class Finder(Protocol):
    """A place where a binary may already be."""

    def find(self, component: Component, notes: list[str]) -> Asset | None:
        """Returns the binary, or None; appends to `notes` what was seen but passed over."""


class EnvironmentSource:
    """What the user names: TEST_ASSET_<NAME> for one file, else KUBEBUILDER_ASSETS.

    A name that leads nowhere is an error, since the user meant something by it.
    """

    def __init__(self, environ: Mapping[str, str], versions: Versions) -> None:
        self._environ = environ
        self._versions = versions

    def find(self, component: Component, notes: list[str]) -> Asset | None:
        """Returns the binary that the environment names, of whatever version.

        Raises:
            AssetError: A variable names something that isn't there or doesn't work.
        """
        name = variable(component)
        if value := self._environ.get(name):
            path = Path(value).absolute()
            if not path.is_file():
                raise AssetError(
                    f"{name} names {path}, and there is no such file.",
                    hint=f"Correct or unset {name}.",
                )
            return self._asset(component, path, name)
        return self._in_folder(component, notes)

    def _in_folder(self, component: Component, notes: list[str]) -> Asset | None:
        value = self._environ.get(FOLDER)
        if not value:
            return None
        folder = Path(value).absolute()
        if not folder.is_dir():
            raise AssetError(
                f"{FOLDER} names {folder}, and there is no such folder.",
                hint=f"Correct or unset {FOLDER}; it may hold any of: {', '.join(Component)}.",
            )
        path = folder / component
        if not path.is_file():
            return None
        try:
            return self._asset(component, path, FOLDER)
        except AssetError as error:
            notes.append(f"{error} Passed over.")
            return None

    def _asset(self, component: Component, path: Path, source: str) -> Asset:
        try:
            version = self._versions.of(component, path)
        except (CommandError, OSError) as error:
            first = str(error).splitlines()[0]
            raise AssetError(
                f"{component} from {source} doesn't work: {first}.",
                hint=f"Check the file, or unset {source}.",
            ) from error
        return Asset(component=component, path=path, version=version, source=source)


class PathSource:
    """PATH; what is found there must have the minor version that the harness wants.

    Where a user asked for a version of Kubernetes, it must be that one.
    """

    def __init__(self, versions: Versions, *, pins: Pins = PINS) -> None:
        self._versions = versions
        self._pins = pins

    def find(self, component: Component, notes: list[str]) -> Asset | None:
        """Returns the first one on PATH, if it has the right version."""
        path = command.which(component)
        if path is None:
            return None
        try:
            version = self._versions.of(component, path)
        except (CommandError, OSError) as error:
            first = str(error).splitlines()[0]
            notes.append(f"{component} on PATH is passed over: {first}.")
            return None
        if not self._pins.fits(component, version):
            wanted = self._pins.version(component)
            notes.append(
                f"{component} {version} on PATH ({path}) is passed over: "
                f"the harness wants {wanted if self._pins.exact else minor(wanted)}."
            )
            return None
        return Asset(component=component, path=path, version=version, source="PATH")


class CacheSource:
    """What earlier runs made.

    Args:
        store: The cache.
        pins: The versions that are wanted.
        thorough: Whether contents are hashed; else size and modification time must do.
    """

    def __init__(self, store: Store, *, pins: Pins = PINS, thorough: bool = False) -> None:
        self._store = store
        self._pins = pins
        self._thorough = thorough

    def find(self, component: Component, notes: list[str]) -> Asset | None:
        """Returns the cached binary of the wanted version, built or downloaded."""
        recipes = (recipe_of(component, self._pins), release_recipe(component, self._pins))
        for recipe in recipes:
            path = self._store.find(recipe) if recipe else None
            if recipe is None or path is None:
                continue
            if not self._thorough or self._store.find(recipe, thorough=True):
                return Asset(component=component, path=path, version=recipe.version, source="cache")
            notes.append(f"{component} in the cache was changed on disk and is made again.")
        return None
