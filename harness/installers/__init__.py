"""Stage 3: from rendered manifests to an operator that runs.

installer   what every way of installing can do
choosing    which way it is: process | in-cluster | present
rendering   manifests as they will be applied; no cluster needed
workloads   which Deployment and which container is the operator
ordering    in which order manifests are applied
certificates, webhooks   our own authority; webhook configurations that lead to the process
applying    server-side apply, with what the API server refuses as findings
images/     the operator's image, made without a registry and, as a rule, without Docker
modes       the namespaces that it's told to watch, by the target's scope
second      a second instance of it, in a namespace of its own
incluster/  the operator in its Pods, as its users deploy it
process/    the operator of a Deployment as a local process that believes it is in its pod
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from harness.installers.choosing import choose_way, control, installer_for
    from harness.installers.installer import Control, Installer, NotReady, Rotation
    from harness.installers.rendering import render
    from harness.installers.second import second_instance

__all__ = [
    "Control",
    "Installer",
    "NotReady",
    "Rotation",
    "choose_way",
    "control",
    "installer_for",
    "render",
    "second_instance",
]

_PLACES = {  # loaded when asked for: the refresher's process needs none of them
    "Control": "installer",
    "Installer": "installer",
    "NotReady": "installer",
    "Rotation": "installer",
    "choose_way": "choosing",
    "control": "choosing",
    "installer_for": "choosing",
    "render": "rendering",
    "second_instance": "second",
}


def __getattr__(name: str) -> object:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_PLACES[name]}"), name)
