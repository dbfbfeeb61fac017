"""Reads kubeconfigs: what they say, who that makes us, and every mistake with its line.

Nothing is sent and no plugin is run by reading. Nothing is ever written into a user's kubeconfig,
and no message quotes a key, a token, or a value that might be one.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

import msgspec

from harness.errors import UsageError
from harness.kube.certificates import BadCertificate, context
from harness.kube.configfile import Place, Unreadable, read
from harness.kube.connection import Credentials
from harness.kube.proxies import NO_PROXY, BadProxy, Proxy, environment_proxy, parse_proxy
from harness.kube.users import User, beside, pem

if TYPE_CHECKING:
    import ssl

    from harness.model.problems import Problem

__all__ = ["Access", "default_paths", "flatten", "read_kubeconfig"]

_HINT = "`kubectl --kubeconfig FILE config view` shows what it says."
_NAME = re.compile(r"[^\x00-\x1f\x7f]{1,500}")
_PATHS = {"certificate-authority", "client-certificate", "client-key", "tokenFile"}


class Access(msgspec.Struct, frozen=True, kw_only=True):
    """The way to a cluster, as one context of a kubeconfig names it; prints no secret.

    Attributes:
        files: Where it was read from.
        context: Name of the context.
        contexts: Names of all contexts, in the order of the files.
        cluster: Name of the cluster.
        user: Name of the user; empty where the context names none.
        namespace: The context's; "default" where it names none.
        server: URL, without a slash at its end.
        proxy: URL of the proxy in use, without its password; empty for none.
        way: How we tell who we are, for example "token" or "exec plugin 'aws'".
        notes: What a user should be told, a sentence each.
        credentials: For a `Connection`.
    """

    files: tuple[str, ...]
    context: str
    contexts: tuple[str, ...]
    cluster: str
    user: str
    namespace: str
    server: str
    proxy: str
    way: str
    notes: tuple[str, ...]
    credentials: Credentials


def default_paths() -> tuple[Path, ...]:
    """Returns the files that kubectl would read: those of $KUBECONFIG, else ~/.kube/config.

    Of several files in $KUBECONFIG, those that aren't there are left out, as kubectl does it.
    """
    named = [Path(part) for part in os.environ.get("KUBECONFIG", "").split(os.pathsep) if part]
    if len(named) > 1:
        named = [path for path in named if path.exists()] or named[:1]
    return tuple(named) or (Path.home() / ".kube" / "config",)


def read_kubeconfig(
    *paths: Path, context: str | None = None, plugin_timeout: float = 60.0
) -> Access:
    """Returns the way to the cluster of one context.

    Args:
        paths: The files, merged as kubectl does it: what is named twice counts where it's first.
        context: Name of the context; None for the current one.
        plugin_timeout: Seconds that an exec plugin may take.

    Raises:
        UsageError: A file is missing or no kubeconfig, lacks the context, or names something that
            can't be used; tells every problem with file and line.
    """
    problems: list[Problem] = []
    chosen = _choose(paths, context, problems)
    access = _Reader(chosen, problems, plugin_timeout).access() if chosen else None
    if problems or access is None:
        raise _error(problems)
    return access


def flatten(*paths: Path, context: str | None = None) -> bytes:
    """Returns a kubeconfig that holds one context only, which works wherever it's written.

    For a private file: it holds the keys that the original holds.

    Args:
        paths: As in `read_kubeconfig`; so are the errors.
        context: As in `read_kubeconfig`.
    """
    problems: list[Problem] = []
    chosen = _choose(paths, context, problems)
    if chosen is None or problems:
        raise _error(problems)
    entries = {
        "clusters": ("cluster", chosen.cluster_name, _absolute(chosen.cluster)),
        "users": ("user", chosen.user_name, _absolute(chosen.user) if chosen.user else {}),
        "contexts": ("context", chosen.name, chosen.context.whole()),
    }
    if not chosen.user_name:
        del entries["users"]
    document = {"apiVersion": "v1", "kind": "Config", "current-context": chosen.name}
    lists = {key: [{"name": name, of: value}] for key, (of, name, value) in entries.items()}
    if problems:
        raise _error(problems)
    return msgspec.json.encode(document | lists)


class _Chosen(NamedTuple):
    """The parts of the files that make up one context."""

    files: tuple[Path, ...]
    contexts: tuple[str, ...]
    name: str
    context: Place
    cluster_name: str
    cluster: Place
    user_name: str
    user: Place | None


def _choose(
    paths: tuple[Path, ...], context: str | None, problems: list[Problem]
) -> _Chosen | None:
    """Returns the parts of a context; None where a problem says why there are none."""
    roots = _roots(paths, problems)
    if problems:
        return None
    contexts = _named(roots, "contexts", "context")
    clusters = _named(roots, "clusters", "cluster")
    users = _named(roots, "users", "user")
    known = ", ".join(_shown(name) for name in contexts) or "none"
    name = context or next(
        (root.text("current-context") for root in roots if "current-context" in root), ""
    )
    if problems:
        return None
    if not name:
        roots[0].add(
            "current-context", "no context is current", hint=f"name one; there are: {known}"
        )
        return None
    if name not in contexts:
        if context:
            raise UsageError(
                f"The kubeconfig {roots[0].file} has no context {_shown(name)}.",
                hint=f"It has: {known}.",
            )
        root = next(root for root in roots if "current-context" in root)
        root.add(
            "current-context", f"there is no context {_shown(name)}", hint=f"there are: {known}"
        )
        return None
    return _resolve(paths, name, contexts, clusters, users)


def _roots(paths: tuple[Path, ...], problems: list[Problem]) -> list[Place]:
    roots = []
    for path in paths:
        try:
            root = read(path, problems)
        except Unreadable as error:
            if error.is_missing:
                raise UsageError(
                    f"No kubeconfig at {path}.", hint="Name one: --kubeconfig FILE, or KUBECONFIG."
                ) from None
            problems.append(error.problem)
            continue
        for key, wanted in (("apiVersion", "v1"), ("kind", "Config")):
            if key in root and root.text(key) != wanted:
                root.add(key, f"must be {wanted}, or this is no kubeconfig")
        roots.append(root)
    if not paths:
        raise UsageError("No kubeconfig is named.", hint="Set KUBECONFIG.")
    return roots


def _named(roots: list[Place], key: str, of: str) -> dict[str, Place | None]:
    """Returns the entries of a list by name; what an entry lacks is None."""
    found: dict[str, Place | None] = {}
    for root in roots:
        here: dict[str, int] = {}
        for entry in root.places(key):
            name = entry.text("name", required=True)
            if name and not _NAME.fullmatch(name):
                entry.add("name", "isn't a name")
            elif name in here:
                entry.add("name", f"{_shown(name)} is there twice, first in line {here[name]}")
            elif name:
                here[name] = entry.line("name")
                found.setdefault(name, entry.place(of))
    return found


def _resolve(
    paths: tuple[Path, ...],
    name: str,
    contexts: dict[str, Place | None],
    clusters: dict[str, Place | None],
    users: dict[str, Place | None],
) -> _Chosen | None:
    """Follows a context to its cluster and its user; None where a problem says what's missing."""
    place = contexts[name]
    if place is None:
        raise UsageError(f"The context {_shown(name)} of {paths[0]} is empty.", hint=_HINT)
    cluster_name, user_name = place.text("cluster", required=True), place.text("user")
    for key, wanted, known in (("cluster", cluster_name, clusters), ("user", user_name, users)):
        if wanted and wanted not in known:
            there = ", ".join(_shown(one) for one in known) or "none"
            place.add(key, f"there is no {key} {_shown(wanted)}", hint=f"there are: {there}")
        elif wanted and known[wanted] is None and key == "cluster":
            place.add(key, f"the cluster {_shown(wanted)} is empty")
    cluster = clusters.get(cluster_name)
    if cluster is None or (user_name and user_name not in users):
        return None
    return _Chosen(
        files=paths,
        contexts=tuple(contexts),
        name=name,
        context=place,
        cluster_name=cluster_name,
        cluster=cluster,
        user_name=user_name,
        user=users.get(user_name),
    )


class _Reader:
    """Makes credentials of a context.

    Args:
        chosen: Its parts.
        problems: Gets what is wrong.
        plugin_timeout: Seconds that an exec plugin may take.
    """

    def __init__(self, chosen: _Chosen, problems: list[Problem], plugin_timeout: float) -> None:
        self._chosen = chosen
        self._problems = problems
        self._timeout = plugin_timeout
        self._notes: list[str] = []

    def access(self) -> Access | None:
        """Returns the way to the cluster; None where there are problems."""
        chosen = self._chosen
        server = self._server(chosen.cluster)
        proxy = self._proxy(chosen.cluster, server)
        tls = self._tls(chosen.cluster, server)
        user = User(chosen.user, chosen.cluster, tls=tls, timeout=self._timeout)
        namespace = chosen.context.text("namespace") or "default"
        name = chosen.cluster.text("tls-server-name")
        if self._problems:
            return None
        return Access(
            files=tuple(str(path) for path in chosen.files),
            context=chosen.name,
            contexts=chosen.contexts,
            cluster=chosen.cluster_name,
            user=chosen.user_name,
            namespace=namespace,
            server=server,
            proxy=proxy.url,
            way=", ".join(user.ways) or "none",
            notes=(*self._notes, *user.notes),
            credentials=Credentials(
                server,
                tls=tls,
                authorization=user.authorization,
                renew=user.renew,
                server_name=name,
                proxy=proxy,
            ),
        )

    def _server(self, place: Place) -> str:
        server = place.text("server", required=True).strip()
        wrong = _wrong_server(server) if server else ""
        if wrong:
            place.add("server", wrong, hint="write https://HOST:PORT")
            return ""
        server = server.rstrip("/")
        if server.startswith("http://"):
            self._notes.append(f"Nothing is encrypted on the way to {server}.")
        return server

    def _proxy(self, place: Place, server: str) -> Proxy:
        told = place.text("proxy-url").strip()
        try:
            if told:
                return parse_proxy(told)
            return environment_proxy(server) if server else NO_PROXY
        except BadProxy as error:
            if not told:
                raise UsageError(f"{error}.", hint="Mend or unset it.") from None
            place.add("proxy-url", f"can't be used: {error}", hint="write http://HOST:PORT")
            return NO_PROXY

    def _tls(self, place: Place, server: str) -> ssl.SSLContext | None:
        insecure = place.flag("insecure-skip-tls-verify")
        authority, key = pem(place, "certificate-authority")
        if not server.startswith("https://"):
            return None
        if insecure:
            self._notes.append(
                f"The certificate of {server} isn't checked (insecure-skip-tls-verify): "
                "whoever answers there gets our credentials."
            )
            if authority:
                place.add(key, "can't be given together with insecure-skip-tls-verify")
        try:
            return context(b"" if insecure else authority, verify=not insecure)
        except BadCertificate as error:
            place.add(key, str(error))
            return None


def _wrong_server(server: str) -> str:
    try:
        parts = urlsplit(server)
        port = parts.port
    except ValueError:
        return "isn't a URL"
    if parts.scheme not in {"http", "https"} or "://" not in server:
        return "must begin with https:// (or http://)"
    if not parts.hostname or not server.isprintable() or " " in server:
        return "isn't the URL of a server"
    if parts.username is not None:
        return "must not hold a user name or password"
    if parts.query or parts.fragment:
        return "must not hold ? or #"
    return "has no such port" if port == 0 else ""


def _absolute(place: Place) -> dict[str, object]:
    whole = place.whole()
    for key in _PATHS & whole.keys():
        if whole[key]:
            whole[key] = str(beside(place, str(whole[key])))
    plugin = whole.get("exec")
    if isinstance(plugin, dict) and os.sep in str(plugin.get("command", "")):
        plugin["command"] = str(beside(place, str(plugin["command"])))
    return whole


def _shown(name: str) -> str:
    return repr(name if len(name) <= 80 else name[:79] + "…")  # noqa: PLR2004 - a line's width


def _error(problems: list[Problem]) -> UsageError:
    ordered = sorted(problems, key=lambda problem: (problem.file, problem.line, problem.column))
    if len(ordered) == 1:
        return UsageError(f"Can't use the kubeconfig {ordered[0]}", hint=_HINT)
    lines = "\n".join(str(problem) for problem in ordered)
    return UsageError(f"Can't use the kubeconfig, {len(ordered)} problems:\n{lines}", hint=_HINT)
