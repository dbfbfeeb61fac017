"""Custom resources of tests: unique where they share a place, changed in their own version."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from harness.clock import FakeClock
from harness.model.records import Stimulus
from harness.model.resource import Resource
from harness.model.target import Kind, Mutation
from harness.pytest_plugin.namespaces import Place
from harness.pytest_plugin.resources import CustomResources
from harness.stimulus.mutation import value_at
from harness.stimulus.objects import Objects
from harness.stimulus.samples import Sample

KIND = Kind(
    resource="things.example.org",
    samples=(),
    mutations=(
        Mutation(path="spec.replicas", values=(5,)),
        Mutation(path="spec.size", values=(4,)),
    ),
)
OWN = Place(namespace="mine", shared=False, suffix="a1-0")
SHARED = Place(namespace="theirs", shared=True, suffix="a1-0")


def resource(version: str = "v1", *, namespaced: bool = True) -> Resource:
    return Resource(
        group="example.org", version=version, plural="things", kind="Thing", namespaced=namespaced
    )


class Server:
    """Serves Thing as v1 with spec.size and v2 (preferred) with spec.replicas; prunes the rest."""

    fields = {"example.org/v1": "size", "example.org/v2": "replicas"}

    def __init__(self, *, namespaced: bool = True) -> None:
        self.namespaced = namespaced
        self.body: dict[str, Any] = {}
        self.asked: list[tuple[str, str]] = []

    def resource(self, _key: str) -> Resource:
        return resource("v2", namespaced=self.namespaced)

    def resource_of(self, api_version: str, _kind: str, *, refresh: bool) -> Resource:
        assert not refresh
        return resource(api_version.partition("/")[2], namespaced=self.namespaced)

    def create(self, _resource: Resource, body: dict[str, Any], *, namespace: str) -> Any:
        self.asked.append((namespace, body["metadata"]["name"]))
        self.body = {**body, "metadata": {**body["metadata"], "uid": "u", "generation": 1}}
        self.body["metadata"]["creationTimestamp"] = "2026-01-01T00:00:00Z"
        return self.body

    def find(self, *_: Any) -> dict[str, Any] | None:
        return self.body

    def patch(self, _resource: Resource, _name: str, patch: Any, **_: Any) -> dict[str, Any]:
        known = self.fields[self.body["apiVersion"]]
        if known in patch["spec"]:
            self.body = {**self.body, "spec": patch["spec"]}
        return self.body


def sample(version: str, **spec: Any) -> Sample:
    body = {
        "apiVersion": f"example.org/{version}",
        "kind": "Thing",
        "metadata": {"name": "thing"},
        "spec": spec,
    }
    return Sample(name=f"thing_{version}", file="", kind=KIND, body=body)


V1, V2 = sample("v1", size=1), sample("v2", replicas=1)


def factory(
    server: Server, place: Place, *samples: Sample, recorded: list[Stimulus] | None = None
) -> CustomResources:
    clock = FakeClock()
    record = (recorded if recorded is not None else []).append
    return CustomResources(
        context=SimpleNamespace(client=server, clock=clock),  # type: ignore[arg-type]
        objects=Objects(client=server, clock=clock, record=record),  # type: ignore[arg-type]
        waiter=None,  # type: ignore[arg-type]
        samples=samples,
        place=place,
    )


@pytest.mark.parametrize(
    ("namespaced", "place", "asked"),
    [
        (True, OWN, ("mine", "thing")),
        (True, SHARED, ("theirs", "thing-a1-0")),
        (False, OWN, ("", "thing-a1-0")),
    ],
)
def test_a_name_is_unique_where_the_place_is_not_the_tests_own(
    *, namespaced: bool, place: Place, asked: tuple[str, str]
) -> None:
    server = Server(namespaced=namespaced)
    made = factory(server, place, V1)
    made.create()
    assert server.asked == [asked]
    assert made.prepare()[2]["metadata"]["name"] == asked[1]  # a dry run asks for the same


def test_a_name_that_a_test_chooses_is_taken_as_it_is() -> None:
    server = Server()
    factory(server, SHARED, V1).create(name="mine")
    assert server.asked == [("theirs", "mine")]


def test_a_sample_is_written_in_its_own_version_and_watched_in_the_preferred_one() -> None:
    live = factory(Server(), OWN, V1, V2).create("thing_v1")
    assert (live.resource.version, live.watched.version) == ("v1", "v2")


@pytest.mark.parametrize(("chosen", "path"), [(V1, "spec.size"), (V2, "spec.replicas")])
def test_each_version_is_changed_by_a_field_that_it_has(chosen: Sample, path: str) -> None:
    recorded: list[Stimulus] = []
    live = factory(Server(), OWN, V1, V2, recorded=recorded).create(chosen)
    change = live.mutate()
    assert change is not None
    assert change.path == path
    assert value_at(live.body, path) == change.value
    assert len(recorded) == 2  # the creation and one update: nothing was tried in vain


def test_a_field_that_the_server_drops_is_no_change() -> None:
    empty = sample("v1")
    live = factory(Server(), OWN, empty, V2).create(empty)
    change = live.mutate()  # spec.replicas is dropped, spec.size is taken
    assert change is not None
    assert change.path == "spec.size"


def test_the_family_of_a_cluster_scoped_one_is_sought_by_its_age() -> None:
    assert factory(Server(), OWN, V1).create().since == ""
    alone = factory(Server(namespaced=False), OWN, V1).create()
    assert alone.since == "2026-01-01T00:00:00Z"


def test_a_child_of_a_cluster_scoped_one_is_in_a_namespace_that_the_test_names() -> None:
    live = factory(Server(), OWN, V1).create()
    assert live.child("things.example.org", "x")[1].namespace == "mine"
    assert live.child("things.example.org", "x", namespace="other")[1].namespace == "other"
