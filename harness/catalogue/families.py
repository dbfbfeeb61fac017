"""What the first three letters of a check's id stand for."""

from __future__ import annotations

__all__ = ["family"]

_FAMILIES = {
    "INS": "Installation",
    "API": "API and samples",
    "REC": "Reconciliation",
    "STA": "Status",
    "LIF": "Lifecycle",
    "RES": "Resilience",
    "RBA": "Permissions",
    "SCO": "Scope",
    "WEB": "Webhooks",
    "SEC": "Security",
    "OBS": "Observability",
    "UPG": "Upgrade",
    "PRF": "Performance",
    "LOA": "Load",
    "SOA": "Soak",
    "UNI": "The operator's own tests",
    "INT": "The operator's own end-to-end tests",
    "SUI": "Assertions of a suite",
    "WAI": "Waivers",
}


def family(check_id: str) -> str:
    """Returns the group that a check belongs to, in words.

    Args:
        check_id: For example "REC-002"; letters that aren't known are returned as they are.
    """
    letters = check_id.partition("-")[0]
    return _FAMILIES.get(letters, letters)
