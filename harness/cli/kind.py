"""The options by which people say what a kind cluster shall be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from harness.cli import completion
from harness.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["kind_options", "kind_settings"]

_OPTIONS = (
    click.option(
        "--kind-image",
        default="",
        metavar="IMAGE",
        help="Node image of a kind cluster. Default: kind's own of that version of Kubernetes, "
        "or the one that ci/steps/kind-node.sh built.",
    ),
    click.option(
        "--kind-workers",
        type=click.IntRange(min=0, max=20),
        default=0,
        metavar="N",
        help="Worker nodes of a kind cluster; only with an image whose network spans nodes.",
    ),
    click.option(
        "--kind-config",
        default="",
        metavar="FILE",
        shell_complete=completion.files,
        help="A kind config that is merged into the harness's own.",
    ),
    click.option(
        "--kind-cluster",
        default="",
        metavar="NAME",
        help="A kind cluster by name: used if it's up (and it stays), else made.",
    ),
)


def kind_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds the options, passed on under the names of the settings."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def kind_settings(cluster: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the settings; they must not be given for another provider.

    Raises:
        UsageError: Names the first that is.
    """
    strays = [f"--{name.replace('_', '-')}" for name, value in given.items() if value]
    if strays and cluster != "kind":
        raise UsageError(
            f"{strays[0]} says what a kind cluster shall be, but this one is {cluster}.",
            hint="Ask for a kind cluster (run: --cluster kind; cluster up: --provider kind), or "
            "leave the option out.",
        )
    return dict(given)
