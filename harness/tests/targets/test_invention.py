"""Samples that are made up are valid, or it is said which field stands against it."""

from __future__ import annotations

import re
from typing import Any

import pytest

from harness.manifests.validation import misfits
from harness.targets.detection.crds import readiness_of
from harness.targets.detection.facts import Crd
from harness.targets.detection.invention import Unmade, invent
from harness.targets.detection.mutations import find_mutations
from harness.targets.detection.patterns import text_for


def crd(spec: dict[str, Any], **more: Any) -> Crd:
    schema = {"type": "object", "properties": {"spec": {"type": "object"} | spec}}
    schema["properties"] |= more.pop("properties", {})
    return Crd(
        group="example.com",
        kind="Widget",
        plural="widgets",
        namespaced=True,
        schemas={"v1": schema},
        **more,
    )


def needed(**fields: dict[str, Any]) -> dict[str, Any]:
    return {"required": list(fields), "properties": fields}


TEXT = {"type": "string"}


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({}, {}),
        ({"properties": {"a": TEXT}}, {}),
        (needed(a=TEXT), {"a": "sample"}),
        (needed(a=TEXT | {"enum": ["", "x"]}), {"a": "x"}),
        (needed(a=TEXT | {"default": "d"}), {}),
        (needed(a=TEXT | {"minLength": 9}), {"a": "sampleaaa"}),
        (needed(a=TEXT | {"format": "date-time"}), {"a": "2030-01-01T00:00:00Z"}),
        (needed(image=TEXT), {"image": "registry.k8s.io/pause:3.10"}),
        (needed(a={"type": "integer"}), {"a": 1}),
        (needed(a={"type": "integer", "minimum": 7}), {"a": 7}),
        (needed(a={"type": "integer", "minimum": 7, "exclusiveMinimum": True}), {"a": 8}),
        (needed(a={"type": "integer", "maximum": 0}), {"a": 0}),
        (needed(a={"type": "integer", "multipleOf": 5}), {"a": 5}),
        (needed(a={"type": "boolean"}), {"a": False}),
        (needed(a={"type": "number", "minimum": 0.5}), {"a": 1}),
        (needed(a={"x-kubernetes-int-or-string": True}), {"a": 1}),
        (needed(a={"type": "array", "items": TEXT}), {"a": []}),
        (needed(a={"type": "array", "minItems": 1, "items": TEXT}), {"a": ["sample"]}),
        (needed(a={"type": "object"} | needed(b=TEXT)), {"a": {"b": "sample"}}),
        (
            needed(a={"type": "object", "minProperties": 1, "additionalProperties": TEXT}),
            {"a": {"sample": "sample"}},
        ),
        (
            {"properties": {"a": TEXT, "b": TEXT}, "oneOf": [{"required": ["b"]}]},
            {"b": "sample"},
        ),
        (needed(a={"type": "object", "x-kubernetes-preserve-unknown-fields": True}), {"a": {}}),
    ],
)
def test_the_least_that_a_schema_allows_is_made(
    spec: dict[str, Any], expected: dict[str, Any]
) -> None:
    body = invent(crd(spec))
    assert body["spec"] == expected
    assert body["apiVersion"] == "example.com/v1"
    assert body["metadata"] == {"name": "widget-sample"}


@pytest.mark.parametrize(
    "spec",
    [
        needed(a=TEXT | {"pattern": r"^(?=x)(?!x)$"}),
        needed(a=TEXT) | {"x-kubernetes-validations": [{"rule": "self.a == 'other'"}]},
        {"properties": {"a": TEXT}, "minProperties": 3},
    ],
    ids=["pattern", "rule", "count"],
)
def test_what_cannot_be_met_is_said(spec: dict[str, Any]) -> None:
    with pytest.raises(Unmade):
        invent(crd(spec))


@pytest.mark.parametrize(
    "pattern",
    [
        r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$",
        r"^\d+(\.\d+){2}$",
        r"^v[0-9]+\.[0-9]+\.[0-9]+$",
        r"^(([0-9]+)|([0-9]*\.[0-9]+))(E|P|T|G|M|K|Ei|Pi|Ti|Gi|Mi|Ki|m)?$",
        r"^(http|https)://.+$",
        r"^[A-Z]{3}-[0-9]{4,6}$",
        r"^\S+$",
        r"^arn:aws:[a-z]+:[^:]*:\w{2,}$",
        r"^(?:[A-Za-z_][A-Za-z0-9_]*=)x$",
        r"^s3://[^/]+/.+$",
        r"^(-?(?:[1-9][0-9]*)?[0-9]{4})-(1[0-2]|0[1-9])$",
        r"^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$",
        r"^[^:]+:[0-9]+\]?$",
        r"^abc$",
    ],
)
def test_patterns_as_authors_write_them_are_met(pattern: str) -> None:
    word = text_for(pattern, least=0, most=100)
    assert word is not None
    assert re.search(pattern, word)


def test_length_and_pattern_are_met_together_or_not_at_all() -> None:
    word = text_for("^[a-z]+$", least=70, most=80)
    assert word is not None
    assert 70 <= len(word) <= 80
    assert text_for("^[a-z]{5}$", least=9, most=10) is None
    assert text_for("(", least=0, most=9) is None


COLUMN = {"name": "x", "type": "string"}
STATUS = {"status": {"type": "object", "properties": {"conditions": {"type": "array"}}}}


def path_of(condition: str) -> str:
    return f'.status.conditions[?(@.type=="{condition}")].status'


@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        (["Ready"], "Ready"),
        (["Progressing", "Available"], "Available"),
        (["Degraded"], ""),
        (["Synced"], "Synced"),
        ([], ""),
    ],
)
def test_readiness_is_the_condition_that_printer_columns_show(
    conditions: list[str], expected: str
) -> None:
    columns = tuple(COLUMN | {"jsonPath": path_of(name)} for name in conditions)
    found, reason = readiness_of(crd({}, properties=STATUS, columns=columns))
    assert found == expected
    assert reason


def test_a_kind_without_status_is_said_to_converge_at_once() -> None:
    assert "no status" in readiness_of(crd({}))[1]


def changes(fields: dict[str, Any], spec: dict[str, Any], replicas: str = "") -> dict[str, Any]:
    kind = crd({"properties": fields}, replicas=replicas)
    found, _ = find_mutations(kind, kind.schemas["v1"], {"spec": spec})
    return {change.path: change.values for change in found}


WHOLE = {"type": "integer"}


def test_only_fields_that_are_safe_to_change_are_changed() -> None:
    fields = {
        "replicas": WHOLE | {"maximum": 3},
        "port": WHOLE,
        "storageSize": WHOLE,
        "message": TEXT,
        "host": TEXT,
        "title": TEXT | {"pattern": "^a$"},
        "logLevel": TEXT | {"enum": ["info", "debug"]},
        "count": WHOLE | {"x-kubernetes-validations": [{"rule": "self == oldSelf"}]},
    }
    spec = {
        **{"replicas": 2, "port": 80, "storageSize": 1, "message": "m", "host": "h", "title": "a"},
        **{"logLevel": "info", "count": 1},
    }
    assert changes(fields, spec) == {
        "spec.replicas": (3, 1, 2),
        "spec.message": ("Changed by the harness.", "Changed again.", "m"),
        "spec.logLevel": ("debug", "info"),
    }


def test_what_the_scale_subresource_names_may_change_whatever_its_name() -> None:
    for spec in ({"nodes": 1}, {}):
        assert changes({"nodes": WHOLE}, spec, "spec.nodes") == {"spec.nodes": (2, 3, 1)}


def test_objects_are_searched_where_the_sample_uses_them() -> None:
    inner = {"type": "object", "properties": {"replicas": WHOLE}}
    assert changes({"web": inner, "db": inner}, {"web": {"replicas": 1}}) == {
        "spec.web.replicas": (2, 3, 1)
    }


def test_a_body_is_checked_as_the_api_server_would() -> None:
    schema = crd(
        needed(
            size=WHOLE | {"default": 1},
            limit={"x-kubernetes-int-or-string": True},
            note=TEXT | {"nullable": True},
        )
    ).schemas["v1"]
    assert misfits(schema, {"spec": {"limit": "1Gi", "note": None}}) == []
    (wrong,) = misfits(schema, {"spec": {"limit": 1, "note": 5}})
    assert wrong.startswith("spec.note")
