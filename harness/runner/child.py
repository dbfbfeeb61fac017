"""Runs a suite by pytest in a child process, and follows it."""

from __future__ import annotations

import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from harness import command
from harness.errors import HarnessError, Interrupted, UsageError
from harness.model.records import SuiteRecord, TestOutcome
from harness.resources import bundled
from harness.runner.workshop import temporary_folder

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.evidence.folder import RunFolder
    from harness.guard import Guard
    from harness.model.run import Suite
    from harness.runner.workshop import Workshop

__all__ = ["SuiteChild", "collect"]

_COLLECT_SECONDS = 60.0
_FINISH_SECONDS = 20.0
_STEP_SECONDS = 0.25  # its end is told at once; this is how late its records are
# pytest's own exit codes
_FAILED = 1
_INTERRUPTED = 2
_MISUSED = 4
_NO_TESTS = 5
_RED = frozenset({"failed", "broken"})


def collect(
    suite: Suite, session: Path, *, keyword: str, several: bool, workshop: Workshop
) -> tuple[str, ...]:
    """Returns the node ids that a suite would run, before anything else happens.

    Args:
        suite: Which.
        session: Path of the private session file.
        keyword: pytest's -k expression.
        several: Whether it's one of several: then ids begin with its folder's name, and a
            keyword may select nothing of it.
        workshop: Runs it.

    Raises:
        UsageError: The suite can't be imported, or nothing is selected.
        HarnessError: pytest itself can't run.
    """
    done = workshop.stream(
        [
            *_argv(suite, session, keyword=keyword, several=several),
            "--collect-only",
            "-q",
            "--no-header",
        ],
        timeout=_COLLECT_SECONDS,
        on_line=lambda _: None,
        env=_environment(),
        check=False,
    )
    tests = tuple(line for line in done.output.splitlines() if "::" in line)
    if done.exit_code == _NO_TESTS or (done.exit_code == 0 and not tests):
        if keyword and several:
            return ()
        selection = f" that match -k {keyword!r}" if keyword else ""
        raise UsageError(f"The suite {suite.name} has no tests{selection}: nothing is selected.")
    if done.exit_code in {_INTERRUPTED, _MISUSED}:
        raise UsageError(
            f"The suite {suite.name} can't be collected:\n{done.tail}",
            hint=f"Mend the tests in {suite.folder}.",
        )
    if done.exit_code != 0:
        raise HarnessError(
            f"pytest can't collect the suite {suite.name}; it ended with {done.exit_code}:\n"
            f"{done.tail}",
            hint="`harness doctor` says what this machine lacks.",
        )
    return tests


class SuiteChild:
    """pytest, running one suite under the run's guard, so that it can't outlive us.

    Args:
        suite: What is run.
        session: Path of the private session file; its folder is private, too.
        guard: Starts it.
        run: Where its evidence goes.
        on_record: Called with each record that the suite writes.
        several: As in `collect`.
    """

    def __init__(
        self,
        suite: Suite,
        session: Path,
        *,
        guard: Guard,
        run: RunFolder,
        on_record: Callable[[SuiteRecord], None],
        keyword: str = "",
        fail_fast: bool = False,
        several: bool = False,
    ) -> None:
        self._suite = suite
        self._guard = guard
        self._name = f"pytest-{suite.name}"
        self._on_record = on_record
        self._records = run.suite_file
        self._offset = run.suite_file.stat().st_size if run.suite_file.exists() else 0
        self._failures = 0
        self._log = run.evidence / f"{self._name}.log"
        self._decoder = msgspec.json.Decoder(SuiteRecord)
        self._argv = [*_argv(suite, session, keyword=keyword, several=several), *_allure(run)]
        self._temporary = temporary_folder(session.parent)
        if fail_fast:
            self._argv.append("--exitfirst")

    def run(self) -> bool:
        """Runs the suite to its end; returns whether no test of it is red.

        Raises:
            Interrupted: We were stopped; the child was stopped first and cleaned up.
            HarnessError: pytest itself broke.
        """
        self._guard.spawn(
            self._name,
            self._argv,
            env={**_environment(), "TMPDIR": str(self._temporary)},
            cwd=Path.cwd(),
            log=self._log,
        )
        try:
            while (status := self._guard.wait(self._name, timeout=_STEP_SECONDS)).running:
                self._follow()
        except BaseException:
            self._stop()
            raise
        finally:
            self._follow()
        self._check(status.exit_code)
        return not self._failures

    def _stop(self) -> None:
        """Lets pytest tear its fixtures down, but not for ever."""
        with suppress(HarnessError):  # it has ended, or the guard has, and all with it
            self._guard.signal(self._name, signal.SIGINT)
            self._guard.wait(self._name, timeout=_FINISH_SECONDS)
            self._guard.stop(self._name, grace_s=0.0)

    def _follow(self) -> None:
        """Passes on the records that were completed since the last look."""
        if not self._records.exists():
            return
        with self._records.open("rb") as file:
            file.seek(self._offset)
            for line in file:
                if not line.endswith(b"\n"):
                    return
                self._offset += len(line)
                record = self._decoder.decode(line)
                self._failures += isinstance(record, TestOutcome) and record.outcome in _RED
                self._on_record(record)

    def _check(self, code: int | None) -> None:
        if code == 0 or (code == _FAILED and self._failures):
            return
        tail = "\n".join(self._log.read_text(encoding="utf-8", errors="replace").splitlines()[-20:])
        if code == _INTERRUPTED:
            raise Interrupted("The suite was interrupted.")
        raise HarnessError(
            f"pytest ended with {code} in the suite {self._suite.name}:\n{tail}",
            hint=f"The whole output is in {self._log.name} in the evidence folder.",
        )


def _argv(suite: Suite, session: Path, *, keyword: str, several: bool) -> list[str]:
    root = Path(suite.folder).parent if several else suite.folder
    argv = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "harness.pytest_plugin",
        "-p",
        "no:cacheprovider",
        f"--rootdir={root}",
        "-c",
        str(bundled("suites", "pytest.ini")),
        f"--harness-session={session}",
    ]
    if keyword:
        argv += ["-k", keyword]
    return [*argv, suite.folder]


def _allure(run: RunFolder) -> list[str]:
    """Lets the suite's authors use Allure's steps and attachments; they are kept as evidence.

    What tests print is in their log already, without secrets.
    """
    return ["-p", "allure_pytest", f"--alluredir={run.allure_raw}", "--allure-no-capture"]


def _environment() -> dict[str, str]:
    return command.environment(
        {
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",  # others' plugins claim our names
            "PYTHONDONTWRITEBYTECODE": "1",  # nothing is written into the installation
            "PYTHONUNBUFFERED": "1",
            "PYTEST_ADDOPTS": "",
            "ALLURE_TESTPLAN_PATH": "",  # of another job; it would leave tests out
        }
    )
