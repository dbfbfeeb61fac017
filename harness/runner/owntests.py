"""Runs the operator's own tests, unit or end-to-end, and reads what they told."""

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
from harness.model.records import FailedTest, OwnCase, OwnTests
from harness.runner.gotest import GoTests, as_json
from harness.runner.junit import read_junit
from harness.runner.testcommands import JUNIT_VARIABLE, is_kuttl, with_report

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

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
_TOKEN = re.compile(r"eyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]{8,}")  # a JSON Web Token
_PRIVATELY = ("sh", "-c", 'umask 077 && exec "$@"', "sh")
_LEFT = "kubeconfig"
_KINDS = {
    "unit": ("unit tests", "tests.unit"),
    "integration": ("end-to-end tests", "tests.integration"),
}


class OwnTestPlan(msgspec.Struct, frozen=True, kw_only=True):
    """What is going to be run.

    Attributes:
        kind: "unit" or "integration".
        program: Absolute path of the command's first word.
        binaries: For KUBEBUILDER_ASSETS; None where the tests need no control plane.
    """

    kind: str = "unit"
    argv: tuple[str, ...]
    program: str
    folder: str
    binaries: assets.AssetSet | None = None


def plan_own_tests(
    target: Target,
    *,
    kubernetes: str,
    on_progress: Callable[[str], None],
    kind: str = "unit",
) -> OwnTestPlan | None:
    """Returns how the target's own tests are run; None where it names none.

    Args:
        target: Whose tests.
        kind: "unit" or "integration"; the latter are given a cluster, not a control plane's parts.
        kubernetes: Version that a user asked for.
        on_progress: Told what is built, where the tests need a control plane.

    Raises:
        UsageError: The command isn't there.
        AssetError: The tests need a control plane's binaries, which can't be had.
    """
    words, field = _KINDS[kind]
    argv = target.tests.unit if kind == "unit" else target.tests.integration
    if not argv:
        return None
    folder = Path(target.folder)
    local = folder / argv[0]
    program = local.absolute() if local.is_file() else command.which(argv[0])
    if program is None:
        raise UsageError(
            f"The {words} of {target.name} need {argv[0]!r}, which isn't there.",
            hint=f"Install {argv[0]} so that it is on PATH, change {field} of the target "
            "definition, or leave the operator's own tests out by --no-own-tests.",
        )
    found = None
    if kind == "unit" and any(_WANTS_ASSETS.search(text) for text in _test_files(folder)):
        found = assets.resolve(_ENVTEST, kubernetes=kubernetes, on_progress=on_progress)
    return OwnTestPlan(
        kind=kind, argv=argv, program=str(program), folder=str(folder), binaries=found
    )


def run_own_tests(
    plan: OwnTestPlan,
    run: RunFolder,
    room: Workshop,
    *,
    limit: float,
    on_line: Callable[[str], None],
    secrets: Sequence[str] = (),
    env: Mapping[str, str] | None = None,
) -> None:
    """Runs the operator's own tests and writes what became of them.

    Args:
        plan: What is run.
        run: Where the log and the outcome go.
        room: Runs it; what it leaves running ends with the room.
        limit: Seconds that it may take.
        on_line: Called with each line that people read of it.
        secrets: Never written down, nor passed on.
        env: Added to the environment, for example KUBECONFIG.

    Raises:
        EvidenceError: The log or the outcome can't be written.
        CommandError: It can't be started.
    """
    argv = as_json(plan.argv)
    tests = GoTests() if argv else None
    report = room.folder / "junit.xml"
    words = with_report((plan.program, *(argv or plan.argv)[1:]), report)
    if is_kuttl(words):
        words = (*_PRIVATELY, *words)
    lines: list[str] = []
    file, path = _places(plan, run)
    with path.open("w", encoding="utf-8") as log:

        def take(line: str) -> None:
            text = tests.take(_clean(line, secrets)) if tests else _clean(line, secrets)
            if text is None:
                return
            log.write(text + "\n")
            lines.append(text)
            del lines[:-_TAIL_LINES]
            on_line(text)

        try:
            code, seconds = _run(
                words,
                plan,
                room,
                limit=limit,
                take=take,
                extra={**(env or {}), JUNIT_VARIABLE: str(report)},
            )
        finally:
            _forget(Path(plan.folder) / _LEFT, secrets)
    cases = _cases(report, tests, secrets)
    outcome = OwnTests(
        command=plan.argv,
        exit_code=code,
        seconds=seconds,
        limit_s=limit,
        tail="\n".join(lines),
        log=path.name,
        counted=cases is not None,
        passed=_amount(cases, "passed"),
        skipped=_amount(cases, "skipped"),
        failed=tuple(
            FailedTest(name=case.title, output=case.output)
            for case in cases or ()
            if case.outcome == "failed"
        ),
        cases=tuple(cases or ()),
    )
    write_document(file, outcome)


def _places(plan: OwnTestPlan, run: RunFolder) -> tuple[Path, Path]:
    """Returns where outcome and log go."""
    if plan.kind == "unit":
        return run.own_tests_file, run.own_tests_log
    return run.own_e2e_file, run.own_e2e_log


def _cases(report: Path, tests: GoTests | None, secrets: Sequence[str]) -> Sequence[OwnCase] | None:
    """Returns the single tests, by JUnit where there is some; None where nobody told them."""
    found: Sequence[OwnCase] | None = read_junit(report)
    if found is None and tests is not None:
        found = tuple(tests.cases())
    if found is None:
        return None
    return [
        msgspec.structs.replace(
            case,
            name=_clean(case.name, secrets),
            group=_clean(case.group, secrets),
            output=_clean(case.output, secrets),
        )
        for case in found
    ]


def _amount(cases: Sequence[OwnCase] | None, outcome: str) -> int:
    return sum(case.outcome == outcome for case in cases or ())


def _clean(text: str, secrets: Sequence[str]) -> str:
    for secret in secrets:
        text = text.replace(secret, _REDACTED)
    return _TOKEN.sub(_REDACTED, text)


def _forget(file: Path, secrets: Sequence[str]) -> None:
    """Removes the kubeconfig that kuttl writes where it runs, if it holds our credentials."""
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return
    if any(secret in text for secret in secrets):
        file.unlink(missing_ok=True)


def _run(
    words: tuple[str, ...],
    plan: OwnTestPlan,
    room: Workshop,
    *,
    limit: float,
    take: Callable[[str], None],
    extra: Mapping[str, str],
) -> tuple[int | None, float]:
    """Returns the exit code (None where time ran out) and the seconds that it took."""
    own = {"PYTHONDONTWRITEBYTECODE": "1", "PYTEST_ADDOPTS": "-p no:cacheprovider", **extra}
    if plan.binaries is not None:
        own["KUBEBUILDER_ASSETS"] = str(plan.binaries.link(room.folder / "assets"))
    try:
        done = room.stream(
            words,
            timeout=limit,
            on_line=take,
            cwd=Path(plan.folder),
            env=command.environment(own),
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
