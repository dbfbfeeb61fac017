"""What the client promises, against a server that plays faults."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from harness.clock import FakeClock
from harness.errors import ApiError
from harness.kube.client import KubeClient, Token
from harness.kube.status import no_answer
from harness.tests.kube.scripted import DROP, HANG, Answer, answer, item, listing, status

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.kube.connection import Connection
    from harness.model.resource import Resource
    from harness.tests.kube.scripted import ScriptedServer

    Serve = Callable[..., tuple[ScriptedServer, Connection]]

LOST = Answer(200, {}, [DROP], chunked=True)


def aggregated(*groups: tuple[str, list[str], str, str]) -> Answer:
    """An aggregated discovery of groups with one resource each: name, versions, plural, kind."""
    return answer(
        {
            "kind": "APIGroupDiscoveryList",
            "items": [
                {
                    "metadata": {"name": group},
                    "versions": [
                        {
                            "version": version,
                            "resources": [
                                {
                                    "resource": plural,
                                    "responseKind": {"kind": kind},
                                    "scope": "Namespaced",
                                    "verbs": ["get", "list", "watch"],
                                    "subresources": [{"subresource": "status"}],
                                }
                            ],
                        }
                        for version in versions
                    ],
                }
                for group, versions, plural, kind in groups
            ],
        }
    )


CORE = aggregated(("", ["v1"], "configmaps", "ConfigMap"))
APPS = aggregated(("apps", ["v1", "v1beta1"], "deployments", "Deployment"))


class TestDiscovery:
    """resources, resource, resource_of."""

    def test_the_preferred_version_of_a_group_comes_first(self, serve: Serve) -> None:
        server, connection = serve(CORE, APPS)
        client = KubeClient(connection)
        assert [(found.key, found.version) for found in client.resources()] == [
            ("configmaps", "v1"),
            ("deployments.apps", "v1"),
            ("deployments.apps", "v1beta1"),
        ]
        assert client.resource("deployments.apps").version == "v1"
        assert client.resource_of("apps/v1beta1", "Deployment").version == "v1beta1"
        assert len(server.requests) == 2  # asked once, remembered after

    def test_resources_can_be_chosen_by_what_may_be_asked_of_them(self, serve: Serve) -> None:
        _, connection = serve(CORE, APPS)
        client = KubeClient(connection)
        assert len(client.resources(verb="watch")) == 3
        assert client.resources(verb="create") == ()

    def test_an_unknown_kind_is_looked_for_anew_before_it_is_an_error(self, serve: Serve) -> None:
        both = aggregated(
            ("apps", ["v1"], "deployments", "Deployment"), ("x.y", ["v1"], "toys", "Toy")
        )
        server, connection = serve(CORE, APPS, CORE, both, CORE, both)
        client = KubeClient(connection)
        assert client.resource("configmaps").kind == "ConfigMap"
        assert client.resource_of("x.y/v1", "Toy").key == "toys.x.y"
        with pytest.raises(ApiError, match=r"toys\.z") as caught:
            client.resource("toys.z")
        assert caught.value.status == 404
        assert len(server.requests) == 6

    def test_a_server_without_aggregated_discovery_is_asked_group_by_group(
        self, serve: Serve
    ) -> None:
        resource = {"name": "deployments", "kind": "Deployment", "namespaced": True}
        sub = {"name": "deployments/status", "kind": "Deployment", "namespaced": True}
        groups = {
            "kind": "APIGroupList",
            "groups": [
                {
                    "name": "apps",
                    "versions": [{"version": "v1beta1"}, {"version": "v1"}],
                    "preferredVersion": {"version": "v1"},
                },
                {"name": "down.example", "versions": [{"version": "v1"}]},
            ],
        }
        core = {"kind": "APIVersions", "versions": ["v1"]}
        nodes = {"resources": [{"name": "nodes", "kind": "Node", "namespaced": False}]}
        _, connection = serve(
            answer(core),
            answer(core),
            answer(groups),
            answer(nodes),
            answer({"resources": [{**resource, "verbs": ["get"]}, sub]}),
            answer({"resources": [resource]}),
            status(503),  # an aggregated API that is down hides no other
        )
        found = KubeClient(connection).resources()
        assert [(one.key, one.version, one.namespaced) for one in found] == [
            ("nodes", "v1", False),
            ("deployments.apps", "v1", True),
            ("deployments.apps", "v1beta1", True),
        ]


class TestReading:
    """get, find, list."""

    def test_what_is_not_there_is_an_error_for_get_and_none_for_find(
        self, serve: Serve, configmaps: Resource
    ) -> None:
        _, connection = serve(*[status(404, "NotFound", 'configmaps "a" not found')] * 2)
        client = KubeClient(connection)
        assert client.find(configmaps, "a", "ns") is None
        with pytest.raises(ApiError) as caught:
            client.get(configmaps, "a", "ns")
        assert (caught.value.status, caught.value.reason) == (404, "NotFound")

    def test_find_raises_for_any_other_refusal(self, serve: Serve, configmaps: Resource) -> None:
        _, connection = serve(status(403, "Forbidden"))
        with pytest.raises(ApiError):
            KubeClient(connection).find(configmaps, "a", "ns")

    def test_a_list_is_put_together_from_pages_and_says_what_its_items_are(
        self, serve: Serve, configmaps: Resource
    ) -> None:
        server, connection = serve(
            listing("9", item("a", "1"), more="next"), listing("9", item("b", "2"))
        )
        found = KubeClient(connection).list(configmaps, "ns", labels="x=1", fields="y=2")
        assert [(one["kind"], one["metadata"]["name"]) for one in found.items] == [
            ("ConfigMap", "a"),
            ("ConfigMap", "b"),
        ]
        assert found.resource_version == "9"
        assert server.requests[1].query == {
            "limit": "500",
            "labelSelector": "x=1",
            "fieldSelector": "y=2",
            "continue": "next",
        }

    def test_a_list_whose_pages_expire_is_asked_for_whole(
        self, serve: Serve, configmaps: Resource
    ) -> None:
        server, connection = serve(
            listing("9", item("a", "1"), more="next"), status(410), listing("10", item("b", "2"))
        )
        found = KubeClient(connection).list(configmaps)
        assert [one["metadata"]["name"] for one in found.items] == ["b"]
        assert "limit" not in server.requests[2].query

    def test_metadata_alone_is_asked_for_by_the_accept_header(
        self, serve: Serve, configmaps: Resource
    ) -> None:
        partial = item("a", "1", kind="PartialObjectMetadata", apiVersion="meta.k8s.io/v1")
        server, connection = serve(listing("9", partial))
        found = KubeClient(connection).list(configmaps, metadata_only=True).items[0]
        assert (found["apiVersion"], found["kind"]) == ("v1", "ConfigMap")
        assert "PartialObjectMetadataList" in server.requests[0].headers["Accept"]


class TestWriting:
    """create, apply, patch, replace, delete, token."""

    def test_create_is_strict_about_fields_and_can_be_a_dry_run(
        self, serve: Serve, configmaps: Resource
    ) -> None:
        server, connection = serve(answer({"kind": "ConfigMap"}, code=201))
        body = {"metadata": {"name": "a", "namespace": "ns"}}
        KubeClient(connection).create(configmaps, body, dry_run=True)
        asked = server.requests[0]
        assert (asked.method, asked.path) == ("POST", "/api/v1/namespaces/ns/configmaps")
        assert asked.query == {"fieldValidation": "Strict", "dryRun": "All"}
        assert json.loads(asked.body) == body

    def test_apply_is_done_by_the_server_under_our_manager(
        self, serve: Serve, configmaps: Resource
    ) -> None:
        server, connection = serve(answer({"kind": "ConfigMap"}))
        body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}}
        KubeClient(connection).apply(body, resource=configmaps)
        asked = server.requests[0]
        assert (asked.method, asked.path) == ("PATCH", "/api/v1/namespaces/default/configmaps/a")
        assert asked.query == {"fieldManager": "operator-harness", "force": "true"}
        assert asked.headers["Content-Type"] == "application/apply-patch+yaml"

    @pytest.mark.parametrize(
        ("kind", "content"),
        [
            ("merge", "application/merge-patch+json"),
            ("json", "application/json-patch+json"),
            ("strategic", "application/strategic-merge-patch+json"),
        ],
    )
    def test_patches_say_their_format(
        self, serve: Serve, configmaps: Resource, kind: Any, content: str
    ) -> None:
        server, connection = serve(answer({}))
        KubeClient(connection).patch(
            configmaps, "a", {}, namespace="ns", kind=kind, subresource="status"
        )
        assert server.requests[0].path == "/api/v1/namespaces/ns/configmaps/a/status"
        assert server.requests[0].headers["Content-Type"] == content

    def test_deleting_what_is_gone_is_fine(self, serve: Serve, configmaps: Resource) -> None:
        server, connection = serve(status(404), answer({}))
        client = KubeClient(connection)
        client.delete(configmaps, "a", "ns")
        client.delete(configmaps, "a", "ns", uid="u", propagation="Foreground")
        assert json.loads(server.requests[1].body) == {
            "propagationPolicy": "Foreground",
            "preconditions": {"uid": "u"},
        }

    def test_a_token_is_bound_to_its_pod_and_does_not_print_itself(self, serve: Serve) -> None:
        issued = {"token": "s3cret", "expirationTimestamp": "2030-01-01T00:00:00Z"}
        server, connection = serve(answer({"status": issued}, code=201))
        token = KubeClient(connection).token("ns", "sa", pod_name="p", pod_uid="u")
        assert token == Token(value="s3cret", expires=1893456000.0)
        assert "s3cret" not in f"{token} {token!r}"
        spec = json.loads(server.requests[0].body)["spec"]
        assert spec["boundObjectRef"] == {
            "apiVersion": "v1",
            "kind": "Pod",
            "name": "p",
            "uid": "u",
        }

    def test_a_token_can_be_bound_to_a_secret_and_the_server_says_whether_it_takes_one(
        self, serve: Serve
    ) -> None:
        issued = {"token": "s3cret", "expirationTimestamp": "2030-01-01T00:00:00Z"}
        server, connection = serve(
            answer({"status": issued}, code=201),
            answer({"status": {"authenticated": True}}, code=201),
            answer({"status": {"error": "it has been invalidated"}}, code=201),
        )
        client = KubeClient(connection)
        token = client.token("ns", "sa", secret="held")
        assert [client.accepts(token.value) for _ in range(2)] == [True, False]
        spec = json.loads(server.requests[0].body)["spec"]
        assert spec["boundObjectRef"] == {"apiVersion": "v1", "kind": "Secret", "name": "held"}
        assert json.loads(server.requests[1].body)["spec"] == {"token": "s3cret"}


class TestErrors:
    """What ApiError says."""

    def test_it_names_method_object_and_the_servers_own_message_with_its_causes(
        self, serve: Serve, configmaps: Resource
    ) -> None:
        causes = [{"field": "data.x", "message": "must be a string"}]
        _, connection = serve(status(422, "Invalid", "a is invalid", details={"causes": causes}))
        with pytest.raises(ApiError) as caught:
            KubeClient(connection).create(configmaps, {"metadata": {"name": "a"}})
        assert str(caught.value) == (
            "POST /api/v1/namespaces/default/configmaps/a: 422 Invalid: "
            "a is invalid; data.x: must be a string"
        )

    def test_an_answer_that_is_no_status_is_not_quoted(
        self, serve: Serve, configmaps: Resource
    ) -> None:
        _, connection = serve(answer({"secret": "s3cret"}, code=500))
        with pytest.raises(ApiError) as caught:
            KubeClient(connection).get(configmaps, "a", "ns")
        assert str(caught.value) == "GET /api/v1/namespaces/ns/configmaps/a: 500"

    def test_a_success_that_is_not_json_is_an_error(
        self, serve: Serve, configmaps: Resource
    ) -> None:
        _, connection = serve(Answer(200, {}, [b"<html>"], chunked=False))
        with pytest.raises(ApiError, match="isn't a JSON object"):
            KubeClient(connection).get(configmaps, "a", "ns")


class TestTryingAgain:
    """Only what can't have had an effect is sent twice."""

    def test_a_read_whose_answer_was_lost_is_sent_again(
        self, serve: Serve, configmaps: Resource
    ) -> None:
        server, connection = serve(LOST, answer({"kind": "ConfigMap"}))
        clock = FakeClock()
        assert KubeClient(connection, clock=clock).get(configmaps, "a", "ns")
        assert len(server.requests) == 2

    def test_a_write_whose_answer_was_lost_is_not(self, serve: Serve, configmaps: Resource) -> None:
        server, connection = serve(LOST, answer({}))
        with pytest.raises(ApiError, match="no answer") as caught:
            KubeClient(connection, clock=FakeClock()).create(configmaps, {"metadata": {}})
        assert caught.value.status == 0
        assert len(server.requests) == 1

    def test_a_write_that_was_turned_away_is_sent_again_when_the_server_says(
        self, serve: Serve, configmaps: Resource
    ) -> None:
        busy = Answer(429, {"Retry-After": "3"}, [b"{}"], chunked=False)
        server, connection = serve(busy, answer({}, code=201))
        clock = FakeClock()
        KubeClient(connection, clock=clock).create(configmaps, {"metadata": {}})
        assert len(server.requests) == 2
        assert clock.now().mono_ns == 3_000_000_000

    def test_the_time_out_holds_over_all_attempts(self, serve: Serve) -> None:
        busy = Answer(429, {"Retry-After": "3"}, [b"{}"], chunked=False)
        server, connection = serve(*[busy] * 5)
        client = KubeClient(connection, clock=FakeClock())
        assert client.raw("GET", "/version", timeout=5.0).status == 429
        assert len(server.requests) == 2

    def test_a_refused_connection_is_tried_again_and_then_told(self, serve: Serve) -> None:
        server, connection = serve()
        server.__exit__()
        clock = FakeClock()
        with pytest.raises(ApiError, match=r"POST /x: no answer .*refused") as caught:
            KubeClient(connection, clock=clock).raw("POST", "/x")
        assert caught.value.status == 0
        assert clock.now().mono_ns > 0

    def test_a_server_that_says_nothing_is_given_up_in_time(self, serve: Serve) -> None:
        _, connection = serve(Answer(0, {}, [HANG], chunked=False))
        with pytest.raises(ApiError, match=r"Timeout"):
            KubeClient(connection).raw("GET", "/x", timeout=0.2)


def test_a_client_may_be_shared_between_threads(serve: Serve, configmaps: Resource) -> None:
    _, connection = serve(*[answer({"n": 1})] * 40)
    client = KubeClient(connection)
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(lambda _: client.get(configmaps, "a", "ns"), range(40)))
    assert found == [{"n": 1}] * 40


def test_errors_of_requests_that_timed_out_alike_read_alike() -> None:
    texts = {
        str(no_answer("GET", "/api", TimeoutError(f"Read timed out. (read timeout={seconds})")))
        for seconds in (9.999981603, 9.999984026)
    }

    assert texts == {
        "GET /api: no answer from the API server (TimeoutError: Read timed out. (read timeout=10))"
    }
