"""What to change in a custom resource, so that its spec really differs."""

import pytest

from harness.model.target import Kind, Mutation
from harness.stimulus.mutation import Change, changes, merge_patch, next_change, value_at

BODY = {"spec": {"size": 2, "ports": [{"name": "a", "port": 1}, {"name": "b", "port": 2}]}}


def kind(*mutations: Mutation) -> Kind:
    return Kind(resource="guestbooks.example.org", samples=(), mutations=mutations)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("spec.size", 2),
        ("spec.ports[1].name", "b"),
        ("spec.ports[7].name", None),
        ("spec.none.deeper", None),
        ("spec.size.deeper", None),
    ],
)
def test_a_dotted_path_finds_a_value_or_nothing(path: str, value: object) -> None:
    assert value_at(BODY, path) == value


def test_the_next_change_skips_the_value_that_the_object_already_has() -> None:
    change = next_change(kind(Mutation(path="spec.size", values=(2, 3))), BODY)
    assert change == Change(path="spec.size", value=3, before=2)
    assert str(change) == "spec.size: 2 -> 3"


def test_there_is_no_change_where_no_value_differs_or_none_is_declared() -> None:
    assert next_change(kind(Mutation(path="spec.size", values=(2,))), BODY) is None
    assert next_change(kind(), BODY) is None


def test_turns_walk_through_all_mutations() -> None:
    both = kind(
        Mutation(path="spec.size", values=(3,)), Mutation(path="spec.message", values=("hi",))
    )
    paths = [change.path for turn in (0, 1, 2) if (change := next_change(both, BODY, turn=turn))]
    assert paths == ["spec.size", "spec.message", "spec.size"]


def test_fields_that_the_object_has_can_come_first() -> None:
    both = kind(
        Mutation(path="spec.replicas", values=(3,)),  # of another version, perhaps
        Mutation(path="spec.size", values=(3,)),
        Mutation(path="spec.ports[0].port", values=(1, 8)),
    )
    assert [change.path for change in changes(both, BODY, present_first=True)] == [
        *("spec.size", "spec.ports[0].port", "spec.replicas"),
    ]
    assert changes(kind(), BODY, turn=5, present_first=True) == ()


def test_a_merge_patch_names_only_the_field() -> None:
    assert merge_patch(BODY, Change(path="spec.size", value=3)) == {"spec": {"size": 3}}


def test_a_merge_patch_keeps_the_neighbours_inside_a_list() -> None:
    patch = merge_patch(BODY, Change(path="spec.ports[1].port", value=9))
    assert patch == {"spec": {"ports": [{"name": "a", "port": 1}, {"name": "b", "port": 9}]}}


def test_a_merge_patch_can_lengthen_a_list_and_reach_into_nested_ones() -> None:
    body = {"spec": {"rows": [[{"v": 1}]]}}
    patch = merge_patch(body, Change(path="spec.rows[1]", value=[]))
    assert patch == {"spec": {"rows": [[{"v": 1}], []]}}
    patch = merge_patch(body, Change(path="spec.rows[0][0].v", value=2))
    assert patch == {"spec": {"rows": [[{"v": 2}]]}}
