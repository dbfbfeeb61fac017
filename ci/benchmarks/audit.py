"""How long does it take to analyse an audit log of a million events, and how much memory?

`make bench-audit`. A run folder with a seeded log is made: several identities, a rotated file,
watches that end and one that doesn't, denials, roles that the operator writes, lines that repeat.
Then each of two things is done in a fresh process:

    ledger  the permission ledger alone, from the log to the last state of a grant
    report  the whole judgement and all reports, as `harness report RUN` does it

Prints a line for each figure:

    name value unit goal holds|falls-short     ("- -" for figures without a goal)

Seconds are wall clock from the start of the process to its end, and beside them those of the CPU,
which a busy machine changes less; MiB is its own peak resident set (VmHWM). Exit codes: 0 every
goal holds, 1 one falls short.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from harness import command
from harness.analysis.rbac.ledger import ledger
from harness.clock import SYSTEM_CLOCK
from harness.evidence.folder import RunFolder
from harness.evidence.ndjson import write_document
from harness.evidence.reader import Evidence
from harness.model.records import Action
from harness.model.resource import ObjectKey
from harness.runner.conclude import conclude
from harness.tests.analysis.rbac.access import bound, record, rule
from harness.tests.analysis.recording import (
    BOOKS,
    CONTROLLERS,
    HARNESS,
    OPERATOR,
    Recording,
    book,
    iso,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Figure", "events", "make_run"]

EVENTS = 1_000_000
GOAL_S, GOAL_MIB = 20.0, 500.0
TIMEOUT_S = 600.0
SEED = 20_270_115
SECONDS = 7200.0
"""The stretch of time that the log covers."""
OBJECTS = 20_000
WINDOWS = 40
MODES = ("ledger", "report")
_RBAC = "rbac.authorization.k8s.io"
_KUBELET = "system:node:node-0"
_OTHER = "system:serviceaccount:other-system:other-operator"

# weight, user, verb, group, resource, subresource, code
_MIX = (
    (22, OPERATOR, "get", "example.com", "guestbooks", "", 200),
    (14, OPERATOR, "patch", "apps", "deployments", "", 200),
    (12, OPERATOR, "update", "example.com", "guestbooks", "status", 200),
    (6, OPERATOR, "create", "", "configmaps", "", 201),
    (5, OPERATOR, "patch", "", "configmaps", "", 201),
    (4, OPERATOR, "get", "", "secrets", "", 404),
    (3, OPERATOR, "update", "coordination.k8s.io", "leases", "", 200),
    (2, OPERATOR, "watch", "apps", "deployments", "", 200),
    (2, OPERATOR, "create", "", "events", "", 201),
    (8, CONTROLLERS, "update", "apps", "deployments", "status", 200),
    (6, HARNESS, "create", "example.com", "guestbooks", "", 201),
    (4, HARNESS, "get", "", "pods", "", 200),
    (5, _KUBELET, "patch", "", "pods", "status", 200),
    (4, _KUBELET, "get", "", "configmaps", "", 200),
    (3, _OTHER, "update", "", "configmaps", "", 409),
)


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the summary; without a goal it is for information."""

    name: str
    value: float
    unit: str
    goal: float | None = None

    @property
    def falls_short(self) -> bool:
        """Whether it has a goal and misses it."""
        return self.goal is not None and self.value > self.goal

    def __str__(self) -> str:
        goal, word = "-", "-"
        if self.goal is not None:
            goal, word = f"{self.goal:g}", "falls-short" if self.falls_short else "holds"
        return f"{self.name} {round(self.value, 1):g} {self.unit} {goal} {word}"


def events(count: int, *, seed: int = SEED) -> Iterator[str]:
    """Yields lines of an audit log, as kube-apiserver writes them; the same for the same seed.

    One in a thousand is denied, one in a thousand repeats the line before, one in ten thousand is
    a role that the operator writes; a watch has a line for its start and, but for one, its end.
    """
    chance = random.Random(seed)  # noqa: S311 - the same lines each time, not a secret
    kinds = [kind[1:] for kind in _MIX]
    weights = [kind[0] for kind in _MIX]
    drawn: list[tuple[str, str, str, str, str, int]] = []
    line = ""
    for number in range(count):
        if not drawn:
            drawn = chance.choices(kinds, weights, k=10_000)
        at = SECONDS * number / count
        odds = number % 10_000
        if odds == 500:  # noqa: PLR2004 - any place will do
            line = _event(number, at, (OPERATOR, "create", _RBAC, "roles", "", 201), chance)
        elif odds % 1000 == 7 and line:  # noqa: PLR2004 - likewise
            pass  # the same line again
        elif odds % 1000 == 9:  # noqa: PLR2004 - likewise
            line = _event(number, at, (OPERATOR, "list", "", "nodes", "", 403), chance)
        else:
            line = _event(number, at, drawn.pop(), chance)
        yield line


def _event(
    number: int, at: float, kind: tuple[str, str, str, str, str, int], chance: random.Random
) -> str:
    user, verb, group, resource, subresource, code = kind
    which = chance.randrange(OBJECTS)
    namespace, name = f"tenant-{which % 50}", f"{resource}-{which}"
    root = f"/apis/{group}/v1" if group else "/api/v1"
    uri = f"{root}/namespaces/{namespace}/{resource}"
    stage, named = "ResponseComplete", f'"name":"{name}",'
    if verb == "watch":
        uri += f"?allowWatchBookmarks=true\\u0026resourceVersion={number}\\u0026watch=true"
        stage = "ResponseComplete" if number % 2 else "ResponseStarted"
        named, number = "", number & ~1
    elif verb == "create":
        uri += "?fieldManager=manager"
    else:
        uri += f"/{name}" + (f"/{subresource}" if subresource else "")
    sub = f'"subresource":"{subresource}",' if subresource else ""
    body = ""
    if group == _RBAC:
        rules = '[{"verbs":["get"],"apiGroups":[""],"resources":["pods"]}]'
        body = f'"requestObject":{{"kind":"Role","rules":{rules}}},'
    decision = "forbid" if code == 403 else "allow"  # noqa: PLR2004 - HTTP
    return (
        f'{{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"Metadata","auditID":'
        f'"{number:08x}-{which:04x}-4f87-bf5b-{number:012x}","stage":"{stage}","requestURI":"{uri}",'
        f'"verb":"{verb}","user":{{"username":"{user}","uid":"0d6c7f1e-9d1f-4f0e-8a26-6a3a4f3f4a10",'
        '"groups":["system:serviceaccounts","system:serviceaccounts:books-system",'
        '"system:authenticated"],"extra":{"authentication.kubernetes.io/credential-id":'
        '["JTI=2f7d4f2b-5e0c-4a40-9be1-1a0b5a5b6a4e"],"authentication.kubernetes.io/pod-name":'
        '["manager-7d9c5b9f6b-x2x7q"],"authentication.kubernetes.io/pod-uid":'
        '["5b1c1f64-31a8-4c0b-9a7a-2f0a2f8f0f7d"]}},"sourceIPs":["127.0.0.1"],'
        '"userAgent":"manager/v0.0.0 (linux/amd64) kubernetes/$Format",'
        f'"objectRef":{{"resource":"{resource}","namespace":"{namespace}",{named}{sub}'
        f'"apiGroup":"{group}","apiVersion":"v1"}},'
        f'"responseStatus":{{"metadata":{{}},"code":{code}}},{body}'
        f'"requestReceivedTimestamp":"{iso(at)}","stageTimestamp":"{iso(at + 0.002)}",'
        f'"annotations":{{"authorization.k8s.io/decision":"{decision}",'
        '"authorization.k8s.io/reason":"RBAC: allowed by ClusterRoleBinding '
        '\\"manager-role-binding\\" of ClusterRole \\"manager-role\\" to ServiceAccount '
        '\\"manager/books-system\\""}}\n'
    )


def make_run(folder: Path, count: int) -> RunFolder:
    """Makes a run folder whose audit log holds `count` events, three in five in a rotated file."""
    recording = Recording(folder)
    run = recording.run
    run.audit_log.unlink()
    record(
        recording,
        bound(
            rule("get list watch update patch", "guestbooks guestbooks/status", "example.com"),
            rule("get list watch create update patch delete", "deployments", "apps"),
            rule("get list watch create patch", "configmaps secrets"),
            rule("create patch", "events"),
            rule("get create update", "leases", "coordination.k8s.io"),
            rule("create", "roles", _RBAC),
            rule("get delete", "pods"),
        ),
    )
    width = SECONDS / WINDOWS
    for number in range(WINDOWS):
        start, name = number * width, f"sample-{number}"
        key = ObjectKey(resource=BOOKS, namespace="default", name=name, uid=f"book-{number}")
        recording.stimulus(start + 1, Action.CREATE, key)
        recording.event(start + 2, "ADDED", book(uid=f"book-{number}", name=name))
        check = "REC-002" if number % 2 else "LIF-001"
        if check == "LIF-001":
            recording.stimulus(start + 3, Action.DELETE, key)
        recording.snapshot(start + width - 1, f"after {number}")
        recording.phase(
            start + 2.5, start + 20, check, objects=(key,), facts={"after": f"after {number}"}
        )
    write_document(run.evidence / "ending.json", {"errors": [], "interrupted": ""})
    rotated = run.audit_log.with_name(f"{run.audit_log.stem}-2027-01-15T09-12-00.000.log")
    lines = events(count)
    with rotated.open("w", encoding="utf-8", buffering=1 << 20) as log:
        log.writelines(next(lines) for _ in range(count * 3 // 5))
    with run.audit_log.open("w", encoding="utf-8", buffering=1 << 20) as log:
        log.writelines(lines)
    return run


def _measured(mode: str, run: RunFolder) -> None:
    """Does one of `MODES` and says what that took: CPU seconds, and KiB of memory."""
    if mode == "ledger":
        book_of_grants = ledger(Evidence(run))
        if book_of_grants.gap or not book_of_grants.uses:
            raise SystemExit(f"no ledger: {book_of_grants.gap}")
    else:
        conclude(run)
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    peak = next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM"))
    print(time.process_time(), peak)


def figures(run: RunFolder) -> Iterator[Figure]:
    """Yields the figures of each of `MODES`."""
    for mode in MODES:
        argv = [sys.executable, __file__, "--measure", mode, str(run.path)]
        start = SYSTEM_CLOCK.now()
        done = command.run(argv, timeout=TIMEOUT_S)
        seconds = (SYSTEM_CLOCK.now().mono_ns - start.mono_ns) / 1e9
        cpu_s, peak_kib = map(float, done.output.split()[-2:])
        yield Figure(name=f"audit_{mode}_time", value=seconds, unit="s", goal=GOAL_S)
        yield Figure(name=f"audit_{mode}_cpu", value=cpu_s, unit="s")
        peak_mib = peak_kib / 1024
        yield Figure(name=f"audit_{mode}_peak_memory", value=peak_mib, unit="MiB", goal=GOAL_MIB)


def main() -> int:
    """Runs the benchmark; see the module."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--events", type=int, default=EVENTS, help="lines of the log")
    parser.add_argument("--measure", nargs=2, metavar=("MODE", "RUN"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.measure:
        mode, path = given.measure
        _measured(mode, RunFolder(Path(path)))
        return 0
    missed = False
    with tempfile.TemporaryDirectory(prefix="harness-bench-") as folder:
        run = make_run(Path(folder), given.events)
        logs = run.evidence.glob("audit*.log")
        size = sum(file.stat().st_size for file in logs) / (1 << 20)
        print(Figure(name="audit_events", value=given.events, unit="events"))
        print(Figure(name="audit_log_size", value=size, unit="MiB"), flush=True)
        for figure in figures(run):
            print(figure, flush=True)
            missed |= figure.falls_short
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
