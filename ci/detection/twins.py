"""The operators under test with their faulty twins, and the checks that have none."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import yaml

from harness.analysis.rbac.dangers import DANGERS
from harness.catalogue import load_catalogue
from harness.resources import bundled
from harness.runner.suites import available_suites

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from harness.model.run import Suite

__all__ = [
    "Exemption",
    "TwinFile",
    "exemptions",
    "operators",
    "suites_for",
    "twin_files",
    "unproven",
]

EXEMPTIONS = "exemptions.yaml"
_PREFERRED = ("unit", "smoke", "integration")
"""Suites in the order of what they cost; others come after them, by name."""
_EVERY_CLUSTER = ("INS-001", "INS-002", "INS-003", "RBA-003", "RBA-004", *sorted(DANGERS))
"""Judged whenever the operator was installed, so the cheapest suite with a cluster will do."""
_UNINSTALL = "LIF-009"
"""Judged by each suite that ends with an uninstall."""


class TwinFile(msgspec.Struct, frozen=True, kw_only=True):
    """A faulty twin as its file has it.

    Attributes:
        operator: Folder below operators_under_test, for example "fixtures/cluster-scoped".
        expect: Ids of the checks that must find it.
    """

    operator: str
    name: str
    title: str
    expect: tuple[str, ...]

    @property
    def id(self) -> str:
        """How it is called: "guestbook/hot-loop"."""
        return f"{self.operator}/{self.name}"


class Exemption(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A check that no twin can prove.

    Attributes:
        check: Its id.
        reason: Why there can be no twin.
        proven_by: What proves it instead: "path/of/test_file.py::test_name".
    """

    check: str
    reason: str
    proven_by: str


def operators() -> tuple[str, ...]:
    """Returns the operators that have twins, as folders below operators_under_test."""
    return tuple(dict.fromkeys(twin.operator for twin in twin_files()))


def twin_files() -> tuple[TwinFile, ...]:
    """Returns all twins, by operator and name."""
    root = bundled("operators_under_test")
    return tuple(_read(file, root) for file in sorted(root.glob("**/twins/*.yaml")))


def _read(file: Path, root: Path) -> TwinFile:
    data = yaml.safe_load(file.read_text(encoding="utf-8"))
    return TwinFile(
        operator=file.parents[1].relative_to(root).as_posix(),
        name=data["name"],
        title=data["title"],
        expect=tuple(data["expect"]),
    )


def exemptions(file: Path) -> tuple[Exemption, ...]:
    """Returns the checks that need no twin.

    Raises:
        OSError: The file can't be read.
        msgspec.ValidationError: An entry lacks something.
    """
    return msgspec.convert(yaml.safe_load(file.read_bytes()), tuple[Exemption, ...])


def unproven(twins: Iterable[TwinFile], exempt: Iterable[Exemption]) -> tuple[str, ...]:
    """Returns the checks of the catalogue that no twin expects and that aren't exempt."""
    known = {check for twin in twins for check in twin.expect}
    known |= {item.check for item in exempt}
    return tuple(check for check in load_catalogue() if check not in known)


def suites_for(expect: Iterable[str], suites: Iterable[Suite] | None = None) -> tuple[str, ...]:
    """Returns the suites in which some checks are judged, the cheapest that there are.

    Args:
        expect: Ids of checks.
        suites: To choose from; None for the bundled ones.

    Raises:
        ValueError: No suite judges one of them.
    """
    ordered = _by_cost(available_suites() if suites is None else suites)
    chosen: dict[str, None] = {}
    anywhere = []
    for check in expect:
        if check in _EVERY_CLUSTER:
            anywhere.append(check)
            continue
        found = next((name for name, suite in ordered.items() if _judges(suite, check)), None)
        if found is None:
            raise ValueError(f"no suite judges {check}")
        chosen.setdefault(found)
    if anywhere and all(ordered[name].static for name in chosen):
        chosen.setdefault("smoke")
    return tuple(chosen)


def _judges(suite: Suite, check: str) -> bool:
    return check in suite.checks or (suite.uninstalls and check == _UNINSTALL)


def _by_cost(suites: Iterable[Suite]) -> Mapping[str, Suite]:
    def cost(suite: Suite) -> tuple[int, str]:
        known = suite.name in _PREFERRED
        return (_PREFERRED.index(suite.name) if known else len(_PREFERRED)), suite.name

    return {suite.name: suite for suite in sorted(suites, key=cost)}
