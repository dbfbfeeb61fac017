"""Load: which tests a profile chooses."""

from __future__ import annotations

import pytest

from harness.pytest_plugin.context import CONTEXT

_BY_DEFAULT = frozenset({"knee", "steady", "burst"})


def pytest_configure(config):
    config.addinivalue_line("markers", "profile(name): runs where this profile is asked for")


def pytest_collection_modifyitems(config, items):
    """Leaves out the profiles that weren't asked for; the default is three of them in a row."""
    context = config.stash.get(CONTEXT, None)
    asked = context.session.load.get("profile", "") if context else ""
    wanted = {asked} if asked else _BY_DEFAULT
    left_out = [item for item in items if not _profiles(item) <= wanted]
    items[:] = [item for item in items if _profiles(item) <= wanted]
    config.hook.pytest_deselected(items=left_out)


def _profiles(item):
    return {name for mark in item.iter_markers("profile") for name in mark.args}


@pytest.fixture(scope="session")
def profiles(load, whitebox):
    """What each profile does, on the load of this run, with a look into the operator meanwhile."""
    with whitebox.beside(load):
        yield load.profiles
