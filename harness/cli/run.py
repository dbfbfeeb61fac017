"""`harness run`: options in, runner called, verdict out."""

from __future__ import annotations

import shlex
import sys
from typing import TYPE_CHECKING, Any

import click
import msgspec

from harness.cli import completion
from harness.cli.kind import kind_options, kind_settings
from harness.cli.load import load_options, load_settings
from harness.cli.progress import new_progress
from harness.cli.prometheus import checked_url, prometheus_option, without_password
from harness.cli.regression import baseline_options, gates_of
from harness.cli.versions import kubernetes_version
from harness.errors import UsageError
from harness.settings import Settings, Timeouts

if TYPE_CHECKING:
    from harness.runner.interrupt import Interruption
    from harness.runner.prepare import Prepared
    from harness.runner.progress import Progress

__all__ = ["run"]

_FAIL_ON = ("minor", "not_verified")


def _timeouts(pairs: tuple[str, ...]) -> Timeouts:
    """Reads `--timeout NAME=SECONDS` options.

    Raises:
        UsageError: An unknown name, or no number.
    """
    known = {field.name for field in msgspec.structs.fields(Timeouts)}
    values: dict[str, float] = {}
    for pair in pairs:
        name, _, text = pair.partition("=")
        if name not in known:
            raise UsageError(
                f"--timeout {pair}: there is no time-out {name!r}.",
                hint=f"Known are: {', '.join(sorted(known))}; for example --timeout converge=30.",
            )
        try:
            values[name] = float(text.removesuffix("s"))
        except ValueError as error:
            raise UsageError(
                f"--timeout {pair}: {text!r} is no number of seconds.",
                hint=f"For example --timeout {name}=30.",
            ) from error
        if not values[name] > 0:  # `nan` isn't, either
            raise UsageError(f"--timeout {pair}: it must be more than 0 seconds.")
    return Timeouts(**values)


def _refuse_strays(cluster: str, options: dict[str, str]) -> None:
    """Refuses options of an existing cluster for another one.

    Raises:
        UsageError: Names the first.
    """
    strays = [name for name, value in options.items() if value]
    if strays and cluster != "existing":
        raise UsageError(
            f"{strays[0]} says which existing cluster is meant, but this run is on {cluster}.",
            hint="Add --cluster existing, or leave the option out.",
        )


def _allowed(baseline: str, allow: str | None) -> dict[str, float]:
    """Returns by which share figures may be worse than in the baseline.

    Raises:
        UsageError: There is none, or it isn't written as a share.
    """
    if allow is not None and not baseline:
        raise UsageError(
            f"--allow {allow} says how much worse than a baseline figures may be, and there is "
            "none.",
            hint="Add --baseline RUN.",
        )
    return gates_of(allow, ()) if baseline else {}


@click.command()
@click.option(
    "--suite",
    "suites",
    multiple=True,
    required=True,
    metavar="NAME|DIR",
    shell_complete=completion.suites,
    help="A bundled suite (unit, smoke, integration, scope, load, soak) or a folder of your own "
    "tests; may be given again.",
)
@click.option(
    "--target",
    required=True,
    metavar="NAME|DIR|FILE",
    shell_complete=completion.targets,
    help="The operator: a bundled target (guestbook), or the folder or file of your target.yaml.",
)
@click.option(
    "--cluster",
    type=click.Choice(["local", "kind", "existing"]),
    default="local",
    show_default=True,
    help="Where it runs: local is a real control plane as processes, with simulated nodes; "
    "kind is nodes as containers, where pods really run; "
    "existing is a cluster of yours, which is given back as it was.",
)
@click.option(
    "--context",
    default="",
    metavar="NAME",
    shell_complete=completion.contexts,
    help="Context of the existing cluster; it must be named, the current one is never taken.",
)
@click.option(
    "--kubeconfig",
    default="",
    metavar="FILE",
    shell_complete=completion.files,
    help="Holds that context. Default: what kubectl reads (KUBECONFIG, or ~/.kube/config).",
)
@click.option(
    "--audit-log",
    default="",
    metavar="FILE",
    shell_complete=completion.files,
    help="Audit log of the existing cluster's API server, a file of this machine. Without it the "
    "checks that need it are not verified.",
)
@click.option(
    "--install",
    type=click.Choice(["process", "in-cluster"]),
    help="How the operator is installed: as a process of this machine that believes it is in "
    "its pod, or in its pod. Default: what suits the cluster.",
)
@kubernetes_version
@kind_options
@click.option(
    "--twin",
    metavar="NAME",
    shell_complete=completion.twins,
    help="Switch on a faulty twin: a seeded defect of the target.",
)
@click.option(
    "--output",
    default="harness-runs",
    show_default=True,
    metavar="DIR",
    shell_complete=completion.folders,
    help="Folder for run folders; `latest` in it links to the newest.",
)
@click.option("--keep", is_flag=True, help="Leave cluster and operator up; `harness cluster down`.")
@click.option(
    "--audit-bodies",
    multiple=True,
    metavar="RESOURCE",
    help="Have a local cluster's audit log hold requests and answers of this resource whole, to "
    "check our stamps against the API server's own. It costs time that a load then measures.",
)
@click.option("--durable", is_flag=True, help="Let etcd fsync, as a cluster of yours would.")
@click.option(
    "--seed", type=click.IntRange(min=1), metavar="N", help="Repeat a run's random choices."
)
@click.option(
    "-k", "keyword", default="", metavar="EXPR", help="Only tests that match, as in pytest."
)
@click.option(
    "--previous",
    default="",
    metavar="DIR|FILE|REF",
    shell_complete=completion.files,
    help="The release before (its CRDs, or a git reference): the unit suite says whether the "
    "CRDs can follow.",
)
@click.option(
    "--no-own-tests",
    is_flag=True,
    help="Leave out the operator's own tests (suites unit and integration).",
)
@click.option(
    "--prove-rbac",
    is_flag=True,
    help="After the suites, run smoke again with the smallest roles in the place of the operator's "
    "own: proven, or refuted with the missing rule.",
)
@click.option("--fail-fast", is_flag=True, help="Stop at the first test that fails.")
@click.option(
    "--fail-on",
    multiple=True,
    type=click.Choice(_FAIL_ON),
    help="What else turns the verdict: minor findings (1), checks not verified (5).",
)
@click.option(
    "--timeout",
    "timeouts",
    multiple=True,
    metavar="NAME=SECONDS",
    help="cluster, install, ready, converge, delete, silence, stop or tests; may be given again.",
)
@load_options
@baseline_options
@prometheus_option
@click.option("--dry-run", is_flag=True, help="Say what would run, and start nothing.")
@click.option("--quiet", is_flag=True, help="Only the verdict.")
@click.option("--verbose", is_flag=True, help="Every step.")
def run(
    *,
    suites: tuple[str, ...],
    target: str,
    cluster: str,
    context: str,
    kubeconfig: str,
    audit_log: str,
    install: str | None,
    kubernetes: str,
    twin: str | None,
    output: str,
    keep: bool,
    audit_bodies: tuple[str, ...],
    durable: bool,
    seed: int | None,
    keyword: str,
    previous: str,
    no_own_tests: bool,
    prove_rbac: bool,
    fail_fast: bool,
    fail_on: tuple[str, ...],
    timeouts: tuple[str, ...],
    baseline: str,
    allow: str | None,
    prometheus_url: str,
    dry_run: bool,
    quiet: bool,
    verbose: bool,
    **others: Any,  # noqa: ANN401 - click's own types
) -> None:
    """Run suites against an operator, judge it, write the reports.

    Starts a cluster, installs the operator unmodified, runs the suite, judges the evidence and
    takes everything down again. The report is report.html in the run folder.

    \b
    harness run --suite unit --target guestbook                      no cluster, seconds
    harness run --suite smoke --target guestbook
    harness run --suite smoke --target ./target.yaml --timeout converge=120
    harness run --suite load --target guestbook                      ten minutes
    harness run --suite load --target guestbook --profile steady --rate 50 --duration 60
    harness run --suite load --target . --profile steady --rate 50 --baseline ./result.json
    harness run --suite ./my_suite --target guestbook -k message
    harness run --suite smoke --target guestbook --twin hot-loop     must end with 1
    harness run --suite smoke --target guestbook --prove-rbac        are its roles too wide?
    harness run --suite smoke --target guestbook --cluster kind
    harness run --suite smoke --target ./target.yaml --cluster existing --context staging

    Ctrl-C stops in order: cluster down, reports written, exit code 2.
    """  # noqa: D301 - \b is click's mark
    from harness.runner.interrupt import interruptible  # noqa: PLC0415 - heavy
    from harness.runner.prepare import RunRequest, prepare  # noqa: PLC0415 - heavy

    _refuse_strays(
        cluster, {"--context": context, "--kubeconfig": kubeconfig, "--audit-log": audit_log}
    )
    load, kind = load_settings(suites, others)
    settings = Settings(
        output=output,
        cluster=cluster,
        context=context,
        kubeconfig=kubeconfig,
        audit_log=audit_log,
        install=install or "",
        kubernetes_version=kubernetes,
        **kind_settings(cluster, kind),
        load=load,
        keep=keep,
        audit_bodies=audit_bodies,
        durable=durable,
        seed=seed or 0,
        previous=previous,
        own_tests=not no_own_tests,
        prove_rbac=prove_rbac,
        fail_fast=fail_fast,
        fail_on=fail_on,
        baseline=baseline,
        allowed=_allowed(baseline, allow),
        prometheus_url=checked_url(prometheus_url),
        keyword=keyword,
        timeouts=_timeouts(timeouts),
    )
    request = RunRequest(
        target=target,
        suites=suites,
        twin=twin,
        settings=settings,
        command=shlex.join(["harness", *without_password(sys.argv[1:], prometheus_url)]),
    )
    progress = new_progress(quiet=quiet, verbose=verbose)
    try:
        with interruptible(progress.note) as interruption:
            with interruption.breakable():
                prepared = prepare(request, progress)
            if dry_run:
                progress.end()
                _plan(prepared)
                return
            code = _go(prepared, progress, interruption)
    finally:
        progress.end()
    sys.exit(code)


def _go(prepared: Prepared, progress: Progress, interruption: Interruption) -> int:
    from harness.reporting.terminal import terminal_summary  # noqa: PLC0415 - heavy
    from harness.runner.conclude import conclude  # noqa: PLC0415 - heavy
    from harness.runner.execute import execute  # noqa: PLC0415 - heavy

    execution = execute(prepared, progress, interruption)
    progress.stage("Judging the evidence")
    result = conclude(execution.run, errors=execution.errors, interrupted=execution.interrupted)
    progress.end()
    click.echo(terminal_summary(result, execution.run))
    if execution.kept is not None:
        name = execution.kept.name
        click.echo(
            f"Kept: cluster {name}; `harness kubectl --cluster {name} get pods -A`, "
            f"`harness cluster down {name}`."
        )
    return int(result.exit_code)


def _plan(prepared: Prepared) -> None:
    target = prepared.target
    click.echo(f"Target    {target.name}  ({target.folder})")
    if target.twin is not None:
        click.echo(f"Twin      {target.twin.name}: {target.twin.title}")
    click.echo(f"Cluster   {prepared.request.settings.cluster if prepared.live else 'none'}")
    for asset in prepared.assets.assets:
        click.echo(f"Binary    {asset.component} {asset.version}  ({asset.source})")
    for body in prepared.manifests:
        metadata = body["metadata"]
        place = f"{metadata['namespace']}/" if metadata.get("namespace") else ""
        click.echo(
            f"{'Apply ' if prepared.live else 'Judge '}    {body['kind']} {place}{metadata['name']}"
        )
    for workload in target.workloads if prepared.live else ():
        if workload.process is not None:
            click.echo(f"Process   {workload.deployment}: {shlex.join(workload.process.command)}")
    if prepared.own_tests is not None:
        click.echo(f"Tests     {shlex.join(prepared.own_tests.argv)}")
    if prepared.own_e2e is not None:
        click.echo(f"Tests     {shlex.join(prepared.own_e2e.argv)}")
    for suite in prepared.live:
        click.echo(f"Suite     {suite.name}: {len(prepared.tests[suite.name])} tests")
        for test in prepared.tests[suite.name]:
            click.echo(f"          {test}")
    click.echo(f"Checks    {', '.join(prepared.checks)}")
    click.echo("Nothing was started (--dry-run).")
