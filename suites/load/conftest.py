"""Load: which tests a profile chooses."""

from __future__ import annotations

import pytest

from harness.pytest_plugin.context import CONTEXT

_BY_DEFAULT = frozenset({"knee", "steady", "burst"})
_COMPARE = "compare"  # `harness compare` asks for it: two builds, of which neither is judged alone
_COMPARED = frozenset({"test_installs_and_becomes_ready", "test_compares", "test_stayed_up"})


def pytest_configure(config):
    config.addinivalue_line("markers", "profile(name): runs where this profile is asked for")


def pytest_collection_modifyitems(config, items):
    """Leaves out the profiles that weren't asked for; the default is three of them in a row."""
    context = config.stash.get(CONTEXT, None)
    asked = context.session.load.get("profile", "") if context else ""
    wanted = {asked} if asked else _BY_DEFAULT
    chosen = [item for item in items if _profiles(item) <= wanted]
    if asked == _COMPARE:
        chosen = [item for item in chosen if item.name in _COMPARED]
    left_out = [item for item in items if item not in chosen]
    items[:] = chosen
    config.hook.pytest_deselected(items=left_out)


def _profiles(item):
    return {name for mark in item.iter_markers("profile") for name in mark.args}


@pytest.fixture(scope="session")
def interleaved(request, load, metrics):
    """Two builds in turn, in blocks of the same load."""
    from harness.pytest_plugin.load.interleaved import Interleaved  # noqa: PLC0415 - loads NumPy

    return Interleaved(request.config.stash[CONTEXT], load, metrics)


@pytest.fixture(scope="session")
def profiles(load, whitebox):
    """What each profile does, on the load of this run, with a look into the operator meanwhile."""
    with whitebox.beside(load):
        yield load.profiles
