"""Who may do what: RBAC objects as they were, and what the ledger says of each grant."""

from __future__ import annotations

from enum import StrEnum

import msgspec

__all__ = [
    "AccessSnapshot",
    "BindingObject",
    "Denial",
    "Grant",
    "GrantState",
    "GrantUse",
    "PolicyRule",
    "ProofState",
    "RbacReport",
    "RemovalProof",
    "RoleObject",
    "ServedResource",
    "Subject",
    "Swap",
]


class PolicyRule(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One rule of a Role or ClusterRole, as `rbac.authorization.k8s.io/v1` has it."""

    verbs: tuple[str, ...] = ()
    api_groups: tuple[str, ...] = ()
    resources: tuple[str, ...] = ()
    resource_names: tuple[str, ...] = ()
    non_resource_urls: tuple[str, ...] = msgspec.field(default=(), name="nonResourceURLs")


class RoleObject(msgspec.Struct, frozen=True, kw_only=True):
    """A Role (with a namespace) or ClusterRole.

    Attributes:
        rules: As the server holds them; those of an aggregated ClusterRole are filled in there.
        default: Whether Kubernetes itself ships it.
    """

    name: str
    namespace: str = ""
    rules: tuple[PolicyRule, ...] = ()
    default: bool = False

    @property
    def kind(self) -> str:
        """Either Role or ClusterRole."""
        return "Role" if self.namespace else "ClusterRole"

    def __str__(self) -> str:
        place = f"{self.namespace}/" if self.namespace else ""
        return f"{self.kind} {place}{self.name}"


class Subject(msgspec.Struct, frozen=True, kw_only=True):
    """Whom a binding gives a role: kind "User", "Group" or "ServiceAccount"."""

    kind: str
    name: str
    namespace: str = ""


class BindingObject(msgspec.Struct, frozen=True, kw_only=True):
    """A RoleBinding (with a namespace) or ClusterRoleBinding.

    Attributes:
        role_kind: "Role" or "ClusterRole".
    """

    name: str
    role_kind: str
    role_name: str
    namespace: str = ""
    subjects: tuple[Subject, ...] = ()

    @property
    def kind(self) -> str:
        """Either RoleBinding or ClusterRoleBinding."""
        return "RoleBinding" if self.namespace else "ClusterRoleBinding"

    def __str__(self) -> str:
        place = f"{self.namespace}/" if self.namespace else ""
        return f"{self.kind} {place}{self.name}"


class ServedResource(msgspec.Struct, frozen=True, kw_only=True):
    """A resource or subresource that the API server serves.

    Attributes:
        resource: Plural, with the subresource: "deployments", "deployments/scale".
        verbs: What may be asked of it.
    """

    group: str
    resource: str
    namespaced: bool
    verbs: tuple[str, ...]


class AccessSnapshot(msgspec.Struct, frozen=True, kw_only=True):
    """All RBAC objects of a cluster at one moment, and what wildcards stand for there."""

    roles: tuple[RoleObject, ...] = ()
    bindings: tuple[BindingObject, ...] = ()
    served: tuple[ServedResource, ...] = ()


class GrantState(StrEnum):
    """What became of a grant in a run; rbac-scope.md §5.3 says why two states are too few."""

    USED = "used"  # a request that it allows was seen
    INDIRECT = "used_indirectly"  # passed inside another request, which alone is audited
    DELEGATION = "held_for_delegation"  # handed on in a Role that the operator wrote
    ADMISSION = "checked_by_admission"  # asked for by admission, never by a request
    UNOBSERVED = "not_observed"


class Grant(msgspec.Struct, frozen=True, kw_only=True, order=True):
    """One thing that an identity may do, and by which rule.

    Attributes:
        identity: User name.
        group, resource: The resource with its subresource; empty for a URL.
        verbs: One verb, or those of get, list and watch that one rule grants: informers need
            them together.
        namespace: Where; empty for everywhere.
        names: Only objects of these names; empty for all.
        url: For what isn't a resource, for example "/metrics".
        binding, role: As their objects print.
        rule: 0-based index in the role.
        wildcard: Whether a `*` of the rule stands behind it.
    """

    identity: str
    group: str = ""
    resource: str = ""
    verbs: tuple[str, ...]
    namespace: str = ""
    names: tuple[str, ...] = ()
    url: str = ""
    binding: str
    role: str
    rule: int
    wildcard: bool = False

    @property
    def key(self) -> str:
        """The resource as `Resource.key` has it, with its subresource; or the URL."""
        plural, slash, subresource = self.resource.partition("/")
        base = f"{plural}.{self.group}" if self.group else plural
        return self.url or f"{base}{slash}{subresource}"


class GrantUse(msgspec.Struct, frozen=True, kw_only=True):
    """A grant and what a run saw of it.

    Attributes:
        used_verbs: Those of the grant's verbs that were seen.
        count: Requests.
        first_ns, last_ns: When, nanoseconds since the epoch; 0 where never.
        namespaces: Where it was used; "" stands for cluster-wide requests.
        names: Objects that were named, the first few.
        windows: Phases of the run that exercised it.
        note: Why the state is what it is, or why an unused grant may still be right.
        file, line: Of the first request in the audit log; 0 where there is none.
        dangers: Checks that call it dangerous.
    """

    grant: Grant
    state: GrantState
    used_verbs: tuple[str, ...] = ()
    count: int = 0
    first_ns: int = 0
    last_ns: int = 0
    namespaces: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    windows: tuple[str, ...] = ()
    note: str = ""
    file: str = ""
    line: int = 0
    dangers: tuple[str, ...] = ()


class Swap(msgspec.Struct, frozen=True, kw_only=True):
    """What a proof by removal changed in the cluster, and what it could not.

    Attributes:
        taken: Bindings from which the operator's identities were taken out, as they print.
        left: Bindings that still reach an identity, by identity: they name a group of Kubernetes'
            own, or were there before the run.
        given: The minimal roles and their bindings that took their place.
        obstacle: Why the proof could not be made; empty where it was.
    """

    taken: tuple[str, ...] = ()
    left: dict[str, tuple[str, ...]] = {}
    given: tuple[str, ...] = ()
    obstacle: str = ""


class ProofState(StrEnum):
    """What became of a minimal role under which the smoke suite ran again."""

    PROVEN = "proven"  # nothing was denied that had been allowed, and the suite passed
    REFUTED = "refuted"  # something was denied that had been allowed
    NOT_VERIFIED = "not_verified"


class Denial(msgspec.Struct, frozen=True, kw_only=True):
    """Requests that one missing rule would have allowed.

    Attributes:
        request: In words, for example "create deployments.apps".
        namespaces, names: Where and of what, the first few.
        count: How often it was asked.
        rule: The missing rule, ready to paste: YAML, and a marker of controller-gen.
        file, line: Of the first one in the audit log.
    """

    request: str
    namespaces: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    count: int = 1
    rule: str = ""
    file: str = ""
    line: int = 0


class RemovalProof(msgspec.Struct, frozen=True, kw_only=True):
    """Whether an identity's minimal role was enough when it took the place of what was granted.

    Attributes:
        identity: User name.
        state: What came of it.
        reason: Why, in one sentence.
        denied: What refutes it; empty for other states.
        left: Bindings that still reached the identity while it ran.
    """

    identity: str
    state: ProofState
    reason: str
    denied: tuple[Denial, ...] = ()
    left: tuple[str, ...] = ()


class RbacReport(msgspec.Struct, frozen=True, kw_only=True):
    """What a run says about the operator's permissions.

    Attributes:
        uses: One for each grant, by identity and resource.
        gap: Why use can't be told; empty where it can.
        windows: Phases of the run that had the chance to use a grant.
        minimal: Roles that allow what was used and nothing else, as YAML; empty with a gap.
        markers: The same as controller-gen's markers.
        diff: The same as a unified diff of the roles that are bound today, one file a role; empty
            with a gap, or where nothing is granted in vain.
        proofs: One for each identity, where the run tried the minimal roles; else empty.
    """

    uses: tuple[GrantUse, ...] = ()
    gap: str = ""
    windows: tuple[str, ...] = ()
    minimal: str = ""
    markers: tuple[str, ...] = ()
    diff: str = ""
    proofs: tuple[RemovalProof, ...] = ()
