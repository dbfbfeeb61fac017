"""What a run says about permissions, for tests of reports."""

from __future__ import annotations

import msgspec

from harness.model.access import (
    Denial,
    Grant,
    GrantState,
    GrantUse,
    ProofState,
    RbacReport,
    RemovalProof,
)
from harness.model.checklists import AccessChecklist, AccessItem
from harness.model.findings import EvidenceRef, Excuse, Holder, Severity, Status

IDENTITY = "system:serviceaccount:books-system:manager"


def use(
    verbs: str,
    resource: str,
    state: GrantState,
    *,
    group: str = "",
    dangers: tuple[str, ...] = (),
    count: int = 0,
    note: str = "",
) -> GrantUse:
    grant = Grant(
        identity=IDENTITY,
        group=group,
        resource=resource,
        verbs=tuple(verbs.split()),
        binding="ClusterRoleBinding manager",
        role="ClusterRole manager-role",
        rule=0,
    )
    return GrantUse(
        grant=grant,
        state=state,
        used_verbs=grant.verbs[-1:] if count else (),
        count=count,
        namespaces=("",) if count else (),
        windows=("create",) if count else (),
        note=note,
        file="audit.log" if count else "",
        line=12 if count else 0,
        dangers=dangers,
    )


USES = (
    use("get list watch", "secrets", GrantState.USED, dangers=("RBA-103",), count=1),
    use("delete", "secrets", GrantState.UNOBSERVED),
    use("create", "deployments", GrantState.INDIRECT, group="apps", dangers=("RBA-104",)),
    use(
        "update",
        "books/finalizers",
        GrantState.ADMISSION,
        group="example.com",
        note="some clusters",
    ),
)
PERMISSIONS = RbacReport(
    uses=USES,
    windows=("create",),
    minimal="# Roles\n---\nkind: ClusterRole\n",
    markers=("// +kubebuilder:rbac:groups=apps,resources=deployments,verbs=create",),
    diff="--- a/clusterrole-manager-role.yaml\n+++ b/clusterrole-manager-role.yaml\n@@ -1 +1 @@\n",
    proofs=(
        RemovalProof(
            identity=IDENTITY,
            state=ProofState.REFUTED,
            reason="it was denied delete secrets",
            denied=(
                Denial(
                    request="delete secrets",
                    namespaces=("shelf",),
                    names=("key",),
                    count=3,
                    rule='- apiGroups: [""]\n  resources: ["secrets"]\n  verbs: ["delete"]',
                    file="audit.log",
                    line=40,
                ),
            ),
        ),
    ),
)


def hostile_permissions(text: str) -> RbacReport:
    """Everything that an operator's own roles can say."""
    grant = Grant(
        identity=text,
        resource=text,
        verbs=("get", text),
        namespace=text,
        names=(text,),
        binding=text,
        role=text,
        rule=0,
    )
    seen = GrantUse(
        grant=grant,
        state=GrantState.USED,
        used_verbs=("get",),
        count=1,
        namespaces=(text,),
        names=(text,),
        windows=(text,),
        note=text,
        file=text,
        line=1,
        dangers=(text,),
    )
    denial = Denial(request=text, namespaces=(text,), names=(text,), rule=text, file=text, line=1)
    proof = RemovalProof(
        identity=text,
        state=ProofState.REFUTED,
        reason=text,
        denied=(denial,),
        left=(text,),
    )
    return RbacReport(
        uses=(seen,),
        windows=(text,),
        minimal=text,
        markers=(text,),
        diff=text,
        proofs=(proof,),
    )


def checklists(text: str, gap: str = "") -> tuple[AccessChecklist, ...]:
    """One list with an item of each state; what an operator can choose is `text`."""
    item = AccessItem(
        id="RBA-103",
        title=f"{text} grants the operator get, list, watch secrets",
        state=Status.FAIL,
        severity=Severity.MINOR,
        controls=("rbac-good-practices", "CIS 5.1.2"),
        subject=text,
        holder=Holder(identity=IDENTITY, role=text, binding=text, rules=(0, 2)),
        evidence=(
            EvidenceRef(file="evidence/access/2-ended.json"),
            EvidenceRef(file="evidence/audit.log", line=12),
        ),
        remediation=f"Read by resourceNames.\n{text}",
    )
    excuse = Excuse(reason=text, expires="2027-06-01", link="https://example.com/1")
    held = AccessItem(
        id="RBA-102",
        title="The operator isn't bound to cluster-admin",
        state=Status.PASS,
        severity=Severity.MAJOR,
        controls=("CIS 5.1.1",),
    )
    unverified = msgspec.structs.replace(
        held, id="RBA-004", state=Status.NOT_VERIFIED, reason=gap or "the audit log is torn"
    )
    return (
        AccessChecklist(
            name="permissions",
            title="Permissions: what is granted, used and dangerous",
            items=(
                item,
                msgspec.structs.replace(item, state=Status.WAIVED, waiver=excuse),
                unverified,
                held,
            ),
            gap=gap,
        ),
    )
