"""Whatever is wrong with a target's files: exit code 4, a file and a line, never a traceback.

The corpus is broken by hand (what people do to YAML; wrong types, one by one) and by seeded edits.
"""

from __future__ import annotations

import copy
import json
import os
import random
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from harness.cli import main
from harness.tests.targets.projects import dump
from harness.tests.targets.test_detection import CRD, rules, workload

Object = dict[str, Any]

TARGET = """\
apiVersion: harness/v1
kind: Target
name: widget
install:
  manifests: {files: [all.yaml]}
kinds:
- resource: widgets.example.com
  samples: [widget.yaml]
"""
SAMPLE: Object = {
    "apiVersion": "example.com/v1",
    "kind": "Widget",
    "metadata": {"name": "sample"},
    "spec": {"size": 3},
}
SERVICE: Object = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "hook", "namespace": "home"},
    "spec": {"selector": {"app": "op"}, "ports": [{"port": 443, "targetPort": "https"}]},
}
HOOKS: Object = {
    "apiVersion": "admissionregistration.k8s.io/v1",
    "kind": "ValidatingWebhookConfiguration",
    "metadata": {"name": "hooks"},
    "webhooks": [
        {
            "name": "a.example.com",
            "clientConfig": {"service": {"name": "hook", "namespace": "home"}},
            "rules": [{"apiGroups": ["example.com"], "resources": ["widgets"]}],
        }
    ],
}
CONFIG: Object = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {"name": "config", "namespace": "home"},
    "data": {"a": "b"},
}


def operator() -> Object:
    """Returns a Deployment with everything that is looked at."""
    container = {
        "name": "main",
        "image": "x",
        "args": ["--metrics-bind-address=:8080"],
        "env": [{"name": "A", "value": "1"}],
        "ports": [{"name": "metrics", "containerPort": 8080}],
        "readinessProbe": {"httpGet": {"path": "/", "port": 8081}},
        "resources": {"limits": {"cpu": 1}},
        "volumeMounts": [{"name": "v", "mountPath": "/v"}],
    }
    volumes = [{"name": "v", "configMap": {"name": "config"}}]
    return workload(containers=[container], volumes=volumes)


def objects() -> dict[str, Object]:
    role, binding = rules()
    found = {"crd": CRD, "role": role, "binding": binding, "deployment": operator()}
    return copy.deepcopy(found | {"service": SERVICE, "hooks": HOOKS, "config": CONFIG})


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "target.yaml").write_text(TARGET)
    dump(tmp_path / "widget.yaml", SAMPLE)
    dump(tmp_path / "all.yaml", *objects().values())
    monkeypatch.chdir(tmp_path)
    return tmp_path


def outcome(argv: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    """Returns the exit code and what was said."""
    code = 0
    try:
        main(argv)
    except SystemExit as done:
        code = done.code if isinstance(done.code, int) else 0
    said = "".join(capsys.readouterr())
    assert "Traceback" not in said
    assert "HARNESS_TRACEBACK" not in said, said  # an error that nobody foresaw
    return code, said


def refused(argv: list[str], capsys: pytest.CaptureFixture[str], pattern: str) -> None:
    code, said = outcome(argv, capsys)
    assert code == 4, said
    assert re.search(pattern, said), said


def test_the_unbroken_one_is_fine(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert outcome(["targets", "lint", "."], capsys)[0] == 0
    assert outcome(["init", ".", "--force"], capsys)[0] == 0
    assert folder.joinpath("target.yaml").exists()


# YAML that nobody can use, appended to or in place of a good file; each at a line.

BOMB = "\n".join(
    ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    + [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 9)]
)
HEAD = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\n"
YAML: dict[str, bytes] = {
    "duplicate key": f"{HEAD}kind: Secret\n".encode(),
    "duplicate inner key": f"{HEAD}data:\n  a: b\n  a: c\n".encode(),
    "tab": f"{HEAD}data:\n\ta: b\n".encode(),
    "tab in a list": f"{HEAD}x:\n- a: 1\n\tb: 2\n".encode(),
    "open bracket": f"{HEAD}x: [a, b\n".encode(),
    "open brace": f"{HEAD}x: {{a: b\n".encode(),
    "open quote": f"{HEAD}x: 'a\n".encode(),
    "open double quote": f'{HEAD}x: "a\n'.encode(),
    "colon": f"{HEAD}x: a: b\n".encode(),
    "indentation": f"{HEAD}data:\n    a: b\n  c: d\n".encode(),
    "binary": bytes(range(256)),
    "binary in the middle": HEAD.encode() + b"x: \xff\xfe\n",
    "latin-1": f"{HEAD}x: gr\xfc\xdfe\n".encode("latin-1"),
    "utf-16": HEAD.encode("utf-16"),
    "nul": f"{HEAD}x: a\0b\n".encode(),
    "control character": f"{HEAD}x: a\x07b\n".encode(),
    "gzip": b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03apiVersion",
    "cyclic anchor": f"{HEAD}x: &a [*a]\n".encode(),
    "cyclic mapping": f"{HEAD}x: &a\n  y: *a\n".encode(),
    "unknown alias": f"{HEAD}x: *none\n".encode(),
    "bomb": f"{HEAD}{BOMB}\n".encode(),
    "unknown tag": f"{HEAD}x: !secret y\n".encode(),
    "python tag": f"{HEAD}x: !!python/object/apply:os.system [true]\n".encode(),
    "binary tag": f"{HEAD}x: !!binary aGVsbG8=\n".encode(),
    "set": f"{HEAD}x: !!set {{a, b}}\n".encode(),
    "not a number": f"{HEAD}x: .nan\n".encode(),
    "infinite": f"{HEAD}x: .inf\n".encode(),
    "list as a key": f"{HEAD}? [a, b]\n: c\n".encode(),
    "deep": HEAD.encode() + b"x: " + b"[" * 5000 + b"]" * 5000,
    "deeper": HEAD.encode() + b"x: " + b"{a: " * 200_000,
    "deep dashes": HEAD.encode() + b"x:\n" + b"- " * 20_000,
    "deep lines": HEAD.encode() + b"".join(b" " * i + b"a:\n" for i in range(1200)),
    "list": b"- apiVersion: v1\n- kind: ConfigMap\n",
    "text": b"hello, apiVersion\n",
    "number": b"42 # apiVersion\n",
    "html": b"<!doctype html><html><body>apiVersion</body></html>\n",
    "template": b"apiVersion: v1\nkind: {{ .Values.kind }}\nmetadata: {name: x}\n",
    "escape": f'{HEAD}x: "\\q"\n'.encode(),
    "percent": f"{HEAD}x: %a\n".encode(),
    "at": f"{HEAD}x: @a\n".encode(),
    "conflict": f"{HEAD}<<<<<<< HEAD\nx: 1\n=======\nx: 2\n>>>>>>> b\n".encode(),
}
WHOLE_FILE = {"utf-16"}  # without a line


@pytest.mark.parametrize("name", YAML)
@pytest.mark.usefixtures("folder")
def test_broken_yaml_in_manifests(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("all.yaml").write_bytes(YAML[name])
    place = r"all\.yaml" if name in WHOLE_FILE else r"all\.yaml:\d+"
    refused(["targets", "lint", "."], capsys, place)
    refused(["init", "all.yaml", "--force"], capsys, place)


@pytest.mark.parametrize("name", YAML)
@pytest.mark.usefixtures("folder")
def test_broken_yaml_in_a_sample(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("widget.yaml").write_bytes(YAML[name])
    refused(["targets", "lint", "."], capsys, r"widget\.yaml|target\.yaml:8")


@pytest.mark.parametrize("name", YAML)
@pytest.mark.usefixtures("folder")
def test_broken_yaml_in_the_definition(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("target.yaml").write_bytes(YAML[name])
    refused(["targets", "lint", "."], capsys, r"target\.yaml")


# Values of a wrong type or meaning, one by one: object, path, value (ABSENT removes it).

ABSENT = object()
C = "spec.template.spec.containers"
V = "spec.versions.0"
S = f"{V}.schema.openAPIV3Schema"
GROUPS: list[tuple[str, str, list[Any]]] = [
    ("deployment", "spec", [ABSENT, []]),
    ("deployment", "spec.template", [ABSENT, []]),
    ("deployment", "spec.template.spec", [ABSENT, [], "x", 1, True]),
    ("deployment", C, [ABSENT, [], {}, "x", [None], [1], [[]]]),
    ("deployment", f"{C}.0.name", [ABSENT, 1, True, []]),
    ("deployment", f"{C}.0.args", ["x", {"a": "b"}, [1], [True], [["a"]]]),
    ("deployment", f"{C}.0.command", ["x", [8080], {}]),
    ("deployment", f"{C}.0.env", [{}, "x", ["A=1"], [{"value": "x"}]]),
    ("deployment", f"{C}.0.env.0.value", [1, True, 1.5, [], {}]),
    ("deployment", f"{C}.0.env.0.valueFrom", ["x", {"fieldRef": "y"}]),
    ("deployment", f"{C}.0.ports", [{}, 80, [80], ["80"]]),
    ("deployment", f"{C}.0.ports.0.containerPort", ["80", 0, 70000, -1, 1.5]),
    ("deployment", f"{C}.0.readinessProbe", ["x", {"httpGet": []}]),
    ("deployment", f"{C}.0.readinessProbe.httpGet.port", [0, True, []]),
    ("deployment", f"{C}.0.resources", [[], {"limits": 1}]),
    ("deployment", f"{C}.0.resources.limits.cpu", [True, [], {}]),
    ("deployment", f"{C}.0.volumeMounts", [{}, ["v"], [{"mountPath": "/"}]]),
    ("deployment", "spec.template.spec.volumes", [{}, ["v"], [{"x": {}}]]),
    ("deployment", "spec.template.spec.volumes.0.configMap", ["config"]),
    ("deployment", "spec.template.spec.serviceAccountName", [1]),
    ("deployment", "spec.template.metadata", [[]]),
    ("deployment", "spec.template.metadata.labels", [["app=op"]]),
    ("deployment", "spec.template.metadata.labels.app", [True]),
    ("deployment", "spec.selector", [ABSENT, "app=op"]),
    ("deployment", "spec.replicas", ["1", 1.5, True]),
    ("deployment", "metadata", [ABSENT, [], "x"]),
    ("deployment", "metadata.name", [ABSENT, 1, True, [], ""]),
    ("deployment", "metadata.labels", [[], "x", {"on": True}, {"a": 1}]),
    ("deployment", "metadata.annotations", [{"a": 1}]),
    ("deployment", "metadata.namespace", [1]),
    ("deployment", "apiVersion", [ABSENT, 1, "", []]),
    ("deployment", "kind", [ABSENT, 1, "", []]),
    ("crd", "spec", [ABSENT, [], "x", 1]),
    ("crd", "spec.group", [ABSENT, 1, "", []]),
    ("crd", "spec.scope", [ABSENT, "Global", "namespaced", True]),
    ("crd", "spec.names", [ABSENT, [], "widgets"]),
    ("crd", "spec.names.plural", [ABSENT, 1, "things"]),
    ("crd", "spec.names.kind", [ABSENT, True]),
    ("crd", "spec.names.shortNames", ["w"]),
    ("crd", "spec.versions", [ABSENT, [], {}, "v1", ["v1"], [None]]),
    ("crd", f"{V}.name", [ABSENT, 1]),
    ("crd", f"{V}.served", ["yes", 1]),
    ("crd", f"{V}.storage", [False, "true"]),
    ("crd", f"{V}.schema", [ABSENT, [], "x", {}]),
    ("crd", S, [[], "x", {"type": "array"}, {"type": "map"}, {}]),
    ("crd", f"{S}.properties", [[], "x", {"spec": []}, {"spec": None}]),
    ("crd", f"{S}.required", ["spec", [1], {}]),
    ("crd", f"{S}.propertes", [{}, []]),
    ("crd", f"{S}.$ref", ["#/x"]),
    ("crd", f"{S}.properties.spec.type", [ABSENT, "objekt", 1]),
    ("crd", f"{S}.properties.spec.items", [[]]),
    ("crd", f"{S}.properties.spec.anyOf", [{}]),
    ("crd", f"{S}.properties.spec.nullable", ["no"]),
    ("crd", f"{S}.properties.spec.properties.size.minimum", ["3"]),
    ("crd", f"{S}.properties.spec.properties.size.enum", [3]),
    ("crd", f"{S}.properties.spec.properties.size.pattern", [3]),
    ("crd", f"{S}.properties.spec.x-kubernetes-validations", [[{"message": "x"}]]),
    ("crd", f"{V}.additionalPrinterColumns", [[{"name": "x"}]]),
    ("crd", f"{V}.subresources", [{"scale": "x"}]),
    ("crd", "metadata.name", ["widget.example.com"]),
    ("crd", "apiVersion", ["apiextensions.k8s.io/v1beta1"]),
    ("role", "rules", [{}, "x", ["x"], [{"resources": ["x"]}]]),
    ("role", "rules.0.verbs", [ABSENT, "watch", [1], {}]),
    ("role", "rules.0.apiGroups", ["x", [None], [True]]),
    ("role", "rules.0.resources", ["x", {}, [1]]),
    ("binding", "roleRef", [ABSENT, "op", [], {"kind": "Role"}]),
    ("binding", "subjects", [{}, "op", ["op"], [{"name": "op"}]]),
    ("service", "spec", [[], "x"]),
    ("service", "spec.selector", ["app=op", [], {"app": 1}]),
    ("service", "spec.ports", [443, {}, [443], [{"name": "x"}]]),
    ("service", "spec.ports.0.port", ["443", 0, 99999]),
    ("hooks", "webhooks", [{}, "x", ["x"], [{}]]),
    ("hooks", "webhooks.0.clientConfig", [ABSENT, "x", {"service": "x"}]),
    ("hooks", "webhooks.0.clientConfig.service.port", ["443"]),
    ("hooks", "webhooks.0.rules", [{"apiGroups": ["x"]}]),
    ("config", "data", [[], "x", {"a": 1}, {"a": True}, {"a": {}}]),
]

WRONG = [(name, path, value) for name, path, values in GROUPS for value in values]


def changed(obj: Object, path: str, value: Any) -> None:
    *steps, last = [int(step) if step.isdecimal() else step for step in _steps(path)]
    here: Any = obj
    for step in steps:
        here = here[step]
    if value is ABSENT:
        del here[last]
    else:
        here[last] = value


def _steps(path: str) -> list[str]:
    return path.split(".")


def _id(case: object) -> str:
    return "absent" if case is ABSENT else str(case)[:40]


@pytest.mark.parametrize(("name", "path", "value"), WRONG, ids=_id)
@pytest.mark.usefixtures("folder")
def test_a_wrong_value_in_a_manifest(
    name: str, path: str, value: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = objects()
    changed(broken[name], path, value)
    dump(Path("all.yaml"), *broken.values())
    refused(["targets", "lint", "."], capsys, r"all\.yaml:\d+")
    refused(["init", ".", "--force"], capsys, r"all\.yaml:\d+")


SAMPLE_GROUPS: list[tuple[str, list[Any]]] = [
    ("apiVersion", [ABSENT, 1, "v1", "example.com/v9", "other.com/v1", ""]),
    ("kind", [ABSENT, 1, "Gadget", "", "WidgetList"]),
    ("metadata", [ABSENT, [], "x", {}, {"name": 1}]),
    ("spec", [ABSENT, [], "x", 1, {}, {"size": "3"}, {"size": 1}]),
    ("spec.size", [None, True]),
]
SAMPLES = [(path, value) for path, values in SAMPLE_GROUPS for value in values]


@pytest.mark.parametrize(("path", "value"), SAMPLES, ids=_id)
@pytest.mark.usefixtures("folder")
def test_a_sample_that_does_not_fit_its_crd(
    path: str, value: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = copy.deepcopy(SAMPLE)
    changed(broken, path, value)
    dump(Path("widget.yaml"), broken)
    refused(["targets", "lint", "."], capsys, r"widget\.yaml(:\d+)?|target\.yaml:8")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("widgets.example.com", "gadgets.example.com"),
        ("widget.yaml]", "absent.yaml]"),
        ("all.yaml]", "absent.yaml]"),
        ("all.yaml]", "all.yaml, absent.yaml]"),
        ("{files: [all.yaml]}", "{kustomize: absent}"),
        ("{files: [all.yaml]}", "{helm: {chart: absent}}"),
        ("{files: [all.yaml]}", "{helm: {chart: ., values: [absent.yaml]}}"),
        ("kinds:", "workloads: [{deployment: other}]\nkinds:"),
        ("kinds:", "workloads: [{deployment: op, container: other}]\nkinds:"),
        ("widget.yaml]", "widget.yaml]\n  mutations: [{path: spec.absent, values: [1]}]"),
        ("widget.yaml]", "widget.yaml]\n  mutations: [{path: spec.size, values: [1]}]"),
        ("widget.yaml]", "widget.yaml]\n  mutations: [{path: spec.size, values: ['4']}]"),
    ],
)
@pytest.mark.usefixtures("folder")
def test_a_definition_that_its_manifests_contradict(
    before: str, after: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("target.yaml").write_text(TARGET.replace(before, after))
    refused(["targets", "lint", "."], capsys, r"target\.yaml:\d+|no Deployment|no container")


def _huge(path: Path) -> None:
    with path.open("wb") as file:
        os.truncate(file.fileno(), 64 * 1024 * 1024)


def _folder(path: Path) -> None:
    path.mkdir()


def _nothing(path: Path) -> None:
    path.symlink_to("absent")


def _loop(path: Path) -> None:
    path.symlink_to(path.name)


@pytest.mark.parametrize("name", ["all.yaml", "widget.yaml", "target.yaml"])
@pytest.mark.parametrize("make", [_huge, os.mkfifo, _folder, _nothing, _loop])
@pytest.mark.usefixtures("folder")
def test_a_file_that_is_none(
    name: str, make: Callable[[Path], None], capsys: pytest.CaptureFixture[str]
) -> None:
    Path(name).unlink()
    make(Path(name))
    refused(["targets", "lint", "."], capsys, re.escape(name))


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.usefixtures("folder")
def test_an_edited_manifest_never_gives_another_error(
    seed: int, capsys: pytest.CaptureFixture[str]
) -> None:
    draw = random.Random(seed)  # noqa: S311 - repeatable on purpose
    good = Path("all.yaml").read_bytes()
    codes = []
    for _ in range(25):
        text = good
        for _ in range(draw.randint(1, 3)):
            text = _edited(text, draw)
        Path("all.yaml").write_bytes(text)
        for argv in (["targets", "lint", "."], ["init", ".", "--force", "--output", "new.yaml"]):
            code, said = outcome(argv, capsys)
            assert code in {0, 3, 4}, said
            codes.append(code)
            assert code == 0 or "error: " in said
    assert 4 in codes


def _edited(text: bytes, draw: random.Random) -> bytes:
    at = draw.randrange(len(text))
    lines = text.splitlines(keepends=True)
    line = draw.randrange(len(lines))
    words = [b"[]", b"{}", b"1", b"true", b"on", b"null", b"*a", b"&a", b"!x y", b"'", b"\t", b"\0"]
    match draw.randrange(6):
        case 0:
            return text[: max(at, 1)]
        case 1:
            return text[:at] + bytes([text[at] ^ 1 << draw.randrange(8)]) + text[at + 1 :]
        case 2:
            lines.insert(draw.randrange(len(lines)), lines[line])
        case 3:
            del lines[line]
        case 4:
            lines[line] = lines[line].replace(b":", draw.choice([b"", b"::", b" :", b": 1:"]), 1)
        case _:
            key, _, _ = lines[line].partition(b":")
            lines[line] = key + b": " + draw.choice(words) + b"\n"
    return b"".join(lines) or b" "


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.usefixtures("folder")
def test_a_value_of_any_other_shape_never_gives_another_error(
    seed: int, capsys: pytest.CaptureFixture[str]
) -> None:
    draw = random.Random(seed)  # noqa: S311 - repeatable on purpose
    others: list[Any] = [None, True, 7, -1, "x", "", [], [[1]], [None], {}, {"a": None}]
    for _ in range(40):
        broken = objects()
        obj = broken[draw.choice(sorted(broken))]
        path = draw.choice(_places(obj))
        changed(obj, path, draw.choice(others))
        dump(Path("all.yaml"), *broken.values())
        for argv in (["targets", "lint", "."], ["init", ".", "--force", "--output", "new.yaml"]):
            code, said = outcome(argv, capsys)
            assert code in {0, 4}, (path, said)


def _places(value: Any, path: str = "") -> list[str]:
    entries = value.items() if isinstance(value, dict) else enumerate(value)
    found = []
    for key, item in entries:
        here = f"{path}.{key}" if path else str(key)
        found.append(here)
        if isinstance(item, dict | list):
            found += _places(item, here)
    return found


def test_the_corpus_is_large_enough() -> None:
    assert 3 * len(YAML) + len(WRONG) + len(SAMPLES) >= 300
    assert json.dumps(yaml.safe_load(TARGET))  # and what it breaks is whole
