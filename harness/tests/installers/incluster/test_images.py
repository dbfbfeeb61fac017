"""Images are packed without Docker, and what can't be packed is refused."""

from __future__ import annotations

import hashlib
import json
import struct
import sys
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from harness.errors import BuildError, TargetError
from harness.installers.images import choosing
from harness.installers.images.archive import names_in, pack
from harness.installers.images.binary import NotABinary, inspect
from harness.installers.images.dockerfile import parse
from harness.installers.workloads import Chosen, choose
from harness.model.target import Image, Process
from harness.tests.installers.samples import container, deployment, target

if TYPE_CHECKING:
    from harness.model.target import Target

_STATIC = struct.pack(
    "<16sHHIQQQIHHHHHH",
    *(b"\x7fELF\x02\x01\x01".ljust(16, b"\0"), 2, 62, 1, 0x400000, 64, 0, 0, 64, 56, 0, 0, 0, 0),
)


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """The smallest file that says it is a static program for amd64."""
    path = tmp_path / "bin" / "op"
    path.parent.mkdir()
    path.write_bytes(_STATIC)
    path.chmod(0o755)
    return path


def _target(folder: Path, *, build: tuple[str, ...] = ("make",), **image: Any) -> Target:
    made = target(folder, image=Image(**image) if image else None)
    process = Process(command=("bin/op", "--quiet"), build=build)
    workloads = (msgspec.structs.replace(made.workloads[0], process=process),)
    return msgspec.structs.replace(made, workloads=workloads)


def _chosen(made: Target, **changes: Any) -> Chosen:
    return choose(made, [deployment(container(**changes))])[0]


# What a file is


def test_a_static_program_is_told_from_a_dynamic_one(program: Path) -> None:
    assert inspect(program).static
    assert inspect(program).architecture == "amd64"
    ours = inspect(Path(sys.executable).resolve())
    assert not ours.static, "Python itself is linked dynamically"
    assert ours.interpreter.startswith("/lib")


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"#!/bin/sh\n", "a script"),
        (b"", "not an ELF binary"),
        (b"\x7fELF\x01\x01" + bytes(80), "not a 64-bit little-endian binary"),
        (_STATIC[:18] + b"\x07\x00" + _STATIC[20:], "machine 7"),
        (_STATIC[:56] + b"\x02\x00" + _STATIC[58:], "damaged"),
    ],
)
def test_other_files_are_named_for_what_they_are(tmp_path: Path, content: bytes, what: str) -> None:
    file = tmp_path / "file"
    file.write_bytes(content)
    with pytest.raises(NotABinary, match=what):
        inspect(file)


# The archive


def test_the_archive_is_what_docker_save_writes(program: Path, tmp_path: Path) -> None:
    archive = tmp_path / "image.tar"
    image = pack(
        program,
        inside="/opt/op/manager",
        arguments=["--quiet"],
        name="example.com/op:v1",
        architecture="amd64",
        archive=archive,
    )
    with tarfile.open(archive) as saved:
        held = {name: saved.extractfile(name).read() for name in saved.getnames()}  # type: ignore[union-attr]  # files all
    (entry,) = json.loads(held["manifest.json"])
    config = held[entry["Config"]]
    (layer,) = entry["Layers"]
    assert entry["RepoTags"] == ["example.com/op:v1"]
    assert image == f"sha256:{hashlib.sha256(config).hexdigest()}"
    told = json.loads(config)
    assert told["rootfs"]["diff_ids"] == [f"sha256:{hashlib.sha256(held[layer]).hexdigest()}"]
    assert told["config"] == {
        "User": "65532:65532",
        "Entrypoint": ["/opt/op/manager", "--quiet"],
        "WorkingDir": "/",
    }
    layer_file = tmp_path / "layer.tar"
    layer_file.write_bytes(held[layer])
    with tarfile.open(layer_file) as files:
        modes = {item.name: (item.mode, item.uid, item.mtime) for item in files}
    assert modes == {
        "opt": (0o755, 0, 0),
        "opt/op": (0o755, 0, 0),
        "opt/op/manager": (0o755, 0, 0),
    }


def test_the_same_program_gives_the_same_bytes(program: Path, tmp_path: Path) -> None:
    made = [tmp_path / "first.tar", tmp_path / "second.tar"]
    for archive in made:
        pack(program, inside="/op", name="a/b:c", architecture="amd64", archive=archive)
        program.touch()
    assert made[0].read_bytes() == made[1].read_bytes()
    assert names_in(made[0]) == ("a/b:c",)


def test_what_is_no_archive_of_images_is_refused(program: Path) -> None:
    with pytest.raises(ValueError, match="isn't an archive of images"):
        names_in(program)


# Dockerfiles


def test_bases_are_those_that_must_be_had_from_elsewhere() -> None:
    recipe = parse(
        """
        # syntax=docker/dockerfile:1
        ARG GO=1.26
        ARG BASE=gcr.io/distroless/static:nonroot
        FROM --platform=linux/amd64 golang:${GO} AS builder
        ENTRYPOINT ["/wrong"]
        FROM builder AS tested
        RUN go test \\
            ./...
        FROM $BASE
        WORKDIR /app
        COPY --from=builder /workspace/manager .
        USER 65532:65532
        ENTRYPOINT ["./manager", "--verbose"]
        """
    )
    assert recipe.bases == ("golang:1.26", "gcr.io/distroless/static:nonroot")
    assert recipe.entrypoint == ("./manager", "--verbose")
    assert (recipe.user, recipe.workdir) == ("65532:65532", "/app")


def test_scratch_is_nothing_to_be_had() -> None:
    assert parse("FROM scratch\nENTRYPOINT /manager --x").bases == ()
    assert parse("FROM scratch\nENTRYPOINT /manager --x").entrypoint == ("/manager", "--x")


# Which image


@pytest.mark.parametrize(
    ("changes", "dockerfile", "inside"),
    [
        ({"command": ["/manager"]}, 'ENTRYPOINT ["/other"]', "/manager"),
        ({"command": ["./manager"], "workingDir": "/srv"}, "", "/srv/manager"),
        ({"command": ["manager"]}, "", "/usr/local/bin/manager"),
        ({}, 'WORKDIR /app\nENTRYPOINT ["./run/../manager"]', "/app/manager"),
        ({}, "", "/op"),
    ],
)
@pytest.mark.usefixtures("program")
def test_the_program_lies_where_its_container_starts_it(
    tmp_path: Path, changes: dict[str, Any], dockerfile: str, inside: str
) -> None:
    (tmp_path / "Dockerfile").write_text(f"FROM scratch\n{dockerfile}\n", encoding="utf-8")
    made = _target(tmp_path, dockerfile=str(tmp_path / "Dockerfile"))
    provided = choosing.provide(_chosen(made, **changes), target=made, folder=tmp_path)
    assert provided.name == "example.com/op:v1"
    assert provided.how == f"bin/op, packed as {inside}"
    assert provided.archive is not None
    assert names_in(provided.archive) == ("example.com/op:v1",)


def test_a_dynamic_program_is_refused_before_there_is_a_cluster(
    program: Path, tmp_path: Path
) -> None:
    program.write_bytes(Path(sys.executable).resolve().read_bytes())
    made = _target(tmp_path)
    with pytest.raises(BuildError, match="linked dynamically and needs /lib") as refused:
        choosing.check(made, _chosen(made))
    assert "CGO_ENABLED=0" in refused.value.hint


def test_a_script_is_refused_too(program: Path, tmp_path: Path) -> None:
    program.write_text("#!/bin/sh\n", encoding="utf-8")
    made = _target(tmp_path)
    with pytest.raises(BuildError, match="can't be packed as an image: it is a script"):
        choosing.check(made, _chosen(made))


def test_a_dockerfile_may_do_what_packing_can_not(program: Path, tmp_path: Path) -> None:
    program.write_text("#!/bin/sh\n", encoding="utf-8")
    (tmp_path / "Dockerfile").write_text("FROM scratch\n", encoding="utf-8")
    made = _target(tmp_path, dockerfile=str(tmp_path / "Dockerfile"))
    choosing.check(made, _chosen(made))
    with pytest.raises(TargetError, match="There is no Dockerfile"):
        choosing.check(made := _target(tmp_path, dockerfile="/nowhere"), _chosen(made))


@pytest.mark.usefixtures("program")
def test_an_image_that_the_target_names_is_taken_as_it_is(tmp_path: Path) -> None:
    made = _target(tmp_path, name="example.com/other:v2")
    provided = choosing.provide(_chosen(made), target=made, folder=tmp_path)
    assert (provided.name, provided.archive) == ("example.com/other:v2", None)


def test_an_archive_that_the_target_makes_is_taken_before_its_program(
    program: Path, tmp_path: Path
) -> None:
    archive = tmp_path / "made.tar"
    pack(program, inside="/x", name="example.com/op:v1", architecture="amd64", archive=archive)
    made = _target(tmp_path, archives=(str(archive),))
    provided = choosing.provide(_chosen(made), target=made, folder=tmp_path)
    assert provided.archive is None
    assert provided.how == "as in made.tar, which the target makes"
    assert choosing.extra_archives(made) == (archive,)


def test_an_archive_that_its_build_did_not_leave_is_named(tmp_path: Path) -> None:
    made = _target(tmp_path, archives=(str(tmp_path / "none.tar"),), build=("make",))
    with pytest.raises(BuildError, match=r"none\.tar can't be used"):
        choosing.extra_archives(made)


def test_a_target_that_builds_nothing_runs_what_its_manifests_name(tmp_path: Path) -> None:
    made = _target(tmp_path, build=())
    provided = choosing.provide(_chosen(made), target=made, folder=tmp_path)
    assert (provided.name, provided.archive) == ("example.com/op:v1", None)


@pytest.mark.parametrize(
    ("name", "canonical"),
    [
        ("web", "docker.io/library/web:latest"),
        ("me/web:1", "docker.io/me/web:1"),
        ("localhost:5000/web", "localhost:5000/web:latest"),
        ("example.com/a/web@sha256:0", "example.com/a/web@sha256:0"),
    ],
)
def test_names_are_compared_as_nodes_list_them(name: str, canonical: str) -> None:
    assert choosing.canonical(name) == canonical
