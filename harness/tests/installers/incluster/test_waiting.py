"""What is waited for: a whole Deployment, and a Service behind which something answers."""

from __future__ import annotations

from typing import Any

import pytest

from harness.clock import FakeClock
from harness.installers.incluster.leadership import holder_among
from harness.installers.incluster.waiting import await_service, is_available
from harness.kube.client import KubeClient
from harness.kube.connection import Connection, Credentials
from harness.tests.kube.scripted import Answer, ScriptedServer, status

_SERVICE = ("ns", "hooks", 443)
_DIALED = b"error trying to reach service: dial tcp 10.244.0.5:9443: connect: connection refused"


def _plain(code: int, body: bytes) -> Answer:
    return Answer(code, {"Content-Type": "text/plain"}, [body], chunked=False)


def _said(*answers: Answer, timeout: float = 30.0) -> str:
    with ScriptedServer(*answers) as server:
        connection = Connection(Credentials(server.url))
        said = await_service(
            KubeClient(connection, clock=FakeClock()),
            _SERVICE,
            timeout=timeout,
            clock=FakeClock(),
        )
        connection.close()
        assert server.requests[-1].path == "/api/v1/namespaces/ns/services/https:hooks:443/proxy/"
    return said


def test_a_service_answers_when_what_is_behind_it_does() -> None:
    none = status(503, "ServiceUnavailable", 'no endpoints available for service "hooks"')
    assert _said(none, _plain(502, _DIALED), _plain(404, b"404 page not found")) == ""


@pytest.mark.parametrize("code", [200, 400, 404, 405, 415])
def test_any_answer_of_its_own_will_do(code: int) -> None:
    assert _said(_plain(code, b"whatever a webhook says to a GET")) == ""


def test_a_service_that_never_answers_is_told_in_the_api_servers_words() -> None:
    assert _said(_plain(502, _DIALED), timeout=0.0) == f"502: {_DIALED.decode()}"


def test_a_service_that_is_not_there_never_answers() -> None:
    missing = status(404, "NotFound", 'services "hooks" not found', details={"name": "hooks"})
    assert 'services \\"hooks\\" not found' in _said(missing, timeout=0.0)


def _deployment(**status_now: Any) -> dict[str, Any]:
    told = {
        "observedGeneration": 2,
        "replicas": 2,
        "updatedReplicas": 2,
        "availableReplicas": 2,
        **status_now,
    }
    return {"metadata": {"generation": 2}, "spec": {"replicas": 2}, "status": told}


def test_a_deployment_is_available_when_all_of_its_replicas_are() -> None:
    assert is_available(_deployment())


@pytest.mark.parametrize(
    "late",
    [
        {"observedGeneration": 1},
        {"availableReplicas": 1},
        {"updatedReplicas": 1},
        {"replicas": 3},  # an old one is still there
    ],
)
def test_a_deployment_on_its_way_is_not(late: dict[str, int]) -> None:
    assert not is_available(_deployment(**late))
    assert not is_available({"metadata": {"generation": 1}, "spec": {}})


def _lease(holder: str, renewed: str) -> dict[str, Any]:
    return {
        "metadata": {"name": "op", "namespace": "ns"},
        "spec": {"holderIdentity": holder, "renewTime": renewed},
    }


def test_a_lease_is_held_by_the_pod_whose_name_it_bears_since_it_began() -> None:
    pod = {
        "metadata": {"name": "op-5d9-x"},
        "spec": {},
        "status": {"startTime": "2026-11-21T06:00:00Z"},
    }
    assert holder_among(_lease("op-5d9-x_8a1", "2026-11-21T06:00:09.5Z"), [pod]) == "op-5d9-x"
    assert holder_among(_lease("op-5d9-x_8a1", "2026-11-21T05:59:59Z"), [pod]) == ""
    assert holder_among(_lease("op-5d9-y_8a1", "2026-11-21T06:00:09Z"), [pod]) == ""
    assert holder_among(_lease("", ""), [pod]) == ""
