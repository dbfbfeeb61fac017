"""Fake binaries and a fake Go: shell scripts that say what the real ones would."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from harness.assets.components import Component, module_of, pinned

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Machine", "write_script"]

_TOOLS = ("cat", "chmod", "cp", "sh")

_GO = """\
case "$1" in
env) echo {version}; echo {cache}; echo {cache} ;;
list)
  case "$2" in
  -m) echo "k8s.io/kubernetes v1.20.1 v1.33.5 v1.33.6-rc.0 v1.33.6 v1.34.4" ;;
  *) {listing} ;;
  esac
  ;;
mod)
  echo "$*" >> {mods}
  case "$*" in
  "mod tidy") {tidy}; cp go.mod {tidied}; echo "checked" > go.sum ;;
  *"@v1.33.6") echo "go: downloading it"; echo '{{"GoMod": "{upstream}"}}' ;;
  *) echo '{{"Error": "unknown revision"}}'; exit 1 ;;
  esac
  ;;
build)
  echo "$(pwd) $*" >> {calls}
  echo "$GOFLAGS $CGO_ENABLED $GOTOOLCHAIN" >> {settings}
  shift
  while [ $# -gt 0 ]; do
    case "$1" in
    -o) out=$2; shift ;;
    -ldflags) shift ;;
    -*) ;;
    *) packages="$packages $1"; echo "$1" ;;
    esac
    shift
  done
  {before}
  for package in $packages; do
    case $package in
    {cases}
    esac
    printf '#!/bin/sh\\necho v%s\\n' "$version" > "$out$name"
    chmod +x "$out$name"
  done
  {after}
  ;;
esac
"""


def write_script(path: Path, body: str) -> Path:
    """Writes an executable shell script and returns its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return path


class Machine:
    """A machine with an empty cache and nothing on PATH but what a test puts there.

    Args:
        root: An empty folder.
        setenv: Sets a variable of our environment.
    """

    def __init__(self, root: Path, setenv: Callable[[str, str], None]) -> None:
        self.root = root
        self.bin = root / "bin"
        self.cache = root / "cache"
        self.calls = root / "go-calls"
        self.go_settings = root / "go-settings"
        self.go_mods = root / "go-mods"
        self.tidied = root / "tidied"
        self.upstream = root / "upstream.mod"
        self.asked = root / "asked"
        self._setenv = setenv
        self.bin.mkdir()
        self.cache.mkdir()
        for tool in _TOOLS:
            found = shutil.which(tool)
            assert found
            (self.bin / tool).symlink_to(found)
        setenv("PATH", str(self.bin))
        setenv("XDG_CACHE_HOME", str(self.cache))

    def binary(self, folder: str, component: Component, version: str = "") -> Path:
        """Writes a binary that says its version, and notes in `asked` that it was asked."""
        text = f"echo {component} >> {self.asked}; echo 'Version: v{version or pinned(component)}'"
        return write_script(self.root / folder / component, text)

    def name(self, variable: str, value: Path | str) -> None:
        """Sets a variable of our environment."""
        self._setenv(variable, str(value))

    def go(
        self,
        *,
        version: str = "go1.99.0",
        listing: str = "echo compile a; echo compile b; echo ready c",
        before: str = "",
        after: str = "",
        says: str = "",
        tidy: str = ":",
    ) -> Path:
        """Puts a fake Go on PATH.

        Args:
            version: Of Go.
            listing: Shell for `go list`.
            before: Shell run by `go build` before it writes; $out is the output folder.
            after: Shell run at its end.
            says: Version of what it builds; by default the pinned ones.
            tidy: Shell run by `go mod tidy` first.
        """
        cases = [
            f"{module_of(component).packages[component]}) "
            f"version={says or pinned(component)}; name={_built_name(component)} ;;"
            for component in Component
        ]
        body = _GO.format(
            version=version,
            listing=listing,
            cache=self.root,
            calls=self.calls,
            settings=self.go_settings,
            mods=self.go_mods,
            tidy=tidy,
            tidied=self.tidied,
            upstream=self.upstream,
            before=before,
            after=after,
            cases="\n    ".join(cases),
        )
        return write_script(self.bin / "go", body)

    @property
    def builds(self) -> list[str]:
        """The `go build` calls so far: folder and arguments, a line each."""
        return self.calls.read_text().splitlines() if self.calls.exists() else []

    def fifo(self, name: str) -> Path:
        """Makes a named pipe."""
        path = self.root / name
        os.mkfifo(path)
        return path


def _built_name(component: Component) -> str:
    """What `go build` itself calls the binary: etcd's package is called server."""
    return "server" if component is Component.ETCD else str(component)
