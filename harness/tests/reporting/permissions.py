"""What a run says about permissions, for tests of reports."""

from __future__ import annotations

from harness.model.access import (
    Denial,
    Grant,
    GrantState,
    GrantUse,
    ProofState,
    RbacReport,
    RemovalProof,
)

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
