"""`go test -json`: one event a line, as `go doc test2json` describes them."""

from __future__ import annotations

from collections import defaultdict
from itertools import pairwise
from typing import TYPE_CHECKING

import msgspec

from harness.model.records import OwnCase

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["GoTests", "as_json"]

_LINES = 40
_OUTCOMES = {"pass": "passed", "fail": "failed", "skip": "skipped"}


class _Event(msgspec.Struct):
    """What we read of an event."""

    Action: str
    Package: str = ""
    ImportPath: str = ""
    Test: str = ""
    Output: str = ""
    FailedBuild: str = ""
    Elapsed: float = 0.0


def as_json(argv: Sequence[str]) -> tuple[str, ...]:
    """Returns a `go test` command that tells events; empty for any other command.

    Words before `go` (env and its variables) stay.
    """
    words = tuple(argv)
    for index, (first, second) in enumerate(pairwise(words)):
        if first.rpartition("/")[2] == "go" and second == "test":
            rest = words[index + 2 :]
            return (*words[: index + 2], *(() if "-json" in rest else ("-json",)), *rest)
    return ()


class GoTests:
    """Takes the lines of `go test -json`.

    Attributes:
        passed: Tests, without those that hold others.
        skipped: The same.
    """

    def __init__(self) -> None:
        self._decoder = msgspec.json.Decoder(_Event)
        self._output: dict[str, list[str]] = defaultdict(list)
        self._ended: dict[str, str] = {}
        self._seconds: dict[str, float] = {}
        self._builds: dict[str, list[str]] = defaultdict(list)
        self._broken: dict[str, str] = {}

    @property
    def passed(self) -> int:
        """How many tests passed."""
        return sum(action == "pass" for action in self._leaves().values())

    @property
    def skipped(self) -> int:
        """How many tests were skipped."""
        return sum(action == "skip" for action in self._leaves().values())

    def take(self, line: str) -> str | None:
        """Takes one line; returns what people read of it, None where that's nothing."""
        try:
            event = self._decoder.decode(line)
        except msgspec.DecodeError:
            return line  # what the compiler or a child printed
        name = f"{event.Package} {event.Test}" if event.Test else event.Package
        match event.Action:
            case "output" | "build-output":
                kept = self._builds if event.Action == "build-output" else self._output
                lines = kept[event.ImportPath or name]
                lines.append(event.Output)
                del lines[:-_LINES]
                return event.Output.removesuffix("\n")
            case "pass" | "fail" | "skip" if event.Test:
                self._ended[name] = event.Action
                self._seconds[name] = event.Elapsed
            case "fail":
                self._broken[event.Package] = event.FailedBuild
        return None

    def cases(self) -> Iterator[OwnCase]:
        """Yields each test that holds no others, and each package that broke."""
        outputs = dict(self.failures())
        for name, action in self._leaves().items():
            package, _, test = name.partition(" ")
            yield OwnCase(
                group=package,
                name=test,
                outcome=_OUTCOMES[action],
                seconds=self._seconds.get(name, 0.0),
                output=outputs.pop(name, ""),
            )
        for name, text in outputs.items():
            yield OwnCase(name=name, outcome="failed", output=text)

    def failures(self) -> Iterator[tuple[str, str]]:
        """Yields name and last output of each failed test, and of each package that broke."""
        failed = [name for name, action in self._leaves().items() if action == "fail"]
        for name in failed:
            yield name, "".join(self._output[name]).strip()
        blamed = {name.partition(" ")[0] for name in failed}
        for package, build in self._broken.items():
            if package in blamed:
                continue
            if build:
                yield f"{package} (doesn't build)", "".join(self._builds[build]).strip()
            else:  # it died, or its TestMain failed
                yield package, self._last_words(package)

    def _last_words(self, package: str) -> str:
        unfinished = [
            name
            for name in self._output
            if name.startswith(f"{package} ") and name not in self._ended
        ]
        texts = [text for name in (*unfinished, package) for text in self._output[name]]
        return "".join(texts[-_LINES:]).strip()

    def _leaves(self) -> dict[str, str]:
        """Returns tests that hold no others, and those that failed though none of theirs did."""
        holders: dict[str, bool] = {}
        for name, action in self._ended.items():
            outer = name
            while "/" in outer.partition(" ")[2]:
                outer = outer.rpartition("/")[0]
                holders[outer] = holders.get(outer, False) or action == "fail"
        return {
            name: action
            for name, action in self._ended.items()
            if name not in holders or (action == "fail" and not holders[name])
        }
