"""Children have names that fit, and are known as their Noteboard's."""

from __future__ import annotations

import re

import pytest
from boards import noteboard
from noteboard.children import deployment, directory_entry
from noteboard.names import belongs_to, board_name, directory_name, owner_uid, stem


def test_a_name_that_fits_is_kept() -> None:
    assert stem("my-board") == "my-board"


@pytest.mark.parametrize("name", ["a" * 53, "a" * 253, "1st", "with.dots", "a-." * 50 + "a"])
def test_a_name_that_does_not_fit_is_made_to(name: str) -> None:
    board = noteboard()
    board["metadata"]["name"] = name
    made = board_name(board)
    assert re.fullmatch(r"[a-z]([-a-z0-9]{0,61}[a-z0-9])", made)
    assert stem(name) != stem(name + "a")


def test_a_child_is_known_by_its_controller_reference() -> None:
    child = deployment(noteboard())
    assert owner_uid(child) == "the-uid"
    child["metadata"]["ownerReferences"][0]["kind"] = "ReplicaSet"
    assert owner_uid(child) == "", "somebody else controls it, whatever its labels say"


def test_a_child_that_lost_its_reference_is_known_by_its_label() -> None:
    child = deployment(noteboard())
    del child["metadata"]["ownerReferences"]
    assert belongs_to(child, noteboard())


def test_a_directory_entry_is_known_by_its_name_alone() -> None:
    entry = directory_entry(noteboard())
    assert "ownerReferences" not in entry["metadata"]
    del entry["metadata"]["labels"]
    assert entry["metadata"]["name"] == directory_name("the-uid")
    assert belongs_to(entry, noteboard())


def test_an_object_of_nobody_is_nobodys() -> None:
    assert owner_uid({"metadata": {"name": "sample-board"}}) == ""
