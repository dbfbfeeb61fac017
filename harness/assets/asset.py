"""A binary that was found, and a set of them."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from harness.assets.components import Component
from harness.errors import AssetError

__all__ = ["Asset", "AssetSet"]


class Asset(msgspec.Struct, frozen=True, kw_only=True):
    """A usable binary.

    Attributes:
        component: Which one.
        path: Absolute.
        version: As it says itself, without "v".
        source: "KUBEBUILDER_ASSETS", "TEST_ASSET_…", "PATH", "cache", "official release",
            "release mirror" or "built from Go modules".
    """

    component: Component
    path: Path
    version: str
    source: str


class AssetSet(msgspec.Struct, frozen=True, kw_only=True):
    """The binaries that were asked for.

    Attributes:
        assets: One a component.
        notes: What a reader should know: sources that were passed over, and why.
    """

    assets: tuple[Asset, ...]
    notes: tuple[str, ...] = ()

    def asset(self, component: Component | str) -> Asset:
        """Returns one of the binaries.

        Raises:
            AssetError: It wasn't asked for when the set was resolved.
        """
        for asset in self.assets:
            if asset.component == component:
                return asset
        raise AssetError(
            f"{component} isn't among the binaries that were resolved: "
            f"{', '.join(asset.component for asset in self.assets)}.",
            hint="Resolve it together with the others.",
        )

    def path(self, component: Component | str) -> Path:
        """Returns the path of one of the binaries; the errors are those of `asset`."""
        return self.asset(component).path

    def link(self, folder: Path) -> Path:
        """Links all binaries into one folder, as KUBEBUILDER_ASSETS wants it.

        Args:
            folder: Made if absent; links of the same name are replaced.

        Returns:
            The folder.

        Raises:
            AssetError: It can't be written.
        """
        try:
            folder.mkdir(parents=True, exist_ok=True)
            for asset in self.assets:
                draft = folder / f".{asset.component}.{os.getpid()}"
                draft.unlink(missing_ok=True)
                draft.symlink_to(asset.path)
                os.replace(draft, folder / asset.component)
        except OSError as error:
            raise AssetError(
                f"Can't link the binaries into {folder}: {error.strerror or error}",
                hint="Check the folder's permissions and free space.",
            ) from error
        return folder
