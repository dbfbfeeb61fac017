"""From a rule over one thing to a check over all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, TypeVar

from harness.analysis.static.material import Definition, Flaw, Material, Webhook, Workload
from harness.model.findings import EvidenceRef, Severity

if TYPE_CHECKING:
    from harness.analysis.case import Case
    from harness.evidence.reader import Evidence
    from harness.model.findings import CheckOutcome, Finding

__all__ = ["Check", "listed", "material_of", "of_all", "of_crds", "of_webhooks", "of_workloads"]

Check = Callable[["Case"], "CheckOutcome"]
_T = TypeVar("_T")
_SHOWN = 12


def of_crds(rule: Callable[[Definition], Iterable[Flaw]]) -> Check:
    """Returns the check that holds a rule against each CRD."""
    return _each(lambda material: material.definitions, rule, "the manifests bring no CRD")


def of_workloads(rule: Callable[[Workload], Iterable[Flaw]]) -> Check:
    """Returns the check that holds a rule against each Deployment, StatefulSet and DaemonSet."""
    return _each(lambda material: material.workloads, rule, "the manifests bring no workload")


def of_webhooks(rule: Callable[[Webhook], Iterable[Flaw]]) -> Check:
    """Returns the check that holds a rule against each webhook."""
    return _each(lambda material: material.webhooks, rule, "the manifests bring no webhook")


def of_all(rule: Callable[[Material], Iterable[Flaw] | str]) -> Check:
    """Returns the check of a rule over everything; a text is why it isn't applicable."""

    def check(case: Case) -> CheckOutcome:
        material = material_of(case.evidence)
        if not material.objects:
            return case.undecided(_missing(case.evidence))
        found = rule(material)
        if isinstance(found, str):
            return case.inapplicable(found)
        return case.decided([_finding(case, flaw) for flaw in found])

    return check


def material_of(evidence: Evidence) -> Material:
    """Returns the manifests of a run."""
    cluster = evidence.cluster
    version = cluster.server_version if cluster else evidence.manifest.kubernetes
    return Material(
        evidence.manifests,
        kubernetes=version.removeprefix("v"),
        declared=evidence.target.requires.kubernetes,
        operators=frozenset(workload.deployment for workload in evidence.target.workloads),
    )


def listed(items: Sequence[str]) -> str:
    """Returns items as lines, the first dozen and how many more there are."""
    more = [f"… and {len(items) - _SHOWN} more"] if len(items) > _SHOWN else []
    return "\n".join([*items[:_SHOWN], *more])


def _each(
    things: Callable[[Material], Sequence[_T]],
    rule: Callable[[_T], Iterable[Flaw]],
    lacking: str,
) -> Check:
    def all_of_them(material: Material) -> Iterable[Flaw] | str:
        found = things(material)
        return [flaw for thing in found for flaw in rule(thing)] if found else lacking

    return of_all(all_of_them)


def _missing(evidence: Evidence) -> str:
    if evidence.target.install.present:
        return "the operator was installed by somebody else, so its manifests aren't known"
    return "the manifests were not recorded; only the unit suite does that"


def _finding(case: Case, flaw: Flaw) -> Finding:
    file = case.evidence.place(case.evidence.run.manifests_file)
    return case.finding(
        flaw.title,
        subject=flaw.subject,
        detail=flaw.detail,
        remedy=flaw.remedy,
        severity=Severity(flaw.severity) if flaw.severity else None,
        evidence=[EvidenceRef(file=file, line=flaw.line)] if flaw.line else (),
        snippet=flaw.snippet,
    )
