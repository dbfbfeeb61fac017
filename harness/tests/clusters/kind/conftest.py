"""A docker that says what a test wants, and remembers what it was asked."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from harness.clusters.kind.calls import Calls

if TYPE_CHECKING:
    from pathlib import Path

_SCRIPT = """#!/bin/bash
printf '%s\\n' "$*" >> {folder}/asked
for answer in {folder}/answers/*; do
  [ -e "$answer" ] || continue
  if [[ "$*" == *"$(cat "$answer/to")"* ]]; then
    cat "$answer/text"
    code=$(cat "$answer/code")
    [ ! -e "$answer/once" ] || rm -r "$answer"
    exit "$code"
  fi
done
exit 0
"""


class RecordedDocker:
    """Stands in PATH in place of docker.

    Args:
        folder: Its own.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._count = 0
        self.bin = folder / "bin"
        self.bin.mkdir(parents=True)
        (folder / "answers").mkdir()
        program = self.bin / "docker"
        program.write_text(_SCRIPT.format(folder=folder))
        program.chmod(0o755)

    def answer(self, to: str, text: str, *, code: int = 0, once: bool = False) -> None:
        """Says `text` to each call that holds `to`; the first answer that fits is given."""
        self._count += 1
        place = self._folder / "answers" / f"{self._count:03}"
        place.mkdir()
        (place / "to").write_text(to)
        (place / "text").write_text(text)
        (place / "code").write_text(str(code))
        if once:
            (place / "once").touch()

    @property
    def asked(self) -> list[str]:
        """What it was called with so far."""
        file = self._folder / "asked"
        return file.read_text().splitlines() if file.exists() else []


@pytest.fixture
def docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RecordedDocker:
    made = RecordedDocker(tmp_path / "docker")
    monkeypatch.setenv("PATH", f"{made.bin}{os.pathsep}{os.environ['PATH']}")
    return made


@pytest.fixture
def calls(docker: RecordedDocker) -> Calls:  # noqa: ARG001 - set before
    return Calls("harness-1a2b3c4d")
