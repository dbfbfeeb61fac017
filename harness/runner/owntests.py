"""Runs the operator's own unit tests, and reads what they told."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from harness import assets, command
from harness.assets import Component
from harness.errors import CommandError, UsageError
from harness.evidence.ndjson import write_document
from harness.model.records import FailedTest, OwnTests
from harness.runner.gotest import GoTests, as_json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from harness.evidence.folder import RunFolder
    from harness.model.target import Target
    from harness.runner.workshop import Workshop

__all__ = ["OwnTestPlan", "plan_own_tests", "run_own_tests"]

_ENVTEST = (Component.ETCD, Component.KUBE_APISERVER, Component.KUBECTL)
_TEST_FILE = re.compile(r"(.*_test\.go|test_.*\.py|conftest\.py)$")
_WANTS_ASSETS = re.compile(r"controller-runtime/pkg/envtest|KUBEBUILDER_ASSETS")
_SKIPPED = frozenset({"vendor", "node_modules", "testdata", "bin", "dist", "harness-runs"})
_MOST_FILES = 5000
_TAIL_LINES = 40
_REDACTED = "[redacted]"


class OwnTestPlan(msgspec.Struct, frozen=True, kw_only=True):
    """What is going to be run.

    Attributes:
        program: Absolute path of the command's first word.
        binaries: For KUBEBUILDER_ASSETS; None where the tests need no control plane.
    """

    argv: tuple[str, ...]
    program: str
    folder: str
    binaries: assets.AssetSet | None = None


def plan_own_tests(
    target: Target, *, kubernetes: str, on_progress: Callable[[str], None]
) -> OwnTestPlan | None:
    """Returns how the target's unit tests are run; None where it names none.

    Args:
        target: Whose tests.
        kubernetes: Version that a user asked for.
        on_progress: Told what is built, where the tests need a control plane.

    Raises:
        UsageError: The command isn't there.
        AssetError: The tests need a control plane's binaries, which can't be had.
    """
    argv = target.tests.unit
    if not argv:
        return None
    folder = Path(target.folder)
    local = folder / argv[0]
    program = local.absolute() if local.is_file() else command.which(argv[0])
    if program is None:
        raise UsageError(
            f"The unit tests of {target.name} need {argv[0]!r}, which isn't there.",
            hint=f"Install {argv[0]} so that it is on PATH, change tests.unit of the target "
            "definition, or leave the operator's own tests out by --no-own-tests.",
        )
    found = None
    if any(_WANTS_ASSETS.search(text) for text in _test_files(folder)):
        found = assets.resolve(_ENVTEST, kubernetes=kubernetes, on_progress=on_progress)
    return OwnTestPlan(argv=argv, program=str(program), folder=str(folder), binaries=found)


def run_own_tests(
    plan: OwnTestPlan,
    run: RunFolder,
    room: Workshop,
    *,
    limit: float,
    on_line: Callable[[str], None],
    secrets: Sequence[str] = (),
) -> None:
    """Runs the operator's unit tests and writes what became of them.

    Args:
        plan: What is run.
        run: Where the log and the outcome go.
        room: Runs it; what it leaves running ends with the room.
        limit: Seconds that it may take.
        on_line: Called with each line that people read of it.
        secrets: Never written down, nor passed on.

    Raises:
        EvidenceError: The log or the outcome can't be written.
        CommandError: It can't be started.
    """
    argv = as_json(plan.argv)
    tests = GoTests() if argv else None
    words = (plan.program, *(argv or plan.argv)[1:])
    lines: list[str] = []
    with run.own_tests_log.open("w", encoding="utf-8") as log:

        def take(line: str) -> None:
            for secret in secrets:
                line = line.replace(secret, _REDACTED)
            text = tests.take(line) if tests else line
            if text is None:
                return
            log.write(text + "\n")
            lines.append(text)
            del lines[:-_TAIL_LINES]
            on_line(text)

        code, seconds = _run(words, plan, room, limit=limit, take=take)
    outcome = OwnTests(
        command=plan.argv,
        exit_code=code,
        seconds=seconds,
        limit_s=limit,
        tail="\n".join(lines),
        log=run.own_tests_log.name,
        counted=tests is not None,
        passed=tests.passed if tests else 0,
        skipped=tests.skipped if tests else 0,
        failed=tuple(FailedTest(name=name, output=text) for name, text in tests.failures())
        if tests
        else (),
    )
    write_document(run.own_tests_file, outcome)


def _run(
    words: tuple[str, ...],
    plan: OwnTestPlan,
    room: Workshop,
    *,
    limit: float,
    take: Callable[[str], None],
) -> tuple[int | None, float]:
    """Returns the exit code (None where time ran out) and the seconds that it took."""
    extra = {"PYTHONDONTWRITEBYTECODE": "1", "PYTEST_ADDOPTS": "-p no:cacheprovider"}
    if plan.binaries is not None:
        extra["KUBEBUILDER_ASSETS"] = str(plan.binaries.link(room.folder / "assets"))
    try:
        done = room.stream(
            words,
            timeout=limit,
            on_line=take,
            cwd=Path(plan.folder),
            env=command.environment(extra),
            check=False,
        )
    except CommandError as error:
        if error.timed_out:
            return None, limit
        raise
    return done.exit_code, done.seconds


def _test_files(folder: Path) -> Iterator[str]:
    """Yields the text of the target's test files."""
    seen = 0
    for place, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if name not in _SKIPPED and name[0] != "."]
        for name in files:
            if not _TEST_FILE.match(name):
                continue
            seen += 1
            if seen > _MOST_FILES:
                return
            yield (Path(place) / name).read_text(encoding="utf-8", errors="replace")
