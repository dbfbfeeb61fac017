"""What a schema declares becomes objects that must be refused, filled in or pruned."""

from __future__ import annotations

from typing import Any

import pytest

from harness.stimulus.features import (
    Variation,
    base_of,
    changed,
    defaulted,
    found_at,
    opened,
    places,
    variations,
)
from harness.stimulus.features.places import ABSENT, value_in
from harness.stimulus.features.variations import Untried

Json = dict[str, Any]


def schema(**fields: Json) -> Json:
    """Returns the schema of an object whose spec has these fields."""
    spec = {"type": "object", "properties": fields}
    return {"type": "object", "properties": {"spec": spec, "status": {"type": "object"}}}


def tried(field: Json, value: object = ABSENT, **spec: Json) -> list[tuple[str, Any, bool]]:
    """Returns rule, value and whether it must be refused of each variation of one field."""
    body = {"spec": {} if value is ABSENT else {"field": value}}
    found = variations(schema(field=field, **spec), body)
    return [
        (item.rule, item.value, item.refused)
        for item in found
        if isinstance(item, Variation) and item.path == "spec.field" and "type:" not in item.rule
    ]


def test_numbers_are_tried_on_both_sides_of_a_bound() -> None:
    assert tried({"type": "integer", "minimum": 1, "maximum": 10}, 3) == [
        ("minimum: 1", 0, True),
        ("minimum: 1", 1, False),
        ("maximum: 10", 11, True),
        ("maximum: 10", 10, False),
    ]


def test_an_exclusive_bound_is_outside_itself() -> None:
    assert tried({"type": "integer", "minimum": 1, "exclusiveMinimum": True}, 3) == [
        ("minimum: 1 (exclusive)", 1, True),
        ("minimum: 1 (exclusive)", 2, False),
    ]


def test_a_stranger_to_an_enum_is_tried_of_its_own_type() -> None:
    assert tried({"type": "string", "enum": ["A", "B"]}, "A") == [
        ("enum: A, B", "not-one-of-these", True)
    ]
    assert tried({"type": "integer", "enum": [1, 4]}, 1) == [("enum: 1, 4", 5, True)]


def test_strings_are_tried_too_short_too_long_and_unlike_their_pattern() -> None:
    found = tried({"type": "string", "minLength": 2, "maxLength": 4, "pattern": "^[a-z]+$"}, "abc")
    assert found == [
        ("minLength: 2", "a", True),
        ("maxLength: 4", "abccc", True),
        ("pattern: ^[a-z]+$", "~!?", True),
    ]


def test_a_field_that_could_be_there_is_tried_too() -> None:
    assert ("maximum: 5", 6, True) in tried({"type": "integer", "maximum": 5})


def test_lists_are_tried_too_short_and_too_long() -> None:
    field = {"type": "array", "items": {"type": "integer"}, "minItems": 1, "maxItems": 2}
    assert tried(field, [7]) == [("minItems: 1", [], True), ("maxItems: 2", [7, 7, 7], True)]


def test_each_type_is_tried_with_another_one() -> None:
    body = {"spec": {"flag": True}}
    found = [item for item in variations(schema(flag={"type": "boolean"}), body)]
    (flag,) = (item for item in found if item.path == "spec.flag")
    assert isinstance(flag, Variation)
    assert flag.body == {"spec": {"flag": "not-a-boolean"}}
    assert body == {"spec": {"flag": True}}, "the sample stays as it is"


def test_a_required_field_is_taken_away_unless_it_has_a_default() -> None:
    top = schema(a={"type": "string"}, b={"type": "string", "default": "x"})
    top["properties"]["spec"]["required"] = ["a", "b"]
    body = {"spec": {"a": "1", "b": "2"}}
    found = [item for item in variations(top, body) if item.rule == "required"]
    assert [item.path for item in found] == ["spec.a"]
    assert isinstance(found[0], Variation)
    assert found[0].body == {"spec": {"b": "2"}}


@pytest.mark.parametrize("key", ["anyOf", "x-kubernetes-int-or-string", "allOf"])
def test_where_several_shapes_are_allowed_no_single_rule_is_tried(key: str) -> None:
    assert not tried({"type": "integer", "maximum": 3, key: [{}]}, 1)


def test_a_pattern_that_only_re2_knows_is_told_as_untried() -> None:
    found = list(
        variations(schema(f={"type": "string", "pattern": r"^\pL$"}), {"spec": {"f": "a"}})
    )
    assert [item.rule for item in found if isinstance(item, Untried)] == [r"pattern: ^\pL$"]


@pytest.mark.parametrize(
    ("rule", "path", "value"),
    [
        ("self.low <= self.high", ("spec", "high"), -1),
        ("!self.name.endsWith(':latest')", ("spec", "name"), ":latest"),
        ("self.low > 0 || has(self.name)", None, None),
        ("self.flag", ("spec", "flag"), False),
    ],
)
def test_a_rule_in_cel_is_broken_by_a_field_that_it_names(
    rule: str, path: tuple[str, ...] | None, value: object
) -> None:
    number = {"type": "integer"}
    top = schema(low=number, high=number, name={"type": "string"}, flag={"type": "boolean"})
    top["properties"]["spec"]["x-kubernetes-validations"] = [{"rule": rule}]
    body = {"spec": {"low": 1, "high": 3, "name": "x", "flag": True}}
    (found,) = (item for item in variations(top, body) if item.rule == f"CEL {rule}")
    if path is None:
        assert isinstance(found, Untried)
    else:
        assert isinstance(found, Variation)
        assert (found.steps, found.value, found.path) == (path, value, "spec")


def test_a_rule_about_a_change_is_marked() -> None:
    field = {"type": "string", "x-kubernetes-validations": [{"rule": "self == oldSelf"}]}
    found = list(variations(schema(name=field), {"spec": {"name": "x"}}))
    (rule,) = (item for item in found if item.rule.startswith("CEL"))
    assert isinstance(rule, Variation)
    assert rule.update
    assert rule.body != {"spec": {"name": "x"}}


def test_a_rule_that_is_not_understood_is_told() -> None:
    field = {"type": "string", "x-kubernetes-validations": [{"rule": "isURL(self)"}]}
    found = list(variations(schema(name=field), {"spec": {"name": "x"}}))
    (rule,) = (item for item in found if isinstance(item, Untried))
    assert "no function 'isURL'" in rule.reason


def test_defaults_are_left_out_one_at_a_time() -> None:
    top = schema(
        a={"type": "integer", "default": 1},
        deep={"type": "object", "properties": {"b": {"type": "integer", "default": 2}}},
        far={"type": "object", "properties": {"c": {"type": "integer", "default": 3}}},
    )
    body = {"spec": {"a": 5, "deep": {"b": 6}}}
    found = [(item.path, item.default, item.body) for item in defaulted(top, body)]
    assert found == [
        ("spec.a", 1, {"spec": {"deep": {"b": 6}}}),
        ("spec.deep.b", 2, {"spec": {"a": 5, "deep": {}}}),
    ]


def test_an_unknown_field_is_written_into_each_object() -> None:
    top = schema(
        free={"type": "object", "x-kubernetes-preserve-unknown-fields": True},
        map={"type": "object", "additionalProperties": {"type": "string"}},
    )
    found = opened(top, {"spec": {"free": {}, "map": {"a": "b"}}})
    assert [(item.path, item.kept) for item in found] == [("spec", False), ("spec.free", True)]


def test_places_name_items_and_values_of_maps() -> None:
    top = schema(
        ports={"type": "array", "items": {"type": "object", "properties": {"n": {}}}},
        map={"type": "object", "additionalProperties": {"type": "string"}},
    )
    found = [item.path for item in places(top, {"spec": {"ports": [{"n": 1}], "map": {"a": "b"}}})]
    assert found == [
        *("spec", "spec.ports", "spec.ports[0]", "spec.ports[0].n", "spec.map", "spec.map.a")
    ]


def test_the_base_is_the_sample_with_what_admission_filled_in() -> None:
    sample = {"kind": "X", "metadata": {"name": "x"}, "spec": {"a": 1}}
    admitted = {"kind": "X", "metadata": {"uid": "u"}, "spec": {"a": 1, "b": 2}, "status": {}}
    assert base_of(sample, admitted) == {**sample, "spec": {"a": 1, "b": 2}}


def test_a_place_is_changed_in_a_copy() -> None:
    body = {"spec": {"ports": [{"n": 1}]}}
    assert changed(body, ("spec", "ports", 0, "n"), 2) == {"spec": {"ports": [{"n": 2}]}}
    assert value_in(body, ("spec", "ports", 0, "n")) == 1
    assert value_in(body, ("spec", "ports", 3)) is ABSENT
    assert value_in(body, ("spec", "ports", "n")) is ABSENT


OBJECT = {
    "spec": {"size": 2, "ports": [{"name": "a"}, {"name": "b"}]},
    "metadata": {"labels": {"app.kubernetes.io/name": "x"}},
    "status": {"conditions": [{"type": "Ready", "status": "True"}], "empty": None},
}


@pytest.mark.parametrize(
    ("path", "values"),
    [
        (".spec.size", [2]),
        (".spec.ports[1].name", ["b"]),
        (".spec.ports[-1].name", ["b"]),
        (".spec.ports[7].name", []),
        (".spec.ports[*].name", ["a", "b"]),
        (r".metadata.labels.app\.kubernetes\.io/name", ["x"]),
        (".metadata.labels['app.kubernetes.io/name']", ["x"]),
        ('.status.conditions[?(@.type=="Ready")].status', ["True"]),
        (".status.conditions[?(@.type=='Redy')].status", []),
        (".status.empty", []),
        (".status.empty.more", []),
        (".spec..name", None),
    ],
)
def test_a_simple_json_path_is_followed(path: str, values: list[object] | None) -> None:
    assert found_at(OBJECT, path) == values
