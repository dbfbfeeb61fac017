"""`harness init`: writes a target.yaml from a project."""

from __future__ import annotations

import os
import shlex
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.cli import completion
from harness.errors import UsageError

if TYPE_CHECKING:
    from harness.targets.detection import Detected

__all__ = ["init"]


@click.command()
@click.argument("place", metavar="[DIR|FILE]", default=".", shell_complete=completion.files)
@click.option(
    "--output",
    metavar="FILE",
    help="Where the definition goes; default: target.yaml in DIR. Its paths are relative to it.",
)
@click.option("--force", is_flag=True, help="Overwrite what is there.")
@click.option("--name", default="", metavar="NAME", help="Short name of the operator.")
@click.option(
    "--command",
    default="",
    metavar="WORDS",
    help="How the operator is started as a process, without its container's args: 'bin/manager'.",
)
@click.option(
    "--build",
    default="",
    metavar="WORDS",
    help="What makes that program, run beside the definition: 'go build -o bin/manager ./cmd'.",
)
@click.option(
    "--sources", metavar="DIR", help="The operator's sources, where they aren't in or above DIR."
)
def init(
    *,
    place: str,
    output: str | None,
    force: bool,
    name: str,
    command: str,
    build: str,
    sources: str | None,
) -> None:
    """Write a target.yaml from a project, with comments on what was found.

    DIR (default: here) is a kubebuilder or operator-sdk project, a Helm chart, or a folder or
    file of plain manifests with CRDs and a Deployment. Found are: the Deployment and container
    that are the operator, how it is built and started, its ports, scope, the kinds that it
    serves with samples, readiness and safe changes. Where a kind has no sample, a minimal one is
    made up from its schema. What could not be found is told, here and in the file.

    \b
    harness init                                    the project in this folder
    harness init ../my-operator && harness run --suite smoke --target ../my-operator
    harness init dist/install.yaml --output harness/target.yaml --command bin/manager \\
        --build 'go build -C .. -o harness/bin/manager ./cmd'
    harness init charts/my-operator                 a chart; needs helm on PATH

    Nothing is run and no cluster is touched. Exit code 0 also where something is left to fill
    in; 4 where no target could be made.
    """  # noqa: D301 - \b is click's mark
    from harness.targets.detection import Tools, Wishes, detect  # noqa: PLC0415 - heavy

    start = Path(place).absolute()
    file = _output(start, output)
    _refuse_existing([file], force=force)
    wishes = Wishes(
        name=name,
        command=_words("--command", command),
        build=_words("--build", build),
        sources=_folder(sources),
    )
    if wishes.build and not wishes.command:
        raise UsageError("--build needs --command: which program does it make?")
    tools = Tools(kubectl=_kubectl, helm=_helm)
    detected = detect(_normal(start), folder=file.parent, wishes=wishes, tools=tools)
    _refuse_existing(list(detected.samples), force=force)
    for path, text in {**detected.samples, file: detected.text}.items():
        _write(path, text)
    _tell(file, detected)


def _normal(path: Path) -> Path:
    return Path(os.path.normpath(path))


def _output(start: Path, output: str | None) -> Path:
    if output is None:
        folder = start.parent if start.is_file() else start
        return _normal(folder / "target.yaml")
    file = _normal(Path(output).absolute())
    if file.is_dir():
        raise UsageError(
            f"--output {output}: this is a folder.", hint=f"Name a file: {output}/target.yaml."
        )
    return file


def _refuse_existing(files: list[Path], *, force: bool) -> None:
    there = [str(file) for file in files if file.exists()]
    if there and not force:
        raise UsageError(
            f"{', '.join(there)} is there already.",
            hint="Overwrite it by --force, or write elsewhere by --output.",
        )


def _words(option: str, text: str) -> tuple[str, ...]:
    try:
        return tuple(shlex.split(text))
    except ValueError as error:
        raise UsageError(f"{option} {text!r}: {error}.", hint="Check its quotes.") from error


def _folder(sources: str | None) -> Path | None:
    if sources is None:
        return None
    folder = _normal(Path(sources).absolute())
    if not folder.is_dir():
        raise UsageError(f"--sources {sources}: there is no such folder.")
    return folder


def _kubectl() -> Path:
    return _asset("kubectl")


def _asset(name: str) -> Path:
    from harness import assets  # noqa: PLC0415 - heavy

    component = assets.Component(name)
    found = assets.resolve((component,), on_progress=lambda text: click.echo(text, err=True))
    return found.path(component)


def _helm() -> Path | None:
    from harness.errors import AssetError  # noqa: PLC0415 - only here

    try:
        return _asset("helm")
    except AssetError as error:
        click.echo(f"note: {error}", err=True)
        return None


def _write(path: Path, text: str) -> None:
    """Writes a file as a whole or not at all.

    Raises:
        UsageError: It can't be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as stream:
                stream.write(text)
            mask = os.umask(0)
            os.umask(mask)
            Path(temporary).chmod(0o666 & ~mask)
            os.replace(temporary, path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise UsageError(
            f"{path} can't be written: {error.strerror or error}.",
            hint="Write elsewhere by --output FILE.",
        ) from error


def _tell(file: Path, detected: Detected) -> None:
    from harness import targets  # noqa: PLC0415 - heavy

    shown = os.path.relpath(file)
    click.echo(f"{shown}: written from {detected.title}")
    for path in detected.samples:
        click.echo(f"{os.path.relpath(path)}: written")
    for line in detected.found:
        click.echo(f"  found: {line}")
    for line in detected.missing:
        click.echo(f"  not found: {line}", err=True)
    targets.load(str(file))  # what we wrote must be what we read
    first = "" if detected.runnable else "fill in workloads[].process, then: "
    click.echo(f"Next: {first}harness run --suite smoke --target {shlex.quote(shown)}")
