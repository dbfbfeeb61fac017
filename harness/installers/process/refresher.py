"""Stage 3: keeps a process's ServiceAccount token fresh, as a kubelet does.

Run as `python -m harness.installers.process.refresher SPEC` under the guard, one for each
process of the operator. What is due is read from the token itself, so that a restart, which
writes a new one, needs to tell nobody.
"""

from __future__ import annotations

import base64
import binascii
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from harness.clock import SYSTEM_CLOCK

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.clock import Clock

__all__ = ["RefreshSpec", "due_in", "main", "read_spec", "refresh", "refresh_file"]

_SHARE = 0.8
"""Of a token's life, after which a kubelet asks for a new one."""

_LONGEST_S = 30.0
"""Seconds between two looks at the token: a machine that slept must not be late for long."""

_RETRY_S = 5.0
_PARTS = 3  # of a JSON Web Token


class RefreshSpec(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept fresh.

    Attributes:
        files: Where the token is written; the first is the one that is looked at.
        kubeconfig: Path of the identity that may ask for tokens.
        guard: Socket of the guard, which keeps new tokens out of logs.
    """

    kubeconfig: str
    guard: str
    namespace: str
    service_account: str
    pod: str
    pod_uid: str
    files: tuple[str, ...]


def refresh_file(folder: str) -> Path:
    """Returns where the RefreshSpec of a process lies.

    Args:
        folder: The process's own.
    """
    return Path(folder) / "refresher.json"


def read_spec(path: Path) -> RefreshSpec:
    """Reads a RefreshSpec."""
    return msgspec.json.decode(path.read_bytes(), type=RefreshSpec)


class _Claims(msgspec.Struct, frozen=True):
    exp: float
    iat: float


def due_in(token: str, *, now_s: float) -> float:
    """Returns in how many seconds a token must be replaced; 0 where it can't be read.

    Args:
        token: A JSON Web Token.
        now_s: Seconds since the epoch.
    """
    parts = token.strip().split(".")
    if len(parts) != _PARTS:
        return 0.0
    try:
        body = base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4))
        claims = msgspec.json.decode(body, type=_Claims)
    except (binascii.Error, msgspec.MsgspecError):
        return 0.0
    return max(0.0, claims.iat + _SHARE * (claims.exp - claims.iat) - now_s)


def refresh(spec: RefreshSpec) -> None:
    """Asks for a new token and replaces the files; all heavy imports are here.

    Raises:
        HarnessError: No token can be had now.
    """
    from harness.guard import Guard  # noqa: PLC0415 - not before the first token is due
    from harness.installers.process.files import replace_file  # noqa: PLC0415 - likewise
    from harness.installers.process.identity import mint  # noqa: PLC0415 - likewise
    from harness.kube.client import KubeClient  # noqa: PLC0415 - likewise

    client = KubeClient.from_kubeconfig(Path(spec.kubeconfig))
    pod = {"metadata": {"namespace": spec.namespace, "name": spec.pod, "uid": spec.pod_uid}}
    value = mint(client, pod, spec.service_account).token.value
    Guard.connect(Path(spec.guard)).redact([value])
    for file in spec.files:
        replace_file(Path(file), value.encode())


def _round(spec: RefreshSpec, clock: Clock) -> float:
    """Refreshes where it's due; returns for how many seconds to rest."""
    from harness.errors import HarnessError  # noqa: PLC0415 - loaded with the first round

    try:
        token = Path(spec.files[0]).read_text(encoding="ascii")
        due = due_in(token, now_s=clock.now().wall_ns / 1e9)
        if due > 0:
            return min(due, _LONGEST_S)
        refresh(spec)
    except (HarnessError, OSError, UnicodeDecodeError) as error:
        sys.stderr.write(f"{type(error).__name__}: {error}\n")
    return _RETRY_S


def main(arguments: Sequence[str], *, clock: Clock = SYSTEM_CLOCK) -> None:
    """Runs until it's ended; the only argument is the path of a RefreshSpec."""
    spec = read_spec(Path(arguments[0]))
    while True:
        clock.sleep(_round(spec, clock))


if __name__ == "__main__":
    main(sys.argv[1:])
