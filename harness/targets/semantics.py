"""Stage 1: what a schema can't say: files that exist, samples that fit, expressions that compile.

Each rule takes the checked part of a target and returns its problems; `RULES` lists them, so that
more can join (other installs, lint).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

from harness.model.problems import Problem
from harness.readiness import Expression, ExpressionError
from harness.targets.checking import did_you_mean
from harness.targets.document import Document, KeyPath, dotted
from harness.targets.files import is_dir, is_file, resolve
from harness.targets.gates import GateError, read_gate
from harness.targets.reading import read
from harness.targets.requirements import PLACEHOLDERS

__all__ = ["RULES", "TWIN_RULES", "Rule", "missing_files"]

Rule = Callable[[Document, Path], Iterator[Problem]]
"""Takes a document, which may have any shape, and a path; yields problems."""

_KUSTOMIZATIONS = ("kustomization.yaml", "kustomization.yml", "Kustomization")
_STEP = r"[^.\[\]\s]+(?:\[[0-9]{1,4}\])*"
_PATH = re.compile(rf"{_STEP}(?:\.{_STEP})*")
_PLACEHOLDER = re.compile(r"\{[^{}/]*\}")
_NEEDS_VALUE = ("add", "replace", "test")
_NEEDS_FROM = ("move", "copy")


def missing_files(document: Document, folder: Path) -> bool:
    """Whether any file or folder that a definition names isn't there."""
    files = (
        *document.each("install", "manifests", "files", None, of=str),
        *document.each("install", "manifests", "helm", "values", None, of=str),
        *document.each("kinds", None, "samples", None, of=str),
    )
    folders = document.each("install", "manifests", "kustomize", of=str)
    charts = document.each("install", "manifests", "helm", "chart", of=str)
    if any(not _is_chart(resolve(folder, path)) for _, path in charts):
        return True
    return any(not is_file(resolve(folder, path)) for _, path in files) or any(
        not is_dir(resolve(folder, path)) for _, path in folders
    )


def _install(document: Document, _: Path) -> Iterator[Problem]:
    install = document.get("install", of=dict)
    if install is None:
        return
    present = install.get("present") is True
    if not present and "manifests" not in install:
        hint = "Where the operator's manifests come from, or `present: true`"
        message = "the key 'manifests' is missing"
        yield document.problem(("install",), message, hint=hint, of_key=True)
    if present and "manifests" in install:
        message = "nothing is applied where the operator is present already"
        where = ("install", "manifests")
        yield document.problem(where, message, hint="leave one of the two out", of_key=True)
    if present and not any(document.each("workloads", None, "deployment", of=str)):
        message = "an operator that is present already is found by its Deployment"
        hint = "name it under workloads[].deployment"
        yield document.problem(("install", "present"), message, hint=hint, of_key=True)


def _manifests(document: Document, folder: Path) -> Iterator[Problem]:
    for where, name in document.each("install", "manifests", "kustomize", of=str):
        path = resolve(folder, name)
        if not is_dir(path):
            yield document.problem(where, f"there is no folder {path}")
        elif not any(is_file(path / name) for name in _KUSTOMIZATIONS):
            hint = "name plain manifests in `files`"
            yield document.problem(where, f"the folder {path} has no kustomization.yaml", hint=hint)
    for where, name in document.each("install", "manifests", "helm", "chart", of=str):
        path = resolve(folder, name)
        if not _is_chart(path):
            what = "has no Chart.yaml" if is_dir(path) else "isn't there"
            yield document.problem(where, f"the chart {path} {what}", hint="name its folder")
    for where, name in (
        *document.each("install", "manifests", "files", None, of=str),
        *document.each("install", "manifests", "helm", "values", None, of=str),
        *document.each("install", "image", "dockerfile", of=str),
    ):
        yield from _missing_file(document, where, resolve(folder, name))


def _is_chart(path: Path) -> bool:
    return is_file(path / "Chart.yaml") or is_file(path)


def _missing_file(document: Document, where: KeyPath, path: Path) -> Iterator[Problem]:
    if is_dir(path):
        yield document.problem(where, f"{path} is a folder, not a file", hint="name its files")
    elif not is_file(path):
        yield document.problem(where, f"there is no file {path}")


def _samples(document: Document, folder: Path) -> Iterator[Problem]:
    for where, name in document.each("kinds", None, "samples", None, of=str):
        path = resolve(folder, name)
        missing = list(_missing_file(document, where, path))
        yield from missing
        if not missing:
            resource = document.get(*where[:2], "resource", of=str, default="")
            yield from _sample(document, where, path, resource)


def _sample(document: Document, where: KeyPath, path: Path, resource: str) -> Iterator[Problem]:
    sample = read(path, guesses=True)
    yield from sample.problems
    if sample.problems:
        return
    if not isinstance(sample.data, dict):
        yield document.problem(where, f"{path} doesn't hold one object")
        return
    wanted = resource.partition(".")[2]
    version, kind = sample.data.get("apiVersion"), sample.data.get("kind")
    if not isinstance(version, str) or version.count("/") > 1 or not version:
        yield sample.problem(("apiVersion",), "a sample needs an apiVersion of one group/version")
    elif wanted and version.rpartition("/")[0] != wanted:
        message = f"{version} isn't of the group {wanted}"
        hint = f"{document.file} says that samples of {resource} are here"
        yield sample.problem(("apiVersion",), message, hint=hint)
    if not isinstance(kind, str) or not kind:
        yield sample.problem(("kind",), "a sample needs a kind")
    elif kind.endswith("List") and "items" in sample.data:
        yield sample.problem(("kind",), "a sample is one object, not a list")
    metadata = sample.data.get("metadata")
    if not isinstance(metadata, dict) or not isinstance(metadata.get("name"), str):
        yield sample.problem(("metadata",), "a sample needs a metadata.name")


def _readiness(document: Document, _: Path) -> Iterator[Problem]:
    for where, source in document.each("kinds", None, "ready", "cel", of=str):
        try:
            Expression.of(source)
        except ExpressionError as error:
            yield document.problem(where, f"the CEL expression can't be used: {error}")


def _mutations(document: Document, _: Path) -> Iterator[Problem]:
    for where, path in document.each("kinds", None, "mutations", None, "path", of=str):
        if not _PATH.fullmatch(path):
            hint = "write keys with dots, as in spec.ports[0].port"
            yield document.problem(where, f"{path!r} isn't a dotted path", hint=hint)
        elif re.split(r"[.\[]", path)[0] in {"metadata", "status", "apiVersion", "kind"}:
            message = f"{path!r} isn't a field that a user sets to ask for something"
            yield document.problem(where, message, hint="name a field of spec")


def _gates(document: Document, _: Path) -> Iterator[Problem]:
    for where, bound in document.each("gates", None):
        written = bound.get("is") if isinstance(bound, dict) else bound
        if isinstance(written, bool) or not isinstance(written, str | int | float):
            continue
        try:
            read_gate(str(where[-1]), bound)
        except GateError as error:
            yield document.problem(where, str(error), hint=error.hint)


def _waivers(document: Document, _: Path) -> Iterator[Problem]:
    for where, expires in document.each("waivers", None, "expires", of=str):
        try:
            written = date.fromisoformat(expires).isoformat()
        except ValueError:
            written = ""
        if written != expires:
            message = f"{expires!r} isn't a date"
            yield document.problem(where, message, hint="write YYYY-MM-DD")


def _scope(document: Document, _: Path) -> Iterator[Problem]:
    mode = document.get("scope", "mode", of=str, default="AllNamespaces")
    where: KeyPath = ("scope", "namespaces")
    names = document.get(*where, of=list, default=[])
    if mode in {"AllNamespaces", "OwnNamespace"} and names:
        hint = "the mode is SingleNamespace or MultiNamespace, or leave the namespaces out"
        yield document.problem(where, f"the mode {mode} names no namespaces", hint=hint)
    if mode == "SingleNamespace" and len(names) > 1:
        message = f"the mode SingleNamespace names one namespace, not {len(names)}"
        yield document.problem(where, message, hint="did you mean 'MultiNamespace'?")


def _twice(document: Document, _: Path) -> Iterator[Problem]:
    for part, key in (("kinds", "resource"), ("workloads", "deployment")):
        first: dict[str, KeyPath] = {}
        for where, name in document.each(part, None, key, of=str):
            if name in first:
                message = f"{name} is there twice, first as {dotted(first[name][:2])}"
                yield document.problem(where, message, hint="keep one of the two")
            first.setdefault(name, where)


def _programs(document: Document, _: Path) -> Iterator[Problem]:
    for where, word in (
        *document.each("tests", None, None, of=str),
        *document.each("workloads", None, "process", None, None, of=str),
    ):
        if where[-1] == 0 and not word.strip():
            yield document.problem(where, "the program must not be empty")
        elif where[-1] == 0 and _PLACEHOLDER.fullmatch(word) and word not in PLACEHOLDERS:
            message = f"nothing is known that {word} stands for"
            yield document.problem(where, message, hint=did_you_mean(word, PLACEHOLDERS))
        if "\0" in word:
            yield document.problem(where, "an argument can't hold a NUL")


def _twin_name(document: Document, path: Path) -> Iterator[Problem]:
    name = document.get("name", of=str)
    if name is not None and name != path.stem:
        message = f"{name!r} isn't the file's name"
        yield document.problem(("name",), message, hint=f"write {path.stem}, or rename the file")


def _twin_defect(document: Document, _: Path) -> Iterator[Problem]:
    if not any(any(document.each(key, None)) for key in ("env", "patches", "add")):
        hint = "give it `env`, `patches` or `add`"
        yield document.problem((), "the twin is no different from its operator", hint=hint)
    for where, value in document.each("env", None, of=str):
        if "\0" in value:
            yield document.problem(where, "a variable can't hold a NUL")


def _twin_patches(document: Document, _: Path) -> Iterator[Problem]:
    for where, operation in document.each("patches", None, "patch", None, of=dict):
        op = operation.get("op")
        need = "value" if op in _NEEDS_VALUE else "from" if op in _NEEDS_FROM else None
        if need is not None and need not in operation:
            yield document.problem(where, f"the operation {op} needs the key {need!r}")


RULES: tuple[Rule, ...] = (
    _install,
    _manifests,
    _samples,
    _readiness,
    _mutations,
    _gates,
    _waivers,
    _scope,
    _twice,
    _programs,
)
"""Rules of target.yaml; the path is that of its folder."""

TWIN_RULES: tuple[Rule, ...] = (_twin_name, _twin_defect, _twin_patches)
"""Rules of a twin file; the path is that of the file."""
