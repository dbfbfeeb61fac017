"""RBA-003: rights that the operator holds and does without, where that was proven by removal.

What one run doesn't use may still be needed, so rights are called needless only after a suite has
run again without them. What generators scaffold for a reason that is known is left out.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from harness.analysis.rbac.ledger import ledger
from harness.analysis.rbac.proof import proofs
from harness.model.access import GrantState, ProofState
from harness.model.findings import EvidenceRef, Holder

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.analysis.case import Case
    from harness.model.access import GrantUse
    from harness.model.findings import CheckOutcome, Finding

__all__ = ["nothing_in_vain"]


def nothing_in_vain(case: Case) -> CheckOutcome:
    """Judges which rights weren't needed; one finding for each role and resource."""
    tried = proofs(case.evidence)
    book = ledger(case.evidence)
    proven = {proof.identity for proof in tried if proof.state is ProofState.PROVEN}
    if book.gap or not proven:
        reason = book.gap or (tried[0].reason if tried else "no proof by removal was made")
        return case.undecided(f"nothing is proven needless: {reason}")
    found: dict[tuple[str, str, str], list[GrantUse]] = defaultdict(list)
    for use in book.uses:
        vain = use.state is GrantState.UNOBSERVED and not use.note
        if vain and use.grant.identity in proven:
            found[use.grant.role, use.grant.binding, use.grant.key].append(use)
    return case.decided([_finding(case, uses) for uses in found.values()])


def _finding(case: Case, uses: Sequence[GrantUse]) -> Finding:
    first = uses[0].grant
    verbs = ", ".join(dict.fromkeys(verb for use in uses for verb in use.grant.verbs))
    where = f"in {first.namespace}" if first.namespace else "in all namespaces"
    exercised = ", ".join(dict.fromkeys(case.evidence.manifest.suites))
    snapshots = sorted(case.evidence.run.access.glob("*.json"))
    return case.finding(
        f"{first.role} grants the operator {verbs} {first.key} {where}, and it does without",
        subject=first.role,
        detail=(
            f"By {first.binding}, to {first.identity}. Not used by what ran ({exercised}), and "
            "smoke passed again without it."
        ),
        evidence=[EvidenceRef(file=case.evidence.place(path)) for path in snapshots[-1:]],
        holder=Holder(
            identity=first.identity,
            role=first.role,
            binding=first.binding,
            rules=tuple(sorted({use.grant.rule for use in uses})),
        ),
    )
