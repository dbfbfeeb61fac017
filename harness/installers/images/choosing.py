"""Stage 3: which image a workload runs, and how it's made.

The target's own build comes first: it is what is judged, whatever image of the same name a node or
a registry may have. A target that builds nothing is run from the image that its manifests name.
"""

from __future__ import annotations

import shlex
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import msgspec

from harness import command
from harness.errors import BuildError, TargetError
from harness.installers.images import dockerfile
from harness.installers.images.archive import USER, names_in, pack
from harness.installers.images.binary import Binary, NotABinary, inspect
from harness.manifests.objects import describe, pod_spec

if TYPE_CHECKING:
    from collections.abc import Mapping

    from harness.installers.images.dockerfile import Run
    from harness.installers.workloads import Chosen
    from harness.model.target import Image, Target

__all__ = ["Provided", "canonical", "check", "container_of", "extra_archives", "given", "provide"]


class Provided(msgspec.Struct, frozen=True, kw_only=True):
    """The image of a workload.

    Attributes:
        name: As the Deployment must name it.
        how: In words, for the report.
        archive: To be loaded into the nodes; None where they have it, or pull it.
    """

    name: str
    how: str
    archive: Path | None = None


def check(target: Target, chosen: Chosen) -> None:
    """Refuses a workload whose image can't be made; builds nothing.

    Raises:
        BuildError: Its program can't run in an image of its own, and there is no Dockerfile.
        TargetError: The Dockerfile isn't there.
    """
    image = target.install.image
    if image is not None and image.dockerfile and not Path(image.dockerfile).is_file():
        raise TargetError(
            f"There is no Dockerfile {image.dockerfile}.", hint="Mend install.image.dockerfile."
        )
    if image is not None and (image.name or image.archives or image.dockerfile):
        return  # one of them will do
    program = _program(target, chosen)
    if program is not None and chosen.spec.process is not None and chosen.spec.process.build:
        _binary(program, chosen)


def provide(chosen: Chosen, *, target: Target, folder: Path, run: Run = command.run) -> Provided:
    """Makes the image of a workload, or finds that nothing is to be made.

    Args:
        chosen: Deployment and container.
        target: Whose workload it is; its programs and archives are built already.
        folder: Private folder for archives.
        run: Runs Docker, where it is needed.

    Raises:
        BuildError: It can't be made.
    """
    named = str(container_of(chosen).get("image"))
    image = target.install.image
    if image is not None and image.name:
        return given(chosen, target)
    brought = next((path for path in extra_archives(target) if _holds(path, named)), None)
    if brought is not None:
        return Provided(name=named, how=f"as in {brought.name}, which the target makes")
    archive = folder / f"{chosen.spec.deployment}.tar"
    if packed := _packed(chosen, target, named, archive):
        return packed
    if image is not None and image.dockerfile:
        recipe = Path(image.dockerfile)
        dockerfile.build(recipe, folder=Path(target.folder), name=named, run=run)
        dockerfile.save(named, archive, run=run)
        return Provided(name=named, how=f"built from {recipe.name} by Docker", archive=archive)
    return given(chosen, target)


def given(chosen: Chosen, target: Target) -> Provided:
    """Returns the image that a workload has where nothing is made for it."""
    image = target.install.image
    if image is not None and image.name:
        return Provided(name=image.name, how="the image that the target names")
    named = str(container_of(chosen).get("image"))
    return Provided(name=named, how="as the nodes have it, or pull it")


def extra_archives(target: Target) -> tuple[Path, ...]:
    """Returns the archives that the target brings, once its build has run.

    Raises:
        BuildError: One isn't there, or is none.
    """
    image = target.install.image
    if image is None:
        return ()
    found = tuple(Path(path) for path in image.archives)
    for path in found:
        try:
            names_in(path)
        except (OSError, ValueError) as error:
            after = f" after {shlex.join(image.build)}" if image.build else ""
            raise BuildError(
                f"The archive of images {path} can't be used{after}: {error}",
                hint="Make it by install.image.build, for example with `docker save --output`.",
            ) from error
    return found


def container_of(chosen: Chosen) -> Mapping[str, Any]:
    """Returns the operator's container in its Deployment's manifest."""
    for item in pod_spec(chosen.deployment).get("containers") or ():
        if item.get("name") == chosen.container:
            found: Mapping[str, Any] = item
            return found
    raise TargetError(f"{describe(chosen.deployment)} has no container {chosen.container!r}.")


def _holds(archive: Path, name: str) -> bool:
    return canonical(name) in map(canonical, names_in(archive))


def canonical(name: str) -> str:
    """Returns an image's name as nodes list it, for example "docker.io/library/web:latest"."""
    registry, slash, _ = name.partition("/")
    if not slash:
        name = f"docker.io/library/{name}"
    elif "." not in registry and ":" not in registry and registry != "localhost":
        name = f"docker.io/{name}"
    tagged = "@" in name or ":" in name.rpartition("/")[2]
    return name if tagged else f"{name}:latest"


def _program(target: Target, chosen: Chosen) -> Path | None:
    """Returns the program that the target's own build makes; None where it's none of its files."""
    process = chosen.spec.process
    if process is None:
        return None
    path = Path(target.folder) / process.command[0]
    return path if path.is_file() else None


def _packed(chosen: Chosen, target: Target, name: str, archive: Path) -> Provided | None:
    """Packs the program that the target builds; None where there is none, or another way."""
    program, process, image = _program(target, chosen), chosen.spec.process, target.install.image
    if program is None or process is None:
        return None
    try:
        binary = _binary(program, chosen)
    except BuildError:
        if (image is not None and image.dockerfile) or not process.build:
            return None
        raise
    recipe = _recipe(image)
    inside = _inside(chosen, recipe, program)
    user = recipe.user if recipe.user.replace(":", "").isdecimal() else USER
    try:
        pack(
            program,
            inside=inside,
            arguments=process.command[1:],
            name=name,
            architecture=binary.architecture,
            archive=archive,
            user=user,
        )
    except OSError as error:
        raise BuildError(f"The image {name} can't be packed: {error}") from error
    shown = program.relative_to(target.folder) if program.is_relative_to(target.folder) else program
    return Provided(name=name, how=f"{shown}, packed as {inside}", archive=archive)


def _binary(program: Path, chosen: Chosen) -> Binary:
    """Returns what a program is.

    Raises:
        BuildError: It needs more than itself to run.
    """
    where = f"The program {program} of {describe(chosen.deployment)} can't be packed as an image:"
    hint = "Build it with CGO_ENABLED=0 (Go) or -static, or name a Dockerfile by install.image."
    try:
        binary = inspect(program)
    except (NotABinary, OSError) as error:
        raise BuildError(f"{where} it is {error}.", hint=hint) from error
    if not binary.static:
        needs = binary.interpreter or f"{binary.libraries} shared libraries"
        raise BuildError(
            f"{where} it is linked dynamically and needs {needs}, which an empty image lacks.",
            hint=hint,
        )
    return binary


def _recipe(image: Image | None) -> dockerfile.Recipe:
    if image is None or not image.dockerfile:
        return dockerfile.Recipe()
    text = Path(image.dockerfile).read_text(encoding="utf-8", errors="replace")
    return dockerfile.parse(text)


def _inside(chosen: Chosen, recipe: dockerfile.Recipe, program: Path) -> str:
    """Returns where the program must lie: what the container starts, else the Dockerfile."""
    container = container_of(chosen)
    words = container.get("command") or recipe.entrypoint or (f"/{program.name}",)
    folder = PurePosixPath("/", str(container.get("workingDir") or recipe.workdir))
    word = str(words[0])
    if "/" in word:
        return str(PurePosixPath(_plain(folder / word)))
    return f"/usr/local/bin/{word}"  # looked up on PATH


def _plain(path: PurePosixPath) -> str:
    """Returns a path without "." and ".."."""
    parts: list[str] = []
    for part in path.parts[1:]:
        if part == "..":
            parts = parts[:-1]
        elif part != ".":
            parts.append(part)
    return "/" + "/".join(parts)
