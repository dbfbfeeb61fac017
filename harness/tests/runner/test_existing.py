"""Runs on a cluster that somebody else made: however they end, it is given back as it was."""

from __future__ import annotations

import re
import shlex
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
import yaml

from harness.assets import Component, resolve
from harness.clock import SYSTEM_CLOCK
from harness.clusters.existing.demands import Demand, Demands, rules_demands
from harness.evidence.folder import RunFolder
from harness.evidence.reader import Evidence
from harness.installers import render
from harness.kube.client import KubeClient
from harness.model.findings import Severity, Status
from harness.model.installation import InstallWay
from harness.model.verdict import Verdict
from harness.probes.inventory import take_inventory
from harness.reporting import read_result
from harness.resources import bundled
from harness.targets import load
from harness.tests.runner.running import SHORT, Finished, Home, Runs, await_true, guestbook

if TYPE_CHECKING:
    from harness.model.resource import ObjectKey
    from harness.model.result import RunResult
    from harness.tests.runner.running import Started

pytestmark = pytest.mark.controlplane

CONTEXT = "harness-theirs"
NAMESPACE = "guestbook-system"
MANAGER = "guestbook-controller-manager"
CREATED = "test_converges"
_CLEANED_S = 120.0
_FURNISHED = 2  # objects that controllers put into each namespace: an account, an authority

PRESENT = """
apiVersion: harness/v1
kind: Target
name: guestbook
install: {{present: true}}
workloads: [{{deployment: {manager}}}]
kinds:
- resource: guestbooks.webapp.tutorial.kubebuilder.io
  samples: [{folder}/config/samples/webapp_v1_guestbook.yaml]
  ready: {{condition: Ready}}
"""
TWIN = """
apiVersion: harness/v1
kind: Twin
name: defect
title: For a test.
env: {DEFECT: "1"}
expect: [REC-002]
"""
ENDS_AT_ONCE = ("command: [bin/manager]", "command: ['false']")
PLUGIN = """#!{python}
import json
credential = {{"token": {token!r}}}
print(json.dumps({{"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential",
                   "status": credential}}))
"""


class Theirs:
    """A cluster with a life of its own, and what lies in it."""

    def __init__(self, home: Home) -> None:
        self.home = home
        up = home.start("cluster", "up", "--name", "theirs").finish()
        assert up.exit_code == 0, up.stderr
        (found,) = re.findall(r"KUBECONFIG=(\S+)", up.stdout)
        self.kubeconfig = Path(shlex.split(found)[0])
        self.client = KubeClient.from_kubeconfig(self.kubeconfig)
        self.at_first = self.objects()

    def objects(self) -> set[ObjectKey]:
        """Returns every object, with its uid."""
        taken = take_inventory(self.client, "now", clock=SYSTEM_CLOCK)
        return {entry.key for entry in taken.entries}

    def is_as_at_first(self) -> bool:
        return self.objects() == self.at_first

    def changed(self) -> str:
        return str(sorted(map(str, self.objects() ^ self.at_first)))

    def run(self, *words: str | Path, context: str = CONTEXT, **more: Any) -> Started:
        named = ("--context", context) if context else ()
        kubeconfig = str(more.pop("kubeconfig", self.kubeconfig))
        return self.home.run(
            *("--cluster", "existing", *named, *SHORT, *words), KUBECONFIG=kubeconfig, **more
        )

    def make(self, kind: str, name: str, api_version: str = "v1", **fields: Any) -> None:
        body = {"apiVersion": api_version, "kind": kind, "metadata": {"name": name}, **fields}
        self.client.create(self.client.resource_of(api_version, kind), body)

    def forget(self, kind: str, name: str, api_version: str = "v1") -> None:
        self.client.delete(self.client.resource_of(api_version, kind), name)

    @property
    def audit_log(self) -> Path:
        return self.kubeconfig.parent / "audit.log"

    def close(self) -> None:
        self.client.connection.close()
        down = self.home.start("cluster", "down", "--all").finish()
        assert down.exit_code == 0, down.stderr


class After(msgspec.Struct, frozen=True, kw_only=True):
    """A run that ended, and how it left the cluster."""

    exit_code: int
    told: str
    run: RunFolder
    same: bool
    changed: str

    @property
    def result(self) -> RunResult:
        return read_result(self.run.result_file)

    @property
    def evidence(self) -> Evidence:
        return Evidence(self.run)

    @property
    def status(self) -> dict[str, Status]:
        return {item.check.id: item.status for item in self.result.checks}


def after(theirs: Theirs, done: Finished) -> After:
    """Says how a command ended; `latest` is its run folder only until the next run."""
    return After(
        exit_code=done.exit_code,
        told=done.stdout + done.stderr,
        run=done.run,
        same=theirs.is_as_at_first(),
        changed=theirs.changed(),
    )


def goes_in_order(home: Home) -> dict[str, After]:
    theirs = Theirs(home)
    ends = {"unnamed": after(theirs, theirs.run(context="").finish())}
    group = "rbac.authorization.k8s.io/v1"
    theirs.make("ClusterRole", "guestbook-manager-role", group)
    ends["taken"] = after(theirs, theirs.run().finish())
    theirs.forget("ClusterRole", "guestbook-manager-role", group)
    ends["by process"] = after(theirs, theirs.run().finish())
    home_of_failure = guestbook(home, ENDS_AT_ONCE)
    ends["ends at start"] = after(theirs, theirs.run(target=home_of_failure).finish())
    theirs.make("Namespace", NAMESPACE)
    await_true(lambda: sum(key.namespace == NAMESPACE for key in theirs.objects()) == _FURNISHED)
    theirs.at_first = theirs.objects()
    ends["with audit"] = after(theirs, theirs.run("--audit-log", theirs.audit_log).finish())
    theirs.close()
    return ends


def is_broken_off(home: Home) -> dict[str, Any]:
    theirs = Theirs(home)
    ends: dict[str, Any] = {}
    interrupted = theirs.run().follow(CREATED).send(signal.SIGINT).finish()
    ends["interrupted"] = after(theirs, interrupted)
    theirs.run().follow(CREATED).kill()
    await_true(theirs.is_as_at_first, theirs.changed, within=_CLEANED_S)
    guards = _guards(home)
    started = theirs.run().follow(CREATED)
    (guard,) = (item for item in _guards(home) if item not in guards)
    guard.kill()
    started.kill()
    ends["left by a killed guard"] = theirs.objects() - theirs.at_first
    ends["next"] = after(theirs, theirs.run("--dry-run").finish())
    theirs.close()
    ends["files"] = home.files()
    return ends


def is_watched(home: Home) -> dict[str, Any]:
    theirs = Theirs(home)
    ends: dict[str, Any] = {"kept": theirs.run("--keep", "-k", "installs").finish()}
    scale = {"spec": {"replicas": 1}}
    deployments = theirs.client.resource("deployments.apps")
    theirs.client.patch(deployments, MANAGER, scale, namespace=NAMESPACE)
    target = home.work / "present.yaml"
    folder = bundled("operators_under_test", "guestbook")
    target.write_text(PRESENT.format(manager=MANAGER, folder=folder))
    before = theirs.objects()
    ends["watched"] = after(theirs, theirs.run(target=target).finish())
    ends["same"] = {key for key in before if key.resource != "pods"} <= theirs.objects()
    (home.work / "twins").mkdir()
    (home.work / "twins" / "defect.yaml").write_text(TWIN)
    ends["twin"] = theirs.run("--twin", "defect", target=target).finish()
    (kept,) = re.findall(r"Kept: cluster (\w+)", ends["kept"].stdout)
    ends["down"] = home.start("cluster", "down", kept).finish()
    ends["given back"] = after(theirs, ends["down"])
    theirs.close()
    return ends


def is_somebody_else(home: Home) -> dict[str, After]:
    """Runs the reference operator under an exec plugin's identity, by a list of kubeconfigs."""
    theirs = Theirs(home)
    client = theirs.client
    theirs.make("Namespace", "people")
    await_true(lambda: sum(key.namespace == "people" for key in theirs.objects()) == _FURNISHED)
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "me"}}
    client.create(client.resource("serviceaccounts"), account, namespace="people")
    subject = {"kind": "ServiceAccount", "name": "me", "namespace": "people"}
    group = "rbac.authorization.k8s.io"
    theirs.at_first = theirs.objects()
    kubeconfig = _plugin(home, theirs, client.token("people", "me").value)
    ends = {"without rights": after(theirs, theirs.run(kubeconfig=kubeconfig).finish())}

    def may(role: str) -> None:
        reference = {"apiGroup": group, "kind": "ClusterRole", "name": role}
        theirs.make(
            "ClusterRoleBinding",
            f"my-{role}",
            f"{group}/v1",
            roleRef=reference,
            subjects=[subject],
        )
        theirs.at_first = theirs.objects()

    theirs.make("ClusterRole", "what-it-asks-for", f"{group}/v1", rules=_asked_for(client))
    may("what-it-asks-for")
    ends["no more than asked for"] = after(theirs, theirs.run(kubeconfig=kubeconfig).finish())
    may("cluster-admin")
    done = theirs.run(kubeconfig=kubeconfig, target="reference").finish()
    ends["with rights"] = after(theirs, done)
    theirs.close()
    return ends


def _asked_for(client: KubeClient) -> list[dict[str, Any]]:
    """Returns the rights that are demanded beforehand for guestbook, and no other."""
    target = load("guestbook")
    kubectl = resolve((Component.KUBECTL,), build=False).path(Component.KUBECTL)
    manifests = render(target, kubectl=kubectl)
    demands = Demands(client, target, manifests, InstallWay.PROCESS).all()
    lifts = [lift for _, lift, _ in rules_demands(client, manifests)]
    return [_rule(demand) for demand in (*demands, *lifts)]


def _rule(demand: Demand) -> dict[str, Any]:
    if demand.path:
        return {"nonResourceURLs": [demand.path], "verbs": [demand.verb]}
    resource = "/".join(filter(None, (demand.resource, demand.subresource)))
    named = {"resourceNames": [demand.name]} if demand.name else {}
    return {
        "apiGroups": [demand.group],
        "resources": [resource],
        "verbs": [demand.verb],
        **named,
    }


def _plugin(home: Home, theirs: Theirs, token: str) -> str:
    """Writes a kubeconfig of an exec plugin, and returns it behind another one, as a list."""
    program = home.work / "plugin"
    program.write_text(PLUGIN.format(python=sys.executable, token=token))
    program.chmod(0o700)
    document = yaml.safe_load(theirs.kubeconfig.read_text())
    command = {"apiVersion": "client.authentication.k8s.io/v1", "command": str(program)}
    document["users"][0]["user"] = {"exec": {**command, "interactiveMode": "Never"}}
    mine, other = home.work / "mine", home.work / "other"
    mine.write_text(yaml.safe_dump(document))
    other.write_text("apiVersion: v1\nkind: Config\n")
    return f"{other}:{mine}"


def _guards(home: Home) -> list[Any]:
    return [item for item in home.processes() if "harness.guard" in item.cmdline()]


SCENARIOS = {
    "in order": goes_in_order,
    "broken off": is_broken_off,
    "watched": is_watched,
    "somebody else": is_somebody_else,
}


def test_a_context_must_be_named(runs: Runs) -> None:
    end: After = runs["in order"]["unnamed"]
    assert end.exit_code == 4, end.told
    assert re.search(rf"context +{CONTEXT}", end.told)
    assert "server   https://127.0.0.1:" in end.told
    assert f"--context {CONTEXT}" in end.told
    assert end.same


def test_what_is_there_already_is_named_and_nothing_is_applied(runs: Runs) -> None:
    end: After = runs["in order"]["taken"]
    assert end.exit_code == 4, end.told
    assert "ClusterRole guestbook-manager-role, since 20" in end.told
    assert "Deployment" not in end.told
    assert "Traceback" not in end.told


def test_a_run_by_process_passes_and_gives_the_cluster_back(runs: Runs) -> None:
    end: After = runs["in order"]["by process"]
    assert end.exit_code == 0, end.told
    found = end.status
    lacking = {check for check, status in found.items() if status is Status.NOT_VERIFIED}
    assert lacking == {"REC-002", "REC-004", "LIF-001", "RBA-004", "SCO-101", "SCO-105"}
    assert found["LIF-009"] is Status.PASS
    assert "not verified" in end.result.sentence
    assert end.same, end.changed


def test_what_was_changed_for_it_is_listed(runs: Runs) -> None:
    installation = runs["in order"]["by process"].evidence.installation
    changed = {item.subject: (item.before, item.after) for item in installation.alterations}
    assert changed[f"Deployment {NAMESPACE}/{MANAGER}, replicas"] == ("1", "0")
    hooks = "ValidatingWebhookConfiguration guestbook-validating-webhook-configuration"
    assert changed[hooks][1] == "not applied"
    assert any("bound to no Pod" in note for note in installation.notes)


def test_an_operator_that_does_not_start_is_removed_too(runs: Runs) -> None:
    end: After = runs["in order"]["ends at start"]
    assert end.exit_code == 1, end.told
    assert [check for check, status in end.status.items() if status is Status.FAIL] == ["INS-002"]
    assert end.same, end.changed


def test_an_audit_log_decides_what_else_is_not_verified(runs: Runs) -> None:
    end: After = runs["in order"]["with audit"]
    assert end.exit_code == 0, end.told
    assert Status.NOT_VERIFIED not in end.status.values()


def test_a_namespace_that_was_there_stays_and_what_the_operator_left_in_it_is_told(
    runs: Runs,
) -> None:
    end: After = runs["in order"]["with audit"]
    (finding,) = end.result.findings
    assert (finding.check, finding.severity) == ("LIF-009", Severity.MINOR)
    assert finding.subject.startswith(f"leases.coordination.k8s.io {NAMESPACE}/guestbook")
    assert end.changed == f"['{finding.subject}']"


def test_a_stopped_run_gives_the_cluster_back(runs: Runs) -> None:
    end: After = runs["broken off"]["interrupted"]
    assert end.exit_code == 2, end.told
    assert end.result.verdict is Verdict.INTERRUPTED
    assert end.same, end.changed


def test_what_a_killed_run_and_guard_left_is_removed_by_the_next_run(runs: Runs) -> None:
    ends = runs["broken off"]
    assert any(key.resource.startswith("customresource") for key in ends["left by a killed guard"])
    assert ends["next"].exit_code == 0, ends["next"].told
    assert ends["next"].same, ends["next"].changed
    assert ends["files"] == []


def test_an_operator_that_is_present_is_only_watched(runs: Runs) -> None:
    ends = runs["watched"]
    done: After = ends["watched"]
    assert ends["kept"].exit_code == 0, ends["kept"].stdout + ends["kept"].stderr
    assert done.exit_code == 0, done.told
    found = {item.check.id: item for item in done.result.checks}
    assert found["REC-001"].status is Status.PASS
    assert found["REC-004"].status is Status.NOT_VERIFIED
    assert any(
        "isn't restarted: the operator was there" in test.message for test in done.result.tests
    )
    assert found["LIF-009"].status is Status.NOT_APPLICABLE
    assert done.evidence.installation is not None
    assert done.evidence.installation.objects == ()
    assert ends["same"]


def test_a_defect_cannot_be_switched_on_in_an_operator_that_is_present(runs: Runs) -> None:
    done: Finished = runs["watched"]["twin"]
    assert done.exit_code == 4, done.stderr
    assert "can't be switched on" in done.stderr


def test_a_kept_operator_is_removed_on_request(runs: Runs) -> None:
    ends = runs["watched"]
    assert ends["down"].exit_code == 0, ends["down"].stderr
    assert ends["given back"].same, ends["given back"].changed


def test_rights_that_are_missing_are_told_in_one_list(runs: Runs) -> None:
    end: After = runs["somebody else"]["without rights"]
    assert end.exit_code == 4, end.told
    told = end.told
    assert "customresourcedefinitions.apiextensions.k8s.io (to apply" in told
    assert f"serviceaccounts/token {MANAGER} in namespace {NAMESPACE}" in told
    assert "escalate clusterroles.rbac.authorization.k8s.io" in told
    assert end.same, end.changed


def test_the_rights_that_are_asked_for_are_enough(runs: Runs) -> None:
    end: After = runs["somebody else"]["no more than asked for"]
    assert end.exit_code == 0, end.told
    assert end.status["REC-001"] is Status.PASS
    assert end.status["LIF-009"] is Status.NOT_VERIFIED  # it may not list all that there is
    assert end.same, end.changed


def test_an_exec_plugins_identity_runs_the_reference_operator(runs: Runs) -> None:
    end: After = runs["somebody else"]["with rights"]
    assert end.exit_code == 0, end.told
    cluster = end.evidence.cluster
    assert cluster is not None
    assert cluster.harness_identity == "system:serviceaccount:people:me"
    assert any("exec plugin" in fact for fact in cluster.facts)
    assert end.same, end.changed
