"""Manifests of a small healthy operator, and ways to break them."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import msgspec
import yaml

from harness.analysis.judge import judge
from harness.evidence.folder import RunFolder
from harness.evidence.ndjson import NdjsonWriter, write_document
from harness.evidence.reader import Evidence
from harness.model.records import ManifestRecord
from harness.model.run import RunManifest
from harness.model.target import Install, Kind, Manifests, Target
from harness.model.time import Stamp

if TYPE_CHECKING:
    from pathlib import Path

    from harness.model.findings import CheckOutcome

Json = dict[str, Any]

HEALTHY = """
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: shops.example.org}
spec:
  group: example.org
  scope: Namespaced
  names: {kind: Shop, listKind: ShopList, plural: shops, singular: shop}
  versions:
  - name: v1
    served: true
    storage: true
    subresources: {status: {}}
    additionalPrinterColumns:
    - {name: Ready, type: string, jsonPath: '.status.conditions[?(@.type=="Ready")].status'}
    - {name: Host, type: string, jsonPath: ".metadata.labels['example.org/host']"}
    - {name: Age, type: date, jsonPath: .metadata.creationTimestamp}
    schema:
      openAPIV3Schema:
        type: object
        required: [spec]
        properties:
          apiVersion: {type: string}
          kind: {type: string}
          metadata: {type: object}
          spec:
            type: object
            description: What is wanted.
            required: [size]
            properties:
              size: {type: integer, format: int32, minimum: 1, maximum: 9, description: How large.}
              name: {type: string, maxLength: 63, default: shop, description: What it is called.}
              port:
                x-kubernetes-int-or-string: true
                anyOf: [{type: integer}, {type: string}]
                description: Where it listens.
              labels:
                type: object
                maxProperties: 8
                additionalProperties: {type: string, maxLength: 63}
                description: What its pods wear.
              goods:
                type: array
                maxItems: 16
                x-kubernetes-list-type: map
                x-kubernetes-list-map-keys: [name]
                description: What it sells.
                items:
                  type: object
                  required: [name]
                  properties:
                    name: {type: string, maxLength: 63, description: What it is.}
          status:
            type: object
            description: What is there.
            properties:
              conditions:
                type: array
                description: How it is.
                x-kubernetes-list-type: map
                x-kubernetes-list-map-keys: [type]
                items:
                  type: object
                  required: [type, status]
                  properties:
                    type: {type: string, description: Of what.}
                    status: {type: string, description: Whether it holds.}
                    reason: {type: string, description: Why.}
                    message: {type: string, description: Why in words.}
                    lastTransitionTime: {type: string, format: date-time, description: Since.}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: keeper, namespace: shops}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: keeper, namespace: shops}
rules:
- {apiGroups: [coordination.k8s.io], resources: [leases], verbs: [get, create, update]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: keeper, namespace: shops}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: keeper}
subjects:
- {kind: ServiceAccount, name: keeper}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: keeper, namespace: shops}
spec:
  replicas: 2
  selector: {matchLabels: {app: keeper}}
  template:
    metadata: {labels: {app: keeper}}
    spec:
      serviceAccountName: keeper
      securityContext: {runAsNonRoot: true, seccompProfile: {type: RuntimeDefault}}
      containers:
      - name: manager
        image: registry.example.org:5000/keeper:v1.2.3
        livenessProbe: {httpGet: {path: /healthz, port: 8081}}
        readinessProbe: {httpGet: {path: /readyz, port: 8081}}
        resources:
          requests: {cpu: 10m, memory: 64Mi}
          limits: {memory: 256Mi}
        securityContext:
          allowPrivilegeEscalation: false
          readOnlyRootFilesystem: true
          capabilities: {drop: [ALL]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: keeper, namespace: shops}
spec:
  podSelector: {matchLabels: {app: keeper}}
  policyTypes: [Ingress]
  ingress:
  - ports: [{port: 8443}]
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata: {name: keeper}
webhooks:
- name: vshop.example.org
  clientConfig: {service: {name: keeper, namespace: shops, path: /validate}}
  failurePolicy: Fail
  matchPolicy: Equivalent
  sideEffects: None
  timeoutSeconds: 5
  admissionReviewVersions: [v1]
  rules:
  - {apiGroups: [example.org], apiVersions: [v1], resources: [shops], operations: [CREATE, UPDATE]}
---
apiVersion: v1
kind: Secret
metadata: {name: keeper, namespace: shops}
stringData: {password: never-written-down}
"""

SAMPLE = """
apiVersion: example.org/v1
kind: Shop
metadata: {name: corner, namespace: default}
spec:
  size: 2
  port: http
  labels: {anything: goes}
  goods: [{name: bread}]
"""


class Shop:
    """The manifests; what a test changes in them is seeded before they are judged."""

    def __init__(self) -> None:
        self.objects: list[Json] = list(yaml.safe_load_all(HEALTHY))
        self.samples: list[Json] = [yaml.safe_load(SAMPLE)]
        self.previous: list[Json] = []
        self.kubernetes = "1.34.4"

    def get(self, kind: str) -> Json:
        """The manifest of a kind."""
        (found,) = (obj for obj in self.objects if obj["kind"] == kind)
        return found

    @property
    def crd(self) -> Json:
        return self.get("CustomResourceDefinition")

    @property
    def version(self) -> Json:
        found: Json = self.crd["spec"]["versions"][0]
        return found

    @property
    def schema(self) -> Json:
        found: Json = self.version["schema"]["openAPIV3Schema"]
        return found

    @property
    def spec(self) -> Json:
        """The properties of the custom resource's spec."""
        found: Json = self.schema["properties"]["spec"]["properties"]
        return found

    @property
    def status(self) -> Json:
        found: Json = self.schema["properties"]["status"]["properties"]
        return found

    @property
    def conditions(self) -> Json:
        found: Json = self.status["conditions"]
        return found

    @property
    def pod(self) -> Json:
        found: Json = self.get("Deployment")["spec"]["template"]["spec"]
        return found

    @property
    def container(self) -> Json:
        found: Json = self.pod["containers"][0]
        return found

    @property
    def webhook(self) -> Json:
        found: Json = self.get("ValidatingWebhookConfiguration")["webhooks"][0]
        return found

    @property
    def sample(self) -> Json:
        return self.samples[0]

    def add(self, text: str) -> None:
        self.objects += list(yaml.safe_load_all(text))

    def remember(self) -> None:
        """Makes what is there now the release before."""
        self.previous = [copy.deepcopy(self.crd)]

    def another_version(self, name: str = "v1alpha1") -> Json:
        """Serves a second version of the same schema."""
        version = copy.deepcopy(self.version)
        version |= {"name": name, "storage": False}
        self.crd["spec"]["versions"].append(version)
        return version

    def evidence(self, folder: Path) -> Evidence:
        """Records a run of the unit suite."""
        run = RunFolder(folder / "run")
        run.evidence.mkdir(parents=True)
        target = Target(
            name="shop",
            folder="/shop",
            install=Install(manifests=Manifests(files=("/shop/all.yaml",))),
            kinds=(Kind(resource="shops.example.org", samples=()),),
        )
        manifest = RunManifest(
            id="run",
            suites=("unit",),
            checks=(),
            target="shop",
            twin="",
            cluster="",
            started=Stamp(mono_ns=0, wall_ns=0),
            harness_version="1",
            seed=1,
            kubernetes=self.kubernetes,
        )
        write_document(run.run_file, manifest)
        write_document(run.target_file, target)
        writer = NdjsonWriter(run.manifests_file)
        for record in self.records():
            writer.write(record)
        writer.close()
        return Evidence(run)

    def records(self) -> list[ManifestRecord]:
        made = [ManifestRecord(origin="manifest", object=obj) for obj in self.objects]
        made += [
            ManifestRecord(origin="sample", object=obj, file=f"samples/{number}.yaml")
            for number, obj in enumerate(self.samples)
        ]
        made += [ManifestRecord(origin="previous", object=obj) for obj in self.previous]
        return [msgspec.convert(msgspec.to_builtins(item), ManifestRecord) for item in made]

    def judged(self, check: str, folder: Path) -> CheckOutcome:
        return judge(check, self.evidence(folder), None)
