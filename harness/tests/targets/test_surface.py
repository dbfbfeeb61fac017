"""The JSON Schemas are what the model decodes, teach editors, and equal the exported files."""

from __future__ import annotations

import json
import runpy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pytest

from harness import resources
from harness.model import target as model
from harness.targets import schema, twin_schema
from harness.targets.exporting import SCHEMAS, refresh, rendered

# Each mapping of the surface and the type that it becomes.
PARTS = [
    ("install", model.Install),
    ("install.manifests", model.Manifests),
    ("install.manifests.helm", model.Helm),
    ("install.image", model.Image),
    ("kinds[]", model.Kind),
    ("kinds[].ready", model.Readiness),
    ("kinds[].mutations[]", model.Mutation),
    ("workloads[]", model.WorkloadSpec),
    ("workloads[].process", model.Process),
    ("workloads[].metrics", model.Metrics),
    ("workloads[].pprof", model.Pprof),
    ("requires", model.Requires),
    ("scope", model.Scope),
    ("tests", model.Tests),
    ("waivers[]", model.Waiver),
]


def _at(path: str) -> dict[str, Any]:
    here = schema()
    for step in path.split("."):
        here = here["properties"][step.removesuffix("[]")]
        here = here["items"] if step.endswith("[]") else here
    return here


@pytest.mark.parametrize(("path", "part"), PARTS)
def test_each_mapping_has_the_keys_and_defaults_of_its_type(
    path: str, part: type[msgspec.Struct]
) -> None:
    found = _at(path)
    fields = {field.encode_name: field for field in msgspec.structs.fields(part)}
    assert set(found["properties"]) == set(fields)
    assert set(found.get("required", ())) == {n for n, field in fields.items() if field.required}
    for name, about in found["properties"].items():
        if "default" in about and not isinstance(about["default"], dict):
            default = fields[name].default
            assert (list(default) if isinstance(default, tuple) else default) == about["default"]


def test_the_top_level_has_the_keys_of_the_types() -> None:
    made_by_loading = {"folder", "twin"}
    assert (
        set(schema()["properties"]) - {"apiVersion", "kind"}
        == {
            *(field.name for field in msgspec.structs.fields(model.Target)),
        }
        - made_by_loading
    )
    assert set(twin_schema()["properties"]) - {"apiVersion", "kind"} == {
        field.name for field in msgspec.structs.fields(model.Twin)
    }


def _properties(part: Any, path: str = "") -> Iterator[tuple[str, dict[str, Any], bool]]:
    for name, about in part.get("properties", {}).items():
        yield f"{path}.{name}", about, name in part.get("required", ())
        yield from _properties(about, f"{path}.{name}")
        yield from _properties(about.get("items", {}), f"{path}.{name}[]")


@pytest.mark.parametrize("made", list(SCHEMAS.values()))
def test_every_key_is_described_and_its_examples_hold(made: Any) -> None:
    jsonschema.Draft202012Validator.check_schema(made())
    for path, about, _ in _properties(made()):
        assert about["description"].endswith("."), path
        for example in [
            *about.get("examples", ()),
            *([about["default"]] if about.get("default") else ()),
        ]:
            jsonschema.Draft202012Validator(about).validate(example)


@pytest.mark.parametrize("name", sorted(SCHEMAS))
def test_the_exported_file_is_the_codes(name: str) -> None:
    file = resources.bundled("reports", "schema", name)
    assert file.read_text(encoding="utf-8") == rendered(name), "run `python -m harness.targets`"
    assert json.loads(rendered(name))["title"]


def test_running_the_package_writes_both_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resources, "bundled", lambda *_: tmp_path)
    runpy.run_module("harness.targets", run_name="__main__")
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(SCHEMAS)


def test_the_documented_keys_are_the_codes() -> None:
    page = resources.bundled("docs", "target.md")
    assert page.read_text(encoding="utf-8") == refresh(page), "run `python -m harness.targets`"
