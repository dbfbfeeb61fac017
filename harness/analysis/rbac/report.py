"""What a run says about permissions, for the reports."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

from harness.analysis.rbac.dangers import marked
from harness.analysis.rbac.difference import difference
from harness.analysis.rbac.ledger import ledger
from harness.analysis.rbac.minimal import minimal_roles, with_bindings
from harness.analysis.rbac.proof import proofs
from harness.analysis.rbac.stable import Surroundings
from harness.model.access import GrantState, ProofState, RbacReport

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from harness.evidence.reader import Evidence
    from harness.model.access import Grant, GrantUse, RemovalProof

__all__ = ["permissions"]

_HEADER = (
    "Roles that allow what the operator used in run {run}, and nothing else.",
    "Exercised: {windows}.",
    "What other paths need isn't in them: see the lines at the end.",
)
_PROOF_WORDS = {
    ProofState.PROVEN: "Proven by removal",
    ProofState.REFUTED: "REFUTED by removal",
    ProofState.NOT_VERIFIED: "Not proven by removal",
}


def permissions(evidence: Evidence) -> RbacReport | None:
    """Returns what a run says about permissions; None where it never looked at roles."""
    if not evidence.access():
        return None
    book = ledger(evidence)
    uses = marked(evidence.target, book.uses)
    surroundings = Surroundings(evidence)
    roles = {} if book.gap else minimal_roles(uses, surroundings)
    windows = tuple(phase.name for phase in evidence.phases())
    tried = proofs(evidence)
    return RbacReport(
        uses=uses,
        gap=book.gap,
        windows=windows,
        minimal=_text(evidence, with_bindings(roles), uses, windows, tried) if roles else "",
        markers=tuple(marker for role in roles.values() for marker in _markers(role)),
        diff="" if book.gap else difference(uses, book.access, surroundings),
        proofs=tried,
    )


def _text(
    evidence: Evidence,
    objects: Sequence[dict[str, Any]],
    uses: Iterable[GrantUse],
    windows: Sequence[str],
    tried: Sequence[RemovalProof],
) -> str:
    header = [
        line.format(run=evidence.manifest.id, windows=", ".join(windows) or "no window")
        for line in _HEADER
    ]
    header += [
        f"{_PROOF_WORDS[proof.state]} for {proof.identity}: {proof.reason}" for proof in tried
    ]
    left_out = [
        f"{use.grant.role}, rule {use.grant.rule}: {_words(use.grant)}"
        + (f" ({use.note})" if use.note else "")
        for use in uses
        if use.state is GrantState.UNOBSERVED
    ]
    tail = ["Not used by what was exercised, and so left out:", *left_out] if left_out else []
    return "".join(
        [
            *(f"# {line}\n" for line in header),
            yaml.safe_dump_all(objects, sort_keys=False, explicit_start=True),
            *(f"# {line}\n" for line in tail),
        ]
    )


def _words(grant: Grant) -> str:
    return f"{', '.join(grant.verbs)} {grant.key}"


def _markers(role: dict[str, Any]) -> list[str]:
    """Returns controller-gen's markers; a namespace of its own makes a Role."""
    namespace = role["metadata"].get("namespace", "")
    lines = []
    for rule in role["rules"]:
        if "nonResourceURLs" in rule:
            parts = [f"urls={';'.join(rule['nonResourceURLs'])}"]
        else:
            groups = ";".join(group or '""' for group in rule["apiGroups"])
            parts = [f"groups={groups}", f"resources={';'.join(rule['resources'])}"]
        if "resourceNames" in rule:
            parts.append(f"resourceNames={';'.join(rule['resourceNames'])}")
        parts.append(f"verbs={';'.join(rule['verbs'])}")
        if namespace:
            parts.append(f"namespace={namespace}")
        lines.append(f"// +kubebuilder:rbac:{','.join(parts)}")
    return lines
