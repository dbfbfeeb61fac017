"""Our evaluator against the API server's own word, for generated roles and requests."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from harness.analysis.rbac.authorizer import Authorizer, groups_of
from harness.analysis.rbac.rules import Request
from harness.probes.access import may, read_access
from harness.tests.kube.control_plane import ControlPlane

if TYPE_CHECKING:
    from harness.kube.client import KubeClient

pytestmark = pytest.mark.controlplane

REQUESTS = 2_400
ROLES = 60
GROUP = "rbac.authorization.k8s.io"
NAMESPACES = ("default", "kube-system", "kube-public")
USERS = tuple(f"system:serviceaccount:{place}:op{n}" for place in NAMESPACES for n in range(3))
VERBS = ("get", "list", "watch", "create", "update", "patch", "delete", "escalate", "*")
GROUPS = ("", "apps", "batch", "example.com", "*")
RESOURCES = (
    "pods",
    "pods/exec",
    "pods/status",
    "pods/*",
    "*/status",
    "*/scale",
    "*",
    "secrets",
    "deployments",
    "deployments/scale",
    "jobs",
    "books",
    "books/status",
)
URLS = ("/metrics", "/healthz", "/healthz/*", "/api*", "*", "/logs/")
PATHS = ("/metrics", "/metrics/more", "/healthz", "/healthz/etcd", "/api", "/apis/apps", "/logs/")
NAMES = ("one", "two")


def some(rng: random.Random, words: tuple[str, ...], most: int = 3) -> list[str]:
    return rng.sample(words, rng.randint(1, most))


def a_rule(rng: random.Random, *, urls: bool) -> dict[str, Any]:
    if urls and rng.random() < 0.3:
        return {"verbs": some(rng, VERBS), "nonResourceURLs": some(rng, URLS)}
    rule: dict[str, Any] = {
        "verbs": some(rng, VERBS),
        "apiGroups": some(rng, GROUPS),
        "resources": some(rng, RESOURCES),
    }
    return rule | ({"resourceNames": some(rng, NAMES, 2)} if rng.random() < 0.3 else {})


def a_subject(rng: random.Random) -> dict[str, str]:
    if rng.random() < 0.2:
        groups = ("system:serviceaccounts", "system:serviceaccounts:default", "absent")
        return {"kind": "Group", "name": rng.choice(groups), "apiGroup": GROUP}
    user = rng.choice(USERS)
    if rng.random() < 0.3:
        return {"kind": "User", "name": user, "apiGroup": GROUP}
    *_, namespace, name = user.split(":")
    return {"kind": "ServiceAccount", "name": name, "namespace": namespace}


def a_request(rng: random.Random) -> Request:
    verb = rng.choice(VERBS[:-1])
    if rng.random() < 0.15:
        return Request(verb=verb, path=rng.choice(PATHS))
    resource, _, subresource = rng.choice((*RESOURCES[:3], *RESOURCES[7:])).partition("/")
    return Request(
        verb=verb,
        group=rng.choice(GROUPS[:-1]),
        resource=resource,
        subresource=subresource,
        namespace=rng.choice((*NAMESPACES, "")),
        name=rng.choice((*NAMES, "", "")),
    )


def grow(client: KubeClient, rng: random.Random) -> None:
    """Makes roles and bindings of every kind, each with a subject or two."""
    for number in range(ROLES):
        kind = rng.choice(("Role", "ClusterRole"))
        place = {"namespace": rng.choice(NAMESPACES)} if kind == "Role" else {}
        meta = {"name": f"generated-{number}", **place}
        rules = [a_rule(rng, urls=kind == "ClusterRole") for _ in range(rng.randint(1, 3))]
        api = f"{GROUP}/v1"
        client.create(
            client.resource(f"{kind.lower()}s.{GROUP}"),
            {"apiVersion": api, "kind": kind, "metadata": meta, "rules": rules},
        )
        everywhere = kind == "ClusterRole" and rng.random() < 0.4
        where = {} if everywhere else place or {"namespace": rng.choice(NAMESPACES)}
        binding = "ClusterRoleBinding" if everywhere else "RoleBinding"
        client.create(
            client.resource(f"{binding.lower()}s.{GROUP}"),
            {
                "apiVersion": api,
                "kind": binding,
                "metadata": {"name": meta["name"], **where},
                "roleRef": {"apiGroup": GROUP, "kind": kind, "name": meta["name"]},
                "subjects": [a_subject(rng) for _ in range(rng.randint(1, 2))],
            },
        )


def live(client: KubeClient, user: str, request: Request) -> bool:
    return may(client, user, groups_of(user), **msgspec.structs.asdict(request))


def test_it_agrees_with_the_live_server_without_exception(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    rng = random.Random(34)  # noqa: S311 - reproducible, not secret
    with ControlPlane(tmp_path_factory.mktemp("rbac")) as running:
        client = running.client()
        grow(client, rng)
        cases = [(rng.choice(USERS), a_request(rng)) for _ in range(REQUESTS)]
        with ThreadPoolExecutor(4) as pool:
            said = list(pool.map(lambda case: live(client, *case), cases))
        authorizer = Authorizer(read_access(client))
        ours = [authorizer.decide(user, request) for user, request in cases]
        client.connection.close()
    wrong = [case for case, mine, theirs in zip(cases, ours, said, strict=True) if mine != theirs]
    assert wrong == []
    assert REQUESTS // 20 < sum(said) < REQUESTS * 19 // 20, "both answers occur"
