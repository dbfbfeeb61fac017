"""The option by which people ask for another version of Kubernetes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["kubernetes_version"]


def _parsed(_context: click.Context, _parameter: click.Parameter, value: str) -> str:
    from harness.assets.versions import parse  # noqa: PLC0415 - only when given

    return parse(value) if value else ""


def kubernetes_version(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds `--kubernetes-version`, passed on as `kubernetes`: "1.33.6", or empty.

    A wrong one is a UsageError before anything else happens.
    """
    return click.option(
        "--kubernetes-version",
        "kubernetes",
        default="",
        metavar="X.Y.Z",
        callback=_parsed,
        help="Another version of Kubernetes: from KUBEBUILDER_ASSETS, PATH, the cache, an "
        "official release, or Go modules.",
    )(command)
