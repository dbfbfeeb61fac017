"""References into other namespaces are found in a schema, and can be pointed anywhere."""

from __future__ import annotations

from typing import Any

import pytest

from harness.stimulus.references import pointed, references

TEXT = {"type": "string"}
FULL = {"type": "object", "properties": {"name": TEXT, "namespace": TEXT}}


def schema(**properties: Any) -> dict[str, Any]:
    return {"properties": {"spec": {"type": "object", "properties": properties}}}


@pytest.mark.parametrize(
    ("properties", "paths"),
    [
        ({"secretRef": FULL}, ["spec.secretRef"]),
        ({"auth": {"properties": {"tokenFrom": FULL}}}, ["spec.auth.tokenFrom"]),
        ({"sources": {"type": "array", "items": FULL}}, ["spec.sources[0]"]),
        ({"secretName": TEXT, "secretNamespace": TEXT}, ["spec.secretName"]),
        ({"configMapName": TEXT, "namespace": TEXT}, ["spec.configMapName"]),
        ({"secretRef": {"properties": {"name": TEXT}}}, []),
        ({"displayName": TEXT, "namespace": TEXT}, []),
        ({"owner": FULL}, []),
        ({"template": {"properties": {"secretRef": FULL}}}, []),
        ({}, []),
    ],
)
def test_only_references_with_a_namespace_are_found(
    properties: dict[str, Any], paths: list[str]
) -> None:
    assert [str(found) for found in references(schema(**properties))] == paths


def test_no_more_than_eight_are_tried() -> None:
    many = {f"secret{number}Ref": FULL for number in range(12)}
    assert len(references(schema(**many))) == 8


@pytest.mark.parametrize(
    ("name", "kinds"),
    [
        ("secretRef", ("Secret",)),
        ("configMapRef", ("ConfigMap",)),
        ("valuesFrom", ("Secret", "ConfigMap")),
    ],
)
def test_the_fields_name_tells_what_it_refers_to(name: str, kinds: tuple[str, ...]) -> None:
    (found,) = references(schema(**{name: FULL}))
    assert found.kinds == kinds


def test_a_reference_is_pointed_with_kind_and_key_and_the_rest_stays() -> None:
    item = {"properties": {**FULL["properties"], "key": TEXT, "kind": TEXT}}  # type: ignore[dict-item]  # a schema
    (found,) = references(schema(sources={"items": item}))
    body = {"spec": {"text": "x", "sources": []}}

    made = pointed(body, found, kind="Secret", name="canary", namespace="bank")

    assert made["spec"] == {
        "text": "x",
        "sources": [{"name": "canary", "namespace": "bank", "key": "value", "kind": "Secret"}],
    }
    assert body["spec"]["sources"] == []


def test_fields_beside_each_other_are_pointed_in_place() -> None:
    (found,) = references(schema(secretName=TEXT, secretNamespace=TEXT))
    made = pointed({"spec": {}}, found, kind="Secret", name="canary", namespace="bank")
    assert made["spec"] == {"secretName": "canary", "secretNamespace": "bank"}
