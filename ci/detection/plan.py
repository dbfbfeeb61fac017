"""What is run: a job for each twin and each healthy operator, and what is known of it already."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from detection.twins import TwinFile, operators, suites_for, twin_files
from harness.analysis.rbac.dangers import DANGERS
from harness.resources import bundled

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

__all__ = ["SAMPLE", "Job", "Outcome", "fingerprint", "forget", "jobs", "known", "sampled"]

SAMPLE = (
    "application/is-admin-by-its-group",
    "guestbook/never-leads",
    "imoocpod/lists-all-of-the-core",
    "podtato-head/collects-rights-by-a-label",
)
"""The live twins that CI runs beside all static ones; its tests run the others that it knows."""

SHORT = ("silence=3", "ready=30", "converge=20", "delete=20")
"""Windows and limits that a faulty twin still fails in; healthy operators get those of users."""
_THEIRS = ("argo-rollouts", "prometheus-operator")
"""Operators of other projects; they are here for false alarms alone."""
_FIXTURES = "fixtures/"
"""Operators that show one thing each; they aren't examples of how to write one."""
_INSTALLED = "test_installs_and_becomes_ready"
"""The one test of smoke that is run for rights that are bound: they show once it is installed."""
_LONG = frozenset({"soak", "load"})
"""Suites of minutes: what only they find is proven by their benchmarks and tests of their own."""
_UPGRADE = "UPG-001"
_PROVEN = "RBA-003"
"""Judged only where a run makes the proof by removal."""
_OWN_TESTS = ("UNI-001", "INT-001")
_NOT_SOURCES = frozenset({"bin", "twins", "__pycache__", ".pytest_cache"})


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """One run of the harness.

    Attributes:
        id: "guestbook/hot-loop"; of a healthy operator "guestbook: smoke".
        operator: Folder below operators_under_test.
        twin: None for the healthy operator.
        suites: That are run.
        static: Whether no suite of it needs a cluster.
    """

    id: str
    operator: str
    suites: tuple[str, ...]
    static: bool
    twin: TwinFile | None = None

    @property
    def target(self) -> Path:
        """The folder of its target.yaml."""
        return bundled("operators_under_test") / self.operator

    @property
    def follows(self) -> bool:
        """Whether it is compared with the release before, which is the healthy operator."""
        return self.static and (self.twin is None or self._expects(_UPGRADE))

    @property
    def options(self) -> tuple[str, ...]:
        """Words of its command line beside suites, target, twin and output."""
        if self.twin is None:
            return ()
        own = () if any(map(self._expects, _OWN_TESTS)) else ("--no-own-tests",)
        if self.static:
            return own
        limits = (f"--timeout={pair}" for pair in SHORT)
        return (
            *limits,
            *own,
            *(("--prove-rbac",) if self._expects(_PROVEN) else ()),
            *(("-k", _INSTALLED) if set(self.twin.expect) <= set(DANGERS) else ()),
        )

    def _expects(self, check: str) -> bool:
        return self.twin is not None and check in self.twin.expect


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """How a job ended.

    Attributes:
        job: Its id.
        fingerprint: Of the sources that it ran.
        ended: ISO 8601, UTC.
        verdict: The word of result.json; "none" where there is no result.
        failed: Ids of the checks that failed, in order.
        statuses: Status of each check that was judged.
        findings: Titles, each after the id of its check.
        said: The last lines that it printed, where it has no verdict on the operator.
        seconds: From start to exit.
        folder: Name of its run folder; empty where there is none.
    """

    job: str
    fingerprint: str
    ended: str
    verdict: str
    exit_code: int
    failed: tuple[str, ...] = ()
    statuses: dict[str, str] = {}
    findings: tuple[str, ...] = ()
    said: str = ""
    seconds: float
    folder: str = ""

    @property
    def decided(self) -> bool:
        """Whether it says something of the operator, not of the harness or the machine."""
        return self.verdict in {"pass", "fail", "inconclusive"}


def jobs(*, theirs: bool = True) -> tuple[Job, ...]:
    """Returns all jobs: healthy operators first, static ones before those that need a cluster.

    Args:
        theirs: Whether the operators of other projects are among them.
    """
    faulty = tuple(_faulty())
    found = [*_healthy(faulty), *faulty]
    if theirs:
        found += [_sound(name, "smoke") for name in _THEIRS]
    return tuple(sorted(found, key=lambda job: (not job.static, job.twin is not None)))


def _faulty() -> Iterator[Job]:
    """Yields a job for each twin that is found in less than minutes."""
    for twin in twin_files():
        suites = suites_for(twin.expect)
        if not _LONG.isdisjoint(suites):
            continue
        static = suites == ("unit",)
        yield Job(id=twin.id, operator=twin.operator, suites=suites, static=static, twin=twin)


def _healthy(faulty: Sequence[Job]) -> Iterator[Job]:
    """Yields healthy operators in all suites that find a twin; fixtures in those of their own."""
    every = dict.fromkeys(suite for job in faulty for suite in job.suites)
    for name in operators():
        own = {suite for job in faulty if job.operator == name for suite in job.suites}
        fixture = name.startswith(_FIXTURES)
        for suite in every:
            if suite in own or suite == "smoke" or not fixture:
                yield _sound(name, suite)


def _sound(name: str, suite: str) -> Job:
    return Job(id=f"{name}: {suite}", operator=name, suites=(suite,), static=suite == "unit")


def sampled(every: Iterable[Job]) -> tuple[Job, ...]:
    """Returns what CI runs: all static twins, and some that need a cluster."""
    return tuple(job for job in every if job.twin is not None and (job.static or job.id in SAMPLE))


def fingerprint(job: Job) -> str:
    """Returns what changes when anything changes that the job's outcome depends on."""
    digest = hashlib.sha256(_harness().encode())
    digest.update(_digest(job.target).encode())
    if job.twin is not None:
        digest.update((job.target / "twins" / f"{job.twin.name}.yaml").read_bytes())
    digest.update(repr((job.suites, job.options)).encode())
    return digest.hexdigest()[:16]


def forget() -> None:
    """Reads the sources anew at the next fingerprint."""
    _harness.cache_clear()
    _digest.cache_clear()


@cache
def _harness() -> str:
    root = Path(bundled("suites")).parent
    folders = ("harness", "suites", "reports/checklists")
    return "".join(_digest(root / name) for name in folders)


@cache
def _digest(folder: Path) -> str:
    digest = hashlib.sha256()
    for file in sorted(folder.rglob("*")):
        parts = file.relative_to(folder).parts
        if not file.is_file() or _NOT_SOURCES & set(parts) or parts[0] == "tests":
            continue
        digest.update("/".join(parts).encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()


def known(file: Path, wanted: Iterable[Job], *, earlier: bool = False) -> dict[str, Outcome]:
    """Returns the last kept outcome of each job that still holds: decided, and of the same sources.

    Args:
        file: A line for each.
        wanted: Jobs that are asked for.
        earlier: Whether outcomes of other sources count, too.
    """
    if not file.is_file():
        return {}
    current = {job.id: fingerprint(job) for job in wanted}
    found = {}
    for line in file.read_bytes().splitlines():
        try:
            outcome = msgspec.json.decode(line, type=Outcome)
        except msgspec.DecodeError:
            continue  # the last line of a run that was killed
        same = current.get(outcome.job) == outcome.fingerprint
        if outcome.decided and (same or (earlier and outcome.job in current)):
            found[outcome.job] = outcome
    return found
