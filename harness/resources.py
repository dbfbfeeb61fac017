"""The only code that knows a wheel from a checkout.

In a wheel the sibling folders (`suites`, `operators_under_test`, `reports`, `ci`) lie under
`harness/_bundled`; in a checkout they lie beside `harness`. An editable install may leave a
stale copy elsewhere, so the search starts from this file.
"""

from __future__ import annotations

from pathlib import Path

__all__ = ["bundled", "is_checkout"]

_PACKAGE = Path(__file__).resolve().parent


def is_checkout() -> bool:
    """Whether this code runs from a source checkout."""
    return not (_PACKAGE / "_bundled").is_dir()


def bundled(*parts: str) -> Path:
    """Returns the path of a bundled file or folder, for example `bundled("suites", "smoke")`."""
    root = _PACKAGE.parent if is_checkout() else _PACKAGE / "_bundled"
    return root.joinpath(*parts)
