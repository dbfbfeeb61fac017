"""Which cluster is meant: a context of a kubeconfig, named by the user and never guessed."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from urllib.request import getproxies

import msgspec

from harness.errors import UsageError
from harness.kube.kubeconfig import default_paths, flatten, read_kubeconfig
from harness.kube.proxies import environment_proxy

if TYPE_CHECKING:
    from harness.kube.kubeconfig import Access
    from harness.settings import Settings

__all__ = ["described", "flattened", "select"]


def select(settings: Settings) -> Access:
    """Returns how the named context is reached; nothing is sent.

    Raises:
        UsageError: No context is named (the message shows the current one and how to name it), or
            the kubeconfig can't be used.
    """
    paths = _paths(settings)
    if settings.context:
        return read_kubeconfig(*paths, context=settings.context)
    found = read_kubeconfig(*paths)
    others = [name for name in found.contexts if name != found.context]
    known = f"\n  others   {', '.join(others)}" if others else ""
    raise UsageError(
        "An existing cluster is used only when its context is named. The current one is\n"
        f"{described(found)}{known}",
        hint=f"If that is the one, add: --context {shlex.quote(found.context)}",
    )


def flattened(settings: Settings) -> bytes:
    """Returns a kubeconfig of the named context alone; it holds what the user's own holds.

    A proxy of the environment is named in it too: the operator doesn't have our environment.
    """
    content = flatten(*_paths(settings), context=settings.context)
    document = msgspec.json.decode(content, type=dict[str, Any])
    about = document["clusters"][0]["cluster"]
    if "proxy-url" in about or not environment_proxy(about["server"]).url:
        return content
    named = getproxies()[urlsplit(about["server"]).scheme]
    about["proxy-url"] = named if "://" in named else f"http://{named}"
    return msgspec.json.encode(document)


def described(access: Access) -> str:
    """Returns context, server and user, a line each, without secrets."""
    rows = [("context", access.context), ("server", access.server)]
    rows.append(("user", f"{access.user or 'none'} ({access.way})"))
    if access.proxy:
        rows.append(("proxy", access.proxy))
    return "\n".join(f"  {name:8} {value}" for name, value in rows)


def _paths(settings: Settings) -> tuple[Path, ...]:
    if settings.kubeconfig:
        return (Path(settings.kubeconfig).expanduser(),)
    return default_paths()
