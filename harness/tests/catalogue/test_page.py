"""docs/checks.md is what the catalogue, the suites and the twins say."""

from __future__ import annotations

import re
import runpy
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml

from harness import resources
from harness.catalogue import load_catalogue
from harness.catalogue.families import family
from harness.catalogue.page import refresh_overview, render_page
from harness.catalogue.sources import source_address
from harness.resources import bundled

CHECKS = tuple(load_catalogue().values())


def row(check: str) -> list[str]:
    """Returns the cells of a check's row."""
    (line,) = (each for each in render_page().splitlines() if each.startswith(f"| [{check}]("))
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_the_page_is_as_the_catalogue_has_it() -> None:
    kept = bundled("docs", "checks.md").read_text(encoding="utf-8")
    assert kept == render_page(), "write it anew: python -m harness.catalogue"


def test_the_readme_s_table_is_as_the_catalogue_has_it() -> None:
    kept = bundled("README.md").read_text(encoding="utf-8")
    assert kept == refresh_overview(kept), "write it anew: python -m harness.catalogue"
    assert all(f"[{check.id}](docs/checks.md#{check.id.lower()})" in kept for check in CHECKS)


def test_the_command_writes_both(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page, readme = tmp_path / "checks.md", tmp_path / "README.md"
    readme.write_text("before\n<!-- checks: begin -->\nold\n<!-- checks: end -->\nafter\n")
    places = {("docs", "checks.md"): page, ("README.md",): readme}
    monkeypatch.setattr(resources, "bundled", lambda *parts: places.get(parts) or bundled(*parts))
    runpy.run_module("harness.catalogue", run_name="__main__")
    assert page.read_text(encoding="utf-8") == render_page()
    lines = readme.read_text(encoding="utf-8").splitlines()
    assert (lines[0], lines[-1]) == ("before", "after")
    assert "old" not in lines
    assert any("REC-002" in line for line in lines)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.id)
def test_each_check_has_a_row_and_a_section_that_it_links_to(check: object) -> None:
    name = getattr(check, "id", "")
    assert row(name)[0] == f"[{name}](#{name.lower()})"
    assert f"\n### {name}\n" in render_page()


def test_a_row_says_where_the_check_runs_what_it_needs_and_what_proves_it() -> None:
    _, title, severity, suites, needs, twins, source = row("REC-002")
    assert title == "At rest the operator writes nothing"
    assert severity == "blocker"
    assert "smoke" in suites
    assert needs == "audit"
    assert "guestbook: hot-loop" in twins
    assert "reference: hot-loop" in twins
    assert "](https://github.com/" in source


def test_every_twin_that_ships_is_in_the_table() -> None:
    page = render_page()
    for file in bundled("operators_under_test").glob("**/twins/*.yaml"):
        twin = yaml.safe_load(file.read_text(encoding="utf-8"))
        for check in twin["expect"]:
            assert f"{file.parents[1].name}: {twin['name']}" in row(check)[5]
    assert "| -" in page, "a check without a twin shows it"


def test_every_family_has_a_name() -> None:
    assert [check.id for check in CHECKS if re.fullmatch(r"[A-Z]{3}", family(check.id))] == []


def test_a_family_that_is_not_known_is_called_by_its_letters() -> None:
    assert family("XYZ-001") == "XYZ"


def test_an_address_is_one_of_the_web_and_what_has_none_is_shown_as_it_is() -> None:
    addresses = [source_address(ref) for check in CHECKS for ref in check.refs]
    assert sum(map(bool, addresses)) >= 10
    assert {urlsplit(address).scheme for address in addresses if address} == {"https"}
    assert source_address("a book that nobody wrote") == ""
