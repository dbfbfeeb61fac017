"""Suites are found by name or by folder, and mistakes are explained."""

from pathlib import Path

import pytest

from harness.errors import UsageError
from harness.runner.suites import available_suites, load_suite


def test_smoke_is_bundled_and_names_its_checks() -> None:
    smoke = load_suite("smoke")
    assert {"INS-001", "REC-001", "LIF-001", "RBA-004"} <= set(smoke.checks)
    assert smoke in available_suites()


def test_a_folder_of_tests_is_a_suite_with_the_checks_of_every_run(tmp_path: Path) -> None:
    (tmp_path / "test_mine.py").write_text("def test_it(): pass\n")
    suite = load_suite(str(tmp_path))
    assert suite.name == tmp_path.name
    assert {"SUI-001", "INS-003", "RBA-004"} <= set(suite.checks)


def test_a_folder_may_ask_for_more_checks(tmp_path: Path) -> None:
    (tmp_path / "test_mine.py").write_text("def test_it(): pass\n")
    (tmp_path / "suite.yaml").write_text("name: mine\nchecks: [REC-001]\n")
    suite = load_suite(str(tmp_path))
    assert suite.name == "mine"
    assert suite.checks[-1] == "REC-001"


def test_a_misspelt_suite_is_answered_with_a_guess() -> None:
    with pytest.raises(UsageError) as caught:
        load_suite("smok")
    assert "no suite 'smok'" in str(caught.value)
    assert caught.value.hint == "Did you mean 'smoke'?"


def test_a_folder_without_tests_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="holds no tests"):
        load_suite(str(tmp_path))


def test_a_wrong_suite_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "test_mine.py").write_text("def test_it(): pass\n")
    (tmp_path / "suite.yaml").write_text("name: mine\nchekcs: []\n")
    with pytest.raises(UsageError, match=r"suite\.yaml.*chekcs"):
        load_suite(str(tmp_path))


def test_a_suite_may_ask_for_binaries_that_there_are(tmp_path: Path) -> None:
    (tmp_path / "test_x.py").touch()
    (tmp_path / "suite.yaml").write_text("name: mine\nassets: [prometheus]\n")
    assert load_suite(str(tmp_path)).assets == ("prometheus",)
    (tmp_path / "suite.yaml").write_text("name: mine\nassets: [grafana]\n")
    with pytest.raises(UsageError, match="there is no binary 'grafana'") as caught:
        load_suite(str(tmp_path))
    assert "prometheus" in (caught.value.hint or "")
