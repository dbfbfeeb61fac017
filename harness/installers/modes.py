"""Stage 3: the operator is told the namespaces that `scope` declares, as OLM would tell it."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

from harness.installers.workloads import choose
from harness.manifests.objects import Object, describe, kind_of, name_of, namespace_of, pod_spec
from harness.manifests.watching import Setting, setting_of, told
from harness.model.target import InstallMode

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from harness.installers.workloads import Chosen
    from harness.model.target import Target

__all__ = ["in_mode"]


def in_mode(
    target: Target,
    manifests: Sequence[Object],
    *,
    on_note: Callable[[str], None] = lambda _: None,
) -> list[Object]:
    """Returns manifests whose operator serves the declared namespaces.

    Where its variable or flags say other ones they are changed, and each namespace that it then
    serves gets the Roles that it had in the one that it served before. What the manifests say
    already, or say in no known way, stays.

    Args:
        target: Whose scope is declared.
        manifests: As rendered.
        on_note: Told what was changed, for the report.
    """
    result = list(manifests)
    for chosen in choose(target, manifests):
        wanted = _wanted(target, chosen)
        container = _container(chosen)
        setting = setting_of(container)
        before = _served(setting, chosen)
        if setting is None or before is None or set(before) == set(wanted):
            continue
        on_note(
            f"{describe(chosen.deployment)}: {setting.words} says {_words(before)} in its "
            f"manifests, and {_words(wanted)} here, since the target's scope is "
            f"{target.scope.mode}."
        )
        changed = _replaced(chosen, told(container, wanted))
        result = [changed if obj is chosen.deployment else obj for obj in result]
        result += _roles(result, chosen, before=before, wanted=wanted)
    return result


def _wanted(target: Target, chosen: Chosen) -> tuple[str, ...]:
    scope = target.scope
    if scope.mode is InstallMode.ALL_NAMESPACES:
        return ()
    if scope.mode is InstallMode.OWN_NAMESPACE or not scope.namespaces:
        return (chosen.namespace,)
    return scope.namespaces


def _served(setting: Setting | None, chosen: Chosen) -> tuple[str, ...] | None:
    """Returns what the manifests say; None where that can't be told from them."""
    if setting is None or any("$(" in name or "*" in name for name in setting.namespaces):
        return None
    return (chosen.namespace,) if setting.own else setting.namespaces


def _container(chosen: Chosen) -> Object:
    for item in pod_spec(chosen.deployment).get("containers") or ():
        if item.get("name") == chosen.container:
            found: Object = item
            return found
    return {}


def _replaced(chosen: Chosen, container: Object) -> Object:
    changed = copy.deepcopy(chosen.deployment)
    spec = pod_spec(changed)
    spec["containers"] = [
        container if item.get("name") == chosen.container else item for item in spec["containers"]
    ]
    return changed


def _roles(
    manifests: Sequence[Object],
    chosen: Chosen,
    *,
    before: Sequence[str],
    wanted: Sequence[str],
) -> list[Object]:
    """Returns Roles and RoleBindings for namespaces in which the operator has none."""
    account = str(pod_spec(chosen.deployment).get("serviceAccountName") or "default")
    bindings = [
        obj
        for obj in manifests
        if kind_of(obj) == "RoleBinding" and _binds(obj, account, chosen.namespace)
    ]
    bound = {namespace_of(obj) or "default" for obj in bindings}
    source = next((name for name in (*before, chosen.namespace) if name in bound), "")
    made: list[Object] = []
    for place in wanted:
        if place in bound or not source:
            continue
        for obj in bindings:
            if (namespace_of(obj) or "default") != source:
                continue
            made.append(_moved(obj, place, chosen.namespace))
            role = obj["roleRef"]
            made += [
                _moved(item, place, chosen.namespace)
                for item in manifests
                if role["kind"] == "Role"
                and kind_of(item) == "Role"
                and (namespace_of(item) or "default") == source
                and name_of(item) == role["name"]
            ]
    return made


def _binds(binding: Object, account: str, namespace: str) -> bool:
    return any(
        subject.get("kind") == "ServiceAccount"
        and subject.get("name") == account
        and (subject.get("namespace") or namespace_of(binding) or "default") == namespace
        for subject in binding.get("subjects") or ()
    )


def _moved(obj: Object, place: str, home: str) -> Object:
    made = copy.deepcopy(obj)
    made["metadata"]["namespace"] = place
    for subject in made.get("subjects") or ():
        if subject.get("kind") == "ServiceAccount" and not subject.get("namespace"):
            subject["namespace"] = home
    return made


def _words(names: Sequence[str]) -> str:
    return ", ".join(names) or "all namespaces"
