"""Small run folders, recorded by code, as the real writers would write them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import msgspec

from harness.clock import utc
from harness.evidence.columns import ColumnWriter
from harness.evidence.folder import RunFolder
from harness.evidence.ndjson import NdjsonWriter, write_document
from harness.evidence.reader import Evidence
from harness.model.cluster import Capability, Cluster
from harness.model.installation import Installation, MetricsEndpoint, Workload
from harness.model.records import (
    Action,
    LogLine,
    MetricsPage,
    Phase,
    ProcessEvent,
    Snapshot,
    StageRecord,
    Stimulus,
    SuiteRecord,
    TestOutcome,
    TimelineEvent,
    Wait,
)
from harness.model.resource import ObjectKey
from harness.model.run import RunManifest
from harness.model.target import Install, Kind, Manifests, Readiness, Target
from harness.model.time import Span, Stamp

if TYPE_CHECKING:
    from pathlib import Path

OPERATOR = "system:serviceaccount:books-system:manager"
HARNESS = "operator-harness"
CONTROLLERS = "system:serviceaccount:kube-system:deployment-controller"
BOOKS = "guestbooks.example.com"
BOOK = ObjectKey(resource=BOOKS, namespace="default", name="sample", uid="book-1")
_BASE = 1_800_000_000 * 10**9

Json = dict[str, Any]


def at(seconds: float) -> Stamp:
    """The instant `seconds` after the start of the run."""
    ns = round(seconds * 1e9)
    return Stamp(mono_ns=10**12 + ns, wall_ns=_BASE + ns)


def span(start: float, end: float) -> Span:
    return Span(start=at(start), end=at(end))


def iso(seconds: float) -> str:
    return utc(at(seconds)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def book(  # what the API server would hold
    *,
    generation: int = 1,
    observed: int | None = None,
    ready: str | None = None,
    uid: str = "book-1",
    name: str = "sample",
    condition_observed: int | None = None,
) -> Json:
    status: Json = {}
    if observed is not None:
        status["observedGeneration"] = observed
    if ready is not None:
        condition: Json = {"type": "Ready", "status": ready, "reason": "Because"}
        if condition_observed is not None:
            condition["observedGeneration"] = condition_observed
        status["conditions"] = [condition]
    return {
        "apiVersion": "example.com/v1",
        "kind": "Guestbook",
        "metadata": {"namespace": "default", "name": name, "uid": uid, "generation": generation},
        "status": status,
    }


def child(
    kind: str,
    name: str,
    *,
    uid: str = "",
    owner: str = "",
    created: float = 1.0,
    managers: tuple[str, ...] = (),
    **more: Any,
) -> Json:
    """An entry of a snapshot."""
    resources = {"ConfigMap": ("v1", "configmaps"), "Deployment": ("apps/v1", "deployments.apps")}
    resources["ReplicaSet"] = ("apps/v1", "replicasets.apps")
    resources["Guestbook"] = ("example.com/v1", BOOKS)
    api_version, resource = resources.get(kind, ("v1", kind.lower() + "s"))
    metadata: Json = {"namespace": "default", "name": name, "uid": uid or f"{kind}-{name}"}
    metadata["creationTimestamp"] = utc(at(created)).strftime("%Y-%m-%dT%H:%M:%SZ")
    if owner:
        metadata["ownerReferences"] = [{"uid": owner, "kind": "X", "name": "x"}]
    if managers:
        metadata["managers"] = list(managers)
    metadata.update(more)
    return {"apiVersion": api_version, "kind": kind, "resource": resource, "metadata": metadata}


class Recording:
    """Writes one run folder; a fresh one is that of an operator that was installed and is idle."""

    def __init__(self, folder: Path) -> None:
        self.run = RunFolder(folder / "run")
        self.run.path.mkdir()
        self.run.evidence.mkdir()
        for part in (self.run.operator_logs, self.run.timeline, self.run.samples, self.run.metrics):
            part.mkdir()
        self.calls = 0
        self.manifest()
        self.target()
        self.cluster()
        self.install()
        self.call(0.5, "list", BOOKS)

    @property
    def evidence(self) -> Evidence:
        return Evidence(self.run)

    def manifest(self, **changes: Any) -> None:
        manifest = RunManifest(
            id="run",
            suites=("smoke",),
            checks=(),
            target="books",
            twin="",
            cluster="local",
            started=at(0),
            harness_version="1",
            seed=7,
        )
        write_document(self.run.run_file, msgspec.structs.replace(manifest, **changes))

    def target(self, *, ready: Readiness | None = None, **changes: Any) -> None:
        target = Target(
            name="books",
            folder="/books",
            install=Install(manifests=Manifests(kustomize="/books/config")),
            kinds=(Kind(resource=BOOKS, samples=(), ready=ready or Readiness(condition="Ready")),),
        )
        write_document(self.run.target_file, msgspec.structs.replace(target, **changes))

    def cluster(self, *, without: tuple[str, ...] = (), **changes: Any) -> None:
        cluster = Cluster(
            id="c",
            provider="local",
            name="c",
            kubeconfig="/k",
            server="https://127.0.0.1:1",
            ca_file="/ca",
            server_version="v1.34.0",
            state_dir="/s",
            capabilities=tuple(c for c in Capability if c not in without),
        )
        write_document(self.run.cluster_file, msgspec.structs.replace(cluster, **changes))

    def install(self, *, complete: bool = True, **changes: Any) -> None:
        workload = Workload(
            name="manager",
            namespace="books-system",
            service_account=OPERATOR,
            process="manager",
            metrics=MetricsEndpoint(
                url="http://127.0.0.1:8080/metrics", dialect="controller-runtime"
            ),
        )
        workload = msgspec.structs.replace(workload, **changes)
        write_document(
            self.run.installation_file,
            Installation(namespace="books-system", workloads=(workload,), complete=complete),
        )

    def record(self, *records: SuiteRecord) -> None:
        self._append(self.run.suite_file, *records)

    def phase(self, start: float, end: float, *checks: str, **fields: Any) -> Phase:
        fields.setdefault("name", f"window {start:g}")
        phase = Phase(span=span(start, end), checks=checks, **fields)
        self.record(phase)
        return phase

    def wait(
        self, start: float, end: float, *, met: bool, key: ObjectKey = BOOK, refusal: str = ""
    ) -> None:
        self.record(
            Wait(
                awaited="ready for generation 2",
                subject=key,
                span=span(start, end),
                met=met,
                timeout_s=end - start,
                refusal=refusal,
            )
        )

    def stimulus(
        self,
        sent: float,
        action: Action,
        key: ObjectKey | None = BOOK,
        *,
        took: float = 0.01,
        **fields: Any,
    ) -> None:
        fields.setdefault("status", 200 if key else 0)
        self.record(
            Stimulus(
                action=action,
                intended=at(sent),
                sent=at(sent),
                acknowledged=at(sent + took),
                subject=key,
                **fields,
            )
        )

    def snapshot(self, when: float, name: str, *objects: Json) -> None:
        self.record(Snapshot(name=name, stamp=at(when), objects=objects))

    def test(self, name: str, outcome: str, *, when: float = 1.0, **fields: Any) -> None:
        self.record(TestOutcome(test=name, outcome=outcome, span=span(when, when + 1), **fields))

    def stage(self, name: str, start: float, end: float, outcome: str = "done") -> None:
        self._append(
            self.run.stages_file, StageRecord(name=name, span=span(start, end), outcome=outcome)
        )

    def process(self, when: float, event: str, *, name: str = "manager", **fields: Any) -> None:
        fields.setdefault("pid", 42)
        self._append(
            self.run.processes_file, ProcessEvent(name=name, event=event, stamp=at(when), **fields)
        )

    def log(self, when: float, *texts: str, process: str = "manager", step: float = 0.0) -> None:
        self._append(
            self.run.operator_logs / f"{process}.ndjson",
            *(
                LogLine(stamp=at(when + number * step), stream="stderr", text=text)
                for number, text in enumerate(texts)
            ),
        )

    def event(
        self, when: float, kind: str, body: Json, *, resource: str = BOOKS, **fields: Any
    ) -> None:
        metadata = body.get("metadata", {})
        key = ObjectKey(
            resource=resource,
            namespace=metadata.get("namespace", ""),
            name=metadata.get("name", ""),
            uid=metadata.get("uid", ""),
        )
        self._append(
            self.run.timeline / f"{resource}.ndjson",
            TimelineEvent(stamp=at(when), type=kind, key=key, object=body, **fields),
        )

    def call(
        self,
        when: float,
        verb: str,
        resource: str,
        name: str = "",
        *,
        user: str = OPERATOR,
        namespace: str = "default",
        subresource: str = "",
        code: int = 200,
        decision: str = "allow",
        took: float = 0.005,
        uri: str = "",
        agent: str = "manager/v1",
        **more: Any,
    ) -> None:
        """Appends one line as kube-apiserver writes it."""
        self.calls += 1
        plural, _, group = resource.partition(".")
        ref = {"resource": plural, "apiGroup": group, "namespace": namespace, "name": name}
        line = {
            "kind": "Event",
            "level": "Metadata",
            "auditID": f"id-{self.calls}",
            "stage": "ResponseComplete",
            "requestURI": uri or f"/apis/{group}/v1/namespaces/{namespace}/{plural}/{name}",
            "verb": verb,
            "user": {"username": user},
            "userAgent": agent,
            "objectRef": {**ref, "subresource": subresource},
            "responseStatus": {"code": code},
            "requestReceivedTimestamp": iso(when),
            "stageTimestamp": iso(when + took),
            "annotations": {
                "authorization.k8s.io/decision": decision,
                "authorization.k8s.io/reason": "because",
            },
            **more,
        }
        if not plural:
            del line["objectRef"]
        with self.run.audit_log.open("a", encoding="utf-8") as log:
            log.write(json.dumps(line) + "\n")

    def page(self, when: float, body: str, *, status: int = 200, **fields: Any) -> None:
        page = MetricsPage(
            workload="manager", url="http://m", stamp=at(when), status=status, body=body, **fields
        )
        write_document(self.run.metrics / f"{when:08.3f}.json", page)

    def samples(self, *rows: tuple[float, int, float, float], process: str = "manager") -> None:
        """Rows of (seconds, pid, CPU-seconds, MiB)."""
        columns = ("mono_ns", "cpu_ns", "rss_bytes", "pid")
        writer = ColumnWriter(self.run.samples / f"process-{process}.i64", columns)
        for seconds, pid, cpu, mib in rows:
            writer.append(at(seconds).mono_ns, round(cpu * 1e9), round(mib * 2**20), pid)
        writer.close()

    def _append(self, path: Path, *records: msgspec.Struct) -> None:
        writer = NdjsonWriter(path)
        for record in records:
            writer.write(record)
        writer.close()
