"""pytest plugin for suites: fixtures, evidence windows, outcomes.

`harness run --suite FOLDER` starts pytest with `-p harness.pytest_plugin`; a suite needs no
import. `docs/fixtures.md` describes each fixture.
"""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import pytest

from harness.errors import NotVerified
from harness.pytest_plugin.context import CONTEXT, Context
from harness.pytest_plugin.outcomes import Outcomes
from harness.pytest_plugin.windows import WINDOWS, Windows
from harness.stimulus.samples import samples, spread

pytest_plugins = ["harness.pytest_plugin.fixtures"]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Adds our one option; users never type it."""
    group = parser.getgroup("harness")
    group.addoption(
        "--harness-session",
        metavar="FILE",
        help="session file that `harness run` writes; without it no fixture of the harness works",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Loads the session and follows the tests."""
    file = config.getoption("--harness-session")
    if file is None:
        return
    context = Context.load(Path(file))
    config.stash[CONTEXT] = context
    windows = Windows(context, test=lambda: outcomes.current)
    outcomes = Outcomes(context, windows)
    config.stash[WINDOWS] = windows
    if not config.getoption("--collect-only"):
        config.pluginmanager.register(outcomes, "harness-outcomes")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Runs a test that asks for `sample` once for each sample of the target."""
    if "sample" not in metafunc.fixturenames:
        return
    context = metafunc.config.stash.get(CONTEXT, None)
    if context is None:
        return
    target = context.session.target
    found = spread(samples(target), target.scope)
    metafunc.parametrize("sample", found, ids=[item.name for item in found], scope="class")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call() -> Generator[None]:
    """Lets a check that can't be decided end its test as skipped, with the reason."""
    try:
        yield
    except NotVerified as reason:
        pytest.skip(str(reason))
