"""What a run may not do is found beforehand, by asking a real API server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from harness.clusters.existing.conflicts import conflicts
from harness.clusters.existing.demands import Demand, Demands
from harness.clusters.existing.permissions import Rights, missing_rights
from harness.clusters.existing.presence import absences
from harness.model.installation import InstallWay
from harness.model.target import Install, Kind, Metrics, Target, WorkloadSpec

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.tests.clusters.conftest import Live
    from harness.tests.clusters.existing.conftest import Person

pytestmark = pytest.mark.controlplane

GROUP = "rbac.authorization.k8s.io"
EVERYTHING: tuple[dict[str, Any], ...] = (
    {"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]},
    {"nonResourceURLs": ["*"], "verbs": ["*"]},
)
CRD = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "pages.books.example"},
    "spec": {
        "group": "books.example",
        "scope": "Namespaced",
        "names": {"kind": "Page", "plural": "pages"},
        "versions": [{"name": "v1", "served": True, "storage": True}],
    },
}
DEPLOYMENT = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "editor", "namespace": "books"},
    "spec": {"template": {"spec": {"serviceAccountName": "editor", "containers": [{}]}}},
}
HOOKS = {
    "apiVersion": "admissionregistration.k8s.io/v1",
    "kind": "ValidatingWebhookConfiguration",
    "metadata": {"name": "books"},
}
TARGET = Target(
    name="books",
    folder="/nowhere",
    install=Install(),
    kinds=(Kind(resource="pages.books.example", samples=()),),
    workloads=(WorkloadSpec(deployment="editor", metrics=Metrics(port=8443)),),
)


def role(*rules: dict[str, Any]) -> dict[str, Any]:
    metadata = {"name": "editor"}
    return {
        "apiVersion": f"{GROUP}/v1",
        "kind": "ClusterRole",
        "metadata": metadata,
        "rules": list(rules),
    }


def binding(name: str) -> dict[str, Any]:
    return {
        "apiVersion": f"{GROUP}/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": "editor"},
        "roleRef": {"apiGroup": GROUP, "kind": "ClusterRole", "name": name},
    }


READS_SECRETS = {"apiGroups": [""], "resources": ["secrets"], "verbs": ["get", "list"]}


def lines(person: Person, *manifests: dict[str, Any], way: InstallWay = InstallWay.PROCESS) -> str:
    demands = Demands(person.client, TARGET, manifests, way).all()
    return "\n".join(missing_rights(person.client, demands, manifests))


def test_nothing_is_missing_to_an_administrator(live: Live) -> None:
    manifests = (CRD, DEPLOYMENT, role(READS_SECRETS), binding("editor"))
    demands = Demands(live.client, TARGET, manifests, InstallWay.PROCESS).all()
    assert missing_rights(live.client, demands, manifests) == []


def test_everything_is_missing_to_a_stranger_and_told_once_a_resource(
    person: Callable[[], Person],
) -> None:
    told = lines(person(), CRD, DEPLOYMENT).splitlines()
    assert len(told) == len({line.partition(" (")[0] for line in told})
    assert "create, patch, delete, get, list, watch pages.books.example (to exercise books)" in told
    crds = "create, patch, delete, get, list, watch customresourcedefinitions.apiextensions.k8s.io"
    assert any(line.startswith(crds) for line in told)
    assert any(line.startswith("create serviceaccounts/token editor in namesp") for line in told)
    assert any(line.startswith("get /metrics (to scrape") for line in told)


def test_what_is_only_watched_asks_for_less(person: Callable[[], Person]) -> None:
    told = lines(person(), way=InstallWay.PRESENT)
    assert "pages.books.example" in told
    assert "get, list deployments.apps (to find the operator)" in told
    assert "customresourcedefinitions" not in told
    assert "serviceaccounts" not in told


def test_webhooks_that_are_not_applied_need_no_right(person: Callable[[], Person]) -> None:
    assert "webhookconfigurations" not in lines(person(), HOOKS)
    assert "webhookconfigurations" in lines(person(), HOOKS, way=InstallWay.IN_CLUSTER)


def test_nobody_grants_by_a_role_what_they_do_not_hold(person: Callable[[], Person]) -> None:
    manages_roles = {"apiGroups": [GROUP], "resources": ["clusterroles"], "verbs": ["*"]}
    most = {**manages_roles, "verbs": ["create", "patch", "delete", "get", "list", "watch"]}
    told = lines(person().may(most), role(READS_SECRETS))
    wanted = f"escalate clusterroles.{GROUP} (to grant by ClusterRole editor what you don't hold"
    assert f"{wanted}: get secrets, list secrets)" in told


@pytest.mark.parametrize(
    "rule",
    [READS_SECRETS, {"apiGroups": [GROUP], "resources": ["clusterroles"], "verbs": ["escalate"]}],
    ids=["who holds it", "who may escalate"],
)
def test_a_role_may_be_made(person: Callable[[], Person], rule: dict[str, Any]) -> None:
    assert "what you don't hold" not in lines(person().may(rule), role(READS_SECRETS))


def test_a_binding_needs_bind_or_what_its_role_grants(person: Callable[[], Person]) -> None:
    stranger = person()
    assert f"bind clusterroles.{GROUP} cluster-admin" in lines(
        person().may({"apiGroups": [GROUP], "resources": ["clusterroles"], "verbs": ["get"]}),
        binding("cluster-admin"),
    )
    assert f"bind clusterroles.{GROUP} editor" in lines(
        stranger, role(READS_SECRETS), binding("editor")
    )
    binds = {"apiGroups": [GROUP], "resources": ["clusterroles"], "verbs": ["bind"]}
    assert f"bind clusterroles.{GROUP}" not in lines(
        person().may(binds), role(READS_SECRETS), binding("editor")
    )


def test_an_administrator_is_asked_two_questions_only(
    person: Callable[[], Person], monkeypatch: pytest.MonkeyPatch
) -> None:
    admin = person().may(*EVERYTHING)
    asked: list[str] = []
    raw = admin.client.raw

    def count(method: str, path: str, **more: Any) -> Any:
        asked.append(path)
        return raw(method, path, **more)

    monkeypatch.setattr(admin.client, "raw", count)
    many = [Demand(verb="get", resource=f"things{number}") for number in range(50)]
    assert Rights(admin.client).lacking(many) == []
    assert len(asked) == 2


def test_what_is_there_under_a_name_of_the_target_is_told(live: Live) -> None:
    taken = role(READS_SECRETS)
    live.client.create(live.client.resource(f"clusterroles.{GROUP}"), taken)
    try:
        found = conflicts(
            live.client, (CRD, DEPLOYMENT, taken, binding("editor")), InstallWay.PROCESS
        )
    finally:
        live.client.delete(live.client.resource(f"clusterroles.{GROUP}"), "editor")
    (line,) = found
    assert line.startswith("ClusterRole editor, since 20")


def test_a_namespace_that_is_there_is_no_conflict(live: Live) -> None:
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "default"}}
    assert conflicts(live.client, (namespace,), InstallWay.PROCESS) == []


NOWHERE = msgspec.structs.replace(TARGET, kinds=(Kind(resource="leaves.books.none", samples=()),))
"""Of a kind that no other test makes: discovery may still tell of theirs."""


def test_an_operator_that_is_said_to_be_present_must_be_there(live: Live) -> None:
    assert absences(live.client, NOWHERE) == [
        "there is no Deployment 'editor' (workloads[].deployment)",
        "leaves.books.none isn't served (kinds[].resource)",
    ]


def test_a_deployment_must_be_the_only_one_of_its_name(live: Live) -> None:
    deployments = live.client.resource("deployments.apps")
    pods = {
        "metadata": {"labels": {"a": "b"}},
        "spec": {"containers": [{"name": "c", "image": "i"}]},
    }
    spec = {"replicas": 0, "selector": {"matchLabels": {"a": "b"}}, "template": pods}
    places = ("default", "kube-public")
    for place in places:
        body = {**DEPLOYMENT, "metadata": {"name": "editor", "namespace": place}, "spec": spec}
        live.client.create(deployments, body)
    try:
        told = absences(live.client, NOWHERE)
        chosen = WorkloadSpec(deployment="editor", namespace="default")
        sure = absences(live.client, msgspec.structs.replace(NOWHERE, workloads=(chosen,)))
    finally:
        for place in places:
            live.client.delete(deployments, "editor", place)
    assert "in several namespaces: default, kube-public" in told[0]
    assert len(sure) == 1
