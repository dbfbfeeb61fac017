"""Requests as bytes."""

from __future__ import annotations

import json
from typing import Any

from harness.model.load import Operation, object_index, object_name, uid_hash
from harness.model.resource import Resource
from harness.model.target import Kind, Mutation
from harness.stimulus.load.rendering import Pieces, Requests, plan_changes, render

_RESOURCE = Resource(group="example.org", version="v1", plural="boxes", kind="Box", namespaced=True)
_CLUSTER = Resource(group="example.org", version="v1", plural="boxes", kind="Box", namespaced=False)
_HEADERS = {"Host": "127.0.0.1:6443", "Authorization": "Bearer t"}
_PREFIX = "load-00ff-"


def stored(**spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "example.org/v1",
        "kind": "Box",
        "metadata": {
            "name": "dry",
            "namespace": "n",
            "uid": "u",
            "resourceVersion": "7",
            "managedFields": [{}],
            "labels": {"a": "b"},
        },
        "spec": spec,
        "status": {"ready": True},
    }


def kind(*mutations: Mutation) -> Kind:
    return Kind(resource=_RESOURCE.key, samples=(), mutations=mutations)


def sent(pieces: Pieces, namespace: str, index: int) -> tuple[str, dict[str, str], Any]:
    """Reads a request as a server would."""
    name = object_name(_PREFIX, index)
    whole = b"".join((pieces[0], namespace.encode(), pieces[1], name.encode(), pieces[2]))
    head, _, body = whole.partition(b"\r\n\r\n")
    line, *rest = head.decode().split("\r\n")
    headers = dict(one.split(": ", 1) for one in rest)
    assert int(headers["Content-Length"]) == len(body)
    return line, headers, json.loads(body)


def rendered(
    body: dict[str, Any], *mutations: Mutation, resource: Resource = _RESOURCE
) -> Requests:
    rendering = plan_changes(kind(*mutations), body)
    return render(rendering, resource, headers=_HEADERS, name_width=len(object_name(_PREFIX, 0)))


def test_a_create_holds_the_sample_under_its_own_name_and_nothing_that_a_server_assigns() -> None:
    line, headers, body = sent(rendered(stored(size=1)).create, "place", 17)

    assert line.startswith("POST /apis/example.org/v1/namespaces/place/boxes?")
    assert headers["Authorization"] == "Bearer t"
    assert body["metadata"] == {"name": "load-00ff-0000017", "labels": {"a": "b"}}
    assert body["spec"] == {"size": 1}
    assert "status" not in body


def test_an_update_names_its_object_in_the_path() -> None:
    requests = rendered(stored(size=1), Mutation(path="spec.size", values=(1, 2, 3)))

    line, headers, body = sent(requests.updates[0], "place", 3)

    assert line.startswith("PATCH /apis/example.org/v1/namespaces/place/boxes/load-00ff-0000003?")
    assert headers["Content-Type"] == "application/merge-patch+json"
    assert body == {"spec": {"size": 2}}


def test_a_resource_of_the_whole_cluster_has_no_namespace_in_its_path() -> None:
    requests = rendered(stored(size=1), resource=_CLUSTER)

    assert sent(requests.create, "", 1)[0].startswith("POST /apis/example.org/v1/boxes?")
    assert sent(requests.delete, "", 1)[0].startswith(
        "DELETE /apis/example.org/v1/boxes/load-00ff-0000001?"
    )


def test_each_update_of_an_object_changes_what_the_one_before_has_left() -> None:
    mutations = (
        Mutation(path="spec.size", values=(1, 2)),
        Mutation(path="spec.words[1]", values=("x", "y")),
    )
    requests = rendered(stored(size=1, words=["a", "b"]), *mutations)
    spec: dict[str, Any] = {"size": 1, "words": ["a", "b"]}
    turn = 0
    for _ in range(50):
        before = dict(spec)
        spec |= sent(requests.pieces(Operation.UPDATE, turn), "p", 1)[2]["spec"]
        assert spec != before
        turn = requests.turn_after(turn)


def test_a_no_op_update_says_what_is_there_already() -> None:
    requests = rendered(stored(size=1), Mutation(path="spec.size", values=(1, 2)))
    first = sent(requests.pieces(Operation.NOOP_UPDATE, 0), "p", 1)[2]
    after = sent(requests.pieces(Operation.NOOP_UPDATE, 1), "p", 1)[2]

    assert first == {"spec": {"size": 1}}
    assert after == {"spec": {"size": 2}}


def test_a_mutation_with_one_value_goes_to_and_fro() -> None:
    requests = rendered(stored(size=1), Mutation(path="spec.size", values=(5,)))

    there, back = (sent(pieces, "p", 1)[2]["spec"]["size"] for pieces in requests.updates)
    assert (there, back) == (5, 1)
    assert requests.turn_after(1) == 0


def test_without_mutations_there_are_no_updates_and_a_no_op_sends_the_spec() -> None:
    requests = rendered(stored(size=1))

    assert requests.updates == ()
    assert sent(requests.no_ops[0], "p", 1)[2] == {"spec": {"size": 1}}


def test_names_lead_back_to_indices() -> None:
    assert object_index(_PREFIX, object_name(_PREFIX, 12_345)) == 12_345
    assert object_index(_PREFIX, "load-00ff-12") == -1
    assert object_index(_PREFIX, "other-00ff-0000012") == -1
    assert object_index(_PREFIX, "load-00ff-00000x2") == -1


def test_a_uid_gives_the_same_number_as_text_and_as_bytes() -> None:
    uid = "2f1c7f52-6f0d-4b3e-9b0a-0123456789ab"

    assert uid_hash(uid) == uid_hash(uid.encode())
    assert 0 < uid_hash(uid) < 1 << 63
    assert uid_hash("no uuid at all") == uid_hash(b"no uuid at all") != 0
