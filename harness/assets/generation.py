"""Writes the Go module for a version of Kubernetes that isn't pinned.

Kubernetes replaces its staging modules by folders of its repository, which don't exist when it
is a dependency; each has the version 0.MINOR.PATCH as a module of its own. Which ones there are
is read from the go.mod of the version itself. go.sum is written by `go mod tidy`, which checks
every module by the Go checksum database (unless GONOSUMDB, GOSUMDB or GOPRIVATE say otherwise).
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from harness import command
from harness.assets import goerrors, toolchain, versions
from harness.errors import AssetError, CommandError

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.assets.modules import GoModule
    from harness.assets.toolchain import Toolchain

__all__ = ["generate", "published", "written"]

_DOWNLOAD_S = 900.0
_LIST_S = 30.0
_PATH = "k8s.io/kubernetes"
_OLDEST = (1, 30)  # older ones ask for a Go and an etcd of their time


class _Download(msgspec.Struct, rename="pascal"):
    go_mod: str = ""
    error: str = ""


def generate(
    module: GoModule,
    go: Toolchain,
    folder: Path,
    *,
    scratch: Path,
    log: Path,
    on_progress: Callable[[str], None],
) -> None:
    """Writes go.mod, go.sum and tools.go.

    Args:
        module: Kubernetes, of a version that isn't pinned.
        go: Reads and completes the files.
        folder: Where they go.
        scratch: For Go's temporary files.
        log: Where the output of a failure is kept.
        on_progress: Told what goes on.

    Raises:
        AssetError: The version doesn't exist, or Go failed.
        OSError: A file can't be written.
    """
    on_progress(f"{module.name}: reading the module of {module.version}")
    upstream = _upstream(module, go, scratch)
    toolchain.require(go, upstream, f"{module.name} {module.version}")
    for name, text in written(module, upstream.decode("utf-8", errors="replace")).items():
        (folder / name).write_text(text, encoding="utf-8")
    _tidy(module, go, folder, scratch=scratch, log=log, on_progress=on_progress)


def _tidy(
    module: GoModule,
    go: Toolchain,
    folder: Path,
    *,
    scratch: Path,
    log: Path,
    on_progress: Callable[[str], None],
) -> None:
    lines: list[str] = []

    def take(line: str) -> None:
        lines.append(line)
        if line.startswith("go: downloading "):
            on_progress(f"{module.name}: {line.removeprefix('go: ')}")

    try:
        command.stream(
            (go.path, "mod", "tidy"),
            timeout=_DOWNLOAD_S,
            cwd=folder,
            env=go.environment(scratch),
            on_line=take,
        )
    except CommandError as error:
        said = lines or str(error).splitlines()[:1]
        log.write_text("\n".join(map(goerrors.without_credentials, said)), encoding="utf-8")
        subject = f"Completing the Go module of {module.name} {module.version}"
        raise goerrors.explain(subject, said, log=log) from error


def written(module: GoModule, upstream: str) -> dict[str, str]:
    """Returns go.mod and tools.go for a version, by name.

    Args:
        module: Kubernetes, of some version.
        upstream: Content of that version's own go.mod.
    """
    staged = sorted(set(re.findall(r"^\s*(?:replace\s+)?(\S+)\s+=> \./staging/", upstream, re.M)))
    version = f"v0.{module.version.split('.', 1)[1]}"
    go = toolchain.required_go(upstream.encode())
    replaced = [f"\t{path} => {path} {version}" for path in staged]
    imports = [f'\t_ "{package}"' for package in sorted(module.packages.values())]
    return {
        "go.mod": "\n".join([
            "module operator-harness.example/controlplane/kubernetes", "",
            f"go {go}", "",
            f"require {_PATH} v{module.version}", "",
            "replace (", *replaced, ")", "",
        ]),
        "tools.go": "\n".join([
            "//go:build tools", "", "package tools", "", "import (", *imports, ")", "",
        ]),
    }  # fmt: skip


def published(go: Toolchain) -> tuple[str, ...]:
    """Returns the versions of Kubernetes that the Go module proxy knows; empty where none answers.

    Only releases, and none that are too old to be of use.
    """
    env = command.environment({"GOTOOLCHAIN": "local", "GOWORK": "off", "GOFLAGS": ""})
    argv = (go.path, "list", "-m", "-versions", _PATH)
    try:
        done = command.run(argv, timeout=_LIST_S, cwd=Path("/"), env=env)
    except CommandError:
        return ()
    found = re.findall(r"(?<= v)\d+\.\d+\.\d+(?= |$)", done.output)
    return tuple(sorted((v for v in found if versions.ordered(v) >= _OLDEST), key=versions.ordered))


def _upstream(module: GoModule, go: Toolchain, scratch: Path) -> bytes:
    argv = (go.path, "mod", "download", "-json", f"{_PATH}@v{module.version}")
    done = command.run(
        argv, timeout=_DOWNLOAD_S, cwd=scratch, env=go.environment(scratch), check=False
    )
    text = done.output[done.output.find("{") : done.output.rfind("}") + 1]
    try:
        answer = msgspec.json.decode(text, type=_Download)
        content = Path(answer.go_mod).read_bytes() if answer.go_mod else b""
    except (msgspec.DecodeError, OSError):
        answer, content = _Download(error=done.tail), b""
    if answer.error or not content:
        why = goerrors.without_credentials(" ".join(answer.error.split()))
        raise AssetError(
            f"There is no Go module of Kubernetes {module.version} to be had ({why[-200:]}).",
            hint="Check the version, the network and GOPROXY.",
        )
    return content
