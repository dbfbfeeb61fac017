"""Custom resources go where the operator serves them."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from harness.model.target import InstallMode, Scope
from harness.pytest_plugin.namespaces import Namespaces, Place


class Server:
    """Holds namespaces."""

    def __init__(self, *names: str) -> None:
        self.names = list(names)

    def resource(self, key: str) -> str:
        return key

    def find(self, _resource: str, name: str) -> dict[str, Any] | None:
        return {"metadata": {"name": name}} if name in self.names else None

    def create(self, _resource: str, body: dict[str, Any]) -> None:
        self.names.append(body["metadata"]["name"])

    def delete(self, _resource: str, name: str) -> None:
        self.names.remove(name)


def namespaces(server: Server, mode: InstallMode, *names: str, suite: str = "smoke") -> Namespaces:
    target = SimpleNamespace(scope=Scope(mode=mode, namespaces=names))
    context = SimpleNamespace(
        client=server,
        run=SimpleNamespace(id=Path("20260101T000000Z-smoke-x-a1b2c3").name),
        session=SimpleNamespace(target=target, suite=SimpleNamespace(name=suite)),
        installation=SimpleNamespace(namespace="op-system"),
    )
    return Namespaces(context)  # type: ignore[arg-type]


def test_an_operator_of_all_namespaces_gets_a_new_one_for_each_test() -> None:
    server = Server("default")
    made = namespaces(server, InstallMode.ALL_NAMESPACES)
    places = [made.place("TestLife"), made.place("test_it[one]")]
    assert places == [
        Place(namespace="harness-a1b2c3-smoke-testlife-0", shared=False, suffix="a1b2c3-smoke-0"),
        Place(
            namespace="harness-a1b2c3-smoke-test-it-one-1",
            shared=False,
            suffix="a1b2c3-smoke-1",
        ),
    ]
    made.remove_all()
    assert server.names == ["default"]


@pytest.mark.parametrize(
    ("mode", "names", "namespace"),
    [
        (InstallMode.OWN_NAMESPACE, (), "op-system"),
        (InstallMode.SINGLE_NAMESPACE, ("team-a",), "team-a"),
        (InstallMode.MULTI_NAMESPACE, ("team-b", "team-a"), "team-b"),
        (InstallMode.SINGLE_NAMESPACE, (), "op-system"),
    ],
)
def test_an_operator_of_some_namespaces_is_asked_in_the_first_of_them(
    mode: InstallMode, names: tuple[str, ...], namespace: str
) -> None:
    server = Server("op-system", "team-a", "team-b")
    made = namespaces(server, mode, *names)
    places = [made.place("x"), made.place("x")]
    assert [(place.namespace, place.shared) for place in places] == [(namespace, True)] * 2
    assert [place.suffix for place in places] == ["a1b2c3-smoke-0", "a1b2c3-smoke-1"]
    made.remove_all()
    assert server.names == ["op-system", "team-a", "team-b"]


def test_a_namespace_that_is_served_and_not_there_is_made_and_removed() -> None:
    server = Server()
    made = namespaces(server, InstallMode.SINGLE_NAMESPACE, "team-a")
    assert made.place("x").namespace == "team-a"
    assert server.names == ["team-a"]
    made.remove_all()
    assert server.names == []


def test_suites_of_one_run_never_ask_for_the_same_name() -> None:
    server = Server()
    names = [
        namespaces(server, InstallMode.ALL_NAMESPACES, suite=suite).place("TestLife").namespace
        for suite in ("smoke", "my suite", "my_suite_with_a_very_long_name" * 3)
    ]
    assert len(set(names)) == 3
    assert all(len(name) <= 63 for name in names)
