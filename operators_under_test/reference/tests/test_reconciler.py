"""A look brings a Noteboard to its spec, and writes nothing that is there already."""

from __future__ import annotations

import asyncio

import pytest
from boards import NOW, Server, noteboard
from noteboard.api import ApiError
from noteboard.defects import Defect
from noteboard.names import FINALIZER
from noteboard.reconciler import HOT_S, LEAK_BYTES, STALE_S, TAKEN_S, Outcome, Reconciler
from noteboard.status import condition

ENTRY = ("ConfigMap", "noteboard-directory-the-uid")
CHILDREN = [
    "apply ConfigMap noteboard-directory-the-uid",
    "apply ConfigMap sample-notes",
    "apply Service sample-board",
    "apply Deployment sample-board",
]
STATUS = "status Noteboard sample"


def look(server: Server, defect: Defect = Defect.NONE, *, now: str = NOW) -> Outcome:
    reconciler = Reconciler(server, now=lambda: now, defect=defect)
    return asyncio.run(reconciler.reconcile(server.board))


def ready(server: Server) -> str:
    return str(condition(server.board.get("status", {}), "Ready").get("status"))


@pytest.fixture
def server() -> Server:
    return Server(noteboard())


@pytest.fixture
def at_rest(server: Server) -> Server:
    look(server)
    server.roll_out()
    look(server)
    server.written()
    return server


def test_the_deployment_comes_after_what_its_pods_need(server: Server) -> None:
    look(server)
    assert server.written() == [*CHILDREN, STATUS]
    assert ready(server) == "False"


def test_it_is_ready_once_its_deployment_is_and_says_so_once(server: Server) -> None:
    assert look(server).announcements == ()
    server.roll_out()
    assert [said.reason for said in look(server).announcements] == ["Ready"]
    assert ready(server) == "True"
    assert look(server).announcements == ()


def test_at_rest_it_writes_nothing(at_rest: Server) -> None:
    assert look(at_rest, now="later") == Outcome()
    assert at_rest.written() == []


def test_a_change_is_followed(at_rest: Server) -> None:
    at_rest.change(replicas=2, title="Changed")
    look(at_rest)
    assert at_rest.written() == [CHILDREN[1], CHILDREN[3], STATUS]
    assert at_rest.objects[("ConfigMap", "sample-notes")]["data"]["title"] == "Changed"
    at_rest.roll_out()
    look(at_rest)
    assert at_rest.board["status"]["observedGeneration"] == 2
    assert at_rest.board["status"]["readyReplicas"] == 2


def test_drift_is_repaired_and_what_others_added_is_kept(at_rest: Server) -> None:
    meta = at_rest.objects[("Service", "sample-board")]["metadata"]
    del meta["ownerReferences"]
    meta["labels"]["foreign"] = "kept"
    look(at_rest)
    assert at_rest.written() == ["apply Service sample-board"]
    assert at_rest.objects[("Service", "sample-board")]["metadata"]["labels"]["foreign"] == "kept"


def test_nothing_is_made_before_the_finalizer_is_there(server: Server) -> None:
    server.board["metadata"]["finalizers"] = []
    look(server)
    assert server.written() == []


def test_a_noteboard_on_its_way_out_is_left_alone(at_rest: Server) -> None:
    del at_rest.objects[ENTRY]
    at_rest.board["metadata"]["deletionTimestamp"] = NOW
    look(at_rest)
    assert at_rest.written() == []


def test_another_noteboard_of_the_same_name_is_not_looked_at(server: Server) -> None:
    former = noteboard()
    former["metadata"]["uid"] = "another"
    assert asyncio.run(Reconciler(server, now=lambda: NOW).reconcile(former)) == Outcome()
    assert server.written() == []


def test_a_child_on_its_way_out_is_awaited(at_rest: Server) -> None:
    service = at_rest.objects[("Service", "sample-board")]
    service["metadata"]["deletionTimestamp"] = NOW
    service["spec"]["ports"] = []
    look(at_rest)
    assert at_rest.written() == []


def test_an_object_of_somebody_else_is_never_touched(server: Server) -> None:
    server.objects[("Service", "sample-board")] = {"metadata": {"name": "sample-board"}}
    outcome = look(server)
    assert server.written() == [*CHILDREN[:2], STATUS]
    assert condition(server.board["status"], "Ready")["reason"] == "NameConflict"
    assert [said.type for said in outcome.announcements] == ["Warning"]
    assert outcome.again_s == TAKEN_S
    assert look(server).announcements == (), "the same trouble is told once"


def test_a_newer_object_leads_to_another_look(server: Server) -> None:
    server.refusal = ApiError(409, {"reason": "Conflict"})
    assert look(server).again_s == STALE_S


def test_a_rejected_child_is_told_in_the_status(server: Server) -> None:
    server.refusal = ApiError(403, {"reason": "Forbidden", "message": "quota"})
    with pytest.raises(ApiError, match="quota"):
        look(server)
    assert condition(server.board["status"], "Ready")["reason"] == "ChildRejected"


def test_in_a_namespace_that_ends_nothing_is_tried_again(server: Server) -> None:
    causes = [{"reason": "NamespaceTerminating"}]
    server.refusal = ApiError(403, {"reason": "Forbidden", "details": {"causes": causes}})
    assert look(server) == Outcome()
    assert server.written() == []


def test_the_clean_up_removes_the_directory_entry(at_rest: Server) -> None:
    asyncio.run(Reconciler(at_rest, now=lambda: NOW).clean_up(at_rest.board))
    assert at_rest.written() == ["delete ConfigMap noteboard-directory-the-uid"]
    assert FINALIZER in at_rest.board["metadata"]["finalizers"], "kopf removes it"


class TestDefects:
    def test_never_ready(self, server: Server) -> None:
        look(server)
        server.roll_out()
        look(server, Defect.NEVER_READY)
        assert ready(server) == "False"
        assert server.board["status"]["observedGeneration"] == 1

    def test_leaves_an_orphan(self, at_rest: Server) -> None:
        reconciler = Reconciler(at_rest, now=lambda: NOW, defect=Defect.LEAVES_AN_ORPHAN)
        asyncio.run(reconciler.clean_up(at_rest.board))
        assert ENTRY in at_rest.objects

    def test_loses_a_status_update(self, at_rest: Server) -> None:
        at_rest.change(title="Changed")
        look(at_rest, Defect.LOSES_A_STATUS_UPDATE)
        assert at_rest.written() == [CHILDREN[1]]

    def test_hot_loop(self, at_rest: Server) -> None:
        assert look(at_rest, Defect.HOT_LOOP, now="later").again_s == HOT_S
        assert at_rest.written() == [CHILDREN[1]]

    def test_leaks_memory(self, at_rest: Server) -> None:
        healthy, leaky = (
            Reconciler(at_rest, now=lambda: NOW, defect=defect)
            for defect in (Defect.NONE, Defect.LEAKS_MEMORY)
        )
        for reconciler in (healthy, leaky, leaky):
            asyncio.run(reconciler.clean_up(at_rest.board))
        assert healthy.leaked == []
        assert [len(piece) for piece in leaky.leaked] == [LEAK_BYTES] * 2

    def test_an_unknown_one_is_refused(self) -> None:
        assert Defect.of({}) is Defect.NONE
        with pytest.raises(ValueError, match="never-redy"):
            Defect.of({"NOTEBOARD_DEFECT": "never-redy"})
