"""The proof by removal: did the smallest roles do, when they took the place of what is granted?

A static look can't say that a right isn't needed, nor can the ledger of one run: admission and
handlers ask for rights that no request shows. So a suite runs again with these roles alone.
What was denied or refused before the swap, too, doesn't count against them.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from harness.analysis.permissions import denied_calls, missing_rule, request_words
from harness.analysis.writes import audit_gap, operator_calls
from harness.model.access import Denial, ProofState, RemovalProof
from harness.model.findings import Status

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.evidence.calllog import CallShape
    from harness.evidence.reader import Evidence
    from harness.model.records import ApiCall, TestOutcome

__all__ = ["proofs"]

_SHOWN = 5
_SUITE = "smoke/"
_FORBIDDEN = 403
_NO_RULE = (
    "# The authorizer allowed it, an admission plugin or the request's own handler did not:\n"
    "# compare the roles with what it says in the operator's log."
)


def proofs(evidence: Evidence) -> tuple[RemovalProof, ...]:
    """Returns what came of the proof for each identity; nothing where the run made none.

    Args:
        evidence: Of the run, not of its proof.
    """
    again = evidence.removal
    if again is None or evidence.installation is None:
        return ()
    return tuple(_proof(identity, evidence, again) for identity in sorted(_identities(evidence)))


def _identities(evidence: Evidence) -> frozenset[str]:
    return evidence.installation.identities if evidence.installation else frozenset()


def _proof(identity: str, before: Evidence, again: Evidence) -> RemovalProof:
    swap = again.swap
    left = swap.left.get(identity, ()) if swap else ()
    denied = _denials(identity, before, again) if swap and not swap.obstacle else ()
    if not denied and _red(before, again):
        denied = _refusals(identity, before, again)
    state, reason = _decided(identity, before, again, denied, left)
    return RemovalProof(identity=identity, state=state, reason=reason, denied=denied, left=left)


def _decided(
    identity: str,
    before: Evidence,
    again: Evidence,
    denied: Sequence[Denial],
    left: Sequence[str],
) -> tuple[ProofState, str]:
    swap = again.swap
    if swap is None:
        return ProofState.NOT_VERIFIED, "the run ended before the roles were changed"
    if swap.obstacle:
        return ProofState.NOT_VERIFIED, swap.obstacle
    if denied:
        what = "; ".join(item.request for item in denied[:_SHOWN])
        more = " …" if len(denied) > _SHOWN else ""
        return ProofState.REFUTED, f"it was denied {what}{more}"
    gap = audit_gap(again) or _unfinished(before, again) or _red(before, again)
    if gap:
        return ProofState.NOT_VERIFIED, gap
    if left:
        return ProofState.NOT_VERIFIED, f"{', '.join(left)} gave it rights all the same"
    passed = sum(test.outcome == "passed" for test in again.tests())
    rest = len(again.tests()) - passed
    others = f" and {rest} ended as before" if rest else ""
    shapes = operator_calls(again).shapes()
    requests = sum(number for shape, number in shapes.items() if shape.user == identity)
    return (
        ProofState.PROVEN,
        f"the smoke suite ran again with it alone: {passed} tests passed{others}, none of "
        f"{requests} requests was denied",
    )


def _unfinished(before: Evidence, again: Evidence) -> str:
    """Names where the suite stopped, also if that was between two tests."""
    unfinished = again.unfinished_tests()
    if unfinished:
        return f"the suite was cut short in {_short(unfinished[0])}"
    ended = {test.test for test in again.tests()}
    if not ended:
        return "the suite did not run again"
    for test in before.tests():
        name = test.test.removeprefix(_SUITE)  # it has one where a run has several suites
        if "/" not in name and name not in ended:
            return f"the suite was cut short before {_short(name)}"
    return ""


def _red(before: Evidence, again: Evidence) -> str:
    """Names a test that went wrong under the smallest roles and not before."""
    known = {test.test for test in before.tests() if test.outcome != "passed"}
    waived = {waiver.check for waiver in before.target.waivers}
    failing = {
        record.outcome.check for record in again.judged() if record.outcome.status is Status.FAIL
    }
    for test in again.tests():
        excused = bool(failing & set(test.checks)) and failing & set(test.checks) <= waived
        old = any(name == test.test or name.endswith(f"/{test.test}") for name in known)
        if test.outcome != "passed" and not old and not (test.outcome == "failed" and excused):
            return f"nothing was denied, but {_short(test.test)} {_words(test)} under it"
    return ""


def _words(test: TestOutcome) -> str:
    return {"failed": "failed", "skipped": "was skipped"}.get(test.outcome, "broke")


def _short(test: str) -> str:
    return test.rpartition("::")[2] or test


def _denials(identity: str, before: Evidence, again: Evidence) -> tuple[Denial, ...]:
    known = {_what(group[0]) for group in denied_calls(before)}
    return tuple(
        _denial(group, missing_rule(group[0]))
        for group in denied_calls(again)
        if group[0].user == identity and _what(group[0]) not in known
    )


def _refusals(identity: str, before: Evidence, again: Evidence) -> tuple[Denial, ...]:
    """What was refused behind the authorizer; it counts where the suite went wrong.

    A namespace that is being deleted refuses new objects in the same way, and that is no fault.
    """
    refused = {_what(call) for call in operator_calls(before).where(_inside)}
    inside: dict[tuple[str, ...], list[ApiCall]] = defaultdict(list)
    for call in operator_calls(again).where(_inside):
        if call.user == identity and _what(call) not in refused:
            inside[_what(call)].append(call)
    return tuple(_denial(group, _NO_RULE) for group in inside.values())


def _inside(call: CallShape) -> bool:
    """Whether it was refused behind the authorizer, as a missing right for another object is."""
    return call.decision == "allow" and call.code == _FORBIDDEN


def _what(call: ApiCall) -> tuple[str, ...]:
    path = "" if call.resource else call.uri
    return (call.user, call.verb, call.resource, call.subresource, path)


def _denial(calls: Sequence[ApiCall], rule: str) -> Denial:
    first = calls[0]
    return Denial(
        request=request_words(first),
        namespaces=_first({call.namespace for call in calls}),
        names=_first({call.name for call in calls}),
        count=len(calls),
        rule=rule,
        file=first.file,
        line=first.line,
    )


def _first(words: set[str]) -> tuple[str, ...]:
    return tuple(sorted(word for word in words if word)[:_SHOWN])
