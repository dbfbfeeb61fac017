"""Stage 5: the operator's writes, from the audit log, and which of them changed something."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING

import msgspec

from harness.analysis.echoes import ECHO_NS, without_echo
from harness.analysis.objects import gap_in, label_of
from harness.evidence.writes import is_write
from harness.model.cluster import Capability
from harness.model.findings import EvidenceRef
from harness.model.records import ApiCall
from harness.model.resource import ObjectKey

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from harness.evidence.calllog import CallLog, CallShape
    from harness.evidence.reader import Evidence
    from harness.model.installation import Installation
    from harness.model.time import Span

__all__ = [
    "Writes",
    "audit_gap",
    "call_ref",
    "key_of",
    "operator_calls",
    "short_target_of",
    "table",
    "target_of",
    "writes_in",
]

_REFUSED = 400
_MAX_ROWS = 20

_Object = tuple[str, str, str]
_Place = tuple[str, int]  # file and line of a request


class Writes(msgspec.Struct, frozen=True, kw_only=True):
    """Successful writes of the operator in a window.

    Attributes:
        effective: Those that changed an object, or of which nobody can tell.
        idle: Those after which no watch event of their object came: they changed nothing.
    """

    effective: tuple[ApiCall, ...]
    idle: tuple[ApiCall, ...]


def operator_calls(evidence: Evidence) -> CallLog:
    """Returns the requests under the operator's identities, impersonating ones included."""
    identities = evidence.installation.identities if evidence.installation else frozenset()
    return evidence.calls().by(identities)


def audit_gap(evidence: Evidence, span: Span | None = None) -> str:
    """Returns why the audit log can't decide; empty where it can.

    A log without a single request of the operator proves nothing: then the log, or our idea of
    the operator's identity, is wrong. A log that ends before the middle of a window is torn.
    """
    if evidence.installation is None:
        return "the operator was not installed, so its identity isn't known"
    if not evidence.calls():
        if evidence.cluster is not None and Capability.AUDIT not in evidence.cluster.capabilities:
            return "there is no access to the cluster's audit log"
        return "AUDIT EVIDENCE IS MISSING: the audit log is absent or empty"
    if not operator_calls(evidence):
        return _none_of(evidence.installation)
    if span is not None:
        middle = (span.start.wall_ns + span.end.wall_ns) // 2
        if evidence.calls().last_ns < middle:
            return "AUDIT EVIDENCE IS MISSING: the audit log ends before the window does"
    gap = gap_in(evidence, "audit", span)
    return f"AUDIT EVIDENCE IS MISSING: {gap}" if gap else ""


def _none_of(installation: Installation) -> str:
    """Why the audit log holds no request of the operator."""
    if not installation.complete:
        return "the operator sent no request before its install failed"
    names = ", ".join(sorted(installation.identities))
    return f"AUDIT EVIDENCE IS MISSING: the audit log holds no request of {names}"


def writes_in(evidence: Evidence, span: Span) -> Writes:
    """Returns the operator's successful writes that were received in a window."""
    written = operator_calls(evidence).where(_succeeded)
    calls = tuple(written.between(span.start.wall_ns, span.end.wall_ns))
    by_object: dict[_Object, list[ApiCall]] = defaultdict(list)
    for call in calls:
        by_object[_object_of(call)].append(call)
    others = _others(evidence, by_object, taken={_place(call) for call in calls})
    idle = {
        id(call)
        for key, group in by_object.items()
        for call in _idle(evidence, key, group, others[key])
    }
    return Writes(
        effective=tuple(call for call in calls if id(call) not in idle),
        idle=tuple(call for call in calls if id(call) in idle),
    )


def _object_of(call: ApiCall) -> _Object:
    return (call.resource, call.namespace, call.name)


def _others(
    evidence: Evidence, keys: Collection[_Object], *, taken: Collection[_Place]
) -> dict[_Object, list[ApiCall]]:
    """Returns all other writes to the same objects: the operator's own out of the window too."""
    written = evidence.calls().where(_succeeded)
    return {key: [call for call in written.of(*key) if _place(call) not in taken] for key in keys}


def _place(call: ApiCall) -> _Place:
    return (call.file, call.line)


def _succeeded(call: CallShape) -> bool:
    return (
        is_write(call.verb, call.resource, call.subresource)
        and not call.dry_run
        and call.decision != "forbid"
        and 0 < call.code < _REFUSED
    )


def _idle(
    evidence: Evidence, key: _Object, calls: Sequence[ApiCall], others: Sequence[ApiCall]
) -> list[ApiCall]:
    """Returns those of an object's writes that changed nothing."""
    timeline = evidence.timeline(key[0])
    events = [event for event in timeline if (event.key.namespace, event.key.name) == key[1:]]
    if not key[2] or not events:
        return []  # nobody watched this object
    return [
        call for call in without_echo(calls, others, events) if not _torn(evidence, key[0], call)
    ]


def _torn(evidence: Evidence, resource: str, call: ApiCall) -> bool:
    """Whether the watch of a resource was broken about the time of a write."""
    start, end = call.received_ns - ECHO_NS, call.done_ns + ECHO_NS
    relisted = any(
        event.type == "GAP" and start <= event.stamp.wall_ns <= end
        for event in evidence.timeline(resource)
    )
    return relisted or any(
        gap.source == f"timeline/{resource}"
        and gap.span.start.wall_ns <= end
        and gap.span.end.wall_ns >= start
        for gap in evidence.gaps()
    )


def target_of(call: ApiCall) -> str:
    """Returns what a request is about, for example "patch configmaps ns/name"."""
    what = f"{call.resource}/{call.subresource}" if call.subresource else call.resource
    place = "/".join(part for part in (call.namespace, call.name) if part)
    return " ".join(part for part in (call.verb, what or call.uri, place) if part)


def short_target_of(evidence: Evidence, call: ApiCall) -> str:
    """Returns the same as titles say it, for example "patch ConfigMap name"."""
    if not call.resource:
        return target_of(call)
    label = label_of(evidence, key_of(call))
    kind, _, name = label.partition(" ")
    what = f"{kind}/{call.subresource}" if call.subresource else kind
    return " ".join(part for part in (call.verb, what, name) if part)


def key_of(call: ApiCall) -> ObjectKey:
    """Returns the object that a request is about; its name may be empty."""
    return ObjectKey(resource=call.resource, namespace=call.namespace, name=call.name)


def table(calls: Sequence[ApiCall], span: Span) -> list[str]:
    """Returns lines "count x verb resource namespace/name (rate)", most frequent first."""
    seconds = max(span.seconds, 1e-9)
    first: dict[str, int] = {}
    counts = Counter(target_of(call) for call in calls)
    for call in calls:
        first.setdefault(target_of(call), call.received_ns)
    rows = [
        f"  {count} x {what} ({count / seconds:.2f}/s, first "
        f"{(first[what] - span.start.wall_ns) / 1e9:.1f} s into the window)"
        for what, count in counts.most_common(_MAX_ROWS)
    ]
    rest = len(counts) - _MAX_ROWS
    return [*rows, f"  and {rest} more kinds of request"] if rest > 0 else rows


def call_ref(evidence: Evidence, call: ApiCall) -> EvidenceRef:
    """Returns where a request stands in the audit log."""
    return EvidenceRef(
        file=evidence.place(call.file or evidence.run.audit_log),
        line=call.line,
        excerpt=f"{call.verb} {call.uri} -> {call.code or call.stage} by {call.user}",
    )
