"""Which webhooks are asked for a request, and what becomes of it while they don't answer."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from harness.model.resource import Resource
from harness.pytest_plugin.features.matching import Request, expected, matching, unserved

BOOKS = Resource(group="example.com", version="v1", plural="books", kind="Book", namespaced=True)
RULE = {
    "apiGroups": ["example.com"],
    "apiVersions": ["v1"],
    "operations": ["CREATE"],
    "resources": ["books"],
}
CREATE = Request(
    title="create Book",
    resource=BOOKS,
    operation="CREATE",
    method="POST",
    path="/",
    labels={"tier": "web"},
    place={"kubernetes.io/metadata.name": "home"},
)


def webhook(rule: dict[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
    return {"name": "v.example.com", "rules": [{**RULE, **(rule or {})}], **fields}


def named(*, operator: str) -> dict[str, Any]:
    match = {"key": "kubernetes.io/metadata.name", "operator": operator, "values": ["home"]}
    return {"namespaceSelector": {"matchExpressions": [match]}}


@pytest.mark.parametrize(
    ("hook", "asked"),
    [
        (webhook(), True),
        (webhook({"operations": ["*"], "apiGroups": ["*"], "resources": ["*"]}), True),
        (webhook({"resources": ["*/*"]}), True),
        (webhook({"operations": ["DELETE"]}), False),
        (webhook({"resources": ["books/status"]}), False),
        (webhook({"scope": "Cluster"}), False),
        (webhook({"scope": "Namespaced"}), True),
        (webhook({"apiVersions": ["v2"]}), True),
        (webhook({"apiVersions": ["v2"]}, matchPolicy="Exact"), False),
        (webhook(**named(operator="In")), True),
        (webhook(**named(operator="NotIn")), False),
        (webhook(objectSelector={"matchLabels": {"tier": "web"}}), True),
        (webhook(objectSelector={"matchLabels": {"tier": "db"}}), False),
        (webhook(objectSelector={}, namespaceSelector={}), True),
    ],
)
def test_rules_and_selectors_decide_who_is_asked(hook: dict[str, Any], *, asked: bool) -> None:
    assert matching(hook, CREATE) is asked


def test_a_namespace_selector_says_nothing_of_what_is_in_no_namespace() -> None:
    resource = msgspec.structs.replace(BOOKS, namespaced=False)
    request = msgspec.structs.replace(CREATE, resource=resource)
    assert matching(webhook(**named(operator="NotIn")), request)


@pytest.mark.parametrize(
    ("hooks", "answer"),
    [
        ([], "accepted"),
        ([webhook()], "refused"),
        ([webhook(failurePolicy="Ignore")], "accepted"),
        ([webhook(failurePolicy="Ignore"), webhook(failurePolicy="Fail")], "refused"),
        ([webhook({"operations": ["DELETE"]})], "accepted"),
        ([webhook(matchConditions=[{"name": "x", "expression": "true"}])], "unknown"),
    ],
)
def test_a_failure_policy_says_what_becomes_of_a_request(
    hooks: list[dict[str, Any]], answer: str
) -> None:
    assert expected(hooks, CREATE) == answer


@pytest.mark.parametrize(
    ("rule", "names"),
    [
        ({}, []),
        ({"resources": ["books/status"]}, []),
        ({"resources": ["book"]}, ["book.example.com v1"]),
        ({"apiVersions": ["v9"]}, ["books.example.com v9"]),
        ({"apiGroups": ["other.example"]}, ["books.other.example v1"]),
    ],
)
def test_rules_that_match_nothing_are_told(rule: dict[str, Any], names: list[str]) -> None:
    assert unserved(webhook(rule), [BOOKS]) == names
