"""A grant while the requests that used it are counted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.analysis.rbac.explanations import explain_unused
from harness.analysis.rbac.rules import ALL, Request
from harness.model.access import GrantState, GrantUse

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from harness.analysis.rbac.authorizer import BoundRule
    from harness.evidence.calllog import CallLog, CallRow
    from harness.model.access import Grant
    from harness.model.records import ApiCall

__all__ = ["Row", "asks", "request_of"]

_SHOWN_NAMES = 20


def request_of(call: ApiCall, *, verb: str = "") -> Request:
    """Returns what the authorizer was asked by a request, or is asked inside its handler.

    Args:
        call: As audited.
        verb: Takes the place of the audited one.
    """
    if not call.resource:
        return Request(verb=verb or call.verb, path=call.uri.partition("?")[0])
    plural, _, group = call.resource.partition(".")
    verb = verb or call.verb
    return Request(
        verb=verb,
        group=group,
        resource=plural,
        subresource=call.subresource,
        namespace=call.namespace,
        name="" if verb == "create" else call.name,  # the body isn't read yet
    )


def asks(grant: Grant) -> Iterator[Request]:
    """Yields one request for each verb of a grant, of the first of its names."""
    plural, _, subresource = grant.resource.partition("/")
    for verb in grant.verbs:
        yield Request(
            verb=verb,
            group=grant.group,
            resource=plural,
            subresource=subresource,
            namespace=grant.namespace,
            name=grant.names[0] if grant.names else "",
            path=grant.url,
        )


class Row:
    """A grant while its uses are counted."""

    def __init__(self, grant: Grant, bound: BoundRule) -> None:
        self.grant = grant
        self.bound = bound
        self.count = 0
        self.first: CallRow | None = None
        self.last_ns = 0
        self.verbs: set[str] = set()
        self.namespaces: set[str] = set()
        self.names: dict[str, None] = {}
        self.windows: dict[str, None] = {}
        self.other = GrantState.UNOBSERVED
        self.note = ""

    def covers(self, request: Request) -> bool:
        """Whether the grant is what allows a request."""
        grant = self.grant
        if request.verb not in grant.verbs and ALL not in grant.verbs:
            return False
        if request.path:
            return bool(grant.url) and self.bound.allows(request)
        tail = f"/{request.subresource}" if request.subresource else ""
        resource = request.resource + tail
        return (grant.group, grant.resource) == (request.group, resource) and self.bound.allows(
            request
        )

    def use(self, row: CallRow, windows: Iterable[str]) -> None:
        """Counts a request that it allowed, in the windows in which it came."""
        if self.first is None or row.received_ns < self.first.received_ns:
            self.first = row
        self.last_ns = max(self.last_ns, row.received_ns)
        self.count += 1
        self.verbs.add(row.shape.verb)
        self.namespaces.add(row.shape.namespace)
        if row.name and len(self.names) < _SHOWN_NAMES:
            self.names[row.name] = None
        for window in windows:
            self.windows[window] = None

    def explain(self, state: GrantState, note: str, namespaces: Iterable[str] = ()) -> None:
        """Says what the grant is for where no request shows it, and where it's needed for that."""
        self.namespaces.update(namespaces)
        if self.other is GrantState.UNOBSERVED:
            self.other, self.note = state, note

    def result(self, calls: CallLog) -> GrantUse:
        """Returns what is known when all requests have been seen."""
        state = GrantState.USED if self.first else self.other
        first = calls.at(self.first.position) if self.first else None
        return GrantUse(
            grant=self.grant,
            state=state,
            used_verbs=tuple(verb for verb in self.grant.verbs if verb in self.verbs or verb == ALL)
            if first
            else (),
            count=self.count,
            first_ns=first.received_ns if first else 0,
            last_ns=self.last_ns,
            namespaces=tuple(sorted(self.namespaces)),
            names=tuple(self.names),
            windows=tuple(self.windows),
            note=explain_unused(self.grant) if state is GrantState.UNOBSERVED else self.note,
            file=first.file if first else "",
            line=first.line if first else 0,
        )
