"""Stage 3: a new token in place of the old one, as a kubelet does it, and the old one's end.

A token that is bound to a Secret ends with that Secret, while the Pod lives on. So the process is
started with such a token, gets one that is bound to its Pod, as usual, and the Secret is deleted.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from harness.clock import Deadline
from harness.errors import ClusterError, NotVerified
from harness.installers.process.files import read_launch_file, write_launch_file
from harness.installers.process.refresher import read_spec, refresh, refresh_file

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.clock import Clock
    from harness.installers.process.plan import Instance
    from harness.installers.process.refresher import RefreshSpec
    from harness.kube.client import KubeClient

__all__ = ["TokenRotation"]

_SECRET = "operator-harness-token"  # noqa: S105 - its name; it holds nothing
_GLANCE_S = 0.5


class TokenRotation:
    """Rotates the tokens of the operator's primary processes.

    Args:
        launch_file: Of the operator.
        client: The harness's own identity.
        restart: Ends all processes and starts them again.
        clock: For pauses.
    """

    def __init__(
        self, *, launch_file: Path, client: KubeClient, restart: Callable[[], None], clock: Clock
    ) -> None:
        self._file = launch_file
        self._client = client
        self._restart = restart
        self._clock = clock
        self._old: list[str] = []  # in memory only

    def begin(self) -> None:
        """Starts each process again with a token that can be revoked; see `Rotation`.

        Raises:
            NotVerified: No process has a token.
            HarnessError: It can't be started.
        """
        holders = self._holders()
        if not holders:
            raise NotVerified("the operator mounts no token, so there is none to be replaced")
        for namespace in sorted({spec.namespace for _, spec in holders}):
            body = {
                "apiVersion": "v1",
                "kind": "Secret",
                "metadata": {"name": _SECRET, "namespace": namespace},
            }
            self._client.apply(body)  # one of a run that was killed may be there
        self._bind({instance.process for instance, _ in holders}, _SECRET)
        self._restart()

    def replace(self) -> None:
        """Replaces the token of each process by one that is bound to its Pod; see `Rotation`.

        Raises:
            HarnessError: No token can be had.
        """
        holders = self._holders()
        self._bind({instance.process for instance, _ in holders}, "")
        for _, spec in holders:
            self._old.append(Path(spec.files[0]).read_text(encoding="ascii").strip())
            refresh(spec)

    def revoke(self, *, timeout: float) -> float:
        """Deletes what the old tokens are bound to, and waits for their end; see `Rotation`.

        Raises:
            ClusterError: The API server still takes one.
        """
        deadline = Deadline(timeout, clock=self._clock)
        secrets = self._client.resource("secrets")
        for namespace in sorted({spec.namespace for _, spec in self._holders()}):
            self._client.delete(secrets, _SECRET, namespace)
        while any(map(self._client.accepts, self._old)):
            if deadline.passed:
                raise ClusterError(
                    f"The API server still takes a token after {timeout:g} s whose Secret is gone."
                )
            self._clock.sleep(_GLANCE_S)
        self._old.clear()
        return deadline.seconds - deadline.remaining

    def _holders(self) -> list[tuple[Instance, RefreshSpec]]:
        """Returns the primaries that have a token, with where it is."""
        found = []
        for instance in read_launch_file(self._file).instances:
            with suppress(FileNotFoundError):  # it mounts none
                spec = read_spec(refresh_file(instance.folder))
                if not instance.primary and spec.files:
                    found.append((instance, spec))
        return found

    def _bind(self, processes: set[str], secret: str) -> None:
        launch = read_launch_file(self._file)
        instances = tuple(
            msgspec.structs.replace(item, token_secret=secret)
            if item.process in processes
            else item
            for item in launch.instances
        )
        write_launch_file(self._file, msgspec.structs.replace(launch, instances=instances))
