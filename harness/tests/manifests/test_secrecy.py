"""Secrets lose their values, wherever these are repeated; other objects stay as they are."""

from __future__ import annotations

import json
from typing import Any

from harness.manifests.secrecy import LAST_APPLIED, without_values
from harness.pytest_plugin.waiting import redacted

CANARY = "canary-of-a-secret-4714"


def secret() -> dict[str, Any]:
    body: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "Opaque",
        "metadata": {"name": "mine", "managedFields": [], "annotations": {"kept": "yes"}},
        "data": {"word": CANARY},
        "stringData": {"other": CANARY},
    }
    body["metadata"]["annotations"][LAST_APPLIED] = json.dumps(body)
    return body


def test_a_secret_keeps_its_keys_and_loses_its_values() -> None:
    kept = without_values(secret())
    assert CANARY not in json.dumps(kept)
    assert kept["data"] == {"word": ""}
    assert kept["stringData"] == {"other": ""}
    assert kept["metadata"]["annotations"] == {"kept": "yes"}
    assert kept["type"] == "Opaque"


def test_what_is_malformed_loses_all_that_it_holds() -> None:
    assert CANARY not in json.dumps(without_values({"kind": "Secret", "data": [CANARY]}))


def test_the_object_itself_is_not_changed() -> None:
    body = secret()
    without_values(body)
    assert body == secret()


def test_other_objects_stay_as_they_are() -> None:
    body = {"kind": "ConfigMap", "metadata": {"name": "mine"}, "data": {"word": "shown"}}
    assert without_values(body) is body


def test_a_secret_that_a_test_waited_for_in_vain_is_shown_without_values() -> None:
    shown = redacted(secret())
    assert shown is not None
    assert CANARY not in json.dumps(shown)
    assert "managedFields" not in shown["metadata"]
