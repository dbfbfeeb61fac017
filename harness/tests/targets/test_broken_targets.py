"""Every mistake in a target.yaml is told with its place, its key and what to write instead."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.errors import TargetError
from harness.model.verdict import ExitCode
from harness.targets import load

SAMPLES = "samples: [config/samples/widget.yaml]"
RESOURCE = "resource: widgets.example.com"
MANIFESTS = "manifests: {kustomize: config/default}"
NAME = "name: widget"
END = SAMPLES + "\n"

# What is replaced in the good file, by what, and the problems (FOLDER stands for the folder).
CORPUS = [
    (
        "kind: Target",
        "kind: target",
        ["target.yaml:2:7: kind: must be 'Target', not 'target'"],
    ),
    (
        "harness/v1",
        "v1",
        ["target.yaml:1:13: apiVersion: must be 'harness/v1', not 'v1'"],
    ),
    (
        NAME,
        "nmae: widget",
        [
            "target.yaml:1:1: the key 'name' is missing "
            "(Short name of the operator; part of every run folder's name)",
            "target.yaml:3:1: nmae: there is no key 'nmae' in the top level (did you mean 'name'?)",
        ],
    ),
    (
        NAME,
        "name: My Widget",
        [
            "target.yaml:3:7: name: 'My Widget' isn't a Kubernetes name "
            "(use lower-case letters, digits and dashes)"
        ],
    ),
    (NAME, 'name: "widget\\n"', ["target.yaml:3:7: name: 'widget\\n' isn't a Kubernetes name"]),
    (NAME, "name: ''", ["target.yaml:3:7: name: must not be empty"]),
    (NAME, "name:", ["target.yaml:3:6: name: must be a text, not nothing (write a value, or"]),
    (
        NAME,
        "name: 5",
        ['target.yaml:3:7: name: must be a text, not the number 5 (write "5" in quotes)'],
    ),
    (
        NAME,
        "name: true",
        ['target.yaml:3:7: name: must be a text, not the boolean true (write "true" in quotes)'],
    ),
    (NAME, "name: [a]", ["target.yaml:3:7: name: must be a text, not a list"]),
    (NAME, "name: {a: 1}", ["target.yaml:3:7: name: must be a text, not a mapping"]),
    (
        NAME,
        NAME + "\nscop: {}",
        ["target.yaml:4:1: scop: there is no key 'scop' in the top level (did you mean 'scope'?)"],
    ),
    (
        NAME,
        NAME + "\nzzz: {}",
        [
            "target.yaml:4:1: zzz: there is no key 'zzz' in the top level "
            "(known: gates, requires, scope, tests, waivers, workloads)"
        ],
    ),
    (
        MANIFESTS,
        "manifests: {helm: {chart: x}}",
        [
            "target.yaml:5:29: install.manifests.helm.chart: "
            "the chart FOLDER/x isn't there (name its folder)"
        ],
    ),
    (
        MANIFESTS,
        "skip: []",
        [
            "target.yaml:4:1: install: the key 'manifests' is missing (Where the operator's "
            "manifests come from, or `present: true`)",
        ],
    ),
    (
        MANIFESTS,
        "present: true",
        [
            "target.yaml:5:3: install.present: an operator that is present already is found by "
            "its Deployment (name it under workloads[].deployment)",
        ],
    ),
    (
        MANIFESTS,
        f"present: true\n  {MANIFESTS}",
        [
            "target.yaml:5:3: install.present: an operator that is present already is found by "
            "its Deployment (name it under workloads[].deployment)",
            "target.yaml:6:3: install.manifests: nothing is applied where the operator is present "
            "already (leave one of the two out)",
        ],
    ),
    (
        MANIFESTS,
        "manifests: {}",
        [
            "target.yaml:5:14: install.manifests: "
            "exactly one of kustomize, files, helm may be set, not none"
        ],
    ),
    (
        MANIFESTS,
        "manifests: {kustomize: config/default, files: [target.yaml]}",
        ["exactly one of kustomize, files, helm may be set, not kustomize, files"],
    ),
    (
        MANIFESTS,
        "manifests: {kustomize: config/defaults}",
        [
            "target.yaml:5:26: install.manifests.kustomize: "
            "there is no folder FOLDER/config/defaults"
        ],
    ),
    (
        MANIFESTS,
        "manifests: {kustomize: config}",
        ["the folder FOLDER/config has no kustomization.yaml (name plain manifests in `files`)"],
    ),
    (
        MANIFESTS,
        "manifests: {files: [none.yaml, config]}",
        [
            "target.yaml:5:23: install.manifests.files[0]: there is no file FOLDER/none.yaml",
            "target.yaml:5:34: install.manifests.files[1]: FOLDER/config is a folder, not a file",
        ],
    ),
    (
        MANIFESTS,
        MANIFESTS + "\n  image: {dockerfile: Dockerfile}",
        ["target.yaml:6:23: install.image.dockerfile: there is no file FOLDER/Dockerfile"],
    ),
    (
        MANIFESTS,
        MANIFESTS + "\n  webhooks: self-manged",
        [
            "target.yaml:6:13: install.webhooks: 'self-manged' isn't one of managed, "
            "self-managed (did you mean 'self-managed'?)"
        ],
    ),
    (
        MANIFESTS,
        MANIFESTS + "\n  webhooks: 3",
        ["target.yaml:6:13: install.webhooks: must be a text, not the number 3"],
    ),
    (
        MANIFESTS,
        MANIFESTS + "\n  skip: ServiceMonitor",
        ["install.skip: must be a list, not 'ServiceMonitor' (write [ServiceMonitor])"],
    ),
    (
        MANIFESTS,
        MANIFESTS + "\n  skip: [servicemonitors]",
        ["install.skip[0]: 'servicemonitors' isn't a kind (kinds look like ServiceMonitor)"],
    ),
    (
        RESOURCE,
        "resource: widgets",
        [
            "target.yaml:7:13: kinds[0].resource: 'widgets' isn't a custom resource "
            "(write <plural>.<group>)"
        ],
    ),
    (
        RESOURCE,
        "resource: widgets.other.com",
        [
            "config/samples/widget.yaml:1:13: apiVersion: example.com/v1 isn't of the group "
            "other.com (target.yaml says that samples of widgets.other.com are here)"
        ],
    ),
    (
        SAMPLES,
        "sample: [x.yaml]",
        [
            "target.yaml:7:3: kinds[0]: the key 'samples' is missing",
            "target.yaml:8:3: kinds[0].sample: there is no key 'sample' in kinds[0] "
            "(did you mean 'samples'?)",
        ],
    ),
    (SAMPLES, "samples: []", ["target.yaml:8:12: kinds[0].samples: must have at least one item"]),
    (
        SAMPLES,
        "samples: a b'",
        ["target.yaml:8:12: kinds[0].samples: must be a list, not \"a b'\" (write [a b'])"],
    ),
    (
        SAMPLES,
        "samples: [none.yaml, config]",
        [
            "target.yaml:8:13: kinds[0].samples[0]: there is no file FOLDER/none.yaml",
            "target.yaml:8:24: kinds[0].samples[1]: FOLDER/config is a folder, not a file",
        ],
    ),
    (
        SAMPLES,
        f'samples: ["a\\0b", {"x" * 300}]',
        ["kinds[0].samples[0]: there is no file", "kinds[0].samples[1]: there is no file"],
    ),
    (
        END,
        END + "  ready: {condition: Ready, cel: 'true'}\n",
        ["kinds[0].ready: at most one of condition, cel, writes may be set, not condition, cel"],
    ),
    (
        END,
        END + "  ready: {writes: settle}\n",
        ["kinds[0].ready.writes: 'settle' isn't one of settled (did you mean 'settled'?)"],
    ),
    (
        END,
        END + "  ready: {cel: 'self.x =='}\n",
        [
            "target.yaml:9:16: kinds[0].ready.cel: the CEL expression can't be used: "
            "at line 1, column 10: it ends too early"
        ],
    ),
    (
        END,
        END + "  ready: {cel: 'status.ready'}\n",
        ["nothing is named 'status'; the object is `self`, as in self.status"],
    ),
    (
        END,
        END + "  mutations: [{path: spec..size, values: []}]\n",
        [
            "target.yaml:9:22: kinds[0].mutations[0].path: 'spec..size' isn't a dotted path "
            "(write keys with dots, as in spec.ports[0].port)",
            "target.yaml:9:42: kinds[0].mutations[0].values: must have at least one item",
        ],
    ),
    (
        END,
        END + "  mutations: [{path: status.size, values: [1]}]\n",
        ["'status.size' isn't a field that a user sets to ask for something"],
    ),
    (
        END,
        END + "- resource: widgets.example.com\n  " + END,
        [
            "target.yaml:9:13: kinds[1].resource: widgets.example.com is there twice, "
            "first as kinds[0] (keep one of the two)"
        ],
    ),
    (
        NAME,
        NAME + "\nscope: {mode: AllNamespaces, namespaces: [a, a]}",
        [
            "scope.namespaces: names something twice",
            "scope.namespaces: the mode AllNamespaces names no namespaces",
        ],
    ),
    (
        NAME,
        NAME + "\nscope: {mode: SingleNamespace, namespaces: [a, b]}",
        ["the mode SingleNamespace names one namespace, not 2 (did you mean 'MultiNamespace'?)"],
    ),
    (
        NAME,
        NAME + "\nscope: {mode: all-namespaces}",
        ["MultiNamespace, AllNamespaces (did you mean 'AllNamespaces'?)"],
    ),
    (
        NAME,
        NAME + "\nscope: {owns: [Deployment]}",
        ["scope.owns[0]: 'Deployment' isn't a resource (write <plural>.<group>, or <plural>)"],
    ),
    (
        NAME,
        NAME + "\nworkloads: [{deployment: x, process: {command: []}}]",
        ["workloads[0].process.command: must have at least one item (Program and leading"],
    ),
    (
        NAME,
        NAME + "\nworkloads: [{deployment: x, process: {build: go build, command: [' ']}}]",
        [
            "workloads[0].process.build: must be a list, not 'go build' (write [go, build])",
            "workloads[0].process.command[0]: the program must not be empty",
        ],
    ),
    (
        NAME,
        NAME + "\nworkloads: [{deployment: x, process: {command: ['{pyhton}', -m, kopf]}}]",
        [
            "workloads[0].process.command[0]: nothing is known that {pyhton} stands for "
            "(did you mean '{python}'?)"
        ],
    ),
    (
        NAME,
        NAME + "\nrequires: {python: [operator-sdk, kopf, kopf], extras: x}",
        [
            "requires.python[0]: 'operator-sdk' isn't a package's name in Python",
            "requires.python: names something twice",
            "requires.extras: there is no key 'extras' in requires (did you mean 'extra'?)",
        ],
    ),
    (
        NAME,
        NAME + '\ntests: {unit: [go, 1, "a\\0b"]}',
        [
            'tests.unit[1]: must be a text, not the number 1 (write "1" in quotes)',
            "tests.unit[2]: an argument can't hold a NUL",
        ],
    ),
    (
        NAME,
        NAME + "\ntests: {unit: {go: test}}",
        ["tests.unit: must be a list, not a mapping (begin each item with a dash)"],
    ),
    (
        NAME,
        NAME + "\nworkloads: [{deployment: x, metrics: {port: '8443', path: metrics}}]",
        [
            "metrics.port: must be a whole number, not '8443' (write 8443 without quotes)",
            "metrics.path: 'metrics' must begin with /",
        ],
    ),
    (
        NAME,
        NAME + "\nworkloads: [{deployment: x, pprof: {port: 70000}}]",
        ["workloads[0].pprof.port: 70000 isn't between 1 and 65535"],
    ),
    (
        NAME,
        NAME + "\nworkloads: [{deployment: x, pprof: {port: a}}]",
        ["workloads[0].pprof.port: must be a whole number, not 'a'"],
    ),
    (
        NAME,
        NAME + "\nworkloads: [{deployment: x}, {deployment: x}]",
        ["workloads[1].deployment: x is there twice, first as workloads[0]"],
    ),
    (
        NAME,
        NAME + "\ngates: {P99: 2s, a: 2 parsecs, b: true, c: '== 1', d: 1e300s, '': 1, e: null}",
        [
            "gates.P99: 'P99' isn't the name of a measurement (names look like knee_rate)",
            "gates.a: 'parsecs' isn't a unit (known: us, ms, s, m, h, /s, 1/s, /m, KiB, MiB",
            "gates.b: must be a text or a number or a mapping, not the boolean true",
            "gates.c: '== 1' isn't a bound (write a bound like 2s",
            "gates.d: '1e300s' is too large",
            "must not be empty",
            "gates.e: must be a text or a number or a mapping, not nothing",
        ],
    ),
    (
        NAME,
        NAME + "\nwaivers: [{check: rba-1, reason: x, expires: 20270601}]",
        [
            "waivers[0].check: 'rba-1' isn't the id of a check (ids look like REC-001)",
            "waivers[0].expires: must be a text, not the number 20270601",
        ],
    ),
    (
        NAME,
        NAME + "\nwaivers: [{check: RBA-103, expires: 2027-13-01}]",
        [
            "waivers[0]: the key 'reason' is missing (Why this is accepted)",
            "waivers[0].expires: '2027-13-01' isn't a date (write YYYY-MM-DD)",
        ],
    ),
    (
        NAME,
        NAME + "\nwaivers: [{check: RBA-103, reason: x, expires: '20270601'}]",
        ["waivers[0].expires: '20270601' isn't a date (write YYYY-MM-DD)"],
    ),
    (
        NAME,
        NAME + "\nname: other\nscope: {mode: yes}",
        [
            "target.yaml:4:1: name: the key is there twice, first in line 3",
            "target.yaml:5:15: scope.mode: yes is a boolean to some YAML readers",
            "target.yaml:5:15: scope.mode: 'yes' isn't one of",
        ],
    ),
]


@pytest.mark.parametrize(
    ("old", "new", "expected"), CORPUS, ids=[case[2][0][:70] for case in CORPUS]
)
def test_a_mistake_is_told_with_place_key_and_remedy(
    project: Path, old: str, new: str, expected: list[str]
) -> None:
    file = project / "target.yaml"
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new, 1))
    with pytest.raises(TargetError) as caught:
        load("target.yaml")
    told = [str(problem) for problem in caught.value.problems]
    for words in expected:
        wanted = words.replace("FOLDER", str(project))
        assert any(wanted in line for line in told), f"{wanted}\nnot in\n" + "\n".join(told)
    assert len(told) == len(expected)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("- a\n", "target.yaml:1:1: a mapping must be here, not a list (begin with `apiVersion"),
        ("word\n", "target.yaml:1:1: a mapping must be here, not 'word'"),
        ("---\n", "a mapping must be here, not nothing"),
        ("", "target.yaml: the file is empty"),
        ("a:\n\tb: 1\n", "target.yaml:2:1: a tab can't indent YAML (use spaces)"),
    ],
)
def test_a_file_that_holds_no_mapping_is_one_problem(
    project: Path, text: str, problem: str
) -> None:
    (project / "target.yaml").write_text(text)
    with pytest.raises(TargetError) as caught:
        load("target.yaml")
    assert len(caught.value.problems) == 1
    assert str(caught.value.problems[0]).startswith(problem) or problem in str(caught.value)


def test_the_message_is_one_paragraph_with_all_problems_in_the_order_of_the_file(
    project: Path,
) -> None:
    (project / "target.yaml").write_text("apiVersion: harness/v1\nkid: x\nname: A\n")
    with pytest.raises(TargetError) as caught:
        load(".")
    assert caught.value.exit_code is ExitCode.USAGE
    assert caught.value.hint
    assert str(caught.value).splitlines() == [
        "The target can't be used, 5 problems:",
        "target.yaml:1:1: the key 'kind' is missing (add `kind: Target`)",
        "target.yaml:1:1: the key 'install' is missing (How the operator is installed)",
        "target.yaml:1:1: the key 'kinds' is missing "
        "(The custom resources that the operator serves)",
        "target.yaml:2:1: kid: there is no key 'kid' in the top level (did you mean 'kind'?)",
        "target.yaml:3:7: name: 'A' isn't a Kubernetes name "
        "(use lower-case letters, digits and dashes)",
    ]


SAMPLE_CORPUS = [
    ("- a\n", "kinds[0].samples[0]: FOLDER/config/samples/widget.yaml doesn't hold one object"),
    ("a: 1\n---\nb: 1\n", "config/samples/widget.yaml:2:1: a second document begins here"),
    (
        "apiVersion: v1\nkind: X\nmetadata: {name: a}\n",
        "widget.yaml:1:13: apiVersion: v1 isn't of the group example.com",
    ),
    (
        "apiVersion: 1\nkind: X\nmetadata: {name: a}\n",
        "apiVersion: a sample needs an apiVersion of one group/version",
    ),
    (
        "apiVersion: example.com/v1\nmetadata: {name: a}\n",
        "kind: a sample needs a kind",
    ),
    (
        "apiVersion: example.com/v1\nkind: WidgetList\nitems: []\nmetadata: {name: a}\n",
        "widget.yaml:2:7: kind: a sample is one object, not a list",
    ),
    (
        "apiVersion: example.com/v1\nkind: Widget\nmetadata: {}\n",
        "widget.yaml:3:11: metadata: a sample needs a metadata.name",
    ),
]


@pytest.mark.parametrize(("text", "problem"), SAMPLE_CORPUS)
def test_a_sample_that_doesnt_fit_is_told_at_its_own_line(
    project: Path, text: str, problem: str
) -> None:
    (project / "config/samples/widget.yaml").write_text(text)
    with pytest.raises(TargetError) as caught:
        load("target.yaml")
    (told,) = caught.value.problems
    assert problem.replace("FOLDER", str(project)) in str(told)
