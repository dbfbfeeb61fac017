"""What of an object is kept as evidence."""

from __future__ import annotations

import json
from typing import Any

from harness.probes.redaction import Redactor

LAST = "kubectl.kubernetes.io/last-applied-configuration"


def secret(**data: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "Opaque",
        "metadata": {
            "name": "s",
            "annotations": {LAST: json.dumps(data), "kept": "yes"},
            "managedFields": [{"manager": "m", "operation": "Update", "fieldsV1": {"f:data": {}}}],
        },
        "data": data,
    }


def test_of_a_secret_only_metadata_type_and_a_keyed_hash_are_kept() -> None:
    kept, _ = Redactor().strip(secret(password="Y2FuYXJ5"))
    assert set(kept) == {"apiVersion", "kind", "metadata", "type", "dataHash"}
    assert kept["metadata"] == {"name": "s", "annotations": {"kept": "yes"}}
    assert "Y2FuYXJ5" not in json.dumps(kept)
    assert "password" not in json.dumps(kept)


def test_equal_data_has_an_equal_hash_within_a_run_and_another_in_the_next() -> None:
    redactor = Redactor()

    def hashed(one: Redactor, **data: str) -> str:
        return str(one.strip(secret(**data))[0]["dataHash"])

    assert hashed(redactor, a="1", b="2") == hashed(redactor, b="2", a="1")
    assert hashed(redactor, a="1") != hashed(redactor, a="2")
    assert hashed(redactor, a="1") != hashed(Redactor(), a="1")


def test_managed_fields_become_the_names_of_their_managers() -> None:
    fields = [
        {"manager": "kubectl", "operation": "Apply", "fieldsV1": {}},
        {"manager": "op", "operation": "Update", "subresource": "status", "fieldsV1": {}},
        {"manager": "op", "operation": "Update", "subresource": "status", "apiVersion": "v2"},
    ]
    obj = {"kind": "Pod", "apiVersion": "v1", "metadata": {"name": "p", "managedFields": fields}}
    kept, managers = Redactor().strip(obj)
    assert managers == ("kubectl/Apply", "op/Update/status")
    assert kept["metadata"] == {"name": "p"}
    assert obj["metadata"]["managedFields"] is fields  # type: ignore[index]  # not changed


def test_all_else_is_kept_also_what_a_custom_resource_calls_a_secret() -> None:
    mine = {"kind": "Secret", "apiVersion": "example.org/v1", "metadata": {}, "data": {"a": "1"}}
    assert Redactor().strip(mine)[0] == mine
    settings = {"kind": "ConfigMap", "apiVersion": "v1", "metadata": {}, "data": {"a": "1"}}
    assert Redactor().strip(settings)[0] == settings
