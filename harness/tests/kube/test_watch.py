"""What a watch promises, against a server that plays faults."""

from __future__ import annotations

import json
import threading
from itertools import count, islice
from typing import TYPE_CHECKING, Any

import pytest

from harness.clock import Deadline
from harness.errors import ApiError
from harness.kube.watch import NotObserved, Watch, WatchEvent, await_object
from harness.model.time import Stamp
from harness.tests.kube.scripted import (
    DROP,
    HANG,
    Answer,
    event,
    item,
    listing,
    status,
    stream,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.kube.connection import Connection
    from harness.model.resource import Resource
    from harness.tests.kube.scripted import ScriptedServer

    Serve = Callable[..., tuple[ScriptedServer, Connection]]

SILENCE = stream(HANG)


class TickingClock:
    """Tells a later instant each time it is asked."""

    def __init__(self) -> None:
        self._ticks = count(1)

    def now(self) -> Stamp:
        tick = next(self._ticks)
        return Stamp(mono_ns=tick, wall_ns=tick)

    def sleep(self, seconds: float) -> None:
        raise AssertionError(f"a watch doesn't sleep ({seconds} s)")


def first(watch: Watch, number: int) -> list[WatchEvent]:
    """The first events; ends the watch."""
    events = watch.events(deadline=Deadline(5))
    try:
        return list(islice(events, number))
    finally:
        events.close()


def brief(events: list[WatchEvent]) -> list[tuple[str, str, str]]:
    return [
        (found.type, found.object.get("metadata", {}).get("name", ""), found.resource_version)
        for found in events
    ]


def test_a_watch_lists_first_and_marks_the_end_of_the_list(
    serve: Serve, configmaps: Resource
) -> None:
    server, connection = serve(
        listing("9", item("a", "4"), item("b", "7")), stream(event("ADDED", "c", "10"), HANG)
    )
    seen = first(Watch(connection, configmaps, namespace="ns"), 4)
    assert brief(seen) == [
        ("LISTED", "a", "4"),
        ("LISTED", "b", "7"),
        ("BOOKMARK", "", "9"),
        ("ADDED", "c", "10"),
    ]
    assert seen[0].object["kind"] == "ConfigMap"
    listed, watched = server.requests
    assert listed.path == watched.path == "/api/v1/namespaces/ns/configmaps"
    assert "watch" not in listed.query
    assert watched.query["watch"] == "true"
    assert watched.query["allowWatchBookmarks"] == "true"
    assert watched.query["resourceVersion"] == "9"
    assert int(watched.query["timeoutSeconds"]) <= 5


def test_a_watch_of_one_object_selects_it_by_name(serve: Serve, configmaps: Resource) -> None:
    server, connection = serve(listing("1"), stream(event("ADDED", "a", "2"), HANG))
    first(Watch(connection, configmaps, name="a"), 2)
    assert [asked.query["fieldSelector"] for asked in server.requests] == ["metadata.name=a"] * 2


def test_a_long_list_comes_in_pages(serve: Serve, configmaps: Resource) -> None:
    server, connection = serve(
        listing("9", item("a", "4"), more="next"), listing("9", item("b", "5")), SILENCE
    )
    seen = first(Watch(connection, configmaps), 3)
    assert brief(seen) == [("LISTED", "a", "4"), ("LISTED", "b", "5"), ("BOOKMARK", "", "9")]
    assert server.requests[1].query["continue"] == "next"


def test_an_event_is_stamped_when_its_last_byte_has_arrived(
    serve: Serve, configmaps: Resource
) -> None:
    line = event("ADDED", "a", "2")
    _, connection = serve(
        listing("1"),
        stream(line[:20], line[20:40], line[40:], event("ADDED", "b", "3") * 2, HANG),
    )
    seen = first(Watch(connection, configmaps, clock=TickingClock()), 4)
    listed, a, b, again = (found.stamp.mono_ns for found in seen)
    assert a - listed == 3  # the third chunk holds its last byte
    assert b == again == a + 1  # both came in one chunk


def test_a_line_that_ends_and_a_line_that_begins_in_one_chunk_are_told_apart(
    serve: Serve, configmaps: Resource
) -> None:
    text = event("ADDED", "a", "2") + event("MODIFIED", "a", "3")
    _, connection = serve(listing("1"), stream(text[:10], text[10:150], text[150:], HANG))
    assert brief(first(Watch(connection, configmaps), 3))[1:] == [
        ("ADDED", "a", "2"),
        ("MODIFIED", "a", "3"),
    ]


def test_after_a_clean_end_the_watch_goes_on_from_the_last_event(
    serve: Serve, configmaps: Resource
) -> None:
    server, connection = serve(
        listing("1"), stream(event("ADDED", "a", "2")), stream(event("MODIFIED", "a", "3"), HANG)
    )
    assert brief(first(Watch(connection, configmaps), 3))[-1] == ("MODIFIED", "a", "3")
    assert server.requests[2].query["resourceVersion"] == "2"


def test_a_bookmark_moves_the_point_from_which_the_watch_goes_on(
    serve: Serve, configmaps: Resource
) -> None:
    server, connection = serve(
        listing("1"),
        stream(event("BOOKMARK", "", "50")),
        stream(event("ADDED", "a", "51"), HANG),
    )
    seen = first(Watch(connection, configmaps), 3)
    assert brief(seen)[1:] == [("BOOKMARK", "", "50"), ("ADDED", "a", "51")]
    assert server.requests[2].query["resourceVersion"] == "50"


@pytest.mark.parametrize("torn", [b'{"type":"MODIF', b"not JSON\n"])
def test_after_a_broken_connection_nothing_is_told_twice_and_nothing_is_lost(
    serve: Serve, configmaps: Resource, torn: bytes
) -> None:
    server, connection = serve(
        listing("1"),
        stream(event("ADDED", "a", "2"), torn, DROP),
        stream(event("MODIFIED", "a", "3"), HANG),
    )
    assert [found.type for found in first(Watch(connection, configmaps), 3)] == [
        "BOOKMARK",
        "ADDED",
        "MODIFIED",
    ]
    assert server.requests[2].query["resourceVersion"] == "2"


@pytest.mark.parametrize(
    "gone",
    [
        status(410, "Expired"),
        stream(
            json.dumps({"type": "ERROR", "object": {"kind": "Status", "code": 410}}).encode()
            + b"\n"
        ),
    ],
    ids=["answer", "event"],
)
def test_a_version_that_is_gone_is_told_as_a_gap_and_listed_anew(
    serve: Serve, configmaps: Resource, gone: Answer
) -> None:
    server, connection = serve(
        listing("1", item("a", "1")),
        gone,
        listing("90", item("b", "80")),
        stream(event("ADDED", "c", "91"), HANG),
    )
    assert brief(first(Watch(connection, configmaps), 6))[2:] == [
        ("GAP", "", ""),
        ("LISTED", "b", "80"),
        ("BOOKMARK", "", "90"),
        ("ADDED", "c", "91"),
    ]
    assert "resourceVersion" not in server.requests[2].query


def test_an_error_event_other_than_gone_is_a_broken_connection(
    serve: Serve, configmaps: Resource
) -> None:
    error = {"type": "ERROR", "object": {"kind": "Status", "code": 500}}
    server, connection = serve(
        listing("1"),
        stream(json.dumps(error).encode() + b"\n"),
        stream(event("ADDED", "a", "2"), HANG),
    )
    assert brief(first(Watch(connection, configmaps), 2))[1] == ("ADDED", "a", "2")
    assert server.requests[2].query["resourceVersion"] == "1"


@pytest.mark.parametrize("code", [429, 500, 503])
def test_refusals_that_pass_are_waited_out(serve: Serve, configmaps: Resource, code: int) -> None:
    _, connection = serve(status(code), listing("1"), status(code), SILENCE)
    watch = Watch(connection, configmaps)
    assert brief(first(watch, 1)) == [("BOOKMARK", "", "1")]


@pytest.mark.parametrize("code", [401, 403, 404])
def test_refusals_that_stay_are_raised(serve: Serve, configmaps: Resource, code: int) -> None:
    _, connection = serve(status(code, "Because", "the server says no"))
    with pytest.raises(ApiError, match="the server says no") as caught:
        first(Watch(connection, configmaps), 1)
    assert caught.value.status == code


def test_a_server_that_ends_each_watch_at_once_is_not_hammered(
    serve: Serve, configmaps: Resource
) -> None:
    server, connection = serve(listing("1"), *[stream()] * 100)
    list(Watch(connection, configmaps).events(deadline=Deadline(0.5)))
    assert len(server.requests) < 8


def test_no_server_is_waited_for_until_the_deadline(configmaps: Resource, serve: Serve) -> None:
    server, connection = serve()
    server.__exit__()
    assert list(Watch(connection, configmaps).events(deadline=Deadline(0.2))) == []


@pytest.mark.parametrize(
    "answers",
    [
        [Answer(0, {}, [HANG], chunked=False)],
        [listing("1"), Answer(0, {}, [HANG], chunked=False)],
        [listing("1"), SILENCE],
        [listing("1"), stream(b'{"type":', HANG)],
    ],
    ids=["in the list", "before the headers", "in silence", "in a line"],
)
@pytest.mark.parametrize("how", ["close", "deadline", "stop"])
def test_a_watch_ends_promptly_wherever_it_blocks(
    serve: Serve, configmaps: Resource, answers: list[Answer], how: str
) -> None:
    server, connection = serve(*answers)
    watch = Watch(connection, configmaps)
    stop = threading.Event()
    deadline = Deadline(0.3) if how == "deadline" else None
    watched_stop = stop if how == "stop" else None
    thread = threading.Thread(
        target=lambda: list(watch.events(deadline=deadline, stop=watched_stop))
    )
    thread.start()
    server.await_requests(len(answers))
    if how == "close":
        watch.close()
    stop.set()
    thread.join(30)
    assert not thread.is_alive()


def test_a_closed_watch_stays_closed(serve: Serve, configmaps: Resource) -> None:
    server, connection = serve()
    watch = Watch(connection, configmaps)
    watch.close()
    assert list(watch.events()) == []
    assert server.requests == []


def test_raw_events_leave_the_object_undecoded_beside_a_cheap_header(
    serve: Serve, configmaps: Resource
) -> None:
    text = json.dumps(
        {
            "type": "ADDED",
            "object": {
                "metadata": {
                    "name": "a",
                    "namespace": "ns",
                    "uid": "u",
                    "resourceVersion": "2",
                    "generation": 3,
                },
                "spec": {"size": 1},
            },
        }
    ).encode()
    _, connection = serve(listing("1"), stream(text + b"\n", HANG))
    events = Watch(connection, configmaps).raw_events(deadline=Deadline(5))
    _, added = islice(events, 2)
    events.close()
    header = added.header
    assert (header.name, header.namespace, header.uid) == ("a", "ns", "u")
    assert (header.resource_version, header.generation) == ("2", 3)
    assert json.loads(bytes(added.raw))["spec"] == {"size": 1}


class TestAwaitingAnObject:
    """await_object."""

    def test_it_returns_the_first_state_that_meets_the_predicate(
        self, serve: Serve, configmaps: Resource
    ) -> None:
        _, connection = serve(
            listing("1", item("a", "1", data={"x": "1"})),
            stream(
                event("MODIFIED", "a", "2", data={"x": "2"}),
                event("MODIFIED", "a", "3", data={"x": "3"}),
                HANG,
            ),
        )
        told: list[str] = []
        found = await_object(
            connection,
            configmaps,
            "a",
            "ns",
            lambda obj: obj is not None and obj["data"]["x"] == "2",
            timeout=5,
            on_event=lambda one: told.append(one.type),
        )
        assert found is not None
        assert found["metadata"]["resourceVersion"] == "2"
        assert told == ["LISTED", "BOOKMARK", "MODIFIED"]

    def test_absence_can_be_awaited_and_is_known_from_the_end_of_the_list(
        self, serve: Serve, configmaps: Resource
    ) -> None:
        _, connection = serve(listing("1"), SILENCE)
        assert (
            await_object(connection, configmaps, "a", "ns", lambda obj: obj is None, timeout=5)
            is None
        )

    def test_a_deletion_is_absence(self, serve: Serve, configmaps: Resource) -> None:
        _, connection = serve(
            listing("1", item("a", "1")), stream(event("DELETED", "a", "2"), HANG)
        )
        states: list[bool] = []

        def gone(obj: dict[str, Any] | None) -> bool:
            states.append(obj is not None)
            return obj is None

        assert await_object(connection, configmaps, "a", "ns", gone, timeout=5) is None
        assert states[0] is True
        assert states[-1] is False

    def test_a_gap_is_not_absence(self, serve: Serve, configmaps: Resource) -> None:
        _, connection = serve(
            listing("1", item("a", "1")), status(410), listing("9", item("a", "8")), SILENCE
        )
        with pytest.raises(NotObserved) as caught:
            await_object(connection, configmaps, "a", "ns", lambda obj: obj is None, timeout=2)
        assert caught.value.last is not None

    def test_a_time_out_tells_what_was_seen_last(self, serve: Serve, configmaps: Resource) -> None:
        _, connection = serve(listing("1", item("a", "1", data={"x": "1"})), SILENCE)
        with pytest.raises(NotObserved, match=r"configmaps ns/a .* within 2 s") as caught:
            await_object(connection, configmaps, "a", "ns", lambda _: False, timeout=2)
        assert caught.value.last is not None
        assert caught.value.last["data"] == {"x": "1"}

    def test_a_time_out_tells_whether_the_server_said_anything(
        self, serve: Serve, configmaps: Resource
    ) -> None:
        _, connection = serve(Answer(0, {}, [HANG], chunked=False))
        with pytest.raises(NotObserved) as caught:
            await_object(connection, configmaps, "a", "ns", lambda _: False, timeout=0.2)
        assert (caught.value.last, caught.value.seen) == (None, False)
