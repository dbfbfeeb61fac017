"""Runs a suite by pytest in a child process, and follows it."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from harness import command
from harness.errors import HarnessError, Interrupted, UsageError
from harness.model.records import SuiteRecord
from harness.resources import bundled

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.clock import Clock
    from harness.evidence.folder import RunFolder
    from harness.model.run import Suite

__all__ = ["SuiteChild", "collect"]

_COLLECT_SECONDS = 60.0
_FINISH_SECONDS = 20.0
_STEP_SECONDS = 0.05
_INTERRUPTED = 2
_NO_TESTS = 5


def collect(suite: Suite, session: Path, *, keyword: str) -> tuple[str, ...]:
    """Returns the node ids that a suite would run, before anything else happens.

    Raises:
        UsageError: The suite can't be imported, or nothing is selected.
    """
    done = command.run(
        [*_argv(suite, session, keyword=keyword), "--collect-only", "-q", "--no-header"],
        timeout=_COLLECT_SECONDS,
        env=_environment(),
        check=False,
    )
    tests = tuple(line for line in done.output.splitlines() if "::" in line)
    if done.exit_code == _NO_TESTS or (done.exit_code == 0 and not tests):
        selection = f" that match -k {keyword!r}" if keyword else ""
        raise UsageError(f"The suite {suite.name} has no tests{selection}: nothing is selected.")
    if done.exit_code != 0:
        raise UsageError(
            f"The suite {suite.name} can't be collected:\n{done.tail}",
            hint=f"Mend the tests in {suite.folder}.",
        )
    return tests


class SuiteChild:
    """pytest, running one suite.

    Args:
        suite: What is run.
        session: Path of the private session file.
        run: Where its evidence goes.
        clock: Paces the look at its progress.
        on_record: Called with each record that the suite writes.
    """

    def __init__(
        self,
        suite: Suite,
        session: Path,
        *,
        run: RunFolder,
        clock: Clock,
        on_record: Callable[[SuiteRecord], None],
        keyword: str = "",
        fail_fast: bool = False,
    ) -> None:
        self._suite = suite
        self._clock = clock
        self._on_record = on_record
        self._records = run.suite_file
        self._offset = run.suite_file.stat().st_size if run.suite_file.exists() else 0
        self._log = run.evidence / f"pytest-{suite.name}.log"
        self._decoder = msgspec.json.Decoder(SuiteRecord)
        self._argv = _argv(suite, session, keyword=keyword)
        if fail_fast:
            self._argv.append("--exitfirst")

    def run(self) -> None:
        """Runs the suite to its end.

        Raises:
            Interrupted: We were stopped; the child was stopped first and cleaned up.
            HarnessError: pytest itself broke.
        """
        with self._log.open("wb") as log:
            process = command.spawn(
                self._argv, env=_environment(), stdout=log.fileno(), stderr=log.fileno()
            )
            try:
                while process.poll() is None:
                    self._follow()
                    self._clock.sleep(_STEP_SECONDS)
            except BaseException:
                self._stop(process)
                raise
            finally:
                self._follow()
        self._check(process.wait())

    def _stop(self, process: command.Spawned) -> None:
        """Lets pytest tear its fixtures down, but not for ever."""
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
        deadline = self._clock.now().mono_ns + int(_FINISH_SECONDS * 1e9)
        while process.poll() is None and self._clock.now().mono_ns < deadline:
            self._clock.sleep(_STEP_SECONDS)
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()

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
                self._on_record(self._decoder.decode(line))

    def _check(self, code: int) -> None:
        if code in {0, 1}:
            return
        tail = "\n".join(self._log.read_text(encoding="utf-8", errors="replace").splitlines()[-20:])
        if code == _INTERRUPTED:
            raise Interrupted("The suite was interrupted.")
        raise HarnessError(
            f"pytest ended with {code} in the suite {self._suite.name}:\n{tail}",
            hint=f"The whole output is in {self._log.name} in the evidence folder.",
        )


def _argv(suite: Suite, session: Path, *, keyword: str) -> list[str]:
    argv = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "harness.pytest_plugin",
        "-p",
        "no:cacheprovider",
        f"--rootdir={suite.folder}",
        "-c",
        str(bundled("suites", "pytest.ini")),
        f"--harness-session={session}",
    ]
    if keyword:
        argv += ["-k", keyword]
    return [*argv, suite.folder]


def _environment() -> dict[str, str]:
    return command.environment(
        {
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",  # others' plugins claim our names
            "PYTHONDONTWRITEBYTECODE": "1",  # nothing is written into the installation
            "PYTHONUNBUFFERED": "1",
            "PYTEST_ADDOPTS": "",
        }
    )
