"""Stage 3: a Helm release, made by `helm install` and ended by `helm uninstall`.

The chart is rendered once, before there is a cluster; a post-renderer hands Helm those manifests,
with what had to be changed in them. So the release holds what is really installed, and the chart's
hooks run as they do for its users.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from harness import command
from harness.errors import ClusterError, CommandError
from harness.guard.leftovers import write_private
from harness.installers.faults import not_installed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.errors import InstallFault
    from harness.manifests.objects import Object
    from harness.model.cluster import Cluster
    from harness.model.target import Helm

__all__ = ["Release"]

_SLACK_S = 15.0  # beyond Helm's own time-out, until it's killed
_ABSENT = "not found"


class Release:
    """One release.

    Args:
        chart: As the target definition says.
        name: Of the release, where the chart's part of the target says none.
        program: Path of helm.
        cluster: Where.
        folder: Private folder, for manifests and for Helm's own files.
        timeout: Seconds for each call.
    """

    def __init__(
        self,
        chart: Helm,
        *,
        name: str,
        program: Path,
        cluster: Cluster,
        folder: Path,
        timeout: float,
    ) -> None:
        self._chart = chart
        self._program = program
        self._folder = folder
        self._timeout = timeout
        self._env = command.environment(
            {
                "KUBECONFIG": cluster.kubeconfig,
                **{
                    f"HELM_{what.upper()}_HOME": str(folder / "helm" / what)
                    for what in ("cache", "config", "data")
                },
            }
        )
        self.name = chart.release or name
        self.begun = False

    def install(self, manifests: Sequence[Object]) -> None:
        """Makes the release.

        Args:
            manifests: What Helm is to apply, without CRDs of the chart's own folder `crds`.

        Raises:
            InstallFault: The API server refuses it, or a hook fails (INS-001).
            ClusterError: Helm can't be run.
        """
        rendered = self._folder / "release.yaml"
        write_private(rendered, yaml.safe_dump_all(manifests, sort_keys=False).encode())
        self.begun = True
        done = self._call(
            "install",
            self._chart.chart,
            "--skip-crds",
            *(word for file in self._chart.values for word in ("--values", file)),
            *("--post-renderer", "/bin/cat", "--post-renderer-args", str(rendered)),
        )
        if done.exit_code != 0:
            raise self._refused(done.tail)

    def uninstall(self) -> None:
        """Ends the release, if it was begun, and waits until its objects are gone.

        Raises:
            ClusterError: Something stays.
        """
        if not self.begun:
            return
        done = self._call("uninstall", "--wait", "--ignore-not-found")
        if done.exit_code != 0 and _ABSENT not in done.tail:
            raise ClusterError(
                f"`helm uninstall {self.name}` failed:\n{done.tail}",
                hint="A finalizer or a hook of the chart may hold it.",
            )

    def _call(self, action: str, *words: str) -> command.Completed:
        chart, *options = words if action == "install" else ("", *words)
        argv = [str(self._program), action, self.name, *filter(None, [chart]), *options]
        argv += ["--namespace", self._chart.namespace, "--timeout", f"{self._timeout:g}s"]
        try:
            limit = self._timeout + _SLACK_S
            return command.run(argv, timeout=limit, check=False, env=self._env)
        except CommandError as error:
            raise ClusterError(f"Helm could not {action} {self.name}: {error}") from error

    def _refused(self, told: str) -> InstallFault:
        lines = [line for line in told.splitlines() if line.strip()]
        return not_installed(
            f"Helm release {self.name}",
            f"`helm install {self.name}` fails.",
            detail="\n".join(lines[-15:]),
            remedy="Mend the chart; `helm install --dry-run=server` may show the same.",
        )
