"""Prometheus as a process under the guard, its data in the run's evidence."""

from __future__ import annotations

import http.client
import os
import socket
import threading
from typing import TYPE_CHECKING, Self

from harness.clock import Deadline
from harness.errors import ClusterError
from harness.probes.prometheus.configuration import configuration

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from harness.guard import Guard
    from harness.probes.prometheus.configuration import ScrapeTarget

__all__ = ["PrometheusServer"]

_NAME = "prometheus"
_READY_S = 60.0  # replaying nothing it takes one; a busy machine gets a minute
_ASK_S = 0.2
_STOP_S = 20.0
_OK = 200


class PrometheusServer:
    """A Prometheus of the run's own; use as a context manager.

    Args:
        binary: The program.
        targets: What it scrapes.
        guard: Starts it, and ends it with the run.
        state_dir: Private folder for its configuration, which names files with tokens.
        data: Folder of its time series; made if absent.
        log: File for what it prints.
        name: By which the guard knows it.

    Raises:
        ClusterError: It doesn't become ready.
        UsageError: A page that it should scrape isn't on this machine.
    """

    def __init__(
        self,
        *,
        binary: Path,
        targets: Sequence[ScrapeTarget],
        guard: Guard,
        state_dir: Path,
        data: Path,
        log: Path,
        name: str = _NAME,
    ) -> None:
        self._guard = guard
        self._name = name
        self._log = log
        self._config = state_dir / f"{name}.yml"
        text = configuration(targets)
        fd = os.open(self._config, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(fd, "w", encoding="utf-8") as file:
            file.write(text)
        data.mkdir(parents=True, exist_ok=True)
        self._port = _free_port()
        self.pid = guard.spawn(
            name,
            [
                binary,
                f"--config.file={self._config}",
                f"--storage.tsdb.path={data}",
                "--storage.tsdb.retention.time=10y",  # it is evidence
                f"--web.listen-address=127.0.0.1:{self._port}",
                "--log.level=warn",
            ],
            env={"PATH": os.defpath, "HOME": str(state_dir), "GOMAXPROCS": "1"},
            log=log,
        ).pid
        self._await_ready()

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self._port}"

    def stop(self) -> None:
        """Ends it; what it has scraped is on disk."""
        if self._guard.status(self._name).running:
            self._guard.stop(self._name, grace_s=_STOP_S)
        self._config.unlink(missing_ok=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _await_ready(self) -> None:
        deadline = Deadline(_READY_S)
        pause = threading.Event()
        while not self._ready():
            if not self._guard.status(self._name).running:
                raise self._failed("ended by itself")
            if deadline.passed:
                raise self._failed(f"isn't ready after {_READY_S:g} s")
            pause.wait(_ASK_S)

    def _ready(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=1.0)
        try:
            connection.request("GET", "/-/ready")
            return connection.getresponse().status == _OK
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def _failed(self, what: str) -> ClusterError:
        try:
            said = self._log.read_text(errors="replace").splitlines()[-5:]
        except OSError:
            said = []
        return ClusterError(
            "\n".join([f"Prometheus {what}.", *said]),
            hint="Give the address of one of your own with --prometheus-url, or see its log "
            f"{self._log.name} in the evidence.",
        )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
