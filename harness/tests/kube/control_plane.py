"""A bare real API server for tests: etcd and kube-apiserver, nothing else."""

from __future__ import annotations

import json
import os
import signal
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Self

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from harness import command
from harness.clock import SYSTEM_CLOCK, Deadline
from harness.errors import ApiError, UsageError
from harness.kube.client import KubeClient

if TYPE_CHECKING:
    from harness.command import Spawned

__all__ = ["ControlPlane"]

_TOKEN = "canary-admin-token"
_POLICY = """
apiVersion: audit.k8s.io/v1
kind: Policy
rules: [{level: Metadata}]
"""


class ControlPlane:
    """Runs from entering to leaving the context.

    Args:
        folder: For state, certificates and the audit log.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.audit_log = folder / "audit.log"
        self.kubeconfig = folder / "kubeconfig"
        self._etcd: Spawned | None = None
        self._server: Spawned | None = None
        self._ports = _free_ports(3)

    def __enter__(self) -> Self:
        (self.folder / "policy.yaml").write_text(_POLICY)
        (self.folder / "tokens.csv").write_text(f"{_TOKEN},admin,admin,system:masters\n")
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        (self.folder / "sa.key").write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        try:
            self._start_etcd()
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop(signal.SIGKILL)
        if self._etcd is not None:
            self._etcd.send_signal(signal.SIGKILL)
            self._etcd.wait(10)

    def client(self) -> KubeClient:
        """A client of its own connection, as administrator."""
        return KubeClient.from_kubeconfig(self.kubeconfig)

    def send(self, number: int) -> None:
        """Sends a signal to the API server."""
        assert self._server is not None
        self._server.send_signal(number)
        if number == signal.SIGSTOP:  # each of its threads takes its time to see it
            os.waitid(os.P_PID, self._server.pid, os.WSTOPPED | os.WNOWAIT)

    def stop(self, number: int) -> None:
        """Ends the API server; with SIGTERM it would wait a minute for open watches."""
        if self._server is not None and self._server.poll() is None:
            self._server.send_signal(signal.SIGCONT)
            self._server.send_signal(number)
            self._server.wait(30)

    def start(self) -> None:
        """Starts the API server and returns when it is ready."""
        port = self._ports[0]
        flags = {
            "etcd-servers": f"http://127.0.0.1:{self._ports[1]}",
            "bind-address": "127.0.0.1",
            "secure-port": str(port),
            "cert-dir": self.folder / "certs",
            "service-account-key-file": self.folder / "sa.key",
            "service-account-signing-key-file": self.folder / "sa.key",
            "service-account-issuer": "https://test.invalid",
            "token-auth-file": self.folder / "tokens.csv",
            "authorization-mode": "RBAC",
            "service-cluster-ip-range": "10.0.0.0/24",
            "audit-log-path": self.audit_log,
            "audit-policy-file": self.folder / "policy.yaml",
            "watch-cache": "true",
            "enable-admission-plugins": "OwnerReferencesPermissionEnforcement",
            "shutdown-delay-duration": "0s",
        }
        self._server = self._spawn("kube-apiserver", {name: str(to) for name, to in flags.items()})
        self._await_ready(f"https://127.0.0.1:{port}")

    def _start_etcd(self) -> None:
        _, client, peer = (f"http://127.0.0.1:{port}" for port in self._ports)
        flags = {
            "data-dir": str(self.folder / "etcd"),
            "listen-client-urls": client,
            "advertise-client-urls": client,
            "listen-peer-urls": peer,
            "initial-advertise-peer-urls": peer,
            "initial-cluster": f"default={peer}",
            "unsafe-no-fsync": "true",
        }
        self._etcd = self._spawn("etcd", flags)

    def _spawn(self, name: str, flags: dict[str, str]) -> Spawned:
        argv = [str(_binary(name)), *(f"--{flag}={value}" for flag, value in flags.items())]
        with (self.folder / f"{name}.log").open("ab") as log:
            return command.spawn(
                argv, env=command.environment(), stdout=log.fileno(), stderr=log.fileno()
            )

    def _await_ready(self, server: str) -> None:
        ca = self.folder / "certs" / "apiserver.crt"
        deadline = Deadline(60)
        while not deadline.passed:
            assert self._server is not None
            assert self._server.poll() is None, (self.folder / "kube-apiserver.log").read_text()
            if ca.exists() and self._ready(server, ca):
                return
            SYSTEM_CLOCK.sleep(0.05)
        raise AssertionError("the API server didn't become ready")

    def _ready(self, server: str, ca: Path) -> bool:
        cluster = {"server": server, "certificate-authority": str(ca)}
        document = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "x", "cluster": cluster}],
            "users": [{"name": "x", "user": {"token": _TOKEN}}],
            "contexts": [{"name": "x", "context": {"cluster": "x", "user": "x"}}],
            "current-context": "x",
        }
        self.kubeconfig.write_text(json.dumps(document))
        try:
            return self.client().raw("GET", "/readyz", timeout=0.5).status == 200
        except (ApiError, UsageError):  # its certificate may be half written yet
            return False


def _binary(name: str) -> Path:
    folder = os.environ.get("HARNESS_TEST_ASSETS")
    if folder:
        return Path(folder) / name
    from harness.assets import Component, resolve  # noqa: PLC0415 - only without the variable

    return resolve([Component(name)], build=False).path(Component(name))


def _free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()
