"""The faults that can be seeded into this operator.

Each belongs to a faulty twin (../twins), by which a check of the harness proves that it can fail.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

__all__ = ["VARIABLE", "Defect"]

VARIABLE = "NOTEBOARD_DEFECT"
"""The environment variable that switches a defect on."""


class Defect(StrEnum):
    """A defect by its name, the same as that of its twin."""

    NONE = ""
    NEVER_READY = "never-ready"  # condition Ready stays False, though everything is in place
    LEAVES_AN_ORPHAN = "leaves-an-orphan"  # the directory entry outlives its Noteboard
    LOSES_A_STATUS_UPDATE = "loses-a-status-update"  # the status stays at its first generation
    HOT_LOOP = "hot-loop"  # a child is written to once a second, for ever
    GRANTS_ITSELF_RIGHTS = "grants-itself-rights"  # a RoleBinding that no manifest shows
    LEAKS_MEMORY = "leaks-memory"  # 8 KiB stay for each Noteboard that goes

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> Defect:
        """Returns the defect that is switched on.

        Raises:
            ValueError: It isn't known.
        """
        return cls(environment.get(VARIABLE, ""))
