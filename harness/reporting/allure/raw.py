"""What allure-pytest wrote of the suite's tests: only what their authors put there.

Of a test that is its steps and attachments, and those of its fixtures; messages, parameters and
states come from the result, which was judged. A file that can't be read is left out: it adds
to a report that is right without it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, TypeVar

import msgspec

from harness.reporting.allure.layout import Attachment, Container, RawResult, Step

if TYPE_CHECKING:
    from pathlib import Path

    from harness.model.result import TestResult

__all__ = ["RawTests"]

_ATTACHMENT = re.compile(r"[\w-]+-attachment(?:\.[\w-]+)*")
_File = TypeVar("_File", RawResult, Container)


class RawTests:
    """The raw results of a run, by the tests that they are of.

    Args:
        folder: `evidence/allure-raw` of the run; empty where it isn't there.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._containers = _read(folder, "*-container.json", Container)
        self._results: dict[str, list[RawResult]] = {}
        for result in sorted(_read(folder, "*-result.json", RawResult), key=lambda raw: raw.start):
            self._results.setdefault(result.full_name, []).append(result)

    def of(self, test: TestResult, *, place: int = 0) -> RawResult | None:
        """Returns what was written of a test, its fixtures' steps among its own.

        Args:
            test: By its node id.
            place: How many tests of this node id ended before it, in other suites.
        """
        same = self._results.get(_full_name(test.test), [])
        function = test.test.rpartition("::")[2]
        named = [raw for raw in same if raw.name == function] or same
        if not named:
            return None
        found = named[min(place, len(named) - 1)]
        own = [held for held in self._containers if found.uuid in held.children]
        before = tuple(step for held in own for step in held.befores if _tells(step))
        after = tuple(step for held in own for step in held.afters if _tells(step))
        return msgspec.structs.replace(found, steps=(*before, *found.steps, *after))

    def file(self, attachment: Attachment) -> Path | None:
        """Returns the file of an attachment; None where it isn't there or lies elsewhere."""
        if not _ATTACHMENT.fullmatch(attachment.source):
            return None
        path = self.folder / attachment.source
        return path if path.is_file() and not path.is_symlink() else None


def _full_name(test: str) -> str:
    """Returns what allure-pytest calls a test: "folder.module.Class#function"."""
    path, *names = test.split("::")
    module = path.rpartition(".")[0] or path
    function = names[-1].partition("[")[0] if names else ""
    return ".".join([module.replace("/", "."), *names[:-1]]) + f"#{function}"


def _tells(step: Step) -> bool:
    """Whether a fixture's author put something there; the harness's own fixtures have nothing."""
    return bool(step.steps or step.attachments)


def _read(folder: Path, pattern: str, kind: type[_File]) -> list[_File]:
    decoder = msgspec.json.Decoder(kind)
    found = []
    for path in sorted(folder.glob(pattern)):
        try:
            found.append(decoder.decode(path.read_bytes()))
        except (OSError, msgspec.DecodeError):
            continue
    return found
