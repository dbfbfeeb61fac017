"""Each command's --help teaches: what it does, and a line to be copied that works."""

from __future__ import annotations

import re
from collections.abc import Iterator

import click
import pytest

from harness.cli import harness
from harness.resources import bundled
from harness.tests.repository.commands import calls, unknown_words


def commands(
    command: click.Command, words: tuple[str, ...] = ("harness",)
) -> Iterator[tuple[str, click.Command]]:
    """Yields each command of the tree with the words that call it."""
    yield " ".join(words), command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            found = command.get_command(context, name)
            assert found is not None
            yield from commands(found, (*words, name))


COMMANDS = dict(commands(harness))


def examples(text: str) -> list[str]:
    """Returns each call of the harness in the lines of a docstring."""
    lines = (part.strip() for line in text.splitlines() for part in re.split(r" [|>&]+ ", line))
    return [line for line in lines if re.match(r'(eval "\$\(|[A-Z_]+=\S+ )?harness ', line)]


def test_the_whole_tree_is_looked_at() -> None:
    assert {"harness run", "harness targets lint", "harness completion"} <= set(COMMANDS)


@pytest.mark.parametrize("words", COMMANDS)
def test_a_help_begins_with_one_sentence(words: str) -> None:
    first = (COMMANDS[words].help or "").strip().split("\n\n")[0]
    assert re.match(r"[A-Z]", first), "it says what the command does"
    assert re.search(r"\.( [A-Z].*\.)?$", first.replace("\n", " "))


@pytest.mark.parametrize("words", COMMANDS)
def test_a_help_has_an_example_of_the_command_itself(words: str) -> None:
    found = examples(COMMANDS[words].help or "")
    assert any(words in line for line in found)
    ours = [call for call in calls(found) if not call.startswith("kubectl ")]  # passes words on
    assert {call: unknown_words(call) for call in ours if unknown_words(call)} == {}


@pytest.mark.parametrize("words", COMMANDS)
def test_each_option_says_what_it_is(words: str) -> None:
    options = (one for one in COMMANDS[words].params if isinstance(one, click.Option))
    assert [option.name for option in options if not option.help] == []


@pytest.mark.parametrize("words", COMMANDS)
def test_no_option_asks_for_text_or_a_float(words: str) -> None:
    shown = COMMANDS[words].get_help(click.Context(COMMANDS[words], info_name=words))
    assert re.findall(r"^ +-.* (?:TEXT|FLOAT|INTEGER)(?: |$)", shown, re.MULTILINE) == []


def test_the_help_of_a_run_names_every_suite() -> None:
    (option,) = (one for one in COMMANDS["harness run"].params if one.name == "suites")
    assert isinstance(option, click.Option)
    bundled_suites = [file.parent.name for file in bundled("suites").glob("*/suite.yaml")]
    assert [name for name in bundled_suites if name not in str(option.help)] == []


@pytest.mark.parametrize("words", COMMANDS)
def test_a_help_fits_a_terminal(words: str) -> None:
    command = COMMANDS[words]
    shown = command.get_help(click.Context(command, info_name=words, max_content_width=100))
    assert [line for line in shown.splitlines() if len(line) > 100] == []
