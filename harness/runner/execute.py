"""Stages 2 to 4: cluster, install, probes, suites; whatever happens, evidence stays."""

from __future__ import annotations

import os
import shutil
import traceback
from contextlib import ExitStack, closing, contextmanager, suppress
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from harness import clusters
from harness.clock import SYSTEM_CLOCK, Clock
from harness.errors import ApiError, HarnessError, InstallFault, Interrupted
from harness.evidence.folder import RunFolder
from harness.evidence.ndjson import NdjsonWriter, write_document
from harness.guard import Guard
from harness.installers import control, installer_for
from harness.kube.client import KubeClient
from harness.kube.credentials import credentials
from harness.kube.ledger import Ledger
from harness.manifests.objects import secret_values
from harness.model.cluster import Cluster
from harness.model.installation import Installation, InstallWay
from harness.model.records import StageRecord
from harness.model.resource import Resource
from harness.model.result import ErrorNote
from harness.model.run import Suite
from harness.model.time import Span
from harness.probes.access import record_access
from harness.probes.inventory import take_inventory
from harness.probes.recorder import Recorder
from harness.runner.child import SuiteChild
from harness.runner.newrun import start_run
from harness.runner.owntests import run_own_tests
from harness.runner.removal import PROVEN_BY, Removal
from harness.runner.sampled import beside, of_operator
from harness.runner.static import record_manifests
from harness.runner.suitechild import suite_child, suite_session
from harness.runner.workshop import workshop

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from harness.clusters.provider import Provider
    from harness.installers import Installer
    from harness.model.inventory import Inventory
    from harness.runner.interrupt import Interruption
    from harness.runner.prepare import Prepared
    from harness.runner.progress import Progress

__all__ = ["Execution", "execute"]

# What operators usually make; the target's own kinds and `scope.owns` are always watched.
_WATCHED = (
    "configmaps",
    "cronjobs.batch",
    "daemonsets.apps",
    "deployments.apps",
    "events",
    "horizontalpodautoscalers.autoscaling",
    "ingresses.networking.k8s.io",
    "jobs.batch",
    "networkpolicies.networking.k8s.io",
    "persistentvolumeclaims",
    "poddisruptionbudgets.policy",
    "pods",
    "rolebindings.rbac.authorization.k8s.io",
    "roles.rbac.authorization.k8s.io",
    "secrets",
    "serviceaccounts",
    "services",
    "statefulsets.apps",
)


class Execution(msgspec.Struct, frozen=True, kw_only=True):
    """What became of stages 2 to 4.

    Attributes:
        interrupted: By what it was stopped; empty if it wasn't.
        kept: The cluster that was left up on request; None if it is gone.
    """

    run: RunFolder
    errors: tuple[ErrorNote, ...]
    interrupted: str
    kept: Cluster | None = None


class _Executor:
    """One run, from cluster to the end of its suites."""

    def __init__(
        self, prepared: Prepared, run: RunFolder, progress: Progress, clock: Clock
    ) -> None:
        self._prepared = prepared
        self._settings = prepared.request.settings
        self._run = run
        self._progress = progress
        self._clock = clock
        self._stages = NdjsonWriter(run.stages_file)
        self._state = clusters.new_state_dir()
        self._recorder: Recorder | None = None
        self._guard: Guard | None = None
        self._installer: Installer | None = None
        self._inventory: Inventory | None = None
        self._removal: Removal | None = None
        self._all_passed = False
        self.cluster: Cluster | None = None
        self.errors: list[ErrorNote] = []

    @cached_property
    def _provider(self) -> Provider:
        return clusters.provider(self._settings)

    @property
    def _gives_back(self) -> bool:
        """Whether the operator is uninstalled at the end, and the cluster compared."""
        wanted = any(suite.uninstalls for suite in self._prepared.live)
        return wanted or not self._provider.disposable

    @contextmanager
    def stage(self, name: str, title: str) -> Iterator[None]:
        """Announces a stage and records how long it took."""
        self._progress.stage(title)
        start = self._clock.now()
        outcome = "failed"
        try:
            yield
            outcome = "done"
        except Interrupted:
            outcome = "interrupted"
            raise
        finally:
            span = Span(start=start, end=self._clock.now())
            self._stages.write(StageRecord(name=name, span=span, outcome=outcome))

    def go(self, interruption: Interruption) -> None:
        """Runs the stages.

        Raises:
            Interrupted: The user asked us to stop.
            InstallFault: The operator could not be installed, by its own fault.
            HarnessError: Ours or the environment's.
        """
        if self._prepared.static:
            self._look()
            interruption.check()
        if not self._prepared.live:
            self._all_passed = True
            return
        guard = self._start_guard()
        existing = self._settings.cluster == "existing"
        with self.stage("cluster", f"{'Opening' if existing else 'Starting'} the cluster"):
            self.cluster = cluster = self._provider.create(
                name=self._run.id.rsplit("-", 1)[-1],
                run=self._run,
                assets=self._prepared.assets,
                guard=guard,
                state_dir=self._state,
                on_progress=self._progress.detail,
            )
            write_document(self._run.cluster_file, cluster)
        interruption.check()  # a stage may have taken the signal for an error of its own
        kubeconfig = Path(cluster.kubeconfig)
        if self._gives_back and Ledger.beside(kubeconfig) is None:
            Ledger.begin(kubeconfig.parent)
        client = KubeClient.from_kubeconfig(kubeconfig)
        if self._gives_back:
            with self.stage("inventory", "Listing what is in the cluster"):
                self._take_inventory("before", client)
        with self.stage("install", f"Installing {self._prepared.target.name}"):
            installation = self._install(guard, cluster, client)
        self._look_up_access("1-installed", client)
        self._record_probes(cluster, guard, client, installation, self._run)
        outcomes = []
        for suite in self._prepared.live:
            interruption.check()
            with self.stage(f"suite {suite.name}", f"Running the suite {suite.name}"):
                passed = self._start(suite, guard, cluster, installation, self._run).run()
            outcomes.append(passed)
            if suite.own_tests and (passed or not self._settings.fail_fast):
                interruption.check()
                self._end_to_end(cluster)
            if not passed and self._settings.fail_fast:
                break
        self._all_passed = all(outcomes)
        self._look_up_access("2-tested", client)  # with the roles that the operator made
        if self._settings.prove_rbac and (self._all_passed or not self._settings.fail_fast):
            interruption.check()
            with self.stage("removal", "Proving the smallest roles by removal"):
                self._prove(guard, cluster, client, installation)

    def _prove(
        self, guard: Guard, cluster: Cluster, client: KubeClient, installation: Installation
    ) -> None:
        """Runs the smoke suite again with the smallest roles in the place of the granted ones."""
        handle = control(
            installation=installation,
            cluster=cluster,
            client=client,
            guard=guard,
        )
        self._removal = removal = Removal(
            run=self._run,
            cluster=cluster,
            client=client,
            installation=installation,
            control=handle,
            only_ours=not self._provider.disposable,
            clock=self._clock,
        )
        if self._recorder is not None:
            self._recorder.stop()
        folder = removal.begin()
        if not removal.swap(folder):
            return
        self._record_probes(cluster, guard, client, installation, folder)
        if removal.start(folder):
            (suite,) = (item for item in self._prepared.live if item.name == PROVEN_BY)
            self._start(suite, guard, cluster, installation, folder, name="removal").run()

    def _look(self) -> None:
        """Writes down what the static checks are judged on."""
        prepared = self._prepared
        for note in () if prepared.live else prepared.notes:
            self._progress.note(note)  # nothing is installed that could carry it to the report
        with self.stage("manifests", "Recording the manifests"):
            record_manifests(self._run, prepared.target, prepared.manifests, prepared.previous)
        if prepared.own_tests is None:
            return
        with self.stage("own tests", "Running the operator's own unit tests"), workshop() as room:
            run_own_tests(
                prepared.own_tests,
                self._run,
                room,
                limit=self._settings.timeouts.tests,
                on_line=self._progress.detail,
                secrets=secret_values(prepared.manifests),
            )

    def _end_to_end(self, cluster: Cluster) -> None:
        """Runs the operator's own end-to-end tests with the run's kubeconfig, theirs alone."""
        prepared = self._prepared
        if prepared.own_e2e is None:
            return
        title = "Running the operator's own end-to-end tests"
        kubeconfig = Path(cluster.kubeconfig)
        with self.stage("own end-to-end tests", title), workshop() as room:
            tools = prepared.assets.link(room.folder / "tools")
            run_own_tests(
                prepared.own_e2e,
                self._run,
                room,
                limit=self._settings.timeouts.tests,
                on_line=self._progress.detail,
                secrets=(*secret_values(prepared.manifests), *credentials(kubeconfig)),
                env={
                    "KUBECONFIG": str(kubeconfig),
                    "PATH": f"{os.environ.get('PATH', os.defpath)}{os.pathsep}{tools}",
                },
            )

    def close(self) -> None:
        """Takes down what was started; with `keep`, lets go of it instead.

        Raises:
            HarnessError: Something of it stays; all the rest is gone.
        """
        with ExitStack() as rest:  # the last one first, and each whatever became of the others
            rest.callback(self._stages.close)
            if self._guard is None:
                rest.callback(shutil.rmtree, self._state, ignore_errors=True)
            else:
                rest.callback(self._let_go, self._guard)
            if self._recorder is not None:
                rest.callback(self._recorder.stop)
            rest.callback(self._uninstall)
            rest.callback(self._save_logs)
            if self._removal is not None and (self._keeps or self._gives_back):
                rest.callback(self._removal.undo)  # before an uninstall, which may need its rights

    def _save_logs(self) -> None:
        """Saves what a cluster's parts printed, where a run went wrong."""
        if self._guard is not None and self.cluster is not None and not self._all_passed:
            self._provider.save_logs(self.cluster, self._guard)

    @property
    def _keeps(self) -> bool:
        return self._settings.keep and self.cluster is not None

    def _uninstall(self) -> None:
        """Removes the operator from a cluster that it doesn't vanish with, or to see what stays."""
        if self._installer is None or not self._gives_back or self._keeps:
            return
        with self.stage("uninstall", f"Uninstalling {self._prepared.target.name}"):
            self._installer.uninstall()
        if self.cluster is not None:
            client = KubeClient.from_kubeconfig(Path(self.cluster.kubeconfig))
            self._take_inventory("after", client)
            client.connection.close()

    def _take_inventory(self, name: str, client: KubeClient) -> None:
        """Writes down what is in a cluster; without it, LIF-009 and SCO-106 aren't verified."""
        try:
            taken = take_inventory(client, name, clock=self._clock, before=self._inventory)
        except ApiError as error:
            self._progress.note(f"The cluster could not be listed {name} the run: {error}")
            return
        self._inventory = taken
        with closing(NdjsonWriter(self._run.inventory_file)) as writer:
            writer.write(taken)

    def _look_up_access(self, moment: str, client: KubeClient) -> None:
        """Writes down who may do what; without it, permissions aren't judged."""
        try:
            record_access(client, self._run, moment)
        except ApiError as error:
            self._progress.note(f"Roles and bindings could not be read: {error}")

    def _let_go(self, guard: Guard) -> None:
        keep = self._keeps
        with self.stage("teardown", "Keeping the cluster" if keep else "Taking everything down"):
            if keep:
                guard.detach()
                return
            try:
                if self.cluster is not None and not self._provider.disposable:
                    self._provider.delete(self.cluster, guard)
            finally:
                guard.close()
                self.cluster = None

    def _start_guard(self) -> Guard:
        self._guard = Guard.start(state_dir=self._state, evidence=self._run.evidence)
        self._guard.owns(self._state)
        return self._guard

    def _install(self, guard: Guard, cluster: Cluster, client: KubeClient) -> Installation:
        way = self._prepared.way or InstallWay.PROCESS
        self._installer = installer = installer_for(way)(
            target=self._prepared.target,
            cluster=cluster,
            client=client,
            guard=guard,
            run=self._run,
            assets=self._prepared.assets,
            timeouts=self._settings.timeouts,
            on_progress=self._progress.detail,
            on_kinds=lambda: self._provider.learn_kinds(cluster, guard),
            load_image=lambda archive: self._provider.load_image(cluster, guard, archive),
            clock=self._clock,
        )
        try:
            return self._write_down(installer.install(self._prepared.manifests))
        except (InstallFault, HarnessError):
            # What it did until then is judged all the same: who it is, and what it may do.
            if (known := installer.so_far()) is not None:
                self._write_down(known)
                self._look_up_access("1-installed", client)
            raise

    def _write_down(self, installation: Installation) -> Installation:
        notes = (*self._prepared.notes, *installation.notes)
        installation = msgspec.structs.replace(installation, notes=notes)
        write_document(self._run.installation_file, installation)
        return installation

    def _start(
        self,
        suite: Suite,
        guard: Guard,
        cluster: Cluster,
        installation: Installation,
        run: RunFolder,
        *,
        name: str = "",
    ) -> SuiteChild:
        """Prepares a suite's process; under another name, it runs by itself in a folder of its own.

        Its tests are told to who watches.
        """
        prepared = self._prepared
        self._progress.tests(prepared.tests[suite.name])
        told = msgspec.structs.replace(suite, name=name or suite.name)
        session = suite_session(
            told, prepared, guard=guard, cluster=cluster, installation=installation, run=run
        )
        return suite_child(
            session,
            self._state,
            guard=guard,
            run=run,
            settings=self._settings,
            progress=self._progress,
            several=not name and len(prepared.tests) > 1,
        )

    def _record_probes(
        self,
        cluster: Cluster,
        guard: Guard,
        client: KubeClient,
        installation: Installation,
        run: RunFolder,
    ) -> None:
        names = {workload.process for workload in installation.workloads if workload.process}

        self._recorder = Recorder(
            run=run,
            connection=client.connection,
            resources=_watched(client, self._prepared),
            processes=lambda: of_operator(guard, names),
            beside=beside(guard, names, lambda: self._provider.processes(cluster)),
            clock=self._clock,
            ours=self._ours(installation),
            in_pods=installation.workloads if installation.way is InstallWay.IN_CLUSTER else (),
        )
        self._recorder.start()

    def _ours(self, installation: Installation) -> Callable[[str], bool]:
        """Returns which namespaces are the run's; in a cluster of its own all are."""
        if self._provider.disposable:
            return lambda _: True
        known = {workload.namespace for workload in installation.workloads}
        known |= {item.key.name for item in installation.objects if item.kind == "Namespace"}
        known |= {item.key.namespace for item in installation.objects}
        known |= set(self._prepared.target.scope.namespaces)
        prefix = f"harness-{self._run.id.rsplit('-', 1)[-1]}-"
        return lambda namespace: namespace in known or namespace.startswith(prefix)


def execute(
    prepared: Prepared,
    progress: Progress,
    interruption: Interruption,
    *,
    clock: Clock = SYSTEM_CLOCK,
) -> Execution:
    """Runs stages 2 to 4 and always comes back with what there is.

    Args:
        prepared: What `prepare` returned.
        progress: Is told what happens.
        interruption: Knows whether the user asked us to stop.
        clock: Stamps stages.

    Raises:
        EvidenceError: The run folder can't be made or written.
    """
    run = start_run(prepared, clock)
    executor = _Executor(prepared, run, progress, clock)
    interrupted = ""
    try:
        with interruption.breakable():
            executor.go(interruption)
    except Interrupted as stop:
        interrupted = str(stop)
    except InstallFault as fault:
        write_document(run.install_fault_file, fault.finding)
    except HarnessError as error:
        executor.errors.append(_note("run", error))
    except Exception as bug:  # noqa: BLE001 - evidence and reports must survive our own bugs
        executor.errors.append(_crash(run, bug))
    finally:
        _close(executor, run)
    return Execution(
        run=run,
        errors=tuple(executor.errors),
        interrupted=interruption.word or interrupted,
        kept=executor.cluster,
    )


def _close(executor: _Executor, run: RunFolder) -> None:
    try:
        executor.close()
    except HarnessError as error:
        executor.errors.append(_note("teardown", error))
    except Exception as bug:  # noqa: BLE001 - the same
        executor.errors.append(_crash(run, bug))


def _watched(client: KubeClient, prepared: Prepared) -> tuple[Resource, ...]:
    target = prepared.target
    if not any(suite.timeline for suite in prepared.live):
        return ()
    keys = dict.fromkeys((*(k.resource for k in target.kinds), *target.scope.owns, *_WATCHED))
    found = []
    for key in keys:
        with suppress(ApiError):  # a kind that this cluster doesn't serve
            found.append(client.resource(key))
    return tuple(found)


def _note(where: str, error: HarnessError) -> ErrorNote:
    return ErrorNote(where=where, message=str(error), hint=error.hint)


def _crash(run: RunFolder, bug: Exception) -> ErrorNote:
    file = run.evidence / "crash.txt"
    with suppress(OSError):
        file.write_text("".join(traceback.format_exception(bug)), encoding="utf-8")
    return ErrorNote(
        where="harness",
        message=f"A bug of the harness: {type(bug).__name__}: {bug}",
        hint="Please report it with evidence/crash.txt of the run folder.",
    )
