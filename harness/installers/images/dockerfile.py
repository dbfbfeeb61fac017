"""Stage 3: what a Dockerfile says, and an image made from it by the Docker engine."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import msgspec

from harness import command
from harness.errors import BuildError, CommandError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.command import Completed

__all__ = ["BUILD_TIMEOUT_S", "Recipe", "Run", "build", "parse", "save"]

BUILD_TIMEOUT_S = 900.0
"""An operator is compiled inside; more than a quarter of an hour is stuck."""
_SAVE_TIMEOUT_S = 120.0
_LOOK_TIMEOUT_S = 20.0
_MISSING = re.compile(
    r"(manifest for \S+ not found|pull access denied|dial tcp|no such host|i/o timeout"
    r"|connection refused|failed to resolve source metadata|TLS handshake|not found: manifest"
    r"|Service Unavailable|Forbidden|proxyconnect|EOF|x509|context deadline exceeded"
    r"|unauthorized|failed to do request)",
    re.IGNORECASE,
)
_TAIL_LINES = 15


class Run(Protocol):
    """Runs a program to its end, as `harness.command.run` does."""

    def __call__(
        self, argv: Sequence[str], *, timeout: float, check: bool = ..., env: dict[str, str] = ...
    ) -> Completed:
        """Runs it; raises CommandError where it isn't there, fails or takes too long."""


class Recipe(msgspec.Struct, frozen=True, kw_only=True):
    """What a Dockerfile says of its last stage, and of all that it begins from.

    Attributes:
        bases: Images of `FROM`, each once; stages of its own and `scratch` aren't among them.
        entrypoint: Its program and leading arguments; empty where it names none.
        user: As in `USER`; empty for root.
        workdir: As in `WORKDIR`.
    """

    bases: tuple[str, ...] = ()
    entrypoint: tuple[str, ...] = ()
    user: str = ""
    workdir: str = "/"


def parse(text: str) -> Recipe:
    """Reads a Dockerfile, as far as it matters here."""
    arguments: dict[str, str] = {}
    stages: set[str] = set()
    bases: list[str] = []
    recipe = Recipe()
    for word, rest in _instructions(text):
        if word == "ARG" and not bases and not stages:
            name, _, default = rest.partition("=")
            arguments[name.strip()] = default.strip().strip("\"'")
        elif word == "FROM":
            words = [part for part in rest.split() if not part.startswith("--")]
            base = _expanded(words[0], arguments) if words else ""
            if base and base != "scratch" and base.lower() not in stages and base not in bases:
                bases.append(base)
            if len(words) > 2 and words[1].upper() == "AS":  # noqa: PLR2004 - FROM x AS y
                stages.add(words[2].lower())
            recipe = Recipe()
        elif word == "ENTRYPOINT":
            recipe = msgspec.structs.replace(recipe, entrypoint=_words(rest))
        elif word == "USER":
            recipe = msgspec.structs.replace(recipe, user=rest.strip())
        elif word == "WORKDIR":
            place = str(Path(recipe.workdir) / rest.strip())
            recipe = msgspec.structs.replace(recipe, workdir=place)
    return msgspec.structs.replace(recipe, bases=tuple(bases))


def _instructions(text: str) -> list[tuple[str, str]]:
    """Returns each instruction with its arguments, continued lines joined, comments left out."""
    found: list[tuple[str, str]] = []
    held = ""
    for line in text.splitlines():
        if line.lstrip().startswith("#") or not line.strip():
            continue
        held += line.rstrip()
        if held.endswith("\\"):
            held = held[:-1] + " "
            continue
        word, _, rest = held.strip().partition(" ")
        found.append((word.upper(), rest.strip()))
        held = ""
    return found


def _expanded(text: str, arguments: dict[str, str]) -> str:
    def value(match: re.Match[str]) -> str:
        return arguments.get(match[1] or match[3], match[2] or "")

    return re.sub(r"\$(?:\{(\w+)(?::-([^}]*))?\}|(\w+))", value, text)


def _words(text: str) -> tuple[str, ...]:
    """Returns an exec form's words, or those of a shell form that is plain enough."""
    if text.startswith("["):
        try:
            return tuple(msgspec.json.decode(text, type=list[str]))
        except msgspec.MsgspecError:
            return ()
    try:
        return tuple(shlex.split(text))
    except ValueError:
        return ()


def build(
    dockerfile: Path, *, folder: Path, name: str, run: Run = command.run, docker: str = "docker"
) -> None:
    """Makes an image; bases that are there aren't looked for elsewhere.

    Args:
        dockerfile: The file.
        folder: The build's context: the target's own folder.
        name: Name and tag of the image.
        run: Runs programs.
        docker: The program.

    Raises:
        BuildError: It can't be built; a base that can't be had is named.
    """
    recipe = parse(dockerfile.read_text(encoding="utf-8", errors="replace"))
    argv = [docker, "build", "--file", str(dockerfile), "--tag", name, str(folder)]
    try:
        env = _environment(run, docker)
        done = run(argv, timeout=BUILD_TIMEOUT_S, check=False, env=env)
    except CommandError as error:
        raise BuildError(
            f"The image {name} can't be built from {dockerfile}: {error}",
            hint="It takes a Docker engine; `harness doctor` says whether there is one.",
        ) from error
    if done.exit_code != 0:
        raise _failed(dockerfile, name, done, _absent(recipe, run, docker))


def _failed(dockerfile: Path, name: str, done: Completed, absent: Sequence[str]) -> BuildError:
    begun = done.output.rpartition("Sending build context")[2]  # what is before is advice
    output = "\n".join(begun.splitlines()[-_TAIL_LINES:])
    if absent and _MISSING.search(output):
        bases = ", ".join(absent)
        return BuildError(
            f"The image {name} can't be built: {dockerfile} begins FROM {bases}, which isn't on "
            f"this machine and can't be pulled:\n{output}",
            hint=f"Bring it here (docker pull {absent[0]}, or docker load), or build a static "
            "program by workloads[].process.build, which needs no base.",
        )
    return BuildError(
        f"The image {name} can't be built from {dockerfile}:\n{output}",
        hint="`docker build` in the target's folder shows the same.",
    )


def _absent(recipe: Recipe, run: Run, docker: str) -> list[str]:
    """Returns the bases that the Docker engine doesn't have."""
    absent: list[str] = []
    for base in recipe.bases:
        try:
            argv = [docker, "image", "inspect", "--format", "{{.Id}}", base]
            done = run(argv, timeout=_LOOK_TIMEOUT_S, check=False)
        except CommandError:
            return absent
        if done.exit_code != 0:
            absent.append(base)
    return absent


def save(name: str, archive: Path, *, run: Run = command.run, docker: str = "docker") -> None:
    """Writes an image of the Docker engine to an archive.

    Raises:
        BuildError: There is none of that name, or it can't be written.
    """
    try:
        run([docker, "save", "--output", str(archive), name], timeout=_SAVE_TIMEOUT_S, check=True)
    except CommandError as error:
        raise BuildError(
            f"The image {name} can't be saved: {error}",
            hint="`docker image ls` shows what is there, `df` whether the disk is full.",
        ) from error


def _environment(run: Run, docker: str) -> dict[str, str]:
    """Returns the environment of a build: without buildx, the client has its older builder only."""
    done = run([docker, "buildx", "version"], timeout=_LOOK_TIMEOUT_S, check=False)
    return command.environment({} if done.exit_code == 0 else {"DOCKER_BUILDKIT": "0"})
