"""Which versions of Kubernetes can be had, for people who asked for one that can't."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from harness.assets import generation, toolchain
from harness.assets.components import Component, Pins
from harness.assets.versions import KUBERNETES, minor
from harness.errors import AssetError

if TYPE_CHECKING:
    from harness.assets.store import Store

__all__ = ["offered"]


def offered(store: Store, pins: Pins) -> str:
    """Returns one or two sentences.

    Args:
        store: The cache, whose versions need nothing.
        pins: What was asked for; versions of the same minor are named, where there are any.
    """
    cached = [version for version in store.versions(Component.KUBE_APISERVER) if version]
    words = [f"{KUBERNETES} is the harness's own"]
    if cached:
        words.append(f"in the cache: {', '.join(cached)}")
    if built := _buildable(pins):
        words.append(f"as Go modules: {', '.join(built)}")
    return f"To be had are: {'; '.join(words)}."


def _buildable(pins: Pins) -> tuple[str, ...]:
    from harness.assets.network import is_offline  # noqa: PLC0415 - slow to import

    if is_offline(os.environ):
        return ()
    try:
        known = generation.published(toolchain.find_toolchain())
    except AssetError:
        return ()
    same = tuple(v for v in known if minor(v) == minor(pins.kubernetes))
    newest = {minor(version): version for version in known}  # sorted: the last one stays
    return same or tuple(newest.values())
