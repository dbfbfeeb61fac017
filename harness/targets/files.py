"""Stage 1: paths in a target definition, which may be any text."""

from __future__ import annotations

from pathlib import Path

__all__ = ["is_dir", "is_file", "resolve"]


def resolve(folder: Path, path: str) -> Path:
    """Returns the absolute path of a path in a target definition."""
    return Path(folder, path).absolute()


def is_file(path: Path) -> bool:
    """Whether there is a file; False also for a name that no file can have."""
    try:
        return path.is_file()
    except (OSError, ValueError):  # too long, or a parent that can't be entered; a NUL
        return False


def is_dir(path: Path) -> bool:
    """Whether there is a folder; False also for a name that no folder can have."""
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False
