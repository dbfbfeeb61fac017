"""Stage 4b: ports of this machine that lead to the operator's Pods: a program of its own.

Each connection looks for a ready Pod anew, so the way survives restarts, rollouts and evictions.
It goes by the API server's `portforward`, which reaches what listens on a Pod's loopback only, and
leaves every header as it was: the API server's proxy would take the Authorization header away.

It runs under the guard, listens on 127.0.0.1 only, and is told by a private file what to do.
"""

from __future__ import annotations

import socket
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from harness.errors import HarnessError
from harness.kube.client import KubeClient
from harness.kube.connection import Connection
from harness.kube.kubeconfig import read_kubeconfig
from harness.kube.pods import is_ready, pods_of
from harness.kube.websocket import WebSocket

if TYPE_CHECKING:
    from harness.kube.connection import Credentials

__all__ = ["Forward", "Forwarder", "Forwards", "serve"]

_HERE = "127.0.0.1"
_PROTOCOL = "v4.channel.k8s.io"
_OPEN_S = 10.0
_CHUNK = 32 << 10
_DATA, _ERROR = 0, 1  # channels of the first port
_BACKLOG = 16


class Forward(msgspec.Struct, frozen=True, kw_only=True):
    """One port.

    Attributes:
        listen: Port of this machine.
        namespace: Of the Deployment.
        deployment: Whose Pods are reached.
        port: Of the Pod.
    """

    listen: int
    namespace: str
    deployment: str
    port: int


class Forwards(msgspec.Struct, frozen=True, kw_only=True):
    """What the program is told.

    Attributes:
        kubeconfig: Path of the harness identity's own.
    """

    kubeconfig: str
    forwards: tuple[Forward, ...]


class Forwarder:
    """Leads connections to one port of one Deployment's Pods.

    Args:
        forward: From where to where.
        credentials: Server and identity.
        client: The same identity.
    """

    def __init__(self, forward: Forward, *, credentials: Credentials, client: KubeClient) -> None:
        self._forward = forward
        self._credentials = credentials
        self._client = client
        self._socket = socket.create_server((_HERE, forward.listen), backlog=_BACKLOG)
        self.port: int = self._socket.getsockname()[1]

    def run(self) -> None:
        """Takes connections until `close`."""
        while True:
            try:
                taken, _ = self._socket.accept()
            except OSError:
                return
            threading.Thread(target=self._lead, args=(taken,), daemon=True).start()

    def close(self) -> None:
        """Takes no more connections."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def _lead(self, taken: socket.socket) -> None:
        """Leads one connection to its end; without a Pod it's closed at once, as a dead port is."""
        with taken:
            try:
                channel = self._open()
            except HarnessError as error:
                _say(f"{self._forward.deployment}:{self._forward.port}: {error}")
                return
            try:
                back = threading.Thread(target=_back, args=(channel, taken), daemon=True)
                back.start()
                _forth(taken, channel)
            finally:
                channel.close()
            back.join()

    def _open(self) -> WebSocket:
        forward = self._forward
        deployment = self._client.get(
            self._client.resource("deployments.apps"), forward.deployment, forward.namespace
        )
        ready = [pod for pod in pods_of(self._client, deployment) if is_ready(pod)]
        if not ready:
            raise HarnessError("no Pod is ready")
        name = ready[-1]["metadata"]["name"]
        return WebSocket.connect(
            self._credentials,
            f"/api/v1/namespaces/{forward.namespace}/pods/{name}/portforward",
            query=(("ports", str(forward.port)),),
            protocol=_PROTOCOL,
            timeout=_OPEN_S,
        )


def _forth(taken: socket.socket, channel: WebSocket) -> None:
    """Passes on what the client sends, until it has ended or the Pod's side has."""
    with suppress(OSError):
        while chunk := taken.recv(_CHUNK):
            channel.send(bytes([_DATA]) + chunk)


def _back(channel: WebSocket, taken: socket.socket) -> None:
    """Passes on what the Pod sends. The first message of each channel is its port's number."""
    begun: set[int] = set()
    with suppress(OSError):
        while message := channel.receive():
            kind, content = message[0], message[1:]
            if kind not in begun:
                begun.add(kind)
            elif kind == _DATA:
                taken.sendall(content)
            elif kind == _ERROR:
                _say(content.decode(errors="replace").strip()[:300])
                break
    with suppress(OSError):
        taken.shutdown(socket.SHUT_RDWR)


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def serve(told: Forwards) -> None:
    """Leads all ports until the process is ended.

    Raises:
        HarnessError: The kubeconfig can't be read.
        OSError: A port is taken.
    """
    credentials = read_kubeconfig(Path(told.kubeconfig)).credentials
    client = KubeClient(Connection(credentials))
    forwarders = [Forwarder(item, credentials=credentials, client=client) for item in told.forwards]
    threads = [threading.Thread(target=item.run, daemon=True) for item in forwarders]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


if __name__ == "__main__":
    serve(msgspec.json.decode(Path(sys.argv[1]).read_bytes(), type=Forwards))
