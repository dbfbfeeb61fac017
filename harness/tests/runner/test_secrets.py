"""No secret reaches the run folder: not of a Secret, nor a token, nor a kubeconfig's key."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from harness.tests.runner.running import Finished, Home, Runs, suite

pytestmark = pytest.mark.controlplane

MOUNTED = "canary-that-is-mounted-4711"
GIVEN = "canary-in-the-environment-4712"
APPLIED = "canary-that-a-suite-applies-4713"

TARGET = """
apiVersion: harness/v1
kind: Target
name: talker
install: {manifests: {files: [manifests.yaml]}}
workloads:
- deployment: talker
  process: {command: [./talker]}
kinds:
- resource: talks.test.example
  samples: [sample.yaml]
"""

SAMPLE = """
apiVersion: test.example/v1
kind: Talk
metadata: {name: sample}
spec: {}
"""

MANIFESTS = f"""
apiVersion: v1
kind: Namespace
metadata: {{name: talker}}
---
apiVersion: v1
kind: ServiceAccount
metadata: {{name: talker, namespace: talker}}
---
apiVersion: v1
kind: Secret
metadata: {{name: mounted, namespace: talker}}
stringData: {{word: {MOUNTED}}}
---
apiVersion: v1
kind: Secret
metadata: {{name: given, namespace: talker}}
stringData: {{word: {GIVEN}}}
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {{name: talks.test.example}}
spec:
  group: test.example
  scope: Namespaced
  names: {{kind: Talk, plural: talks, singular: talk}}
  versions:
  - name: v1
    served: true
    storage: true
    schema:
      openAPIV3Schema:
        type: object
        properties: {{spec: {{type: object, x-kubernetes-preserve-unknown-fields: true}}}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {{name: talker, namespace: talker}}
spec:
  selector: {{matchLabels: {{app: talker}}}}
  template:
    metadata: {{labels: {{app: talker}}}}
    spec:
      serviceAccountName: talker
      containers:
      - name: talker
        image: example.com/talker
        command: [/talker]
        env:
        - name: GIVEN
          valueFrom: {{secretKeyRef: {{name: given, key: word}}}}
        volumeMounts: [{{name: mounted, mountPath: /etc/mounted}}]
      volumes: [{{name: mounted, secret: {{secretName: mounted}}}}]
"""

TALKER = """#!/bin/sh
# Tells all that it knows, as careless operators do in their debug logs.
TOKEN=$(cat /var/run/secrets/kubernetes.io/serviceaccount/token)
echo "token=$TOKEN"
echo "{\\"authorization\\": \\"Bearer $TOKEN\\"}" >&2
echo "given=$GIVEN"
echo "mounted=$(cat /etc/mounted/word)"
echo "encoded=$(base64 < /etc/mounted/word)"
echo "talked enough"
exec sleep 600
"""

TEST = f"""
import os
import re
from pathlib import Path

TOKEN = "run/secrets/kubernetes.io/serviceaccount/token"  # /var/run may be an absolute link

def token_of_the_operator():
    for process in Path("/proc").glob("[0-9]*"):
        for root in ("root", "root/var"):
            try:
                if b"GIVEN={GIVEN}" in (process / "environ").read_bytes():
                    return (process / root / TOKEN).read_text()
            except OSError:
                continue

def test_a_secret_is_applied(kube, cluster, namespace, custom_resource, operator):
    loot = Path(os.environ["LOOT"])
    named = re.findall(r"client-key: (.*)", Path(cluster.kubeconfig).read_text())
    keys = [Path(cluster.kubeconfig).parent / file for file in named]
    keys += Path(cluster.state_dir).rglob("*.key")
    (loot / "keys").write_text("".join(key.read_text() for key in keys))
    (loot / "token").write_text(token_of_the_operator())
    kube.apply(
        {{"apiVersion": "v1", "kind": "Secret", "metadata": {{"name": "applied"}},
         "stringData": {{"word": "{APPLIED}"}}}}, namespace=namespace)
    custom_resource.create(spec={{"note": "nothing secret"}}).await_ready()
    assert any("talked enough" in line for line in operator.log_tail())
"""


def talks(home: Home) -> tuple[Finished, Path]:
    loot = home.path / "loot"
    loot.mkdir()
    for name, text in {
        "target.yaml": TARGET,
        "manifests.yaml": MANIFESTS,
        "sample.yaml": SAMPLE,
        "talker": TALKER,
    }.items():
        (home.work / name).write_text(text, encoding="utf-8")
    (home.work / "talker").chmod(0o755)
    own = suite(home, test_secrets=TEST)
    run = home.run("--suite", own, target=home.work / "target.yaml", LOOT=str(loot))
    return run.finish(), loot


_PEM_LINE = 64

SCENARIOS = {"talks": talks}


def lines_of(keys: Path) -> list[str]:
    """Returns the lines of private keys in PEM."""
    found = [line for line in keys.read_text(encoding="utf-8").splitlines() if "-----" not in line]
    assert len(found) > 10, "the client's key that the kubeconfig names, and the authority's"
    return [line for line in found if len(line) == _PEM_LINE]


def forms(value: str) -> set[bytes]:
    """Returns a value as it is, and in base64 wherever it may begin (without the edges)."""
    raw = value.encode()
    shifted = {base64.b64encode(b"\0" * lead + raw)[4:-4] for lead in range(3)}
    return {raw, base64.b64encode(raw), *shifted}


def test_no_secret_is_anywhere_in_the_run_folder(runs: Runs) -> None:
    done, loot = runs["talks"]
    assert done.exit_code == 0, done.stdout + done.stderr
    token = (loot / "token").read_text(encoding="utf-8")
    secrets = [MOUNTED, GIVEN, APPLIED, token, token.rsplit(".", 1)[1]]
    files = {file: file.read_bytes() for file in done.run.path.rglob("*") if file.is_file()}
    assert any(b"nothing secret" in content for content in files.values()), "the search finds"
    wanted = set().union(*map(forms, [*secrets, *lines_of(loot / "keys")]))
    leaks = [
        (str(file.relative_to(done.run.path)), form[:60])
        for file, content in files.items()
        for form in wanted
        if form in content
    ]
    assert leaks == []


def test_the_log_says_where_a_secret_was(runs: Runs) -> None:
    done, _ = runs["talks"]
    lines = [line.text for log in done.evidence.logs().values() for line in log]
    for start in ("token=", "given=", "mounted=", "encoded="):
        assert f"{start}[redacted]" in lines
    assert '{"authorization": "Bearer [redacted]"}' in lines
