"""Every request of a suite is stamped and recorded, refused or not."""

from typing import Any

import pytest

from harness.clock import FakeClock
from harness.errors import ApiError
from harness.model.records import Action, Stimulus
from harness.model.resource import Resource
from harness.stimulus.mutation import Change
from harness.stimulus.objects import Objects

GUESTBOOKS = Resource(
    group="example.org", version="v1", plural="guestbooks", kind="Guestbook", namespaced=True
)


class Server:
    """Answers as the API server would, and takes a while."""

    def __init__(self, clock: FakeClock) -> None:
        self.clock = clock
        self.refuse = False

    def create(self, _resource: Resource, body: dict[str, Any], **_: Any) -> dict[str, Any]:
        self.clock.advance(0.25)
        if self.refuse:
            raise ApiError("admission webhook denied the request", status=403, reason="Forbidden")
        return {**body, "metadata": {**body["metadata"], "uid": "u1", "generation": 1}}

    def patch(self, _resource: Resource, name: str, patch: Any, **_: Any) -> dict[str, Any]:
        return {**patch, "metadata": {"name": name, "uid": "u1", "generation": 2}}

    def delete(self, *_: Any) -> None:
        return None


@pytest.fixture
def recorded() -> list[Stimulus]:
    return []


@pytest.fixture
def server() -> Server:
    return Server(FakeClock())


@pytest.fixture
def objects(server: Server, recorded: list[Stimulus]) -> Objects:
    return Objects(client=server, clock=server.clock, record=recorded.append)  # type: ignore[arg-type]


def body() -> dict[str, Any]:
    return {"metadata": {"name": "a", "namespace": "ns"}, "spec": {"size": 1}}


def test_a_creation_is_recorded_with_its_stamps_and_generation(
    objects: Objects, recorded: list[Stimulus]
) -> None:
    made = objects.create(GUESTBOOKS, body())
    (stimulus,) = recorded
    assert stimulus.action is Action.CREATE
    assert stimulus.acknowledged.mono_ns - stimulus.sent.mono_ns == 250_000_000
    assert (stimulus.generation, stimulus.status) == (1, 201)
    assert stimulus.subject == made.key
    assert made.key.uid == "u1"


def test_a_refusal_is_recorded_and_raised(
    objects: Objects, server: Server, recorded: list[Stimulus]
) -> None:
    server.refuse = True
    with pytest.raises(ApiError, match="denied"):
        objects.create(GUESTBOOKS, body())
    assert recorded[0].status == 403
    assert "denied" in recorded[0].detail


def test_an_update_moves_the_handle_to_the_new_generation(
    objects: Objects, recorded: list[Stimulus]
) -> None:
    made = objects.create(GUESTBOOKS, body())
    made.update(Change(path="spec.size", value=2, before=1))
    assert made.generation == 2
    assert recorded[-1].detail == "spec.size: 1 -> 2"


def test_a_deletion_is_recorded_without_an_answer(
    objects: Objects, recorded: list[Stimulus]
) -> None:
    objects.create(GUESTBOOKS, body()).delete()
    assert recorded[-1].action is Action.DELETE
    assert recorded[-1].subject is not None
    assert recorded[-1].subject.uid == "u1"
