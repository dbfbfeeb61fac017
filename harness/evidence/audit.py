"""Reads the API server's audit log: who asked for what, and what came of it.

The log is the truth about an operator's requests, whatever the operator says. It is streamed, so
that a log of a million lines needs no more memory than what its reader keeps.
"""

from __future__ import annotations

from datetime import datetime
from sys import intern
from typing import TYPE_CHECKING

import msgspec

from harness.model.access import PolicyRule
from harness.model.records import ApiCall, Handed, Reviewed, RoleName

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from harness.evidence.folder import RunFolder

__all__ = ["AuditReader", "FinalCalls", "audit_files", "final_calls", "read_audit"]

_FINAL = frozenset({"ResponseComplete", "Panic"})
_RBAC = "rbac.authorization.k8s.io"
_REVIEWS = "selfsubjectaccessreviews"


class _User(msgspec.Struct, frozen=True, gc=False):
    username: str = ""


class _Ref(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    resource: str = ""
    subresource: str = ""
    namespace: str = ""
    name: str = ""
    api_group: str = ""


class _Answer(msgspec.Struct, frozen=True, gc=False):
    code: int = 0


class _Notes(msgspec.Struct, frozen=True, gc=False):
    decision: str = msgspec.field(default="", name="authorization.k8s.io/decision")
    reason: str = msgspec.field(default="", name="authorization.k8s.io/reason")


class _RoleRef(msgspec.Struct, frozen=True):
    kind: str = ""
    name: str = ""


class _Access(msgspec.Struct, frozen=True, rename="camel"):
    """What is read of the body of a role or binding."""

    rules: tuple[PolicyRule, ...] | None = None
    role_ref: _RoleRef | None = None


class _About(msgspec.Struct, frozen=True):
    verb: str = ""
    group: str = ""
    resource: str = ""
    subresource: str = ""
    namespace: str = ""
    name: str = ""
    path: str = ""


class _Spec(msgspec.Struct, frozen=True, rename="camel"):
    resource_attributes: _About | None = None
    non_resource_attributes: _About | None = None


class _Review(msgspec.Struct, frozen=True):
    """What is read of a question what one may do."""

    spec: _Spec = _Spec()


class _Line(msgspec.Struct, gc=False, rename="camel"):
    """The fields that are read of an audit event; msgspec skips all others."""

    audit_id: str = msgspec.field(name="auditID")
    stage: str
    verb: str
    request_received_timestamp: datetime
    stage_timestamp: datetime
    request_uri: str = msgspec.field(default="", name="requestURI")
    user: _User = _User()
    impersonated_user: _User | None = None
    user_agent: str = ""
    object_ref: _Ref = _Ref()
    response_status: _Answer = _Answer()
    annotations: _Notes = _Notes()
    request_object: msgspec.Raw = msgspec.Raw()


class AuditReader:
    """One pass over audit logs.

    Args:
        paths: Files in the order in which they were written.

    Attributes:
        unreadable: Whole lines so far that aren't audit events.
        torn: Files so far whose last line was cut off.
    """

    def __init__(self, paths: Sequence[Path]) -> None:
        self._paths = tuple(paths)
        self._decoder = msgspec.json.Decoder(_Line)
        self.unreadable = 0
        self.torn = 0

    def __iter__(self) -> Iterator[ApiCall]:
        for path in self._paths:
            yield from self._file(path)

    def after(self, path: Path, *, line: int, offset: int) -> Iterator[tuple[ApiCall, int, int]]:
        """Yields what a live file has gained, each with line and offset from which to go on.

        A last line without its end is left for the next time.

        Args:
            path: The file.
            line: Number of lines before the offset.
            offset: In bytes, at the begin of a line.
        """
        decode, file = self._decoder.decode, path.name
        with path.open("rb", buffering=1 << 20) as lines:
            lines.seek(offset)
            for number, text in enumerate(lines, start=line + 1):
                if not text.endswith(b"\n"):
                    return
                offset += len(text)
                try:
                    event = decode(text)
                except msgspec.MsgspecError:
                    self.unreadable += bool(text.strip())
                    continue
                yield _call(event, file, number), number, offset

    def _file(self, path: Path) -> Iterator[ApiCall]:
        if not path.exists():
            return
        decode = self._decoder.decode
        file = path.name
        with path.open("rb", buffering=1 << 20) as lines:
            for number, line in enumerate(lines, start=1):
                try:
                    event = decode(line)
                except msgspec.MsgspecError:
                    if line.endswith(b"\n"):
                        self.unreadable += bool(line.strip())
                    else:
                        self.torn += 1
                    continue
                yield _call(event, file, number)


def read_audit(paths: Sequence[Path]) -> Iterator[ApiCall]:
    """Yields every stage of every request, in the order of the log.

    Lines that aren't audit events, and a torn last line, are left out (`AuditReader` counts them).

    Args:
        paths: Files in the order in which they were written; missing ones are empty.
    """
    return iter(AuditReader(paths))


def audit_files(run: RunFolder) -> tuple[Path, ...]:
    """Returns a run's audit logs in the order in which they were written."""
    live = run.audit_log
    rotated = sorted(live.parent.glob(f"{live.stem}-*{live.suffix}"))  # names hold the time
    return tuple(path for path in (*rotated, live) if path.exists())


class FinalCalls:
    """Makes one call for each request out of its stages, however the log comes in pieces.

    A request that ended (or panicked) comes when its end was logged, and without repeats.
    """

    def __init__(self) -> None:
        self._begun: dict[str, ApiCall] = {}
        # All of them: a log that was copied twice repeats after any distance.
        self._done: set[str] = set()

    @property
    def open(self) -> tuple[ApiCall, ...]:
        """What has no end so far, at the earliest stage that says what was decided."""
        return tuple(self._begun.values())

    def feed(self, calls: Iterable[ApiCall]) -> Iterator[ApiCall]:
        """Yields the requests that end in a piece of the log.

        Args:
            calls: As read, all stages.
        """
        begun, done = self._begun, self._done
        for call in calls:
            known = call.audit_id in done
            if call.stage not in _FINAL:
                earlier = begun.get(call.audit_id)
                # The first stage comes before the authorizer has decided; the next one tells.
                if not known and (earlier is None or (call.decision and not earlier.decision)):
                    begun[call.audit_id] = call
                continue
            begun.pop(call.audit_id, None)
            if known:
                continue
            done.add(call.audit_id)
            yield call


def final_calls(calls: Iterable[ApiCall]) -> Iterator[ApiCall]:
    """Yields one call for each request of a whole log; what has no end in it comes last.

    Args:
        calls: As read, all stages.
    """
    made = FinalCalls()
    yield from made.feed(calls)
    yield from made.open


def _call(event: _Line, file: str, line: int) -> ApiCall:
    ref = event.object_ref
    asked = event.impersonated_user
    notes = event.annotations
    final = event.stage in _FINAL
    return ApiCall(
        audit_id=event.audit_id,
        stage=intern(event.stage),
        user=intern(asked.username if asked else event.user.username),
        verb=intern(event.verb),
        uri=event.request_uri,
        received_ns=_ns(event.request_received_timestamp),
        done_ns=_ns(event.stage_timestamp),
        resource=intern(f"{ref.resource}.{ref.api_group}" if ref.api_group else ref.resource),
        subresource=intern(ref.subresource),
        namespace=intern(ref.namespace),
        name=ref.name,
        code=event.response_status.code if final else 0,
        decision=intern(notes.decision),
        reason=intern(notes.reason),
        user_agent=intern(event.user_agent),
        impersonator=intern(event.user.username if asked else ""),
        dry_run="dryRun=All" in event.request_uri,
        handed=_handed(event) if ref.api_group == _RBAC and final else None,
        review=_review(event) if ref.resource == _REVIEWS and final else None,
        file=file,
        line=line,
    )


def _handed(event: _Line) -> Handed | None:
    """Returns what a write gives; a JSON Patch is a list of operations and says too little."""
    try:
        body = msgspec.json.decode(event.request_object, type=_Access)
    except msgspec.MsgspecError:
        return None
    if body.role_ref is not None:
        return Handed(role=RoleName(kind=body.role_ref.kind, name=body.role_ref.name))
    return Handed(rules=body.rules) if body.rules else None


def _review(event: _Line) -> Reviewed | None:
    try:
        spec = msgspec.json.decode(event.request_object, type=_Review).spec
    except msgspec.MsgspecError:
        return None
    about = spec.resource_attributes or spec.non_resource_attributes
    return None if about is None else Reviewed(**msgspec.structs.asdict(about))


def _ns(instant: datetime) -> int:
    """Nanoseconds since the epoch, exact: a float would lose the last microseconds."""
    return int(instant.timestamp()) * 1_000_000_000 + instant.microsecond * 1000
