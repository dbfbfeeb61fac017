"""The locked requirements: hashes for all, no address of an index, in step with pyproject."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import harness

ROOT = Path(harness.__file__).resolve().parent.parent
REQUIREMENTS = ROOT / "ci" / "requirements"
LOCKS = sorted(path.name for path in REQUIREMENTS.glob("*.txt"))


def locked(name: str) -> dict[str, list[str]]:
    """Returns the entries of a lock file: "name==version" with what follows, by name."""
    entries: dict[str, list[str]] = {}
    current: list[str] = []
    for line in (REQUIREMENTS / name).read_text().splitlines():
        text = line.strip().removesuffix("\\").strip()
        if not text or text.startswith("#"):
            continue
        if not line.startswith(" "):
            requirement = Requirement(text)
            current = entries.setdefault(canonicalize_name(requirement.name), [])
        current.append(text)
    return entries


def version(entry: list[str]) -> str:
    """Returns the pinned version of an entry."""
    (pin,) = Requirement(entry[0]).specifier
    assert pin.operator == "==", f"{entry[0]} isn't pinned"
    return pin.version


@pytest.fixture(scope="module")
def project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


@pytest.mark.parametrize("name", LOCKS)
def test_each_locked_requirement_is_pinned_with_hashes(name: str) -> None:
    entries = locked(name)
    assert entries
    for entry in entries.values():
        assert version(entry)
        assert entry[1:], f"{entry[0]} has no hash"
        assert all(re.fullmatch(r"--hash=sha256:[0-9a-f]{64}", line) for line in entry[1:])


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_file_names_no_address(name: str) -> None:
    text = (REQUIREMENTS / name).read_text()
    assert "://" not in text
    assert re.search(r"^\s*--(?!hash=)", text, re.MULTILINE) is None


def test_what_runs_is_locked_within_the_bounds_of_pyproject(project: dict[str, Any]) -> None:
    assert unmet(project["project"]["dependencies"], locked("run.txt")) == []


def test_what_develops_is_locked_too(project: dict[str, Any]) -> None:
    extras = project["project"].get("optional-dependencies", {}).values()
    groups = (project["project"]["dependencies"], project["dependency-groups"]["dev"], *extras)
    wanted = [text for group in groups for text in group]
    assert unmet(wanted, locked("dev.txt")) == []


def test_tests_run_with_what_users_get() -> None:
    users, ours = locked("run.txt"), locked("dev.txt")
    assert {name: version(entry) for name, entry in users.items()} == {
        name: version(ours[name]) for name in users if name in ours
    }


def test_the_build_backend_is_pinned(project: dict[str, Any]) -> None:
    for text in project["build-system"]["requires"]:
        assert [pin.operator for pin in Requirement(text).specifier] == ["=="]


def unmet(wanted: list[str], entries: dict[str, list[str]]) -> list[str]:
    """Returns the requirements that a lock file doesn't fulfil."""
    found = []
    for requirement in map(Requirement, wanted):
        entry = entries.get(canonicalize_name(requirement.name))
        if entry is None or not requirement.specifier.contains(version(entry)):
            found.append(str(requirement))
    return found
