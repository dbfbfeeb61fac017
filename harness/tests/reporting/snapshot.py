"""Compares text with a kept file; HARNESS_UPDATE_SNAPSHOTS=1 writes the file instead.

    HARNESS_UPDATE_SNAPSHOTS=1 python -m pytest harness/tests/reporting

Look at the difference before it is committed: what users see has changed.
"""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["check_snapshot"]

_FOLDER = Path(__file__).parent / "snapshots"


def check_snapshot(name: str, content: str, *, folder: Path = _FOLDER) -> None:
    """Fails where `content` differs from the file called `name`."""
    path = folder / name
    if os.environ.get("HARNESS_UPDATE_SNAPSHOTS"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    assert path.read_text(encoding="utf-8") == content, (
        f"{path.name} differs; if that is meant, run with HARNESS_UPDATE_SNAPSHOTS=1"
    )
