"""The command line: helps that teach, mistakes explained, exit codes that hold."""

from pathlib import Path

import pytest

from harness.cli import main
from harness.cli.run import _timeouts
from harness.errors import UsageError

COMMANDS = (
    ["--help"],
    ["run", "--help"],
    ["init", "--help"],
    ["targets", "--help"],
    ["targets", "list", "--help"],
    ["targets", "show", "--help"],
    ["targets", "schema", "--help"],
    ["targets", "lint", "--help"],
    ["report", "--help"],
    ["cluster", "--help"],
    ["cluster", "up", "--help"],
    ["cluster", "down", "--help"],
    ["cluster", "list", "--help"],
    ["kubectl", "--help"],
    ["logs", "--help"],
    ["assets", "--help"],
    ["assets", "list", "--help"],
    ["assets", "fetch", "--help"],
    ["assets", "clean", "--help"],
    ["doctor", "--help"],
)


def code(argv: list[str]) -> int:
    with pytest.raises(SystemExit) as done:
        main(argv)
    value = done.value.code
    return value if isinstance(value, int) else 0


@pytest.mark.parametrize("argv", COMMANDS, ids=" ".join)
def test_every_command_has_a_help_that_teaches(
    argv: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        main(argv)
    except SystemExit as done:
        assert not done.code  # noqa: PT017 - both ends are right
    text = capsys.readouterr().out
    assert "Usage: harness" in text
    assert len(text.splitlines()) >= 8, "it says what, when and how"


def test_an_unknown_command_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert code(["runn"]) == 4
    assert "runn" in capsys.readouterr().err


def test_a_run_without_a_target_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert code(["run", "--suite", "smoke"]) == 4
    assert "--target" in capsys.readouterr().err


def test_an_unknown_target_is_answered_with_a_guess(capsys: pytest.CaptureFixture[str]) -> None:
    assert code(["run", "--suite", "smoke", "--target", "guestbok"]) == 4
    assert "guestbook" in capsys.readouterr().err


def test_an_unknown_twin_is_answered_with_those_that_exist(
    capsys: pytest.CaptureFixture[str],
) -> None:
    argv = ["run", "--suite", "smoke", "--target", "guestbook", "--twin", "hot-lop"]
    assert code(argv) == 4
    assert "hot-loop" in capsys.readouterr().err


def test_a_selection_that_matches_nothing_is_a_usage_error(
    capsys: pytest.CaptureFixture[str],
) -> None:
    argv = ["run", "--suite", "smoke", "--target", "guestbook", "-k", "no_such_test"]
    assert code(argv) == 4
    assert "nothing is selected" in capsys.readouterr().err


def test_a_suite_that_cannot_be_imported_is_a_usage_error_with_the_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "test_mine.py").write_text("import no_such_module\n")
    assert code(["run", "--suite", str(tmp_path), "--target", "guestbook"]) == 4
    assert "no_such_module" in capsys.readouterr().err


def test_a_folder_that_is_no_run_cannot_be_reported(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert code(["report", str(tmp_path)]) == 4
    assert "run.json" in capsys.readouterr().err


def test_time_outs_are_read_by_name() -> None:
    assert _timeouts(("converge=5", "silence=2.5s")).converge == 5
    assert _timeouts(("silence=2.5s",)).silence == 2.5


@pytest.mark.parametrize(
    ("text", "word"), [("conv=5", "converge"), ("converge=soon", "number"), ("stop=0", "more than")]
)
def test_a_wrong_time_out_is_explained(text: str, word: str) -> None:
    with pytest.raises(UsageError) as caught:
        _timeouts((text,))
    assert word in f"{caught.value} {caught.value.hint}"
