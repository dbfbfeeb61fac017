"""What belongs to a custom resource is found by listing, wherever it is."""

from __future__ import annotations

from typing import Any

import pytest

from harness.errors import ApiError
from harness.kube.client import ObjectList
from harness.model.resource import ObjectKey, Resource
from harness.probes.footprint import children_of, inventory


def served(plural: str, kind: str, *, version: str = "v1", namespaced: bool = True) -> Resource:
    group = "example.org" if kind == "Thing" else ""
    return Resource(group=group, version=version, plural=plural, kind=kind, namespaced=namespaced)


MAPS = served("configmaps", "ConfigMap")
NODES = served("nodes", "Node", namespaced=False)
STATES = served("componentstatuses", "ComponentStatus", namespaced=False)
NEW, OLD = served("things", "Thing", version="v2"), served("things", "Thing")


class Server:
    """Holds the metadata of objects by resource key; some versions can't be converted to."""

    def __init__(self, *unconverted: str, status: int = 500) -> None:
        self.objects: dict[str, list[dict[str, Any]]] = {}
        self._unconverted = unconverted
        self._status = status

    def put(self, resource: Resource, name: str, **metadata: Any) -> None:
        made = {"name": name, "uid": f"u-{name}", "creationTimestamp": "2026-01-01T00:00:05Z"}
        self.objects.setdefault(resource.key, []).append({"metadata": made | metadata})

    def resources(self, **_: Any) -> tuple[Resource, ...]:
        return (MAPS, NODES, STATES, NEW, OLD)

    def resource(self, key: str) -> Resource:
        return next(item for item in self.resources() if item.key == key)

    def list(self, resource: Resource, namespace: str, *, metadata_only: bool) -> ObjectList:
        assert metadata_only
        self._convert(resource)
        items = [
            item
            for item in self.objects.get(resource.key, [])
            if not namespace or item["metadata"].get("namespace") == namespace
        ]
        return ObjectList(items=items, resource_version="1")

    def find(self, resource: Resource, name: str, _namespace: str) -> dict[str, Any] | None:
        self._convert(resource)
        found = self.objects.get(resource.key, [])
        return next((item for item in found if item["metadata"]["name"] == name), None)

    def _convert(self, resource: Resource) -> None:
        if resource.kind == "Thing" and resource.version in self._unconverted:
            words = "conversion webhook for example.org/v1, Kind=Thing failed: no"
            raise ApiError(words if self._status == 500 else "forbidden", status=self._status)


def names(found: tuple[dict[str, Any], ...]) -> list[str]:
    return [entry["metadata"]["name"] for entry in found]


def owned_by(uid: str) -> list[dict[str, str]]:
    return [{"uid": uid}]


@pytest.fixture
def server() -> Server:
    made = Server()
    made.put(MAPS, "here", namespace="ns")
    made.put(MAPS, "there", namespace="other")
    made.put(NODES, "node")
    made.put(STATES, "state")
    return made


def test_a_namespace_is_listed_without_what_is_elsewhere(server: Server) -> None:
    assert names(inventory(server, namespace="ns")) == ["here"]  # type: ignore[arg-type]


def test_a_whole_cluster_is_listed_with_cluster_scoped_objects(server: Server) -> None:
    assert names(inventory(server, namespace="")) == ["here", "there", "node"]  # type: ignore[arg-type]


def test_of_a_cluster_only_what_is_young_or_owned_is_kept(server: Server) -> None:
    server.put(MAPS, "old", creationTimestamp="2026-01-01T00:00:01Z")
    server.put(
        MAPS, "adopted", creationTimestamp="2026-01-01T00:00:01Z", ownerReferences=owned_by("me")
    )
    found = inventory(server, namespace="", since="2026-01-01T00:00:05Z", owner="me")  # type: ignore[arg-type]
    assert names(found) == ["here", "there", "adopted", "node"]


def test_the_children_of_a_cluster_scoped_owner_may_be_anywhere(server: Server) -> None:
    server.put(MAPS, "child", namespace="other", ownerReferences=owned_by("me"))
    server.put(NODES, "grandchild", ownerReferences=owned_by("u-child"))
    owner = ObjectKey(resource="tenants.example.org", name="blue", uid="me")
    found = children_of(server, owner, since="2026-01-01T00:00:05Z")  # type: ignore[arg-type]
    assert [(key.resource, key.namespace, key.name) for key in found] == [
        ("configmaps", "other", "child"),
        ("nodes", "", "grandchild"),
    ]


def test_what_can_not_be_converted_is_listed_and_looked_up_in_another_version() -> None:
    server = Server("v2")
    server.put(NEW, "thing", namespace="ns")
    server.put(NEW, "far", namespace="other")
    far = ObjectKey(resource=NEW.key, namespace="other", name="far")
    found = inventory(server, namespace="ns", also=[far])  # type: ignore[arg-type]
    assert [(entry["metadata"]["name"], entry["apiVersion"]) for entry in found] == [
        ("thing", "example.org/v1"),
        ("far", "example.org/v1"),
    ]


def test_what_no_version_can_show_is_passed_over() -> None:
    server = Server("v1", "v2")
    server.put(NEW, "thing", namespace="ns")
    key = ObjectKey(resource=NEW.key, namespace="ns", name="thing")
    assert inventory(server, namespace="ns", also=[key]) == ()  # type: ignore[arg-type]


def test_what_is_not_ours_to_list_is_passed_over_and_other_errors_are_raised() -> None:
    assert inventory(Server("v1", "v2", status=403), namespace="ns") == ()  # type: ignore[arg-type]
    with pytest.raises(ApiError):
        inventory(Server("v2", status=503), namespace="ns")  # type: ignore[arg-type]
