"""Finds suites: bundled ones by name, a user's own by folder."""

from __future__ import annotations

import difflib
from pathlib import Path

import msgspec
import yaml

from harness.assets.components import Component
from harness.errors import UsageError
from harness.model.run import Suite
from harness.resources import bundled

__all__ = ["available_suites", "load_suite"]

_OWN_CHECKS = ("INS-001", "INS-002", "INS-003", "SUI-001", "RBA-004", "OBS-006")


def available_suites() -> tuple[Suite, ...]:
    """Returns the bundled suites, by name."""
    folders = sorted(path.parent for path in bundled("suites").glob("*/suite.yaml"))
    return tuple(_read(folder) for folder in folders)


def load_suite(name_or_folder: str) -> Suite:
    """Returns a bundled suite, or a folder of the user's own tests as a suite.

    Args:
        name_or_folder: For example "smoke", or "./my_suite".

    Raises:
        UsageError: There is neither, or its suite.yaml is wrong.
    """
    known = {suite.name: suite for suite in available_suites()}
    if name_or_folder in known:
        return known[name_or_folder]
    folder = Path(name_or_folder).absolute()
    if folder.is_dir():
        return _own(folder)
    close = difflib.get_close_matches(name_or_folder, known, n=1)
    raise UsageError(
        f"There is no suite {name_or_folder!r}: neither a bundled one ({', '.join(known)}) "
        f"nor a folder.",
        hint=f"Did you mean {close[0]!r}?" if close else "Name one of these, or a folder of tests.",
    )


def _own(folder: Path) -> Suite:
    if not any(folder.rglob("test_*.py")):
        raise UsageError(
            f"{folder} holds no tests.", hint="Files with tests are named test_<what>.py."
        )
    if (folder / "suite.yaml").is_file():
        suite = _read(folder)
        if suite.static:
            raise UsageError(
                f"{folder}/suite.yaml says static: true, but the folder holds tests.",
                hint="Tests need a cluster: leave it out.",
            )
        return msgspec.structs.replace(
            suite, checks=tuple(dict.fromkeys((*_OWN_CHECKS, *suite.checks)))
        )
    return Suite(
        name=folder.name, title="A suite of the user's own", checks=_OWN_CHECKS, folder=str(folder)
    )


def _read(folder: Path) -> Suite:
    file = folder / "suite.yaml"
    try:
        data = yaml.safe_load(file.read_text(encoding="utf-8")) or {}
        suite = msgspec.convert(data, Suite)
    except (OSError, yaml.YAMLError, msgspec.ValidationError) as error:
        raise UsageError(f"{file}: {error}", hint="See suites/smoke/suite.yaml.") from error
    for name in suite.assets:
        if name not in list(Component):
            raise UsageError(
                f"{file}: assets: there is no binary {name!r}.",
                hint=f"Known: {', '.join(Component)}.",
            )
    return msgspec.structs.replace(suite, folder=str(folder))
