"""Finds the control plane's binaries, or builds them, verified.

Order of sources, the first that has a fit binary wins:

    TEST_ASSET_<NAME>    a file, for example TEST_ASSET_ETCD or TEST_ASSET_KUBE_APISERVER
    KUBEBUILDER_ASSETS   a folder
    PATH                 of our minor version
    cache                $XDG_CACHE_HOME/harness/assets
    build                from the pinned Go modules in ci/controlplane, into the cache

A finder looks (`sources`), a maker makes (`gomodules`); `resolution` knows their order.
"""

from harness.assets.asset import Asset, AssetSet
from harness.assets.components import Component
from harness.assets.resolution import Survey, resolve, survey

__all__ = ["Asset", "AssetSet", "Component", "Survey", "resolve", "survey"]
