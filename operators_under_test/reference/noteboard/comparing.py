"""Whether an object already holds what this operator wants, so that nothing need be written."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["holds"]


def holds(live: object, wanted: object) -> bool:
    """Whether everything that is wanted is there; what is there beside it doesn't matter.

    In a list of mappings (containers, ports, volumes) others may stand beside ours, as
    server-side apply keeps them; a list of plain values must be the same.
    """
    if isinstance(wanted, Mapping):
        return isinstance(live, Mapping) and all(
            key in live and holds(live[key], value) for key, value in wanted.items()
        )
    if isinstance(wanted, list) and any(isinstance(item, Mapping) for item in wanted):
        return isinstance(live, list) and all(
            any(holds(there, item) for there in live) for item in wanted
        )
    return live == wanted
