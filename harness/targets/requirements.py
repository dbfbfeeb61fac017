"""Stage 1: what a target needs of the Python that runs the harness, and its place in commands."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from typing import TYPE_CHECKING

from harness.errors import TargetError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.model.target import Target

__all__ = ["PLACEHOLDERS", "PYTHON", "filled", "require"]

PYTHON = "{python}"
PLACEHOLDERS = (PYTHON,)
"""What may stand for the program of a command."""


def filled(command: Sequence[str]) -> tuple[str, ...]:
    """Returns a command with its program's placeholder filled in."""
    program, *arguments = command or ("",)
    return (sys.executable, *arguments) if program == PYTHON else tuple(command)


def require(target: Target) -> None:
    """Sees that what the target needs is installed.

    Raises:
        TargetError: A package is missing; the hint says how to install it.
    """
    missing = [package for package in target.requires.python if find_spec(package) is None]
    if not missing:
        return
    extra = target.requires.extra
    names = " and ".join(missing)
    raise TargetError(
        f"The target {target.name!r} needs {names}, which the Python at {sys.executable} lacks.",
        hint=f"Install it with the harness's extra {extra!r}: "
        f"pip install 'operator-harness[{extra}]'"
        if extra
        else f"Install it there: {sys.executable} -m pip install {' '.join(missing)}",
    )
