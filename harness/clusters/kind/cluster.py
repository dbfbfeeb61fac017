"""pytest-kind's cluster, with constructor and programs of our own.

pytest-kind downloads kind and kubectl into `.pytest-kind/` where the caller stands, and calls
them without time-outs. Ours has a state folder, given binaries, and a guard that ends what it
started. Who knows `KindCluster` knows how to use it.
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from pytest_kind import KindCluster

from harness.clusters.kind.engine import nodes_of, remove
from harness.clusters.kind.troubles import explained
from harness.errors import ClusterError, CommandError, HarnessError
from harness.evidence.tail import Tail

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from pathlib import Path

    from harness.clusters.kind.calls import Calls

__all__ = ["HarnessKindCluster"]

_CREATE_S = 300.0
_DELETE_S = 60.0
_LOAD_S = 180.0
_KUBECTL_S = 60.0
_FORWARD_S = 20.0
_FORWARDING = re.compile(rb"Forwarding from 127\.0\.0\.1:(\d+) ->")


class HarnessKindCluster(KindCluster):  # type: ignore[misc] # pytest-kind ships no types
    """A kind cluster whose files lie in a state folder and whose calls have time-outs.

    Args:
        calls: Runs the programs; knows kind's name for the cluster, and the state folder.
        kind_path: kind's program.
        kubectl_path: kubectl's program.
        kubeconfig: The file that kubectl uses; kind's own lies beside it.
        kind_kubeconfig: The file that kind writes.
        image: Node image; None for what the configuration says.
    """

    def __init__(
        self,
        calls: Calls,
        *,
        kind_path: Path,
        kubectl_path: Path,
        kubeconfig: Path,
        kind_kubeconfig: Path,
        image: str | None = None,
    ) -> None:
        # Not KindCluster's own: it makes a folder where the caller stands.
        if calls.state is None:
            raise HarnessError("A kind cluster needs a state folder.")
        self.name = calls.name
        self.image = image
        self.path = calls.state
        self.kind_path = kind_path
        self.kubectl_path = kubectl_path
        self.kubeconfig_path = kubeconfig
        self.kind_kubeconfig_path = kind_kubeconfig
        self._calls = calls
        self._forwards = 0

    @property
    def api(self) -> Any:  # noqa: ANN401 - pykube ships no types
        """A pykube client, as pytest-kind's users know it."""
        import pykube  # noqa: PLC0415 - for them only

        return pykube.HTTPClient(pykube.KubeConfig.from_file(self.kubeconfig_path))

    def ensure_kind(self) -> None:
        """Does nothing: the binary was given."""

    def ensure_kubectl(self) -> None:
        """Does nothing: the binary was given."""

    def exists(self) -> bool:
        """Whether the engine has nodes of it.

        Raises:
            ClusterError: The engine doesn't answer.
        """
        return bool(nodes_of(self._calls, self.name))

    def create(
        self,
        config_file: str | Path | None = None,
        *,
        timeout: float = _CREATE_S,
        on_line: Callable[[str], None] = lambda _: None,
    ) -> None:
        """Makes the cluster; unlike pytest-kind's, it doesn't take one that is there.

        Args:
            config_file: A kind config.
            timeout: Seconds until kind is stopped.
            on_line: Told each line that kind prints.

        Raises:
            ClusterError: kind fails; tells the cause and what to do.
        """
        options = ["--retain"]  # nodes stay until their logs are saved; we remove them ourselves
        if self.image:
            options.append(f"--image={self.image}")
        if config_file:
            options.append(f"--config={config_file}")
        argv: tuple[str | Path, ...] = (
            *(self.kind_path, "create", "cluster", f"--name={self.name}"),
            f"--kubeconfig={self.kind_kubeconfig_path}",
            *options,
        )
        try:
            self._calls.run_guarded(
                argv, timeout=timeout, log=self.path / "kind.log", on_line=on_line
            )
        except CommandError as error:
            raise explained("kind can't make the cluster", self._printed(error)) from error

    def _printed(self, error: CommandError) -> str:
        """Returns all that kind printed, where there is more than the error's last lines."""
        try:
            text = (self.path / "kind.log").read_text(errors="replace")
        except OSError:
            text = ""
        return f"{text}\n{error}" if "took longer" in str(error) else text or str(error)

    def delete(self) -> None:
        """Removes the cluster's nodes and network, and sees that they are gone.

        Raises:
            ClusterError: Something stays.
        """
        argv: tuple[str | Path, ...] = (
            *(self.kind_path, "delete", "cluster", f"--name={self.name}"),
            f"--kubeconfig={self.kind_kubeconfig_path}",
        )
        self._calls.run(argv, timeout=_DELETE_S, check=False)
        remove(self._calls, self.name)

    def load_docker_image(self, docker_image: str) -> None:
        """Brings an image of the engine to the nodes.

        Raises:
            ClusterError: It can't.
        """
        self._load("docker-image", docker_image)

    def load_archive(self, archive: Path) -> None:
        """Brings the images of an archive to the nodes.

        Raises:
            ClusterError: It can't.
        """
        self._load("image-archive", str(archive))

    def _load(self, way: str, what: str) -> None:
        argv: tuple[str | Path, ...] = (self.kind_path, "load", way, f"--name={self.name}", what)
        try:
            self._calls.run(argv, timeout=_LOAD_S)
        except CommandError as error:
            raise explained(f"{what} can't be loaded into the nodes", str(error)) from error

    def save_logs(self, folder: Path, *, timeout: float) -> None:
        """Has kind write the logs of nodes and pods into a folder, as they are.

        Raises:
            CommandError: It fails, or takes too long.
        """
        argv: tuple[str | Path, ...] = (
            self.kind_path,
            "export",
            "logs",
            f"--name={self.name}",
            folder,
        )
        self._calls.run(argv, timeout=timeout)

    def kubectl(self, *args: str, timeout: float = _KUBECTL_S, **_: object) -> str:
        """Returns what kubectl prints.

        Args:
            args: kubectl's.
            timeout: Seconds that it may take.

        Raises:
            CommandError: It fails.
        """
        env = {**self._calls.env, "KUBECONFIG": str(self.kubeconfig_path)}
        argv: tuple[str | Path, ...] = (self.kubectl_path, *args)
        return self._calls.run(argv, timeout=timeout, env=env).output

    @contextmanager
    def port_forward(
        self,
        service_or_pod_name: str,
        remote_port: int,
        *args: str,
        local_port: int | None = None,
        retries: int = 1,  # noqa: ARG002 - pytest-kind's; kubectl itself chooses a free port
    ) -> Generator[int]:
        """Forwards a port of 127.0.0.1 to a Pod or Service while the context lasts; yields it.

        Raises:
            ClusterError: kubectl fails or isn't ready in time.
        """
        guard = self._calls.guard
        if guard is None:
            raise HarnessError("Forwarding a port needs a guard.")
        self._forwards += 1
        title = f"port-forward {self._forwards}"
        log = self.path / f"port-forward-{self._forwards}.log"
        guard.spawn(
            title,
            (
                *(self.kubectl_path, "port-forward", "--address=127.0.0.1", service_or_pod_name),
                f"{local_port or ''}:{remote_port}",
                *args,
            ),
            env={**self._calls.env, "KUBECONFIG": str(self.kubeconfig_path)},
            log=log,
        )
        try:
            yield self._forwarded(log, service_or_pod_name)
        finally:
            guard.stop(title, grace_s=0.0)

    def _forwarded(self, log: Path, subject: str) -> int:
        with Tail(log) as tail:
            ports: list[int] = []

            def told(line: bytes) -> bool:
                if match := _FORWARDING.search(line):
                    ports.append(int(match.group(1)))
                return bool(ports) or line.startswith((b"error", b"Error"))

            tail.wait_for(told, timeout=_FORWARD_S)
        if not ports:
            raise ClusterError(
                f"No port can be forwarded to {subject}: {log.read_text(errors='replace').strip()}",
                hint="Its Pod must be running.",
            )
        return ports[0]
