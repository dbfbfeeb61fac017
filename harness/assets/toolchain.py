"""The Go toolchain of this machine, as the builds use it."""

from __future__ import annotations

import os
import re
from pathlib import Path

import msgspec

from harness import command, settings
from harness.assets.goerrors import ELSEWHERE
from harness.errors import AssetError, CommandError

__all__ = ["Toolchain", "find_toolchain", "require", "required_go"]

_TIMEOUT_S = 30.0


class Toolchain(msgspec.Struct, frozen=True, kw_only=True):
    """A Go that was found.

    Attributes:
        version: For example "1.26.8"; "devel" for one without a number.
        folders: GOCACHE and GOMODCACHE, where the defaults can't be written.
    """

    path: Path
    version: str
    folders: dict[str, str]

    def at_least(self, wanted: str) -> bool:
        """Whether it is `wanted` or newer; a development version is."""
        return not self.version[:1].isdigit() or _numbers(self.version) >= _numbers(wanted)

    def environment(self, scratch: Path) -> dict[str, str]:
        """Returns the environment of a build.

        Args:
            scratch: Folder for Go's temporary files; must exist.
        """
        from harness.assets.network import is_offline  # noqa: PLC0415 - slow to import

        return command.environment(
            {
                "CGO_ENABLED": "0",
                "GO111MODULE": "on",
                "GOFLAGS": "-mod=readonly",
                "GOTMPDIR": str(scratch),
                "GOTOOLCHAIN": "local",
                "GOWORK": "off",
                "GOOS": "",
                "GOARCH": "",
                **({"GOPROXY": "off"} if is_offline(os.environ) else {}),
                **self.folders,
            }
        )


def required_go(go_mod: bytes) -> str:
    """Returns the Go version that a go.mod asks for, for example "1.24.0"."""
    match = re.search(rb"^go (\S+)$", go_mod, re.MULTILINE)
    return match.group(1).decode() if match else "1"


def require(go: Toolchain, go_mod: bytes, what: str) -> None:
    """Sees that a Go is new enough for a module.

    Args:
        go: The toolchain.
        go_mod: Content of the module's go.mod.
        what: The module, for people.

    Raises:
        AssetError: It is too old.
    """
    wanted = required_go(go_mod)
    if not go.at_least(wanted):
        raise AssetError(
            f"{what} needs Go {wanted} or newer, and {go.path} is {go.version}.",
            hint=f"Install a newer Go and put it first on PATH, or {ELSEWHERE}.",
        )


def find_toolchain() -> Toolchain:
    """Finds Go on PATH and asks it about itself.

    Raises:
        AssetError: There is none, or it doesn't work.
    """
    path = command.which("go")
    if path is None:
        raise AssetError("There is no `go` on PATH.", hint=f"Install Go, or {ELSEWHERE}.")
    names = ("GOVERSION", "GOCACHE", "GOMODCACHE")
    env = command.environment({"GOTOOLCHAIN": "local", "GOWORK": "off", "GOFLAGS": ""})
    try:
        done = command.run([path, "env", *names], timeout=_TIMEOUT_S, cwd=Path("/"), env=env)
    except CommandError as error:
        first = str(error).splitlines()[0]
        raise AssetError(
            f"The Go on PATH ({path}) doesn't work: {first}.",
            hint=f"Install Go again, or {ELSEWHERE}.",
        ) from error
    lines = [*done.output.splitlines(), "", "", ""]
    match = re.match(r"go(\d[\d.]*)", lines[0])
    folders = {
        name: str(settings.cache_home() / "go" / name.lower())
        for name, value in zip(names[1:], lines[1:], strict=False)
        if not _writable(value)
    }
    return Toolchain(path=path, version=match.group(1) if match else "devel", folders=folders)


def _writable(value: str) -> bool:
    """Whether Go can use a folder, present or not; "off" and empty aren't folders."""
    folder = Path(value)
    if not folder.is_absolute():
        return False
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return folder.is_dir() and os.access(folder, os.W_OK)


def _numbers(version: str) -> tuple[int, ...]:
    parts = [int(part) for part in re.findall(r"\d+", version)[:3]]
    return tuple(parts + [0] * (3 - len(parts)))
