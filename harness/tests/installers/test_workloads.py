"""Which workloads run, what is said of them, and what is checked before a cluster is made."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from harness import installers
from harness.errors import BuildError, TargetError
from harness.installers.process.drafting import Draft, draft, preflight
from harness.installers.workloads import choose
from harness.model.target import Process, Target
from harness.tests.installers.samples import container, deployment, service, target


def built(folder: Path) -> Target:
    program = folder / "bin" / "op"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    return target(folder)


def drafted(chosen: Target, *manifests: dict[str, Any]) -> Draft:
    (workload,) = choose(chosen, manifests)
    folder = Path(chosen.folder)
    return draft(
        workload,
        manifests,
        target=chosen,
        folder=folder,
        logs=folder,
        isolated=True,
        grace_s=15.0,
        taken=(),
    )


def with_command(chosen: Target, *words: str) -> Target:
    process = Process(command=words, build=("make", "it")) if words else None
    spec = msgspec.structs.replace(chosen.workloads[0], process=process)
    return msgspec.structs.replace(chosen, workloads=(spec,))


def test_a_program_is_found_in_the_targets_folder_and_then_on_the_path(tmp_path: Path) -> None:
    preflight(built(tmp_path), [deployment()])
    preflight(with_command(target(tmp_path), "sh", "-c"), [deployment()])


def test_a_program_that_is_not_there_is_named_with_how_to_build_it(tmp_path: Path) -> None:
    with pytest.raises(BuildError, match="'bin/absent' isn't there") as error:
        preflight(with_command(target(tmp_path), "bin/absent"), [deployment()])
    assert "make it" in error.value.hint


def test_a_workload_without_a_command_is_an_error_of_the_target(tmp_path: Path) -> None:
    with pytest.raises(TargetError, match="no command") as error:
        preflight(with_command(target(tmp_path)), [deployment()])
    assert "process.command" in error.value.hint


def test_unknown_names_of_the_package_are_refused() -> None:
    with pytest.raises(AttributeError, match="no attribute 'absent'"):
        installers.absent  # noqa: B018 - the access is the test


def test_containers_that_are_not_run_are_said(tmp_path: Path) -> None:
    made = deployment(container(), container(name="proxy"), initContainers=[{"name": "setup"}])
    notes = " ".join(drafted(built(tmp_path), made).notes)
    assert "container proxy isn't run" in notes
    assert "init container setup isn't run" in notes


def test_a_fixed_port_is_said(tmp_path: Path) -> None:
    notes = drafted(built(tmp_path), deployment(), service(target=9443)).notes
    assert any("fixed port 9443 (Service hooks)" in note for note in notes)


def test_what_of_the_pod_is_not_applied_is_said(tmp_path: Path) -> None:
    made = deployment(
        container(
            securityContext={"runAsUser": 1},
            volumeMounts=[{"name": "v", "mountPath": "/v"}],
        ),
        volumes=[{"name": "v", "configMap": {"name": "c"}}],
    )
    notes = " ".join(drafted(built(tmp_path), made).notes)
    assert "runAsUser isn't applied" in notes
    assert "seen after a restart" in notes


def test_the_command_is_an_alteration(tmp_path: Path) -> None:
    made = drafted(built(tmp_path), deployment(container(command=["/manager", "run"])))
    assert (made.alterations[0].before, made.alterations[0].after) == ("/manager run", "bin/op")
    assert made.instance.argv == (str(tmp_path / "bin" / "op"),)


def test_the_pods_own_grace_period_counts(tmp_path: Path) -> None:
    chosen = built(tmp_path)
    assert drafted(chosen, deployment()).instance.grace_s == 15
    assert drafted(chosen, deployment(terminationGracePeriodSeconds=3)).instance.grace_s == 3
