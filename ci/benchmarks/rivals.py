"""Those that are measured: our command, bare kwokctl, and controller-runtime's envtest.

Each is started as its user starts it, in folders of its own, and taken down again. What they
share is how: `launch` begins the time, `prober` asks from then on, `await_returned` waits for the
command, `take_down` ends it all.
"""

from __future__ import annotations

import os
import shutil
import ssl
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, Self
from urllib.parse import urlsplit

import yaml
from prober import Prober, seconds_since

from harness.clock import SYSTEM_CLOCK, Deadline
from harness.clusters.local import components as processes
from harness.clusters.local.layout import create_command, new_paths, write_files
from harness.clusters.local.ports import reserve
from harness.command import environment, run, spawn
from harness.errors import ClusterError, HarnessError

if TYPE_CHECKING:
    from harness.assets import AssetSet
    from harness.command import Spawned

__all__ = ["Envtest", "Harness", "Kwokctl", "Rival"]

_LIMIT_S = 120.0
_GLANCE_S = 0.005
_TOKEN = "prober"  # noqa: S105 - of a cluster that lives for seconds


class Rival(Protocol):
    """One control plane that is made and ended once."""

    def launch(self) -> None:
        """Starts it; time begins."""

    def prober(self) -> Prober:
        """Returns what asks it, as soon as that can be known."""

    def check(self) -> None:
        """Raises HarnessError where the command failed."""

    def await_returned(self) -> None:
        """Waits until the command has returned."""

    def take_down(self) -> float:
        """Ends it and removes its files; returns how long its own command for that took."""


class _Base:
    """A private folder, a command's process, and what it printed."""

    command: tuple[str | os.PathLike[str], ...] = ()

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="bench-"))
        self.process: Spawned | None = None
        self.begin_ns = 0
        self.env = environment({"TMPDIR": str(self.folder)})

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)

    def launch(self) -> None:
        """Starts the command; time begins."""
        log = os.open(self.folder / "log", os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            self.begin_ns = SYSTEM_CLOCK.now().mono_ns
            self.process = spawn(
                self.command, env=self.env, cwd=self.folder, stdout=log, stderr=log
            )
        finally:
            os.close(log)

    def check(self) -> None:
        """Raises HarnessError where the command failed."""
        if self.process is not None and self.process.poll():
            raise HarnessError((self.folder / "log").read_text())

    def await_returned(self) -> None:
        """Waits until the command has returned."""
        if self.process is not None:
            self.process.wait(_LIMIT_S)
        self.check()

    def seconds(self) -> float:
        """Returns the seconds since the launch."""
        return seconds_since(self.begin_ns)


class Harness(_Base):
    """`harness cluster up` and `harness cluster down`.

    Args:
        binaries: Folder of the binaries that it shall find. Always the same one, as a user has
            it: what is new in a folder is asked for its version once.
    """

    def __init__(self, binaries: Path) -> None:
        super().__init__()
        self._program = Path(sys.executable).with_name("harness")
        self.command = (self._program, "cluster", "up", "--name", "bench")
        self.env |= {
            "XDG_STATE_HOME": str(self.folder),
            "KUBEBUILDER_ASSETS": str(binaries),
        }

    @property
    def state(self) -> Path | None:
        """The cluster's private folder, once its kubeconfig is written."""
        found = list(self.folder.glob("harness/clusters/*/kubeconfig"))
        return found[0].parent if found and found[0].stat().st_size else None

    def prober(self) -> Prober:
        """Returns a prober with the harness's own certificate."""
        deadline = Deadline(_LIMIT_S)
        while (state := self.state) is None:
            self.check()
            if deadline.passed:
                raise HarnessError("No kubeconfig was written.")
            SYSTEM_CLOCK.sleep(_GLANCE_S)
        document = yaml.safe_load((state / "kubeconfig").read_text())
        server = urlsplit(document["clusters"][0]["cluster"]["server"])
        return Prober(server.port or 0, tls=_tls(new_paths(state, None).pki))

    def take_down(self) -> float:
        """Runs `harness cluster down`; returns how long it took."""
        self.await_returned()
        down = (self._program, "cluster", "down", "bench")
        return run(down, env=self.env, timeout=_LIMIT_S).seconds


class Kwokctl(_Base):
    """`kwokctl create cluster` with the files that the harness would give it.

    Args:
        assets: Its binaries.
    """

    def __init__(self, assets: AssetSet) -> None:
        super().__init__()
        self._paths = new_paths(self.folder / "state", None)
        self._paths.state.mkdir(mode=0o700)
        binaries = {name: assets.path(name) for name in processes.ASSETS}
        self._reservation = reserve()
        write_files(self._paths, self._reservation.ports, binaries, durable=False, name="bench")
        self.command = create_command(self._paths, binaries["kwokctl"])
        self.env = processes.component_environment(self._paths.state)

    def prober(self) -> Prober:
        """Returns a prober with the harness's own certificate."""
        return Prober(self._reservation.ports.apiserver, tls=_tls(self._paths.pki))

    def take_down(self) -> float:
        """Kills what it started; that isn't measured."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(9)
            self.process.wait(_LIMIT_S)
        try:
            for part in reversed(processes.components_of(self._paths.work).values()):
                processes.stop(part, sig=9)
        except ClusterError:
            return 0.0  # it never got that far
        finally:
            self._reservation.release()
        return 0.0


class Envtest(_Base):
    """controller-runtime's envtest, with the same binaries; it gives etcd the same flag.

    Args:
        binaries: Folder of etcd and kube-apiserver.
        program: The built `envtest/`.
    """

    def __init__(self, binaries: Path, program: Path) -> None:
        super().__init__()
        self._reservation = reserve()
        tokens = self.folder / "tokens.csv"
        tokens.write_text(f'{_TOKEN},prober,1,"system:masters"\n')
        self.command = (program, str(self._reservation.ports.apiserver), tokens)
        self.env |= {"KUBEBUILDER_ASSETS": str(binaries)}

    def prober(self) -> Prober:
        """Returns a prober with a token; envtest's certificate is known to nobody beforehand."""
        tls = ssl.create_default_context()
        tls.check_hostname = False
        tls.verify_mode = ssl.CERT_NONE
        return Prober(self._reservation.ports.apiserver, tls=tls, token=_TOKEN)

    def take_down(self) -> float:
        """Asks it to end; that isn't measured."""
        if self.process is not None:
            self.process.send_signal(15)
            self.process.wait(_LIMIT_S)
        self._reservation.release()
        return 0.0


def _tls(pki: Path) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(pki / "ca.crt"))
    context.load_cert_chain(pki / "harness.crt", pki / "harness.key")
    return context
