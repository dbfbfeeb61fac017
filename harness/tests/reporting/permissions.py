"""What a run says about permissions, for tests of reports."""

from __future__ import annotations

import msgspec

from harness.model.access import Grant, GrantState, GrantUse, RbacReport

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
)
HOSTILE = msgspec.structs.replace(
    PERMISSIONS, uses=(use("get", "<script>alert(1)</script>", GrantState.USED, count=1),)
)
