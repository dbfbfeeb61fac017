"""Fixtures of the API client's tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from harness.kube.connection import Connection, Credentials
from harness.model.resource import Resource
from harness.tests.kube.control_plane import ControlPlane
from harness.tests.kube.scripted import Answer, ScriptedServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture
def configmaps() -> Resource:
    return Resource(group="", version="v1", plural="configmaps", kind="ConfigMap", namespaced=True)


@pytest.fixture
def serve() -> Iterator[Callable[..., tuple[ScriptedServer, Connection]]]:
    """Starts a server with the given answers, and a connection to it."""
    servers: list[ScriptedServer] = []
    connections: list[Connection] = []

    def start(*answers: Answer) -> tuple[ScriptedServer, Connection]:
        server = ScriptedServer(*answers)
        connection = Connection(Credentials(server.url))
        servers.append(server)
        connections.append(connection)
        return server, connection

    yield start
    for connection in connections:
        connection.close()
    for server in servers:
        server.__exit__()


@pytest.fixture(scope="module")
def control_plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """A real API server, one for each module that asks."""
    with ControlPlane(tmp_path_factory.mktemp("control-plane")) as running:
        yield running
