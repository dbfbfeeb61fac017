"""Whether a rule allows a request, in the forms that are easily got wrong."""

from __future__ import annotations

import pytest

from harness.analysis.rbac.rules import Request, allows
from harness.tests.analysis.rbac.access import rule

PODS = Request(verb="get", resource="pods", namespace="a")
STATUS = Request(verb="get", resource="pods", subresource="status", namespace="a")


@pytest.mark.parametrize(
    ("granted", "request_"),
    [
        (rule("get", "pods"), PODS),
        (rule("*", "pods"), PODS),
        (rule("get", "*"), PODS),
        (rule("get", "pods", "*"), PODS),
        (rule("get", "pods/status"), STATUS),
        (rule("get", "*/status"), STATUS),
        (rule("get", "*"), STATUS),
        (rule("get", "pods", names="x"), Request(verb="get", resource="pods", name="x")),
        (rule("get", urls="/metrics"), Request(verb="get", path="/metrics")),
        (rule("get", urls="/healthz/*"), Request(verb="get", path="/healthz/etcd")),
        (rule("get", urls="*"), Request(verb="get", path="/anything")),
    ],
)
def test_it_allows(granted: object, request_: Request) -> None:
    assert allows(granted, request_)  # type: ignore[arg-type] # a table of rules


@pytest.mark.parametrize(
    ("granted", "request_"),
    [
        (rule("list", "pods"), PODS),
        (rule("get", "pods", "apps"), PODS),
        (rule("get", "pods"), STATUS),
        (rule("get", "pods/status"), PODS),
        (rule("get", "pods/*"), STATUS),  # no RBAC syntax, whatever it looks like
        (rule("get", "*/status"), PODS),
        (rule("get", "pods", names="x"), PODS),  # a list knows no name
        (rule("get", "pods", names="x"), Request(verb="get", resource="pods", name="y")),
        (rule("get", urls="/metrics"), Request(verb="get", path="/metrics/a")),
        (rule("get", "*"), Request(verb="get", path="/metrics")),
        (rule("get", urls="*"), PODS),
    ],
)
def test_it_does_not_allow(granted: object, request_: Request) -> None:
    assert not allows(granted, request_)  # type: ignore[arg-type] # a table of rules
