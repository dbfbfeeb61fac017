"""Each static check finds the mistakes that are seeded into healthy manifests, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from harness.analysis.judge import judge
from harness.model.findings import Status
from harness.runner.suites import load_suite
from harness.tests.analysis.static.shop import Shop

if TYPE_CHECKING:
    from pathlib import Path

Seed = Callable[[Shop], Any]

ELSEWHERE = {"UNI-001": "test_own.py", "UPG-001": "test_upgrade.py"}
CHECKS = tuple(check for check in load_suite("unit").checks if check not in ELSEWHERE)
_POLICY = """
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: open, namespace: shops}
spec: {podSelector: {}, ingress: [{}]}
"""
_FOREIGN = {"apiGroups": ["apps"], "apiVersions": ["v1"], "resources": ["deployments"]}
_NOT_THERE = {"key": "kubernetes.io/metadata.name", "operator": "NotIn"}


def drop(path: str) -> Seed:
    """A seed that removes something of the Shop's part, for example "container.livenessProbe"."""
    part, *steps = path.split(".")

    def seed(shop: Shop) -> None:
        here: Any = getattr(shop, part)
        for step in steps[:-1]:
            here = here[step]
        del here[steps[-1]]

    return seed


def put(path: str, text: str) -> Seed:
    """A seed that sets something of the Shop's part to a value in YAML."""
    part, *steps = path.split(".")

    def seed(shop: Shop) -> None:
        here: Any = getattr(shop, part)
        for step in steps[:-1]:
            here = here.setdefault(step, {})
        here[steps[-1]] = yaml.safe_load(text)

    return seed


def opaque_fields(shop: Shop) -> None:
    for number in range(6):
        shop.spec[f"blob{number}"] = {
            "type": "object",
            "description": "Anything.",
            "x-kubernetes-preserve-unknown-fields": True,
        }


def phase_only(shop: Shop) -> None:
    shop.status.clear()
    shop.status["phase"] = {"type": "string", "description": "How far it is."}
    shop.version["additionalPrinterColumns"][0]["jsonPath"] = ".status.phase"


def no_status(shop: Shop) -> None:
    del shop.schema["properties"]["status"]


def another_without_conversion(shop: Shop) -> None:
    other = shop.another_version()
    spec = other["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]
    spec["colour"] = spec.pop("name") | {"description": "Another field."}


def mute_conversion(shop: Shop) -> None:
    shop.another_version()
    shop.crd["spec"]["conversion"] = {
        "strategy": "Webhook",
        "webhook": {"conversionReviewVersions": ["v1beta1"]},
    }


def unserved_storage(shop: Shop) -> None:
    shop.another_version()
    shop.version["served"] = False
    shop.sample["apiVersion"] = "example.org/v1alpha1"


def role_without_leases(shop: Shop) -> None:
    shop.get("Role")["rules"][0]["resources"] = ["configmaps"]


def over_deployments(shop: Shop) -> None:
    shop.webhook["rules"].append(_FOREIGN | {"operations": ["*"]})


def over_deployments_elsewhere(shop: Shop) -> None:
    over_deployments(shop)
    expression = _NOT_THERE | {"values": ["shops"]}
    shop.webhook["namespaceSelector"] = {"matchExpressions": [expression]}


SEEDED: dict[str, tuple[str, Seed]] = {
    "nothing is pruned": ("API-001", put("crd.spec.preserveUnknownFields", "true")),
    "a type inside a junctor": (
        "API-001",
        put("spec.name.anyOf", "[{type: string, maxLength: 9}]"),
    ),
    "a field only inside a junctor": (
        "API-001",
        put("schema.properties.spec.anyOf", "[{properties: {other: {maxLength: 1}}}]"),
    ),
    "properties beside additionalProperties": (
        "API-001",
        put("schema.properties.spec.additionalProperties", "{type: string, maxLength: 1}"),
    ),
    "metadata is restricted": (
        "API-001",
        put("schema.properties.metadata.properties", "{labels: {type: object}}"),
    ),
    "items must be unique": ("API-001", put("spec.goods.uniqueItems", "true")),
    "further properties are refused": (
        "API-001",
        put("schema.properties.spec.additionalProperties", "false"),
    ),
    "a list of nothing in particular": (
        "API-001",
        put(
            "spec.things",
            "{type: array, maxItems: 9, x-kubernetes-list-type: atomic, description: Any.}",
        ),
    ),
    "a description inside a negation": (
        "API-001",
        put("spec.name.not", "{description: Too short., maxLength: 1}"),
    ),
    "the whole object takes anything": (
        "API-002",
        put("schema.x-kubernetes-preserve-unknown-fields", "true"),
    ),
    "the spec takes anything": (
        "API-002",
        put("schema.properties.spec.x-kubernetes-preserve-unknown-fields", "true"),
    ),
    "half of the fields take anything": ("API-002", opaque_fields),
    "no status subresource": ("API-003", drop("version.subresources")),
    "status is required": ("API-003", put("schema.required", "[spec, status]")),
    "a subresource without a status": ("API-003", no_status),
    "conditions aren't keyed": ("API-004", drop("conditions.x-kubernetes-list-map-keys")),
    "a condition has no reason": ("API-004", drop("conditions.items.properties.reason")),
    "conditions are a map": ("API-004", put("conditions.type", "object")),
    "conditions take anything": (
        "API-004",
        put("conditions.x-kubernetes-preserve-unknown-fields", "true"),
    ),
    "a condition's type may be missing": ("API-004", put("conditions.items.required", "[status]")),
    "a list that can't be merged": ("API-005", drop("spec.goods.x-kubernetes-list-type")),
    "a key that may be missing": ("API-005", drop("spec.goods.items.required")),
    "a key that isn't there": ("API-005", put("spec.goods.x-kubernetes-list-map-keys", "[id]")),
    "an unbounded text": ("API-006", drop("spec.name.maxLength")),
    "an unbounded list": ("API-006", drop("spec.goods.maxItems")),
    "an unbounded map": ("API-006", drop("spec.labels.maxProperties")),
    "a float": (
        "API-007",
        put("spec.share", "{type: number, description: Of the market.}"),
    ),
    "an integer of any size": ("API-007", drop("spec.size.format")),
    "a time that is a text": (
        "API-007",
        put("status.openedTimestamp", "{type: string, description: Since when.}"),
    ),
    "no description": ("API-008", drop("spec.size.description")),
    "required with a default": ("API-008", put("spec.size.default", "1")),
    "nullable with a default": ("API-008", put("spec.name.nullable", "true")),
    "a name in snake_case": (
        "API-009",
        put("spec.shop_colour", "{type: string, maxLength: 9, description: Its colour.}"),
    ),
    "a phase instead of conditions": ("API-009", phase_only),
    "a field beside spec and status": ("API-009", put("schema.properties.data", "{type: string}")),
    "a removed API": (
        "API-012",
        lambda shop: shop.add(
            "{apiVersion: policy/v1beta1, kind: PodDisruptionBudget, metadata: {name: a}}"
        ),
    ),
    "a deprecated API": (
        "API-012",
        lambda shop: shop.add("{apiVersion: v1, kind: Endpoints, metadata: {name: a}}"),
    ),
    "a sample without a required field": ("API-013", drop("sample.spec.size")),
    "a sample out of bounds": ("API-013", put("sample.spec.size", "10")),
    "a sample of another type": ("API-013", put("sample.spec.size", "'2'")),
    "a sample with a misspelt field": ("API-013", put("sample.spec.nmae", "x")),
    "a sample with a misspelt field in a list": (
        "API-013",
        put("sample.spec.goods", "[{name: a, prise: 2}]"),
    ),
    "a sample with a field beside the spec": ("API-013", put("sample.data", "{}")),
    "a sample of a version that isn't served": (
        "API-013",
        put("sample.apiVersion", "example.org/v2"),
    ),
    "no sample": ("API-014", lambda shop: shop.samples.clear()),
    "two versions and no conversion": ("API-015", another_without_conversion),
    "a conversion by an old review": ("API-015", mute_conversion),
    "a stored version that isn't served": ("API-015", unserved_storage),
    "a stored version that is deprecated": ("API-015", put("version.deprecated", "true")),
    "a column that shows nothing": (
        "API-016",
        lambda shop: shop.version["additionalPrinterColumns"].append(
            {"name": "Size", "type": "integer", "jsonPath": ".spec.replicas"}
        ),
    ),
    "no column of the status": (
        "API-016",
        lambda shop: shop.version["additionalPrinterColumns"].pop(0),
    ),
    "it may run as root": ("SEC-002", drop("pod.securityContext.runAsNonRoot")),
    "it runs as root": ("SEC-002", put("container.securityContext.runAsUser", "0")),
    "it is privileged": ("SEC-002", put("container.securityContext.privileged", "true")),
    "it may gain privileges": (
        "SEC-002",
        drop("container.securityContext.allowPrivilegeEscalation"),
    ),
    "it keeps capabilities": ("SEC-002", drop("container.securityContext.capabilities")),
    "it adds a capability": (
        "SEC-002",
        put("container.securityContext.capabilities.add", "[SYS_ADMIN]"),
    ),
    "it may write its root": ("SEC-002", drop("container.securityContext.readOnlyRootFilesystem")),
    "an initial container without a context": (
        "SEC-002",
        put("pod.initContainers", "[{name: first, image: 'a:v1'}]"),
    ),
    "it shares the node's network": ("SEC-002", put("pod.hostNetwork", "true")),
    "it mounts the node": ("SEC-002", put("pod.volumes", "[{name: n, hostPath: {path: /}}]")),
    "the image is latest": ("SEC-003", put("container.image", "example.org:5000/keeper:latest")),
    "the image has no tag": ("SEC-003", put("container.image", "example.org:5000/keeper")),
    "no requests": ("SEC-003", drop("container.resources.requests")),
    "no limit of memory": ("SEC-003", drop("container.resources.limits")),
    "a policy lets everybody in": ("SEC-004", lambda shop: shop.add(_POLICY)),
    "no liveness probe": ("OBS-007", drop("container.livenessProbe")),
    "no readiness probe": ("OBS-007", drop("container.readinessProbe")),
    "the default account": ("RBA-007", drop("pod.serviceAccountName")),
    "no time to end": ("LIF-011", put("pod.terminationGracePeriodSeconds", "0")),
    "replicas without leases": ("RES-013", role_without_leases),
    "replicas without a role": (
        "RES-013",
        lambda shop: shop.objects.remove(shop.get("RoleBinding")),
    ),
    "no failurePolicy": ("WEB-001", drop("webhook.failurePolicy")),
    "no timeoutSeconds": ("WEB-001", drop("webhook.timeoutSeconds")),
    "a long timeoutSeconds": ("WEB-001", put("webhook.timeoutSeconds", "30")),
    "side effects": ("WEB-001", put("webhook.sideEffects", "Some")),
    "an exact match": ("WEB-001", put("webhook.matchPolicy", "Exact")),
    "an old review": ("WEB-001", put("webhook.admissionReviewVersions", "[v1beta1]")),
    "a webhook over deployments": ("WEB-002", over_deployments),
    "a webhook over those of kube-system": ("WEB-002", over_deployments_elsewhere),
}
_WITH_IT = {  # mistakes that are of two kinds
    "properties beside additionalProperties": {"API-001", "API-006"},
    "status is required": {"API-003", "API-013"},
    "a subresource without a status": {"API-003", "API-016"},
    "conditions aren't keyed": {"API-004", "API-005"},
    "a condition's type may be missing": {"API-004", "API-005"},
    "the default account": {"RBA-007", "RES-013"},
}


@pytest.mark.parametrize("check", CHECKS)
def test_the_healthy_manifests_pass(check: str, tmp_path: Path) -> None:
    outcome = Shop().judged(check, tmp_path)
    assert outcome.status is Status.PASS, outcome


@pytest.mark.parametrize("mistake", SEEDED)
def test_a_seeded_mistake_is_found_by_its_check_alone(mistake: str, tmp_path: Path) -> None:
    check, seed = SEEDED[mistake]
    shop = Shop()
    seed(shop)
    evidence = shop.evidence(tmp_path)
    red = {name for name in CHECKS if judge(name, evidence, None).status is Status.FAIL}
    assert red == _WITH_IT.get(mistake, {check})


def test_every_static_check_has_a_seeded_mistake() -> None:
    assert {check for check, _ in SEEDED.values()} == set(CHECKS)
