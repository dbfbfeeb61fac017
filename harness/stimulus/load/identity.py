"""Stage 4a: the load generator's own identity, a ServiceAccount.

API Priority and Fairness treats it like any other, unlike an administrator, whose requests are
exempt.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from harness.errors import HarnessError
from harness.kube.kubeconfig import flatten

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from harness.clock import Clock
    from harness.kube.client import KubeClient, Token
    from harness.model.resource import Resource

__all__ = ["Identity", "Renewal", "make_identity"]

_RBAC = "rbac.authorization.k8s.io"
_VERBS = ["create", "delete", "get", "list", "patch", "update", "watch"]
_TOKEN_S = 26 * 3600  # longer than any phase may be; a server may give less
_NS = 1_000_000_000
_USER = "harness-load"


class Identity(msgspec.Struct, frozen=True, kw_only=True):
    """Who generates the load.

    Attributes:
        namespace, name: Of the ServiceAccount.
        user: User name, as in the audit log.
        kubeconfig: Private file; the token lies in a file beside it.
        token_file: That file.
        token: To be kept out of logs.
    """

    namespace: str
    name: str
    user: str
    kubeconfig: Path
    token_file: Path
    token: Token


class Renewal:
    """Keeps the token of a load valid that lasts for longer than a token's life.

    Who sends reads the file before each phase.

    Args:
        client: May make tokens.
        identity: Whose.
        clock: Says when half of the token's life is over.
        redact: Is told each new token, to be kept out of logs.
    """

    def __init__(
        self,
        client: KubeClient,
        identity: Identity,
        *,
        clock: Clock,
        redact: Callable[[Sequence[str]], object],
    ) -> None:
        self._client = client
        self._identity = identity
        self._clock = clock
        self._redact = redact
        self._due_s = self._half(identity.token)

    def when_due(self) -> None:
        """Replaces the token in the file, once half of its life is over.

        Where none can be made, the old one still holds: the next call tries again.
        """
        if self._now_s < self._due_s:
            return
        identity = self._identity
        try:
            token = self._client.token(identity.namespace, identity.name, expires_s=_TOKEN_S)
        except HarnessError:
            return
        self._redact([token.value])
        draft = identity.token_file.with_suffix(".new")
        _write(draft, token.value.encode())
        draft.replace(identity.token_file)
        self._due_s = self._half(token)

    @property
    def _now_s(self) -> float:
        return self._clock.now().wall_ns / _NS

    def _half(self, token: Token) -> float:
        return (self._now_s + token.expires) / 2


def make_identity(
    client: KubeClient,
    kubeconfig: Path,
    *,
    namespace: str,
    name: str,
    resource: Resource,
    folder: Path,
) -> Identity:
    """Makes a ServiceAccount that may write one resource, and files by which to be it.

    Args:
        client: May make it.
        kubeconfig: Names the server.
        namespace: Of the account; exists.
        name: Of the account, its role and binding.
        resource: What it may write.
        folder: Private; the files go there.

    Raises:
        ApiError: It can't be made.
    """
    account = {"name": name, "namespace": namespace}
    client.apply({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": account})
    rule = {"apiGroups": [resource.group], "resources": [resource.plural], "verbs": _VERBS}
    metadata = {"name": name}
    version = f"{_RBAC}/v1"
    client.apply(
        {"apiVersion": version, "kind": "ClusterRole", "metadata": metadata, "rules": [rule]}
    )
    client.apply(
        {
            "apiVersion": version,
            "kind": "ClusterRoleBinding",
            "metadata": metadata,
            "roleRef": {"apiGroup": _RBAC, "kind": "ClusterRole", "name": name},
            "subjects": [{"kind": "ServiceAccount", **account}],
        }
    )
    token = client.token(namespace, name, expires_s=_TOKEN_S)
    token_file, file = folder / "load.token", folder / "load.kubeconfig"
    _write(token_file, token.value.encode())
    _write(file, _as_account(flatten(kubeconfig), token_file))
    return Identity(
        namespace=namespace,
        name=name,
        user=f"system:serviceaccount:{namespace}:{name}",
        kubeconfig=file,
        token_file=token_file,
        token=token,
    )


def _as_account(kubeconfig: bytes, token_file: Path) -> bytes:
    """Returns a kubeconfig of one context with another user."""
    document = msgspec.json.decode(kubeconfig)
    document["users"] = [{"name": _USER, "user": {"tokenFile": str(token_file)}}]
    document["contexts"][0]["context"]["user"] = _USER
    return msgspec.json.encode(document)


def _write(file: Path, data: bytes) -> None:
    file.unlink(missing_ok=True)
    with open(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:  # noqa: PTH123 - private from its first byte
        out.write(data)
