"""Gives memory that Python freed back to the system, so that a soak can tell our own leaks, too."""

from __future__ import annotations

import ctypes
import gc

__all__ = ["give_back"]


def give_back() -> None:
    """Collects garbage, and lets the C library return pages that hold nothing.

    Else a large answer that was read once, a profile or a list, stays in the resident memory of the
    harness for good. Only the GNU C library can do that (`malloc_trim`, man page of the same name).
    """
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
