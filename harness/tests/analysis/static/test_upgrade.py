"""UPG-001: which changes of a CRD break objects, clients or users of the release before."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from harness.model.findings import Severity, Status
from harness.tests.analysis.static.shop import Shop
from harness.tests.analysis.static.test_seeded import Seed, drop, put

if TYPE_CHECKING:
    from pathlib import Path

    from harness.model.findings import CheckOutcome

_NAMES = {"kind": "Store", "plural": "shops"}
_RULE = "[{rule: self.size < 5, message: too large}]"


def changed(folder: Path, *seeds: Seed) -> CheckOutcome:
    shop = Shop()
    shop.spec["colour"] = {"type": "string", "enum": ["red", "blue"], "description": "Its colour."}
    shop.spec["blob"] = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    shop.spec["note"] = {"type": "string", "nullable": True}
    shop.remember()
    for seed in seeds:
        seed(shop)
    return shop.judged("UPG-001", folder)


def renamed_version(shop: Shop) -> None:
    shop.version["name"] = "v2"


def unserved_version(shop: Shop) -> None:
    shop.another_version("v2")["storage"] = True
    shop.version.update(served=False, storage=False)


def removed(shop: Shop) -> None:
    shop.objects.remove(shop.crd)


BREAKING: dict[str, tuple[Seed, str]] = {
    "the CRD is removed": (removed, "The CRD shops.example.org is gone"),
    "a version is removed": (renamed_version, "the version v1, which was stored, is gone"),
    "a version isn't served": (unserved_version, "the version v1 isn't served any more"),
    "the scope changes": (put("crd.spec.scope", "Cluster"), "its scope was Namespaced"),
    "the kind changes": (put("crd.spec.names", str(_NAMES)), "its kind was Shop and is Store"),
    "a subresource goes": (drop("version.subresources.status"), "the subresource status is gone"),
    "a field is removed": (drop("spec.name"), "v1: spec.name is gone"),
    "a field in a list is removed": (
        drop("spec.goods.items.properties.name"),
        "v1: spec.goods[].name is gone",
    ),
    "a type changes": (put("spec.size.type", "string"), "spec.size was integer and is string"),
    "int-or-string ends": (
        put("spec.port", "{type: integer}"),
        "spec.port was int-or-string and is integer",
    ),
    "a field becomes required": (
        put("schema.properties.spec.required", "[size, colour]"),
        "v1: spec requires colour now",
    ),
    "a value goes": (put("spec.colour.enum", "[red]"), "spec.colour doesn't take blue any more"),
    "only some values remain": (put("spec.name.enum", "[a]"), "spec.name takes only some values"),
    "an upper bound falls": (
        put("spec.size.maximum", "5"),
        "spec.size: maximum was 9 and is at most 5",
    ),
    "a lower bound rises": (
        put("spec.size.minimum", "2"),
        "spec.size: minimum was 1 and is at least 2",
    ),
    "a bound comes": (put("spec.note.maxLength", "9"), "maxLength was none and is at most 9"),
    "a pattern comes": (put("spec.name.pattern", "^a$"), "must match another pattern"),
    "null ends": (drop("spec.note.nullable"), "spec.note may not be null any more"),
    "a list is merged by another key": (
        put("spec.goods.x-kubernetes-list-map-keys", "[id]"),
        "x-kubernetes-list-map-keys was ['name'] and is ['id']",
    ),
    "an opaque field is pruned": (
        drop("spec.blob.x-kubernetes-preserve-unknown-fields"),
        "spec.blob took anything and is pruned now",
    ),
    "a map ends": (drop("spec.labels.additionalProperties"), "was a map and isn't any more"),
}
NOTICED: dict[str, tuple[Seed, str]] = {
    "a default changes": (
        put("spec.name.default", "store"),
        "the default was 'shop' and is 'store'",
    ),
    "a default goes": (drop("spec.name.default"), "the default was 'shop' and is none"),
    "a rule comes": (
        put("schema.properties.spec.x-kubernetes-validations", _RULE),
        "v1: spec has a new rule: self.size < 5",
    ),
}
SAFE: dict[str, Seed] = {
    "nothing": lambda _: None,
    "a new field": put("spec.street", "{type: string}"),
    "a new required part of a new field": put(
        "spec.owner", "{type: object, required: [name], properties: {name: {type: string}}}"
    ),
    "a new required field with a default": put("schema.properties.spec.required", "[size, name]"),
    "a new value": put("spec.colour.enum", "[red, blue, green]"),
    "any value": drop("spec.colour.enum"),
    "a wider bound": put("spec.size.maximum", "99"),
    "no bound": drop("spec.size.maximum"),
    "a field is optional": drop("schema.properties.spec.required"),
    "a new version": lambda shop: shop.another_version("v2"),
    "a field becomes opaque": put("spec.goods.items.x-kubernetes-preserve-unknown-fields", "true"),
    "a description": put("spec.size.description", "Otherwise."),
    "a pattern goes": lambda shop: shop.spec["name"].pop("pattern", None),
}


@pytest.mark.parametrize("change", BREAKING)
def test_what_breaks_is_found(change: str, tmp_path: Path) -> None:
    seed, text = BREAKING[change]
    outcome = changed(tmp_path, seed)
    assert outcome.status is Status.FAIL
    told = [f"{item.title}\n{item.detail}" for item in outcome.findings]
    assert any(text in words for words in told), told
    assert {item.severity for item in outcome.findings} <= {Severity.BLOCKER, Severity.MAJOR}


@pytest.mark.parametrize("change", NOTICED)
def test_what_users_notice_is_minor(change: str, tmp_path: Path) -> None:
    seed, text = NOTICED[change]
    (finding,) = changed(tmp_path, seed).findings
    assert text in finding.title
    assert finding.severity is Severity.MINOR


@pytest.mark.parametrize("change", SAFE)
def test_what_is_safe_passes(change: str, tmp_path: Path) -> None:
    outcome: Any = changed(tmp_path, SAFE[change])
    assert outcome.status is Status.PASS, outcome.findings


def test_changes_of_one_crd_are_one_finding(tmp_path: Path) -> None:
    (finding,) = changed(tmp_path, drop("spec.name"), drop("spec.port")).findings
    assert finding.title == (
        "Shop can't follow its release before: v1: spec.name is gone, and 1 more"
    )
    assert finding.detail == "v1: spec.name is gone\nv1: spec.port is gone"


def test_without_a_release_before_there_is_nothing_to_compare(tmp_path: Path) -> None:
    outcome = Shop().judged("UPG-001", tmp_path)
    assert outcome.status is Status.NOT_APPLICABLE
    assert "--previous" in outcome.reason
