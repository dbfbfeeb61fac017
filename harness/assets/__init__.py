"""Finds the control plane's binaries, downloads or builds them, verified.

Order of sources, the first that has a fit binary wins:

    TEST_ASSET_<NAME>    a file, for example TEST_ASSET_ETCD or TEST_ASSET_KUBE_APISERVER
    KUBEBUILDER_ASSETS   a folder
    PATH                 of our minor version
    cache                $XDG_CACHE_HOME/harness/assets
    release              official files, their published SHA-256 verified, into the cache
    build                from the pinned Go modules in ci, into the cache

A finder looks (`sources`), a maker makes (`archives`, `gomodules`); `resolution` knows their order.
Helm and kind are components, too, but aren't looked for unless they are asked for.
"""

from harness.assets.asset import Asset, AssetSet
from harness.assets.components import CONTROL_PLANE, Component
from harness.assets.resolution import Survey, resolve, survey

__all__ = ["CONTROL_PLANE", "Asset", "AssetSet", "Component", "Survey", "resolve", "survey"]
