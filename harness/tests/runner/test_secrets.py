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
from pathlib import Path

TOKEN = "root/var/run/secrets/kubernetes.io/serviceaccount/token"

def token_of_the_operator():
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if b"GIVEN={GIVEN}" in (process / "environ").read_bytes():
                return (process / TOKEN).read_text()
        except OSError:
            continue

def test_a_secret_is_applied(kube, cluster, namespace, custom_resource, operator):
    loot = Path(os.environ["LOOT"])
    (loot / "kubeconfig").write_text(Path(cluster.kubeconfig).read_text())
    (loot / "token").write_text(token_of_the_operator())
    kube.apply(
        {{"apiVersion": "v1", "kind": "Secret", "metadata": {{"name": "applied"}},
         "stringData": {{"word": "{APPLIED}"}}}}, namespace=namespace)
    custom_resource.create(spec={{"note": "no secret"}}).await_ready()
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


SCENARIOS = {"talks": talks}


def keys_of(kubeconfig: Path) -> list[str]:
    """Returns the private keys that a kubeconfig holds or names, as the longest lines of PEM."""
    import yaml  # noqa: PLC0415 - only here

    found = []
    for user in yaml.safe_load(kubeconfig.read_text(encoding="utf-8"))["users"]:
        data = user["user"].get("client-key-data")
        assert data, "this test wants the key in the kubeconfig"
        found.append(data)
        found += base64.b64decode(data).decode().splitlines()[1:-1]
    return found


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
    wanted = set().union(*map(forms, [*secrets, *keys_of(loot / "kubeconfig")]))
    leaks = [
        (str(file.relative_to(done.run.path)), form[:60])
        for file in done.run.path.rglob("*")
        if file.is_file()
        for content in [file.read_bytes()]
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
