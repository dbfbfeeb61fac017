"""Stage 1: the JSON Schema of target.yaml, for checking and for editors.

It describes what one key at a time must look like; what takes two keys or the file system is in
`harness.targets.semantics`.
"""

from __future__ import annotations

from harness.model.target import InstallMode, Webhooks
from harness.targets.families import FAMILIES, LABELS
from harness.targets.vocabulary import (
    CHECK_ID,
    CUSTOM_RESOURCE,
    DIALECT,
    KIND,
    LABEL,
    MEASUREMENT,
    MINOR_VERSION,
    NAME,
    PACKAGE,
    RESOURCE,
    SERIES,
    Schema,
    choice,
    header,
    listing,
    mapping,
    port,
    text,
    words,
)

__all__ = ["schema"]


def schema() -> Schema:
    """Returns the JSON Schema of target.yaml, with descriptions, defaults and examples."""
    properties = header("Target", "What the file is.") | {
        "name": text(
            "Short name of the operator; part of every run folder's name.",
            "guestbook",
            pattern=LABEL,
        ),
        "install": _install(),
        "kinds": listing("The custom resources that the operator serves.", _kind(), minItems=1),
        "requires": _requires(),
        "workloads": listing(
            "The operator's own workloads. Derived from the manifests; name what differs.",
            _workload(),
            default=[],
        ),
        "scope": _scope(),
        "tests": _tests(),
        "gates": _gates(),
        "waivers": listing("Findings that are accepted until a date.", _waiver(), default=[]),
    }
    top = mapping(
        "The operator under test. Paths are relative to this file's folder.",
        properties,
        *("apiVersion", "kind", "name", "install", "kinds"),
    )
    return {"$schema": DIALECT, "title": "Operator harness target definition"} | top


def _helm() -> Schema:
    return mapping(
        "A Helm chart. It is rendered by `helm template`, CRDs included, hooks left out.",
        {
            "chart": text("Folder with a Chart.yaml, or a packed chart.", "charts/guestbook"),
            "values": listing(
                "Files of values; a later one overrides.",
                text("Path of a YAML file."),
                example=["charts/guestbook/ci/values.yaml"],
                default=[],
            ),
            "release": {
                "type": "string",
                "description": "Name of the release. Default: the target's name.",
                "default": "",
                "examples": ["guestbook"],
            },
            "namespace": text(
                "Namespace of the release; made where it isn't `default`.",
                "guestbook-system",
                pattern=LABEL,
                default="default",
            ),
        },
        "chart",
    )


def _install() -> Schema:
    manifests = mapping(
        "Where the operator's manifests come from: exactly one of these.",
        {
            "kustomize": text("Folder with a kustomization.", "config/default"),
            "files": listing(
                "Files of manifests, applied in this order.",
                text("Path of a YAML file with one or more manifests."),
                example=["deploy/crds.yaml", "deploy/operator.yaml"],
                minItems=1,
            ),
            "helm": _helm(),
        },
        minProperties=1,
        maxProperties=1,
    )
    image = mapping(
        "How the operator's image is made, for installs in a cluster.",
        {
            "dockerfile": text("Builds the image in the target's folder.", "Dockerfile"),
            "name": text(
                "Name of an image that exists, in place of the manifests' own.",
                "example.com/guestbook:v1",
            ),
            "build": words(
                "Command that leaves the archives, run in the target's folder.", ["make", "images"]
            ),
            "archives": listing(
                "Archives of images, as `docker save` writes them: the operator's own, or others "
                "that it deploys.",
                text("Path of an archive; it may be there only after `build`."),
                example=["bin/images.tar"],
            ),
        },
    )
    return mapping(
        "How the operator is installed.",
        {
            "manifests": manifests,
            "present": {
                "type": "boolean",
                "description": "The operator runs in an existing cluster already. Nothing is "
                "applied, and it is only watched: name its Deployment under `workloads`. Instead "
                "of `manifests`.",
                "default": False,
            },
            "skip": listing(
                "Kinds that aren't applied, where the cluster has no such kind.",
                text("A kind.", pattern=KIND),
                example=["ServiceMonitor"],
                default=[],
            ),
            "image": image,
            "webhooks": choice(
                "Who puts the CA bundle into webhook configurations: the harness, as "
                "cert-manager's injector would, or the operator itself.",
                [str(mode.value) for mode in Webhooks],
                default=Webhooks.MANAGED.value,
            ),
        },
    )


def _kind() -> Schema:
    ready = mapping(
        "When an object counts as converged; at most one of these. Default: the rules of kstatus.",
        {
            "condition": text("A condition that must be True for the generation.", "Ready"),
            "cel": text(
                "A CEL expression over `self`, the object, that must be true. It decides alone: "
                "compare the observed generation in it where the operator tells one.",
                "self.status.observedGeneration >= self.metadata.generation "
                "&& self.status.ready == self.spec.size",
            ),
            "writes": {
                "type": "string",
                "description": "`settled`: the operator has stopped writing to the object.",
                "enum": ["settled"],
            },
        },
        maxProperties=1,
        default={},
    )
    mutation = mapping(
        "A field and the values that it may be given, in order.",
        {
            "path": text("Dotted path of the field.", "spec.size", "spec.ports[0].port"),
            "values": {
                "type": "array",
                "description": "JSON values, each valid for the field.",
                "minItems": 1,
                "examples": [[1, 2, 3]],
            },
        },
        *("path", "values"),
    )
    return mapping(
        "One kind of custom resource.",
        {
            "resource": text(
                "`<plural>.<group>` of the custom resource.",
                "guestbooks.webapp.tutorial.kubebuilder.io",
                pattern=CUSTOM_RESOURCE,
            ),
            "samples": listing(
                "Files with one valid object each.",
                text("Path of a YAML file."),
                example=["config/samples/webapp_v1_guestbook.yaml"],
                minItems=1,
            ),
            "ready": ready,
            "mutations": listing(
                "Changes that an update may make; without any, updates aren't tested.",
                mutation,
                default=[],
            ),
        },
        *("resource", "samples"),
    )


def _requires() -> Schema:
    return mapping(
        "What the operator needs: beside the harness, and of a cluster.",
        {
            "python": listing(
                "Packages that the Python which runs the harness can import.",
                text("Name by which a package is imported.", pattern=PACKAGE),
                example=["kopf"],
                default=[],
                uniqueItems=True,
            ),
            "extra": {
                "type": "string",
                "description": "The harness's own extra that brings them, for the message.",
                "default": "",
                "examples": ["reference"],
            },
            "kubernetes": mapping(
                "The versions of Kubernetes that the operator declares, both included; API-012 "
                "judges its manifests for all of them.",
                {
                    "min": text("The oldest.", "1.30", pattern=MINOR_VERSION),
                    "max": text("The newest.", "1.36", pattern=MINOR_VERSION),
                },
                default={},
            ),
        },
        default={},
    )


def _workload() -> Schema:
    process = mapping(
        "How the operator runs as a local process.",
        {
            "command": words(
                "Program and leading arguments; the container's args follow. A relative program "
                "is looked up from the target's folder, then on PATH; {python} is the Python that "
                "runs the harness.",
                ["bin/manager"],
                minItems=1,
            ),
            "build": words(
                "Command that makes the program, run in the target's folder.",
                ["go", "build", "-o", "bin/manager", "./cmd"],
                default=[],
            ),
        },
        "command",
    )
    metrics = mapping(
        "Where the operator serves metrics.",
        {
            "port": port("Container port.", 8443),
            "dialect": choice(
                "Which names its series have.",
                ["controller-runtime", "plain"],
                default="controller-runtime",
            ),
            "path": text("URL path.", pattern="^/", default="/metrics"),
            "names": mapping(
                "Its own names of families that mean the same as controller-runtime's, each under "
                "controller-runtime's name. Load and soak then read them as those.",
                {name: text(words, pattern=SERIES) for name, words in FAMILIES.items()},
                default={},
                examples=[{"workqueue_depth": "my_operator_queue_depth"}],
            ),
            "labels": mapping(
                "Its own names of labels in these families, likewise.",
                {name: text(words, pattern=SERIES) for name, words in LABELS.items()},
                default={},
                examples=[{"name": "queue"}],
            ),
        },
        "port",
    )
    pprof = mapping(
        "Where a Go operator serves its profiles.",
        {"port": port("Container port.", 8082)},
        "port",
    )
    return mapping(
        "One workload of the operator. What isn't said here comes from its manifest.",
        {
            "deployment": text(
                "Name of the Deployment after rendering.",
                "guestbook-controller-manager",
                pattern=NAME,
            ),
            "namespace": text(
                "Its namespace, where the operator is present already. Default: the only one with "
                "a Deployment of that name.",
                "guestbook-system",
                pattern=LABEL,
            ),
            "container": text(
                "Which container is the operator. Default: the only one, or `manager`.",
                "manager",
                pattern=LABEL,
            ),
            "process": process,
            "metrics": metrics,
            "pprof": pprof,
        },
        "deployment",
    )


def _scope() -> Schema:
    return mapping(
        "What the operator says that it serves and makes.",
        {
            "mode": choice(
                "Which namespaces it serves.",
                [str(mode.value) for mode in InstallMode],
                default=InstallMode.ALL_NAMESPACES.value,
            ),
            "namespaces": listing(
                "The namespaces, where the mode names some.",
                text("A namespace.", pattern=LABEL),
                example=["team-a"],
                default=[],
                uniqueItems=True,
            ),
            "owns": listing(
                "Kinds that it makes, as `<plural>.<group>` or, in the core group, `<plural>`.",
                text("A resource.", pattern=RESOURCE),
                example=["deployments.apps", "services"],
                default=[],
                uniqueItems=True,
            ),
        },
        default={},
    )


def _tests() -> Schema:
    return mapping(
        "The operator's own tests, as commands that are run in the target's folder.",
        {
            "unit": words("Its unit tests.", ["go", "test", "./..."], default=[]),
            "integration": words(
                "Its end-to-end tests, run by the suite integration with KUBECONFIG; cases may be "
                "told by JUnit in the file that HARNESS_JUNIT names.",
                ["kuttl", "test"],
                default=[],
            ),
        },
        default={},
    )


def _gates() -> Schema:
    return {
        "type": "object",
        "description": "Bounds on measurements, by the measurement's name. A bare value takes the "
        "measurement's better direction. Units: us, ms, s, m, h; /s, /m; KiB, MiB, GiB; none. With "
        "`promql` and `is`, a bound of your own on what Prometheus sees of the operator, under a "
        "name of your choice: it is evaluated all the while the suites load and soak measure, and "
        "its worst value decides.",
        "default": {},
        "examples": [{"convergence_latency_p99": "2s", "knee": ">= 50/s"}],
        "propertyNames": {"pattern": MEASUREMENT},
        "additionalProperties": {
            "type": ["string", "number", "object"],
            "properties": {
                "promql": text("A PromQL expression.", "max(workqueue_depth)"),
                "is": {"type": "string", "description": "Its bound.", "examples": ["< 100"]},
            },
            "required": ["promql", "is"],
            "additionalProperties": False,
        },
    }


def _waiver() -> Schema:
    return mapping(
        "A dated, reasoned exception.",
        {
            "check": text("Id of the check.", "RBA-103", pattern=CHECK_ID),
            "match": {
                "type": "string",
                "description": "Part of the finding's subject or title; empty for all of them.",
                "default": "",
                "examples": ["secrets"],
            },
            "reason": text("Why this is accepted."),
            "link": {
                "type": "string",
                "description": "Where it was decided.",
                "default": "",
                "examples": ["https://example.com/issues/1"],
            },
            "expires": text(
                "Last day (YYYY-MM-DD) on which it holds; an expired waiver fails the run.",
                "2027-06-01",
            ),
        },
        *("check", "reason", "expires"),
    )
