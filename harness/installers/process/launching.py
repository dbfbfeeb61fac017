"""Stage 3: starts a process of the operator as its Pod's container."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import msgspec

from harness import command
from harness.clock import SYSTEM_CLOCK
from harness.errors import ClusterError, CommandError, HarnessError
from harness.evidence.ndjson import write_document
from harness.installers.faults import not_installed
from harness.installers.process import launcher
from harness.installers.process.alone import (
    IDENTITY,
    pod_name,
    pod_of,
    reachable_as_in_a_pod,
    stands_alone,
    write_kubeconfig,
)
from harness.installers.process.cgroups import limits, oom_file
from harness.installers.process.files import replace_file, write_planned
from harness.installers.process.identity import await_pod, mint
from harness.installers.process.plan import (
    ApiServer,
    Instance,
    Planned,
    hostname_of,
    make_plan,
    probe_urls,
)
from harness.installers.process.ports import is_free
from harness.installers.process.references import Context, Sources
from harness.installers.process.refresher import RefreshSpec, refresh_file
from harness.manifests.objects import SHORTEST_SECRET, Object, describe

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from harness.guard import Guard
    from harness.kube.client import KubeClient
    from harness.model.cluster import Cluster

__all__ = ["Launching", "namespaces_refused", "refresher_name"]

_LAUNCHER = str(Path(launcher.__file__))
_PROBE_S = 10.0
_ROOT_CA = "kube-root-ca.crt"


def namespaces_refused(folder: Path) -> str:
    """Returns why this machine lets us make no mount namespace; empty where it does.

    Args:
        folder: Any folder.
    """
    try:
        command.run(
            (sys.executable, "-I", "-S", _LAUNCHER, "--probe", str(folder)), timeout=_PROBE_S
        )
    except CommandError as error:
        return error.output_tail.removeprefix(launcher.PREFIX) or str(error)
    return ""


class Launching:
    """Starts and restarts instances.

    Args:
        cluster: Where the operator's API server is.
        client: The harness's own identity.
        guard: Under which processes run.
        path: PATH for processes.
    """

    def __init__(self, *, cluster: Cluster, client: KubeClient, guard: Guard, path: str) -> None:
        self._cluster = cluster
        self._client = client
        self._guard = guard
        self._path = path
        self.notes: list[str] = []

    def adopt(self, instance: Instance, *, taken: Collection[str], timeout: float) -> Instance:
        """Returns the instance with its Pod: the one that it had, or a new one of its Deployment.

        Raises:
            InstallFault: The Pod is refused, or can't be scheduled.
            ClusterError: It doesn't come for another reason.
        """
        deployment = self._deployment(instance)
        if stands_alone(self._cluster):
            pod = pod_of(self._client, deployment, pod_name(instance.deployment))
            self._tell_alone()
        else:
            pod = await_pod(self._client, self._cluster, deployment, taken=taken, timeout=timeout)
        for path in instance.cgroups:  # when they are empty, nothing else would remove them
            self._guard.owns(Path(path))
        container = self._container(pod, instance)
        urls, notes = probe_urls(container, instance.ports)
        self.notes += [f"{describe(deployment)}: {note}" for note in notes]
        return msgspec.structs.replace(
            instance,
            pod=pod["metadata"]["name"],
            pod_uid=pod["metadata"].get("uid", ""),
            health=urls,
            hostname=hostname_of(pod) if instance.isolated else os.uname().nodename,
        )

    def start(self, instance: Instance) -> Instance:
        """Starts the process, with a fresh token and what its Pod's container refers to now.

        Raises:
            InstallFault: A ConfigMap or Secret that it needs isn't there.
            ClusterError: Its Pod is gone, or a port that can't be moved is taken.
        """
        self._check_ports(instance)
        pod = self._pod(instance)
        context = self._context(pod, instance)
        groups = limits(instance, context.container) if instance.cgroups else ()
        planned = make_plan(
            instance, context, server=self._server(instance), path=self._path, cgroups=groups
        )
        _refuse_missing(instance, context.sources)
        self.notes += [note for note in context.sources.notes if note not in self.notes]
        plan = write_planned(instance, planned)
        secrets = [value for value in context.sources.secrets if len(value) >= SHORTEST_SECRET]
        self._guard.redact(secrets)
        self._write_token(instance, pod, planned)
        started = SYSTEM_CLOCK.now().wall_ns
        self._guard.spawn(
            instance.process,
            (sys.executable, "-I", "-S", _LAUNCHER, str(plan)),
            env={"PATH": self._path},
            log=Path(instance.log),
            record=True,
            oom_file=oom_file(instance),
        )
        return msgspec.structs.replace(instance, started_ns=started)

    def keep_fresh(self, instance: Instance, tokens: Sequence[str]) -> None:
        """Starts the process that refreshes an instance's token, unless it runs."""
        name = refresher_name(instance.process)
        running = any(item.name == name and item.running for item in self._guard.processes())
        if running or not tokens:
            return
        path = refresh_file(instance.folder)
        spec = RefreshSpec(
            kubeconfig=self._cluster.kubeconfig,
            guard=str(self._guard.socket),
            namespace=instance.namespace,
            service_account=instance.service_account,
            pod=instance.pod,
            pod_uid=instance.pod_uid,
            files=tuple(tokens),
        )
        write_document(path, spec, mode=0o600)
        package = str(Path(__file__).resolve().parents[3])
        self._guard.spawn(
            name,
            (sys.executable, "-P", "-m", "harness.installers.process.refresher", str(path)),
            env=command.environment({"PYTHONPATH": package}),
            log=Path(instance.folder) / "refresher.log",
        )

    def _check_ports(self, instance: Instance) -> None:
        wanted = {**dict.fromkeys(instance.ports.moved.values(), ""), **instance.ports.fixed}
        for port, what in wanted.items():
            if not is_free(port):
                fixed = f" ({what}), which no flag of its manifests moves," if what else ""
                raise ClusterError(
                    f"{instance.deployment} needs port {port}{fixed} "
                    "but something on this machine listens there already.",
                    hint=f"End it (`ss -tlnp 'sport = :{port}'` shows what), or give the operator "
                    "a flag for that port.",
                )

    def _tell_alone(self) -> None:
        self.notes.append(IDENTITY)
        if not reachable_as_in_a_pod(self._cluster):
            self.notes.append(
                "The API server can't be reached by in-cluster configuration from here: the "
                "operator finds it by KUBECONFIG, a kubeconfig with a token file."
            )

    def _deployment(self, instance: Instance) -> Object:
        resource = self._client.resource("deployments.apps")
        return self._client.get(resource, instance.deployment, instance.namespace)

    def _pod(self, instance: Instance) -> Object:
        if stands_alone(self._cluster):
            return pod_of(self._client, self._deployment(instance), instance.pod)
        pods = self._client.resource("pods")
        pod = self._client.find(pods, instance.pod, instance.namespace)
        if pod is None or pod["metadata"]["uid"] != instance.pod_uid:
            raise ClusterError(
                f"Pod {instance.namespace}/{instance.pod}, which {instance.process} stands for, "
                "is gone.",
                hint="Something deleted it, or the Deployment was changed while it ran.",
            )
        return pod

    def _container(self, pod: Object, instance: Instance) -> Object:
        for item in pod["spec"].get("containers") or ():
            if item.get("name") == instance.container:
                found: Object = item
                return found
        raise ClusterError(
            f"Pod {instance.namespace}/{pod['metadata']['name']} has no container "
            f"{instance.container!r}."
        )

    def _context(self, pod: Object, instance: Instance) -> Context:
        resources = {"ConfigMap": "configmaps", "Secret": "secrets"}

        def lookup(kind: str, name: str) -> Object | None:
            if name == _ROOT_CA and stands_alone(self._cluster):  # what verifies it from here
                return self._authority()
            resource = self._client.resource(resources[kind])
            found = self._client.find(resource, name, instance.namespace)
            if found is None and name == _ROOT_CA:  # published a moment after its namespace
                return self._authority()
            return found

        machine = {"cpu": os.cpu_count() or 1, "memory": _memory()}
        container = self._container(pod, instance)
        return Context(container, pod, Sources(lookup), machine=machine)

    def _authority(self) -> Object:
        file = self._cluster.ca_file
        return {"data": {"ca.crt": Path(file).read_text("ascii") if file else ""}}

    def _server(self, instance: Instance) -> ApiServer:
        parts = urlsplit(self._cluster.server)
        kubeconfig = self._kubeconfig(instance)
        return ApiServer(
            host=parts.hostname or "127.0.0.1",
            port=parts.port or 443,
            kubeconfig=str(kubeconfig) if kubeconfig else "",
        )

    def _kubeconfig(self, instance: Instance) -> Path | None:
        """Returns where the process's kubeconfig is to be; None where it needs none."""
        if instance.isolated and reachable_as_in_a_pod(self._cluster):
            return None
        folder = Path(instance.folder)
        return folder / "home" / "kubeconfig" if instance.isolated else folder / "kubeconfig"

    def _write_token(self, instance: Instance, pod: Object, planned: Planned) -> None:
        files = list(planned.tokens)
        if kubeconfig := self._kubeconfig(instance):
            token = kubeconfig.with_name("token")
            files.append(str(token))
            write_kubeconfig(kubeconfig, self._cluster, token=token, namespace=instance.namespace)
        if not files:
            return
        minted = mint(self._client, pod, instance.service_account, secret=instance.token_secret)
        if minted.note and minted.note not in self.notes:
            self.notes.append(minted.note)
        self._guard.redact([minted.token.value])
        for file in files:
            replace_file(Path(file), minted.token.value.encode())
        self.keep_fresh(instance, files)


def refresher_name(process: str) -> str:
    """Returns the guard's name of the process that refreshes a process's token."""
    return f"{process}-token"


def _refuse_missing(instance: Instance, sources: Sources) -> None:
    if sources.missing:
        raise not_installed(
            f"Deployment {instance.namespace}/{instance.deployment}",
            f"Container {instance.container} can't start: {'; '.join(sources.missing)} missing.",
            detail="A kubelet would wait for it with CreateContainerConfigError or FailedMount.",
            remedy="Add it to the manifests, or mark the reference optional.",
        )


def _memory() -> int:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError) as error:
        raise HarnessError(f"The size of this machine's memory can't be read: {error}") from error
