"""Which namespaces a container is told to watch, and how it's told others."""

from __future__ import annotations

from typing import Any

import pytest

from harness.manifests.watching import is_kopf, setting_of, told

OWN: dict[str, Any] = {"valueFrom": {"fieldRef": {"fieldPath": "metadata.namespace"}}}


def variable(name: str = "WATCH_NAMESPACE", **entry: Any) -> dict[str, Any]:
    return {"env": [{"name": "OTHER", "value": "x"}, {"name": name, **entry}]}


def args(*words: str) -> dict[str, Any]:
    return {"args": list(words)}


@pytest.mark.parametrize(
    ("container", "words", "namespaces", "own"),
    [
        (variable(value="a, b,a"), "the variable WATCH_NAMESPACE", ("a", "b"), False),
        (variable(value=""), "the variable WATCH_NAMESPACE", (), False),
        (variable(**OWN), "the variable WATCH_NAMESPACE", (), True),
        (args("--namespaces=a"), "the flag --namespaces", ("a",), False),
        (args("--watch-namespace", "a,b"), "the flag --watch-namespace", ("a", "b"), False),
        (args("kopf", "run", "-n", "a", "-nb", "x.py"), "kopf's -n and -A", ("a", "b"), False),
        (args("run", "--standalone", "-A", "x.py"), "kopf's -n and -A", (), False),
    ],
)
def test_settings_are_understood(
    container: dict[str, Any], words: str, namespaces: tuple[str, ...], own: object
) -> None:
    setting = setting_of(container)
    assert setting is not None
    assert (setting.words, setting.namespaces, setting.own) == (words, namespaces, own)


def test_what_says_nothing_known_is_left_alone() -> None:
    assert setting_of(args("--namespace=a", "run")) is None, "it may be the operator's own"
    assert not is_kopf(args("kopf", "--version"))


@pytest.mark.parametrize("namespaces", [(), ("c",), ("c", "d")])
@pytest.mark.parametrize(
    "container",
    [
        variable(value="a"),
        variable(**OWN),
        args("--x", "--namespaces=a", "--y"),
        args("--watch-namespaces", "a", "--y"),
        args("kopf", "run", "-A", "--verbose", "x.py"),
        {"command": ["kopf", "run"], "args": ["--namespace", "a", "-n", "b", "x.py"]},
    ],
)
def test_what_is_told_is_understood_again_and_nothing_else_changes(
    container: dict[str, Any], namespaces: tuple[str, ...]
) -> None:
    before = str(container)
    setting = setting_of(told(container, namespaces))
    assert setting is not None
    assert (setting.namespaces, setting.own) == (namespaces, False)
    assert str(container) == before


def test_kopfs_other_words_stay_in_their_order() -> None:
    made = told(args("kopf", "run", "-n", "a", "--verbose", "x.py"), ("b", "c"))
    assert made["args"] == ["kopf", "run", "--namespace=b", "--namespace=c", "--verbose", "x.py"]
