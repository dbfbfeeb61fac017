"""Who a kubeconfig's user is: certificate, token, token file, password, or a plugin's answer."""

from __future__ import annotations

import base64
import binascii
import os
from typing import TYPE_CHECKING

from harness.errors import ClusterError
from harness.kube.certificates import BadCertificate, load_pair
from harness.kube.configfile import content
from harness.kube.execplugin import VERSIONS, ExecPlugin, PluginSpec

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable
    from pathlib import Path

    from harness.kube.configfile import Place

__all__ = ["User", "beside", "pem"]

_PEM_LIMIT = 1 << 20
_TOKEN_LIMIT = 1 << 16
_EXTENSION = "client.authentication.k8s.io/exec"
_REMOVED = "client.authentication.k8s.io/v1alpha1"
_ALREADY = ("token", "tokenFile", "username", "password")

_IMPERSONATION = "impersonation isn't supported; name the identity's own credentials"
_REFUSED = {
    "auth-provider": "was removed from Kubernetes in 1.26; use the exec plugin that replaced it",
    "as": _IMPERSONATION,
    "as-uid": _IMPERSONATION,
    "as-groups": _IMPERSONATION,
    "as-user-extra": _IMPERSONATION,
}


class User:
    """Reads a user's entry; what is wrong becomes a problem of its place.

    Args:
        place: The entry; None where there is none, which makes us anonymous.
        cluster: The cluster's entry, of which a plugin may want to be told.
        tls: Gets the client certificate; None for plain HTTP.
        timeout: Seconds that a plugin may take.
    """

    def __init__(
        self, place: Place | None, cluster: Place, *, tls: ssl.SSLContext | None, timeout: float
    ) -> None:
        self.ways: list[str] = []
        self.notes: list[str] = []
        self._cluster = cluster
        self._tls = tls
        self._timeout = timeout
        self._header: Callable[[], str | None] = lambda: None
        self._plugin: ExecPlugin | None = None
        if place is not None:
            self._read(place)

    def authorization(self) -> str | None:
        """Returns the present Authorization header; None where there is none.

        Raises:
            ClusterError: The plugin fails, or the token's file is gone.
        """
        return self._header() if self._plugin is None else self._plugin.authorization()

    def renew(self, used: str | None) -> bool:
        """Returns whether there is something new to try after a 401; see `ExecPlugin.renew`."""
        return self._plugin is not None and self._plugin.renew(used)

    def _read(self, place: Place) -> None:
        for key, why in _REFUSED.items():
            if key in place:
                place.add(key, why)
        self._read_pair(place)
        self._read_header(place)
        plugin = place.place("exec")
        if plugin is not None:
            if any(key in place for key in _ALREADY):
                place.add("exec", "a token or password is there as well; keep one of them")
            self._read_plugin(plugin)

    def _read_pair(self, place: Place) -> None:
        certificate, key = pem(place, "client-certificate")
        secret, key_of_secret = pem(place, "client-key")
        if not (certificate and secret):
            if key in place and key_of_secret not in place:
                place.add(key, "needs a client-key beside it")
            elif key_of_secret in place and key not in place:
                place.add(key_of_secret, "needs a client-certificate beside it")
            return
        self.ways.append("client certificate")
        if self._tls is None:
            return
        try:
            load_pair(self._tls, certificate, secret)
        except BadCertificate as error:
            place.add(key, str(error))

    def _read_header(self, place: Place) -> None:
        """Finds a fixed header, or a token in a file."""
        file, token = place.text("tokenFile"), place.text("token").strip()
        name, password = place.text("username"), place.text("password")
        if (file or token) and (name or password):
            place.add("username", "there are a token and a password; keep one of them")
        if file:  # it comes first in kubectl too
            self._read_token_file(place, beside(place, file))
        elif token:
            if not _is_token(token):
                place.add("token", "holds spaces or control characters")
            self.ways.append("token")
            self._header = lambda: f"Bearer {token}"
        elif name or password:
            self.ways.append("user name and password")
            self.notes.append(
                "User name and password are sent; Kubernetes itself takes none since 1.19."
            )
            basic = base64.b64encode(f"{name}:{password}".encode()).decode()
            self._header = lambda: f"Basic {basic}"

    def _read_token_file(self, place: Place, path: Path) -> None:
        self.ways.append("token file")
        self._header = lambda: f"Bearer {_token(path)}"
        try:
            _token(path)
        except ClusterError as error:
            place.add("tokenFile", str(error).rstrip("."))

    def _read_plugin(self, place: Place) -> None:
        name = place.text("command", required=True)
        if not name.isprintable():
            place.add("command", "isn't a program")
        version = _version(place)
        _check_mode(place, required=version == VERSIONS[0])
        env = {
            entry.text("name", required=True): entry.text("value") for entry in place.places("env")
        }
        if any("=" in key for key in env):
            place.add("env", "a variable's name can't hold =")
        spec = PluginSpec(
            place=f"{place.file}:{place.line('command')}",
            command=str(beside(place, name)) if os.sep in name else name,
            arguments=tuple(place.texts("args")),
            env=env,
            api_version=version,
            hint=place.text("installHint"),
            cluster=self._told_cluster() if place.flag("provideClusterInfo") else None,
            timeout=self._timeout,
        )
        self.ways.append(f"exec plugin {name!r}")
        self._plugin = ExecPlugin(spec, tls=self._tls)

    def _told_cluster(self) -> dict[str, object]:
        place = self._cluster
        authority, _ = pem(place, "certificate-authority")
        told: dict[str, object] = {
            "server": place.text("server"),
            "tls-server-name": place.text("tls-server-name"),
            "insecure-skip-tls-verify": place.flag("insecure-skip-tls-verify"),
            "certificate-authority-data": base64.b64encode(authority).decode(),
            "proxy-url": place.text("proxy-url"),
        }
        told = {key: value for key, value in told.items() if value}
        for entry in place.places("extensions"):
            if entry.text("name") == _EXTENSION:
                told["config"] = entry.data("extension")
        return told


def _version(place: Place) -> str:
    version = place.text("apiVersion", required=True)
    if version == _REMOVED:
        message, hint = "v1alpha1 was removed in Kubernetes 1.24", f"take {VERSIONS[0]}"
        place.add("apiVersion", message, hint=hint)
    elif version and version not in VERSIONS:
        place.add("apiVersion", f"must be {' or '.join(VERSIONS)}")
    return version


def _check_mode(place: Place, *, required: bool) -> None:
    mode = place.text("interactiveMode")
    if mode == "Always":
        place.add("interactiveMode", "the plugin wants to ask somebody, and nobody is here")
    elif mode not in {"", "Never", "IfAvailable"}:
        place.add("interactiveMode", "must be Never, IfAvailable or Always")
    elif required and not mode:
        place.add("interactiveMode", "the key 'interactiveMode' is missing", hint="write Never")


def pem(place: Place, key: str) -> tuple[bytes, str]:
    """Returns what is inline or in a file, and which key says so; inline comes first.

    Args:
        place: The entry; gets a problem where it can't be read.
        key: For example "client-key".
    """
    inline = f"{key}-data"
    words = place.text(inline)
    if words:
        try:
            return base64.b64decode("".join(words.split()), validate=True), inline
        except (binascii.Error, ValueError):
            place.add(inline, "isn't base64")
            return b"", inline
    named = place.text(key)
    if not named:
        return b"", key
    path = beside(place, named)
    try:
        found = content(path, _PEM_LIMIT)
    except OSError as error:
        place.add(key, f"the file {path} can't be read: {error.strerror}")
        return b"", key
    if not found.strip():
        place.add(key, f"the file {path} is empty")
    return found, key


def beside(place: Place, name: str) -> Path:
    """Returns a path that is relative to the kubeconfig that names it."""
    return (place.file.parent / name).absolute()


def _token(path: Path) -> str:
    """Returns the token in a file, which may be a new one each time.

    Raises:
        ClusterError: It can't be read, or holds none.
    """
    try:
        words = content(path, _TOKEN_LIMIT).decode("ascii").strip()
    except OSError as error:
        raise ClusterError(f"The token file {path} can't be read: {error.strerror}.") from None
    except ValueError:
        words = ""
    if not _is_token(words):
        raise ClusterError(f"The token file {path} holds no token.")
    return words


def _is_token(words: str) -> bool:
    return bool(words) and words.isascii() and words.isprintable() and " " not in words
