"""JSON Patch does what RFC 6902 says."""

from __future__ import annotations

from typing import Any

import pytest

from harness.installers.patching import PatchError, apply_patch

DOCUMENT: dict[str, Any] = {"a": {"b": [1, 2, 3]}, "x/y": {"m~n": 1}, "t": True}


@pytest.mark.parametrize(
    ("operation", "expected"),
    [
        ({"op": "add", "path": "/a/c", "value": 5}, {"a": {"b": [1, 2, 3], "c": 5}}),
        ({"op": "add", "path": "/a/b/1", "value": 9}, {"a": {"b": [1, 9, 2, 3]}}),
        ({"op": "add", "path": "/a/b/-", "value": 9}, {"a": {"b": [1, 2, 3, 9]}}),
        ({"op": "add", "path": "/a/b/3", "value": 9}, {"a": {"b": [1, 2, 3, 9]}}),
        ({"op": "remove", "path": "/a/b/0"}, {"a": {"b": [2, 3]}}),
        ({"op": "replace", "path": "/a/b", "value": None}, {"a": {"b": None}}),
        ({"op": "move", "from": "/a/b/0", "path": "/a/b/2"}, {"a": {"b": [2, 3, 1]}}),
        ({"op": "copy", "from": "/a/b/0", "path": "/a/c"}, {"a": {"b": [1, 2, 3], "c": 1}}),
        ({"op": "test", "path": "/a/b/2", "value": 3}, {}),
        ({"op": "test", "path": "/t", "value": True}, {}),
        ({"op": "replace", "path": "/x~1y/m~0n", "value": 2}, {"x/y": {"m~n": 2}}),
    ],
)
def test_each_operation_changes_what_it_names(
    operation: dict[str, Any], expected: dict[str, Any]
) -> None:
    assert apply_patch(DOCUMENT, [operation]) == {**DOCUMENT, **expected}


def test_the_whole_document_can_be_replaced() -> None:
    assert apply_patch(DOCUMENT, [{"op": "replace", "path": "", "value": [1]}]) == [1]


def test_the_document_itself_is_left_alone() -> None:
    before = {"a": [1]}
    apply_patch(before, [{"op": "add", "path": "/a/-", "value": 2}])
    assert before == {"a": [1]}


@pytest.mark.parametrize(
    ("operation", "message"),
    [
        ({"op": "remove", "path": "/a/z"}, "there is no 'z'"),
        ({"op": "replace", "path": "/a/b/3", "value": 1}, "past the end"),
        ({"op": "add", "path": "/a/b/01", "value": 1}, "isn't an index"),
        ({"op": "add", "path": "/a/b/0/c", "value": 1}, "added to a int"),
        ({"op": "replace", "path": "/a/b/0/c", "value": 1}, "looked for in a int"),
        ({"op": "test", "path": "/t", "value": 1}, "instead of 1"),
        ({"op": "test", "path": "/a/b/0", "value": 2}, "found 1 instead of 2"),
        ({"op": "add", "path": "/a/c"}, "'value' is missing"),
        ({"op": "add", "path": "a/c", "value": 1}, "begin with '/'"),
        ({"op": "move", "path": "/a/c"}, "'from' is missing"),
        ({"op": "move", "from": "/a", "path": "/a/b/0"}, "into itself"),
        ({"op": "frobnicate", "path": "/a"}, "unknown op"),
    ],
)
def test_what_does_not_fit_is_refused_with_its_place(
    operation: dict[str, Any], message: str
) -> None:
    with pytest.raises(PatchError, match=message) as error:
        apply_patch(DOCUMENT, [{"op": "test", "path": "/t", "value": True}, operation])
    assert str(error.value).startswith(f"operation 2 ({operation['op']}")
