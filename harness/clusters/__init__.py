"""Stage 2: clusters. A provider makes one and knows how to end it.

local     control plane as processes, simulated nodes and pods
kind      nodes as containers, real pods
existing  somebody else's, reached by a kubeconfig; given back as it was
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.clusters.state import (
    guard_socket,
    is_kept,
    new_state_dir,
    read_clusters,
    remember,
    sweep,
)
from harness.errors import UsageError

if TYPE_CHECKING:
    from harness.clusters.provider import Provider
    from harness.settings import Settings

__all__ = [
    "PROVIDERS",
    "guard_socket",
    "is_kept",
    "new_state_dir",
    "provider",
    "read_clusters",
    "remember",
    "sweep",
]

PROVIDERS = {
    "local": "harness.clusters.local.provider:LocalProvider",
    "kind": "harness.clusters.kind.provider:KindProvider",
    "existing": "harness.clusters.existing.provider:ExistingProvider",
}
"""Name to class, imported when it's asked for."""


def provider(settings: Settings) -> Provider:
    """Returns the provider that settings name.

    Raises:
        UsageError: There is none of that name.
    """
    import importlib  # noqa: PLC0415 - providers are heavy and rarely all needed

    name = settings.cluster
    if name not in PROVIDERS:
        raise UsageError(
            f"There is no cluster provider {name!r}.",
            hint=f"Choose one of: {', '.join(sorted(PROVIDERS))}.",
        )
    module, _, attribute = PROVIDERS[name].partition(":")
    made: Provider = getattr(importlib.import_module(module), attribute)(settings)
    return made
