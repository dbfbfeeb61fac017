"""Runs the real command line as processes, each test in a state, output and TMPDIR of its own."""

from __future__ import annotations

import os
import re
import shutil
import signal
import sys
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import psutil
import yaml

from harness.clock import SYSTEM_CLOCK, Deadline
from harness.command import environment, spawn
from harness.evidence.folder import RunFolder
from harness.evidence.reader import Evidence
from harness.evidence.tail import Tail
from harness.model.findings import Status
from harness.reporting import read_result
from harness.resources import bundled
from harness.runner.suites import load_suite

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from harness.model.result import RunResult

__all__ = [
    "SHORT",
    "Finished",
    "Home",
    "Runs",
    "Started",
    "await_true",
    "guestbook",
    "suite",
    "twins_of",
]

SHORT = ("--timeout", "silence=3", "--timeout", "converge=12", "--timeout", "delete=12")
"""Windows and limits that a faulty twin still fails in."""
_PATIENCE_S = 600.0  # a run takes half a minute; a busy machine must not fail a test
_END_S = 30.0
_LOOK_S = 0.5


class Finished(msgspec.Struct, frozen=True, kw_only=True):
    """A command that ended."""

    exit_code: int
    stdout: str
    stderr: str
    home: Home

    @property
    def run(self) -> RunFolder:
        """The newest run folder of its place."""
        return RunFolder((self.home.runs / "latest").resolve())

    @property
    def result(self) -> RunResult:
        """Its result.json."""
        return read_result(self.run.result_file)

    @property
    def evidence(self) -> Evidence:
        """What it recorded."""
        return Evidence(self.run)

    @property
    def failing(self) -> set[str]:
        """Ids of the checks that failed."""
        return {item.check.id for item in self.result.checks if item.status is Status.FAIL}

    def finding(self, check: str) -> str:
        """Returns title and detail of the one finding of a check."""
        (found,) = (item for item in self.result.findings if item.check == check)
        return f"{found.title}\n{found.detail}"


class Started:
    """A command that runs."""

    def __init__(self, home: Home, argv: tuple[str, ...], env: Mapping[str, str]) -> None:
        self.home = home
        self.out, self.err = home.path / "stdout", home.path / "stderr"
        with self.out.open("wb") as out, self.err.open("wb") as err:
            self._process = spawn(
                argv, env=env, cwd=home.work, stdout=out.fileno(), stderr=err.fileno()
            )
        self._told = Tail(self.err)

    def follow(self, text: str) -> Started:
        """Returns when it has printed a line with this text to standard error."""
        deadline = Deadline(_PATIENCE_S)
        while not self._told.wait_for(lambda line: text.encode() in line, timeout=_LOOK_S):
            assert self._process.poll() is None, f"it ended before:\n{self.err.read_text()}"
            assert not deadline.passed, f"{text!r} was never printed:\n{self.err.read_text()}"
        return self

    def send(self, sig: int) -> Started:
        """Sends it a signal, and to nothing else."""
        assert self._process.poll() is None, self.err.read_text()
        self._process.send_signal(sig)
        return self

    def kill(self) -> None:
        """Ends it by SIGKILL."""
        self.send(signal.SIGKILL)
        self._process.wait(_END_S)
        self._told.close()

    def finish(self, *, within: float = _PATIENCE_S) -> Finished:
        """Waits for its end."""
        try:
            code = self._process.wait(within)
        except BaseException:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait(_END_S)
            raise
        finally:
            self._told.close()
        return Finished(
            exit_code=code,
            stdout=self.out.read_text(),
            stderr=self.err.read_text(),
            home=self.home,
        )


class Home:
    """A place of its own for runs: state, run folders, temporary files, where the user stands.

    The cache of binaries is the user's own.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.state, self.runs = path / "state", path / "runs"
        self.temporary, self.work = path / "temporary", path / "work"
        for folder in (self.state, self.temporary, self.work):
            folder.mkdir(parents=True)
        self.env = environment(
            {"XDG_STATE_HOME": str(self.state), "TMPDIR": str(self.temporary), "NO_COLOR": "1"}
        )
        if given := os.environ.get("HARNESS_TEST_ASSETS"):
            self.env["KUBEBUILDER_ASSETS"] = given

    def start(self, *words: str | Path, **env: str) -> Started:
        """Starts `harness` with these words."""
        argv = (sys.executable, "-m", "harness", *map(str, words))
        return Started(self, argv, {**self.env, **env})

    def run(self, *words: str | Path, target: str | Path = "guestbook", **env: str) -> Started:
        """Starts `harness run` on a target; a suite is added where none is named."""
        named = () if "--suite" in words else ("--suite", "smoke")
        return self.start(
            "run", *named, "--target", target, "--output", self.runs, "--verbose", *words, **env
        )

    def processes(self) -> list[psutil.Process]:
        """Returns what runs for this place, by environment and command line."""
        mark = os.fsencode(self.path)
        return [
            process
            for process in psutil.process_iter()
            if process.pid != os.getpid() and _mentions(process.pid, mark)
        ]

    def pid_of(self, program: str) -> int:
        """Returns the process id of the one process of this place that runs a program."""
        (found,) = (
            process.pid
            for process in self.processes()
            if Path(f"/proc/{process.pid}/exe").resolve().name == program
        )
        return found

    def ports(self) -> set[int]:
        """Returns the TCP ports on which these processes listen."""
        found = set()
        for process in self.processes():
            try:
                rows = process.net_connections("tcp")
            except psutil.Error:
                continue  # it ended meanwhile
            found |= {row.laddr.port for row in rows if row.status == psutil.CONN_LISTEN}
        return found

    def await_quiet(self) -> None:
        """Returns when nothing runs for this place any more."""
        await_true(lambda: not self.processes(), lambda: f"still there: {self.processes()}")

    def files(self) -> list[Path]:
        """Returns what lies in private places: state and temporary files."""
        return [
            path
            for folder in (self.state, self.temporary)
            for path in folder.rglob("*")
            if not path.is_dir()
        ]


def _mentions(pid: int, mark: bytes) -> bool:
    for name in ("environ", "cmdline"):
        try:
            if mark in Path(f"/proc/{pid}/{name}").read_bytes():
                return True
        except OSError:
            continue
    return False


def await_true(
    holds: Callable[[], object], explain: Callable[[], str] = lambda: "", *, within: float = _END_S
) -> None:
    """Returns when something holds, fails when it doesn't in time."""
    deadline = Deadline(within)
    while not holds():
        assert not deadline.passed, explain()
        SYSTEM_CLOCK.sleep(0.05)


def listening(ports: set[int]) -> set[int]:
    """Returns those of the ports on which something listens."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return ports & {int(row[1].split(":")[1], 16) for row in rows if row[3] == "0A"}


class Runs:
    """Scenarios of a module, two at a time: asking for one also starts the one behind it.

    Args:
        scenarios: By name, in the order of the tests; each gets a place of its own.
        folder: Gives each its place.
    """

    def __init__(self, scenarios: Mapping[str, Callable[[Home], Any]], folder: Path) -> None:
        self._scenarios = dict(scenarios)
        self._folder = folder
        self._pool = ThreadPoolExecutor(2)
        self._started: dict[str, Future[Any]] = {}

    def __getitem__(self, name: str) -> Any:
        """Returns what a scenario returned; raises what it raised."""
        self._start(name)
        waiting = (other for other in self._scenarios if other not in self._started)
        if (following := next(waiting, None)) is not None:
            self._start(following)
        return self._started[name].result()

    def close(self) -> None:
        """Waits for what runs; starts nothing more."""
        self._pool.shutdown(cancel_futures=True)

    def _start(self, name: str) -> None:
        if name not in self._started:
            home = Home(self._folder / re.sub(r"\W+", "-", name))
            self._started[name] = self._pool.submit(self._scenarios[name], home)


def twins_of(operator: str, suite: str) -> tuple[str, ...]:
    """Returns an operator's faulty twins whose defects a suite must find, by name.

    Those that show before a custom resource is made are left to `make test-detection`.
    """
    checks = set(load_suite(suite).checks) - {"INS-001", "INS-002", "OBS-001"}
    found = {
        file.stem: set(yaml.safe_load(file.read_text(encoding="utf-8"))["expect"])
        for file in sorted(
            bundled("operators_under_test", *operator.split("/"), "twins").glob("*.yaml")
        )
    }
    return tuple(name for name, expected in found.items() if expected <= checks)


def suite(home: Home, name: str = "own", **files: str) -> Path:
    """Writes a suite of the user's own; a file's name is its key with ".py"."""
    folder = home.work / name
    folder.mkdir()
    for stem, text in files.items():
        (folder / f"{stem}.py").write_text(text, encoding="utf-8")
    return folder


def guestbook(home: Home, *changes: tuple[str, str], **twins: str) -> Path:
    """Copies the guestbook with changes in its target.yaml, and twins beside it."""
    folder = home.work / "guestbook"
    source = bundled("operators_under_test", "guestbook")
    shutil.copytree(source, folder, ignore=shutil.ignore_patterns("bin"))
    file = folder / "target.yaml"
    text = file.read_text(encoding="utf-8")
    for before, after in changes:
        assert text.count(before) == 1, before
        text = text.replace(before, after)
    file.write_text(text, encoding="utf-8")
    for name, body in twins.items():
        (folder / "twins" / f"{name}.yaml").write_text(
            f"apiVersion: harness/v1\nkind: Twin\nname: {name}\ntitle: For a test.\n{body}",
            encoding="utf-8",
        )
    return file
