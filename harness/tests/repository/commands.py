"""Reads command lines of ours out of texts, and asks the command line whether they exist."""

from __future__ import annotations

import re

import click

from harness.cli import harness

__all__ = ["calls", "code_lines", "unknown_words"]

_CALL = re.compile(r'^(?:- )?(?:run: )?(?:eval "\$\()?(?:\S*/)?harness (.+)$')
_REMARK = re.compile(r"\s{2,}.*| # .*")
_QUOTES = "\"')"


def code_lines(markdown: str) -> list[str]:
    """Returns the lines of the code blocks of a text, indented or fenced."""
    found, fenced = [], False
    for line in markdown.splitlines():
        if line.lstrip().startswith("```"):
            fenced = not fenced
        elif fenced or line.startswith("    "):
            found.append(line.strip())
    return found


def calls(lines: list[str]) -> list[str]:
    """Returns the arguments of each line that calls our command."""
    matches = (_CALL.match(line.strip()) for line in lines)
    return [_REMARK.sub("", match.group(1)) for match in matches if match]


def unknown_words(arguments: str) -> list[str]:
    """Returns the subcommands and options among arguments that don't exist."""
    context = click.Context(harness)
    command: click.Command | None = harness
    unknown = []
    for word in (part.strip(_QUOTES) for part in arguments.split()):
        if word.startswith("-") and command is not None:
            options = {name for item in command.get_params(context) for name in item.opts}
            if word.partition("=")[0] not in options:
                unknown.append(word)
        elif isinstance(command, click.Group):
            found = [command.get_command(context, name) for name in word.split("|")]
            if None in found:
                unknown.append(word)
            command = found[0]
    return unknown
