"""Whether a rule allows a request, exactly as the API server decides it.

Source: k8s.io/kubernetes plugin/pkg/auth/authorizer/rbac (RuleAllows) and
pkg/apis/rbac/v1/evaluation_helpers.go. A test holds it against live SubjectAccessReviews.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from harness.model.access import PolicyRule

__all__ = ["ALL", "READS", "Request", "allows"]

ALL = "*"
READS = ("get", "list", "watch")


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """What an authorizer is asked; either a resource or a path.

    Attributes:
        resource: Plural, without subresource.
        name: Empty where the server doesn't know it: create, list, watch, deletecollection
            (but for a field selector of metadata.name).
        path: For what isn't a resource, for example "/metrics".
    """

    verb: str
    group: str = ""
    resource: str = ""
    subresource: str = ""
    namespace: str = ""
    name: str = ""
    path: str = ""


def allows(rule: PolicyRule, request: Request) -> bool:
    """Returns whether a rule allows a request, wherever the rule is bound."""
    if not _verb(rule, request.verb):
        return False
    if request.path:
        return any(_url(pattern, request.path) for pattern in rule.non_resource_urls)
    if ALL not in rule.api_groups and request.group not in rule.api_groups:
        return False
    if rule.resource_names and request.name not in rule.resource_names:
        return False
    return any(_resource(pattern, request) for pattern in rule.resources)


def _verb(rule: PolicyRule, verb: str) -> bool:
    return ALL in rule.verbs or verb in rule.verbs


def _resource(pattern: str, request: Request) -> bool:
    """`*`, the resource, "resource/subresource" or "*/subresource"; "pods/*" matches nothing."""
    if pattern == ALL:
        return True
    if not request.subresource:
        return pattern == request.resource
    return pattern in (f"{request.resource}/{request.subresource}", f"*/{request.subresource}")


def _url(pattern: str, path: str) -> bool:
    if pattern in (ALL, path):
        return True
    return pattern.endswith(ALL) and path.startswith(pattern.rstrip(ALL))
