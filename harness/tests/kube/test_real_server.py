"""The client and the watch against a real API server."""

from __future__ import annotations

import json
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from harness.clock import SYSTEM_CLOCK, Deadline
from harness.errors import ApiError
from harness.kube.admission import may_own
from harness.kube.connection import Connection, Credentials
from harness.kube.discovery import per_group
from harness.kube.watch import NotObserved, Watch, WatchEvent, await_object
from harness.readiness.fields import condition

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from harness.kube.client import KubeClient
    from harness.model.resource import Resource
    from harness.tests.kube.control_plane import ControlPlane

pytestmark = pytest.mark.controlplane

GROUP = "toys.example.org"


@pytest.fixture
def client(control_plane: ControlPlane) -> Iterator[KubeClient]:
    client = control_plane.client()
    yield client
    client.connection.close()


def configmap(name: str, **data: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}


def crd(name: str) -> dict[str, Any]:
    schema = {
        "type": "object",
        "properties": {
            "spec": {
                "type": "object",
                "required": ["size"],
                "properties": {"size": {"type": "integer"}},
            }
        },
    }
    version = {
        "name": "v1",
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": schema},
    }
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{name}s.{GROUP}"},
        "spec": {
            "group": GROUP,
            "scope": "Namespaced",
            "names": {"kind": name.capitalize(), "plural": f"{name}s", "singular": name},
            "versions": [version],
        },
    }


def established(obj: dict[str, Any] | None) -> bool:
    # A new CRD's status has "conditions: null" for a moment.
    return (condition(obj or {}, "Established") or {}).get("status") == "True"


def discovered(client: KubeClient, kind: str) -> Resource:
    """Returns an established kind once discovery, which follows a little later, knows it."""
    deadline = Deadline(20)
    while True:
        try:
            return client.resource_of(f"{GROUP}/v1", kind, refresh=True)
        except ApiError:
            if deadline.remaining <= 0:
                raise
            SYSTEM_CLOCK.sleep(0.02)


def test_both_kinds_of_discovery_agree(client: KubeClient) -> None:
    def fetch(path: str) -> dict[str, Any] | None:
        return dict(json.loads(client.raw("GET", path).body))

    assert {one.resource for one in per_group(fetch)} == set(client.resources())
    assert client.version().startswith("v1.")


def test_a_custom_resource_is_found_written_and_read(client: KubeClient) -> None:
    crds = client.resource("customresourcedefinitions.apiextensions.k8s.io")
    client.apply(crd("toy"))
    await_object(client.connection, crds, f"toys.{GROUP}", "", established, timeout=20)
    toys = discovered(client, "Toy")
    body = {
        "apiVersion": f"{GROUP}/v1",
        "kind": "Toy",
        "metadata": {"name": "t"},
        "spec": {"size": 1},
    }
    with pytest.raises(ApiError, match=r'unknown field "spec\.colour"'):
        client.create(toys, {**body, "spec": {"size": 1, "colour": "red"}})
    with pytest.raises(ApiError, match=r"spec\.size: Required value") as caught:
        client.create(toys, {**body, "spec": {}})
    assert (caught.value.status, caught.value.reason) == (422, "Invalid")
    client.create(toys, body, dry_run=True)
    assert client.find(toys, "t", "default") is None
    made = client.create(toys, body)
    assert made["metadata"]["generation"] == 1
    changed = client.patch(
        toys,
        "t",
        [{"op": "replace", "path": "/spec/size", "value": 2}],
        namespace="default",
        kind="json",
    )
    assert changed["metadata"]["generation"] == 2
    with pytest.raises(ApiError) as caught:
        client.replace(toys, {**made, "spec": {"size": 3}})
    assert caught.value.status == 409
    (listed,) = client.list(toys, metadata_only=True).items
    assert (listed["kind"], set(listed)) == ("Toy", {"apiVersion", "kind", "metadata"})
    with pytest.raises(ApiError) as caught:
        client.delete(toys, "t", "default", uid="00000000-0000-0000-0000-000000000000")
    assert caught.value.status == 409
    client.delete(toys, "t", "default", uid=made["metadata"]["uid"])
    client.delete(toys, "t", "default")
    await_object(client.connection, toys, "t", "default", lambda obj: obj is None, timeout=10)


def test_apply_takes_fields_over_only_by_force(client: KubeClient) -> None:
    client.apply(configmap("mine", k="1"), manager="first")
    with pytest.raises(ApiError) as caught:
        client.apply(configmap("mine", k="2"), manager="second", force=False)
    assert caught.value.status == 409
    assert '"first"' in str(caught.value)
    assert client.apply(configmap("mine", k="2"), manager="second")["data"] == {"k": "2"}


def test_more_than_a_page_is_listed_whole(client: KubeClient) -> None:
    configmaps = client.resource("configmaps")
    client.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "many"}})
    with ThreadPoolExecutor(8) as threads:
        list(
            threads.map(
                lambda number: client.create(configmaps, configmap(f"c{number}"), namespace="many"),
                range(520),
            )
        )
    found = client.list(configmaps, "many", metadata_only=True)
    assert len({one["metadata"]["name"] for one in found.items}) == 520
    watch = Watch(client.connection, configmaps, namespace="many")
    assert [one.type for one in take(watch, 521)].count("LISTED") == 520


def test_a_token_works_and_what_it_may_not_is_told_without_it(client: KubeClient) -> None:
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "someone"}}
    client.apply(account)
    token = client.token("default", "someone", expires_s=600)
    assert 500 < token.expires - SYSTEM_CLOCK.now().wall_ns / 1e9 < 700
    theirs = Connection(_as(client.connection, token.value))
    answer = theirs.open("GET", "/api/v1/namespaces/default/configmaps")
    assert answer.status == 403
    assert b"system:serviceaccount:default:someone" in answer.data
    theirs.close()


def _as(connection: Connection, token: str) -> Credentials:
    mine = connection._credentials
    return Credentials(mine.server, tls=mine.tls, authorization=lambda: f"Bearer {token}")


def take(watch: Watch, count: int, until: Callable[[], None] = lambda: None) -> list[WatchEvent]:
    """The first events; `until` is called when the list has been told."""
    seen: list[WatchEvent] = []
    events = watch.events(deadline=Deadline(30))
    for one in events:
        seen.append(one)
        if one.type == "BOOKMARK":
            until()
        if len(seen) == count:
            break
    events.close()
    return seen


def test_every_change_is_told_once_and_in_order(client: KubeClient) -> None:
    configmaps = client.resource("configmaps")
    client.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "busy"}})
    rounds, writers = 40, 4

    def write(number: int) -> None:
        for turn in range(rounds):
            client.apply({**configmap(f"w{number}", turn=str(turn))}, namespace="busy")

    with ThreadPoolExecutor(writers) as threads:

        def begin() -> None:
            for number in range(writers):
                threads.submit(write, number)

        watch = Watch(client.connection, configmaps, namespace="busy")
        seen = take(watch, 1 + rounds * writers, begin)[1:]
    versions = [int(one.resource_version) for one in seen]
    assert versions == sorted(set(versions))
    for number in range(writers):
        turns = [
            one.object["data"]["turn"]
            for one in seen
            if one.object["metadata"]["name"] == f"w{number}"
        ]
        assert turns == [str(turn) for turn in range(rounds)]


def test_a_stopped_server_holds_up_no_deadline(
    control_plane: ControlPlane, client: KubeClient
) -> None:
    configmaps = client.resource("configmaps")
    control_plane.send(signal.SIGSTOP)
    began = SYSTEM_CLOCK.now().mono_ns
    try:
        with pytest.raises(NotObserved) as caught:
            await_object(client.connection, configmaps, "x", "default", bool, timeout=0.5)
        with pytest.raises(ApiError, match="no answer"):
            client.raw("GET", "/version", timeout=0.5)
    finally:
        control_plane.send(signal.SIGCONT)
    assert (SYSTEM_CLOCK.now().mono_ns - began) / 1e9 < 25, "not by the usual time-out of 30 s"
    assert not caught.value.seen


def test_a_watch_survives_the_death_of_the_server_and_loses_nothing_unsaid(
    control_plane: ControlPlane, client: KubeClient, configmaps: Resource
) -> None:
    watch = Watch(client.connection, configmaps, namespace="default", name="survivor")
    listed, done = threading.Event(), threading.Event()
    seen: list[str] = []

    def follow() -> None:
        for one in watch.events(deadline=Deadline(60)):
            if one.type == "BOOKMARK":
                listed.set()
            elif one.type == "GAP":  # a new server may know nothing from before its first write
                seen.append("gap")
            else:
                seen.append(one.object["data"]["k"])
            if seen and seen[-1] == "3":
                break
        done.set()

    thread = threading.Thread(target=follow)
    thread.start()
    assert listed.wait(10)
    client.apply(configmap("survivor", k="1"))
    control_plane.stop(signal.SIGKILL)
    control_plane.start()
    client.apply(configmap("survivor", k="2"))
    client.apply(configmap("survivor", k="3"))
    assert done.wait(20)
    thread.join(5)
    # After a gap it tells the state at its new list, whichever that is, and all from there on.
    anew = {"1 gap 1 2 3", "1 gap 2 3", "1 gap 3"}
    assert " ".join(seen) in {"1 2 3", *anew}, "nothing is lost unsaid"


def test_a_version_that_the_server_no_longer_knows_is_a_gap(
    control_plane: ControlPlane, client: KubeClient, configmaps: Resource
) -> None:
    client.apply(configmap("old"))
    control_plane.stop(signal.SIGKILL)
    control_plane.start()  # it remembers only what comes from now on
    watch = Watch(client.connection, configmaps, namespace="default", name="old")
    watch._version = "1"
    assert [one.type for one in take(watch, 3)] == ["GAP", "LISTED", "BOOKMARK"]


def test_objects_of_a_new_kind_own_others_some_seconds_later_at_most(client: KubeClient) -> None:
    """What made the table of kinds before is refused a new one until it is made again."""
    crds = client.resource("customresourcedefinitions.apiextensions.k8s.io")
    for name in ("early", "late"):
        client.apply(crd(name))
        await_object(client.connection, crds, f"{name}s.{GROUP}", "", established, timeout=20)
        discovered(client, name.capitalize())
        deadline = Deadline(30)
        known = may_own(client, f"{GROUP}/v1", name.capitalize())
        while not known and not deadline.passed:
            SYSTEM_CLOCK.sleep(0.1)
            known = may_own(client, f"{GROUP}/v1", name.capitalize())
        assert known
    assert not may_own(client, f"{GROUP}/v1", "Never")
    made = client.list(client.resource("configmaps"), "default").items
    assert not [item for item in made if item["metadata"]["name"].startswith("harness-")]
