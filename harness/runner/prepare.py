"""Stage 1 and everything else that can fail before a run begins."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from harness import assets, clusters, targets
from harness.assets.components import Pins
from harness.errors import UsageError
from harness.evidence.ndjson import write_document
from harness.installers import choose_way, installer_for, render
from harness.model.comparison import Baseline, ComparisonPlan
from harness.model.installation import InstallWay
from harness.model.run import Build, Session, Suite
from harness.model.target import Target
from harness.probes.prometheus import Promql, require_gates
from harness.runner.baseline import choose_baseline, require_version
from harness.runner.builds import build_beside, comparing_suite, load_base
from harness.runner.child import collect
from harness.runner.owntests import OwnTestPlan, plan_own_tests
from harness.runner.previous import previous_crds
from harness.runner.removal import PROVEN_BY
from harness.runner.suites import load_suite
from harness.runner.workshop import Workshop, workshop
from harness.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from harness.runner.progress import Progress

__all__ = ["Prepared", "RunRequest", "prepare"]


class RunRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What the user asked for.

    Attributes:
        target: Name of a bundled target, a folder or a file.
        suites: Names of bundled suites, or folders.
        twin: Name of a faulty twin to switch on; None for the operator as it is.
        command: The command line, for people who want to repeat it.
        base: With what another build of the target is compared, as `target`; else empty.
        comparison: Of the two; None where nothing is compared. No suite is named then.
    """

    target: str
    suites: tuple[str, ...]
    settings: Settings
    twin: str | None = None
    command: str = ""
    base: str = ""
    comparison: ComparisonPlan | None = None


class Prepared(msgspec.Struct, frozen=True, kw_only=True):
    """A run that can begin.

    Attributes:
        way: How the operator is installed; None where no suite needs it.
        manifests: Rendered, in the order of the source.
        kubernetes: The version that they are rendered and judged for.
        tests: Node ids, by suite that needs a cluster.
        own_tests: How the operator's own unit tests are run; None where they aren't.
        own_e2e: How its own end-to-end tests are run; None where they aren't.
        previous: The CRDs of the release before; empty where none was named.
        notes: What rendering left out, for the report.
        builds: Of a comparison, by `BASE` and `HEAD`; else empty.
        baseline: What the run is held against; None for nothing.
    """

    request: RunRequest
    target: Target
    suites: tuple[Suite, ...]
    assets: assets.AssetSet
    way: InstallWay | None = None
    manifests: tuple[dict[str, Any], ...]  # Kubernetes objects
    kubernetes: str
    tests: dict[str, tuple[str, ...]]
    seed: int
    own_tests: OwnTestPlan | None = None
    own_e2e: OwnTestPlan | None = None
    previous: tuple[dict[str, Any], ...] = ()  # Kubernetes objects
    notes: tuple[str, ...] = ()
    builds: dict[str, Build] = {}
    baseline: Baseline | None = None

    @property
    def checks(self) -> tuple[str, ...]:
        """Ids of the checks of all suites, each once, in the order of the suites."""
        return tuple(dict.fromkeys(check for suite in self.suites for check in suite.checks))

    @property
    def live(self) -> tuple[Suite, ...]:
        """The suites that need a cluster and the operator installed there."""
        return tuple(suite for suite in self.suites if not suite.static)

    @property
    def static(self) -> bool:
        """Whether a suite looks at what ships, without a cluster."""
        return any(suite.static for suite in self.suites)


def prepare(request: RunRequest, progress: Progress) -> Prepared:
    """Loads, finds, builds, renders and collects; changes nothing but caches.

    Raises:
        UsageError: Anything that the user wrote can't be used (exit 4).
        AssetError: A binary is missing and can't be built (exit 3).
    """
    progress.stage("Reading the target and the suite")
    target = targets.load(request.target, twin=request.twin)
    targets.require(target)
    base = load_base(request.base, target) if request.comparison else None
    suites = _suites(request.suites) if base is None else (comparing_suite(),)
    settings = request.settings
    _require_static(suites, settings)
    _require_provable(suites, target, settings)
    _require_asking(suites, target, settings)
    baseline = choose_baseline(settings, target=target, suites=suites)
    own_tests = _own_tests(target, suites, settings, progress)
    own_e2e = _own_e2e(target, suites, settings, progress)
    if all(suite.static for suite in suites):
        return _prepare_static(request, target, suites, own_tests, progress)
    provider = clusters.provider(settings)
    provider.check()
    present = target.install.present
    way = choose_way(cluster=settings.cluster, wish=settings.install, present=present)
    seed = settings.seed or secrets.randbelow(2**31 - 1) + 1
    with workshop() as room:
        live = [suite for suite in suites if not suite.static]
        tests = {
            suite.name: _tests(suite, target, settings, seed, room, several=len(live) > 1)
            for suite in live
        }
        if not any(tests.values()):
            keyword = settings.keyword
            raise UsageError(f"No suite has tests that match -k {keyword!r}: nothing is selected.")
        progress.stage("Finding the control plane's binaries")
        found = assets.resolve(
            (
                *provider.needed_assets,
                *_helm(target),
                *(_helm(base) if base is not None else ()),
                *_asked(live, settings),
            ),
            kubernetes=settings.kubernetes_version,
            on_progress=progress.detail,
        )
        for note in found.notes:
            progress.detail(note)
        for build in (target, base):
            if build is not None and not present:
                progress.stage("Building the operator")
                targets.build(build, on_line=progress.detail, stream=room.stream)
    notes: list[str] = []
    kubernetes = found.asset(assets.Component.KUBECTL).version
    require_version(baseline, kubernetes)
    # In a cluster there is a Helm release, and its hooks are run.
    told = None if way is InstallWay.IN_CLUSTER else notes.append
    manifests = () if present else _render(target, found, kubernetes, progress, told)
    installer_for(way).preflight(target, manifests)
    provider.admit(target, manifests, way, on_progress=progress.note)
    builds: dict[str, Build] = {}
    if base is not None:
        builds = build_beside(
            base,
            Build(target=target, manifests=manifests),
            way=way,
            render=lambda one: _render(one, found, kubernetes, progress, None),
        )
    return Prepared(
        request=request,
        target=target,
        suites=tuple(suite for suite in suites if suite.static or tests[suite.name]),
        assets=found,
        way=way,
        manifests=manifests,
        kubernetes=kubernetes,
        tests=tests,
        seed=seed,
        own_tests=own_tests,
        own_e2e=own_e2e,
        previous=_previous(target, found, settings, kubernetes),
        notes=tuple(notes),
        builds=builds,
        baseline=baseline,
    )


def _require_static(suites: tuple[Suite, ...], settings: Settings) -> None:
    """Refuses what only a suite without a cluster can answer.

    Raises:
        UsageError: No such suite is chosen.
    """
    if settings.previous and not any(suite.static for suite in suites):
        raise UsageError(
            f"--previous {settings.previous} says what the CRDs are compared with, but no suite "
            "that is chosen compares them.",
            hint="Add --suite unit.",
        )


def _require_provable(suites: tuple[Suite, ...], target: Target, settings: Settings) -> None:
    """Refuses a proof by removal that can't come to anything.

    Raises:
        UsageError: Says what it lacks.
    """
    if not settings.prove_rbac:
        return
    if not any(suite.name == PROVEN_BY and not suite.static for suite in suites):
        raise UsageError(
            f"--prove-rbac runs the suite {PROVEN_BY} again, but it isn't chosen.",
            hint=f"Add --suite {PROVEN_BY}.",
        )
    if target.install.present:
        raise UsageError(
            "--prove-rbac changes the roles of the operator, but this one is there already "
            "(install.present): its roles aren't the run's to change.",
            hint="Let the run install the operator, in a cluster where it isn't yet.",
        )
    if settings.cluster == "existing" and not settings.audit_log:
        raise UsageError(
            "--prove-rbac needs to know which rights are used, and only an audit log tells.",
            hint="Add --audit-log, or leave --prove-rbac out.",
        )


def _previous(
    target: Target, found: assets.AssetSet, settings: Settings, kubernetes: str
) -> tuple[dict[str, Any], ...]:
    if not settings.previous:
        return ()
    return previous_crds(
        settings.previous,
        target,
        kubectl=_path(found, assets.Component.KUBECTL) or Path("kubectl"),
        helm=_path(found, assets.Component.HELM),
        kubernetes=kubernetes,
    )


def _own_tests(
    target: Target, suites: tuple[Suite, ...], settings: Settings, progress: Progress
) -> OwnTestPlan | None:
    """Returns how the operator's own unit tests are run; None where nobody asks for them."""
    if not settings.own_tests or not any(suite.static for suite in suites):
        return None
    return plan_own_tests(
        target, kubernetes=settings.kubernetes_version, on_progress=progress.detail
    )


def _own_e2e(
    target: Target, suites: tuple[Suite, ...], settings: Settings, progress: Progress
) -> OwnTestPlan | None:
    """Returns how the operator's own end-to-end tests are run; None where nobody asks for them."""
    if not settings.own_tests or not any(suite.own_tests for suite in suites):
        return None
    return plan_own_tests(
        target,
        kubernetes=settings.kubernetes_version,
        on_progress=progress.detail,
        kind="integration",
    )


def _prepare_static(
    request: RunRequest,
    target: Target,
    suites: tuple[Suite, ...],
    own_tests: OwnTestPlan | None,
    progress: Progress,
) -> Prepared:
    """Finds only what rendering needs: nothing is built, and no cluster is asked for."""
    settings = request.settings
    sources = target.install.manifests
    renders = sources.kustomize is not None or bool(settings.previous)
    found = assets.resolve(
        (*((assets.Component.KUBECTL,) if renders else ()), *_helm(target)),
        kubernetes=settings.kubernetes_version,
        on_progress=progress.detail,
    )
    kubernetes = Pins.of(settings.kubernetes_version).kubernetes
    notes: list[str] = []
    present = target.install.present
    return Prepared(
        request=request,
        target=target,
        suites=suites,
        assets=found,
        manifests=() if present else _render(target, found, kubernetes, progress, notes.append),
        kubernetes=kubernetes,
        tests={},
        seed=settings.seed or 1,  # nothing is chosen by chance
        own_tests=own_tests,
        previous=_previous(target, found, settings, kubernetes),
        notes=tuple(notes),
    )


def _suites(names: tuple[str, ...]) -> tuple[Suite, ...]:
    """Returns the suites, each once.

    Raises:
        UsageError: One isn't there, or two can't be told from each other.
    """
    found: dict[str, Suite] = {}
    for suite in dict.fromkeys(load_suite(name) for name in names):
        for other in found.values():
            if other.name == suite.name or Path(other.folder).name == Path(suite.folder).name:
                raise UsageError(
                    f"Two suites have one name: {other.folder} and {suite.folder}.",
                    hint="Run them one after the other, or rename a folder.",
                )
        found[suite.name] = suite
    return tuple(found.values())


def _render(
    target: Target,
    found: assets.AssetSet,
    kubernetes: str,
    progress: Progress,
    on_note: Callable[[str], None] | None,
) -> tuple[dict[str, Any], ...]:
    progress.stage("Rendering the manifests")
    return render(
        target,
        kubectl=_path(found, assets.Component.KUBECTL) or Path("kubectl"),
        helm=_path(found, assets.Component.HELM),
        kubernetes=kubernetes,
        on_note=on_note,
    )


def _path(found: assets.AssetSet, component: assets.Component) -> Path | None:
    """Returns where a binary is; None where nobody asked for it."""
    return next((asset.path for asset in found.assets if asset.component == component), None)


def _asked(suites: list[Suite], settings: Settings) -> tuple[assets.Component, ...]:
    """Returns the binaries that suites run themselves; a Prometheus of the user's needs none."""
    asked = dict.fromkeys(assets.Component(name) for suite in suites for name in suite.assets)
    if settings.prometheus_url:
        asked.pop(assets.Component.PROMETHEUS, None)
    return tuple(asked)


def _require_asking(suites: Sequence[Suite], target: Target, settings: Settings) -> None:
    """Refuses a Prometheus that nobody asks anything, or that doesn't answer.

    Raises:
        UsageError: No suite wants one, it is silent, or refuses the expression of a gate.
    """
    if not settings.prometheus_url:
        return
    if not any("prometheus" in suite.assets for suite in suites):
        raise UsageError(
            "--prometheus-url: no suite that is chosen asks a Prometheus anything.",
            hint="Add --suite load; a suite of your own says `assets: [prometheus]`.",
        )
    promql = Promql(settings.prometheus_url)
    silent = promql.silent()
    if silent:
        raise UsageError(
            f"--prometheus-url: no Prometheus answers there: {silent}",
            hint="Name the address at which its own web page is; leave the option out, and the run "
            "starts a Prometheus of its own.",
        )
    require_gates(promql, target.gates)


def _helm(target: Target) -> tuple[assets.Component, ...]:
    """Returns helm where the target is a chart."""
    return (assets.Component.HELM,) if target.install.manifests.helm is not None else ()


def _tests(
    suite: Suite, target: Target, settings: Settings, seed: int, room: Workshop, *, several: bool
) -> tuple[str, ...]:
    """Collects by a session that has no cluster yet."""
    file = room.folder / f"session-{suite.name}.json"
    session = Session(
        run_folder=str(room.folder),
        target=target,
        suite=suite,
        seed=seed,
        timeouts=msgspec.to_builtins(settings.timeouts),
        load=msgspec.to_builtins(settings.load),
    )
    write_document(file, session, mode=0o600)
    return collect(suite, file, keyword=settings.keyword, several=several, workshop=room)
