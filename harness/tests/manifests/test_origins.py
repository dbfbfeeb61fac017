"""Where a rendered object stands: its file and first line, or nothing where that isn't sure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from harness.manifests.origins import find_origins
from harness.model.target import Install, Kind, Manifests, Target

if TYPE_CHECKING:
    from pathlib import Path

    from harness.model.origins import Origins

ROLE = """\
# the operator's own
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata:
  labels: {app: books}
  name: manager-role # by controller-gen
rules: []
---
apiVersion: v1
kind: ConfigMap
metadata: {name: flow-style}
---

apiVersion: v1
kind: ServiceAccount
metadata:
  name: "manager"
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for folder in (".git", "test", "config/rbac", "config/default", "config/samples"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "config/rbac/role.yaml").write_text(ROLE)
    (tmp_path / "config/rbac/kustomization.yaml").write_text("resources: [role.yaml]\n")
    (tmp_path / "config/default/kustomization.yaml").write_text(
        "namePrefix: books-\nresources: [../rbac, ../missing, gone.yaml]\n"
    )
    (tmp_path / "config/samples/book.yaml").write_text(
        "apiVersion: example.com/v1\nkind: Guestbook\nmetadata:\n  name: sample\n"
    )
    return tmp_path


def found(project: Path, *manifests: dict[str, Any], **source: Any) -> Origins:
    named = source or {"kustomize": str(project / "config/default")}
    target = Target(
        name="books",
        folder=str(project / "test"),
        install=Install(manifests=Manifests(**named)),
        kinds=(
            Kind(
                resource="guestbooks.example.com",
                samples=(str(project / "config/samples/book.yaml"),),
            ),
        ),
    )
    return find_origins(target, manifests)


def obj(kind: str, name: str) -> dict[str, Any]:
    return {"kind": kind, "metadata": {"name": name}}


def lines(origins: Origins) -> dict[str, tuple[str, int]]:
    return {item.subject: (item.file, item.line) for item in origins.objects}


def test_an_object_of_a_kustomization_is_found_under_its_prefixed_name(project: Path) -> None:
    origins = found(project, obj("ClusterRole", "books-manager-role"))
    assert lines(origins)["ClusterRole books-manager-role"] == ("../config/rbac/role.yaml", 3)


def test_a_document_after_others_has_its_own_line(project: Path) -> None:
    origins = found(project, obj("ServiceAccount", "books-manager"))
    assert lines(origins)["ServiceAccount books-manager"] == ("../config/rbac/role.yaml", 15)


def test_a_plain_file_is_found_too(project: Path) -> None:
    file = str(project / "config/rbac/role.yaml")
    origins = found(project, obj("ClusterRole", "manager-role"), files=(file,))
    assert lines(origins)["ClusterRole manager-role"] == ("../config/rbac/role.yaml", 3)


def test_a_sample_is_found(project: Path) -> None:
    assert lines(found(project))["Guestbook sample"] == ("../config/samples/book.yaml", 1)


@pytest.mark.parametrize(
    "other",
    [obj("Role", "books-manager-role"), obj("ClusterRole", "books"), obj("ConfigMap", "flow")],
)
def test_what_is_not_there_has_no_place(project: Path, other: dict[str, Any]) -> None:
    assert set(lines(found(project, other))) == {"Guestbook sample"}


def test_what_is_there_twice_has_no_place(project: Path) -> None:
    (project / "config/rbac/again.yaml").write_text(ROLE)
    (project / "config/rbac/kustomization.yaml").write_text("resources: [role.yaml, again.yaml]\n")
    origins = found(project, obj("ClusterRole", "books-manager-role"))
    assert set(lines(origins)) == {"Guestbook sample"}


def test_a_longer_name_is_the_better_match(project: Path) -> None:
    (project / "config/rbac/more.yaml").write_text(ROLE.replace("manager-role", "role"))
    (project / "config/rbac/kustomization.yaml").write_text("resources: [role.yaml, more.yaml]\n")
    origins = found(project, obj("ClusterRole", "books-manager-role"))
    assert lines(origins)["ClusterRole books-manager-role"][0].endswith("/role.yaml")


def test_a_kustomization_that_names_itself_comes_to_an_end(project: Path) -> None:
    (project / "config/rbac/kustomization.yaml").write_text("resources: [../rbac, role.yaml]\n")
    origins = found(project, obj("ClusterRole", "books-manager-role"))
    assert "ClusterRole books-manager-role" in lines(origins)


def test_the_definition_is_told_from_the_repository_on(project: Path) -> None:
    assert found(project).definition == "test/target.yaml"
    (project / ".git").rmdir()
    assert found(project).definition == "target.yaml"
