"""Which command runs tests, and how it is asked for a report of its cases.

    go test     -json (`harness.runner.gotest`); with -ginkgo.* flags its JUnit report too
    ginkgo      --junit-report, --output-dir
    pytest      --junitxml
    kuttl test  --report xml, --report-name, --artifacts-dir

Any other command may write JUnit to the file that $HARNESS_JUNIT names.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

__all__ = ["JUNIT_VARIABLE", "is_kuttl", "with_report"]

JUNIT_VARIABLE = "HARNESS_JUNIT"
_OWN = ("--junitxml", "--junit-xml", "--junit-report", "--report", "-ginkgo.junit-report")
_KUTTL = frozenset({"kuttl", "kubectl-kuttl"})


def with_report(argv: Sequence[str], file: Path) -> tuple[str, ...]:
    """Returns a command that leaves JUnit in a file; as it is where it isn't recognised.

    A command that has such an option already is left alone.

    Args:
        argv: The command.
        file: Where the report is to be.
    """
    words = tuple(argv)
    if any(word.partition("=")[0].replace("--ginkgo.", "-ginkgo.") in _OWN for word in words):
        return words
    for index, (before, word) in enumerate(pairwise(("", *words))):
        name = _program(word)
        rest = words[index + 1 :]
        if name in {"pytest", "py.test"} and (before in {"", "-m"} or not before.startswith("-")):
            return (*words[: index + 1], f"--junitxml={file}", *rest)
        if name == "ginkgo" and not any(item in {"build", "help", "labels"} for item in rest[:1]):
            skip = 1 if rest[:1] == ("run",) else 0
            options = (f"--junit-report={file.name}", f"--output-dir={file.parent}")
            return (*words[: index + 1 + skip], *options, *rest[skip:])
        if name in _KUTTL and rest[:1] == ("test",):
            return (*words[: index + 2], *_kuttl(file), *rest[1:])
    if any(word.lstrip("-").startswith("ginkgo.") for word in words):
        return (*words, f"-ginkgo.junit-report={file}")
    return words


def is_kuttl(argv: Sequence[str]) -> bool:
    """Whether a command is kuttl's, which leaves a kubeconfig where it runs."""
    return any(
        _program(word) in _KUTTL and following == "test" for word, following in pairwise(argv)
    )


def _kuttl(file: Path) -> tuple[str, ...]:
    return (
        *("--report", "xml"),
        *("--report-name", file.stem),
        *("--artifacts-dir", str(file.parent)),
    )


def _program(word: str) -> str:
    """Returns the name of a program: without its folder, or a Go module's path and version."""
    return word.rpartition("/")[2].partition("@")[0]
