"""An operator is told the namespaces of its target's scope."""

from __future__ import annotations

from typing import Any

import pytest

from harness.installers.modes import in_mode
from harness.manifests.objects import Object, kind_of, namespace_of, pod_spec
from harness.model.target import Install, InstallMode, Kind, Manifests, Scope, Target

ROLE = {
    "apiVersion": "rbac.authorization.k8s.io/v1",
    "kind": "Role",
    "metadata": {"name": "books", "namespace": "home"},
    "rules": [],
}
BINDING = {
    "apiVersion": "rbac.authorization.k8s.io/v1",
    "kind": "RoleBinding",
    "metadata": {"name": "books", "namespace": "home"},
    "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "books"},
    "subjects": [{"kind": "ServiceAccount", "name": "books"}],
}
OWN = {"valueFrom": {"fieldRef": {"fieldPath": "metadata.namespace"}}}


def deployment(**entry: Any) -> Object:
    container = {"name": "manager", "env": [{"name": "WATCH_NAMESPACE", **entry}] if entry else []}
    spec = {"serviceAccountName": "books", "containers": [container]}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "books", "namespace": "home"},
        "spec": {"template": {"spec": spec}},
    }


def target(mode: InstallMode, *namespaces: str) -> Target:
    return Target(
        name="books",
        folder="/books",
        install=Install(manifests=Manifests(files=("x",))),
        kinds=(Kind(resource="books.example.org", samples=()),),
        scope=Scope(mode=mode, namespaces=namespaces),
    )


def value_of(manifests: list[Object]) -> Any:
    (made,) = (obj for obj in manifests if kind_of(obj) == "Deployment")
    (entry,) = pod_spec(made)["containers"][0]["env"]
    return entry.get("value")


@pytest.mark.parametrize(
    ("mode", "namespaces", "value"),
    [
        (InstallMode.ALL_NAMESPACES, (), ""),
        (InstallMode.OWN_NAMESPACE, (), "home"),
        (InstallMode.SINGLE_NAMESPACE, ("b",), "b"),
        (InstallMode.MULTI_NAMESPACE, ("b", "c"), "b,c"),
    ],
)
def test_each_mode_is_told(mode: InstallMode, namespaces: tuple[str, ...], value: str) -> None:
    notes: list[str] = []
    made = in_mode(target(mode, *namespaces), [deployment(value="elsewhere")], on_note=notes.append)
    assert value_of(made) == value
    assert "the variable WATCH_NAMESPACE says elsewhere in its manifests" in notes[0]


@pytest.mark.parametrize(
    ("manifest", "wanted"),
    [
        (deployment(**OWN), target(InstallMode.OWN_NAMESPACE)),
        (deployment(value="c,b"), target(InstallMode.MULTI_NAMESPACE, "b", "c")),
        (deployment(), target(InstallMode.SINGLE_NAMESPACE, "b")),
        (deployment(value="$(POD_NAMESPACE)"), target(InstallMode.SINGLE_NAMESPACE, "b")),
    ],
)
def test_what_is_said_already_or_in_no_known_way_stays(manifest: Object, wanted: Target) -> None:
    assert in_mode(wanted, [manifest]) == [manifest]


def test_roles_go_along_into_each_namespace() -> None:
    made = in_mode(
        target(InstallMode.MULTI_NAMESPACE, "b", "c"), [ROLE, BINDING, deployment(**OWN)]
    )
    places = sorted((kind_of(obj), namespace_of(obj)) for obj in made)
    assert places == [
        ("Deployment", "home"),
        *(("Role", place) for place in ("b", "c", "home")),
        *(("RoleBinding", place) for place in ("b", "c", "home")),
    ]
    for obj in made:
        if kind_of(obj) == "RoleBinding" and namespace_of(obj) != "home":
            assert obj["subjects"][0]["namespace"] == "home"
