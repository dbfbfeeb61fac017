"""By which setting of its container an operator is told the namespaces that it watches.

That is a variable (operator-sdk, kubebuilder --namespaced), a flag, or kopf's -n and -A.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["FLAGS", "VARIABLES", "Setting", "is_kopf", "kopf_namespaces", "setting_of", "told"]

VARIABLES = ("WATCH_NAMESPACE", "WATCH_NAMESPACES", "WATCHED_NAMESPACE", "WATCHED_NAMESPACES")
FLAGS = (
    *("watch-namespace", "watch-namespaces", "watched-namespace", "watched-namespaces"),
    "namespaces",
)
"""A flag --namespace alone may mean the operator's own."""

_OWN = "metadata.namespace"
_KOPF_ALL = ("-A", "--all-namespaces")
_KOPF_ONE = ("-n", "--namespace")
_KOPF_ONLY = (*_KOPF_ALL, "--standalone", "--peering", "--liveness")

Container = dict[str, Any]  # a container of a pod template


class Setting(msgspec.Struct, frozen=True, kw_only=True):
    """What a container is told.

    Attributes:
        words: How people call the setting, for example "the variable WATCH_NAMESPACE".
        namespaces: Empty for all of them.
        own: It's the namespace of its Pod, by the downward API.
    """

    words: str
    namespaces: tuple[str, ...] = ()
    own: bool = False


def setting_of(container: Container) -> Setting | None:
    """Returns what a container is told; None where no known setting says it."""
    for entry in container.get("env") or ():
        if entry.get("name") in VARIABLES:
            words = f"the variable {entry['name']}"
            field = ((entry.get("valueFrom") or {}).get("fieldRef") or {}).get("fieldPath")
            if field == _OWN:
                return Setting(words=words, own=True)
            return Setting(words=words, namespaces=_split(str(entry.get("value") or "")))
    if is_kopf(container):
        return Setting(words="kopf's -n and -A", namespaces=kopf_namespaces(container))
    for field in ("command", "args"):
        words_of = [str(word) for word in container.get(field) or ()]
        for _, name, value in _flags(words_of):
            return Setting(words=f"the flag --{name}", namespaces=_split(value))
    return None


def told(container: Container, namespaces: Sequence[str]) -> Container:
    """Returns a container that is told other namespaces, by the setting that it has.

    Args:
        container: One of which `setting_of` knows a setting.
        namespaces: Which; none for all.
    """
    made = copy.deepcopy(container)
    value = ",".join(namespaces)
    for entry in made.get("env") or ():
        if entry.get("name") in VARIABLES:
            entry.pop("valueFrom", None)
            entry["value"] = value
            return made
    if is_kopf(made):
        return _told_kopf(made, namespaces)
    for field in ("command", "args"):
        words = [str(word) for word in made.get(field) or ()]
        for place, name, _ in list(_flags(words)):
            dashes = words[place][: len(words[place]) - len(words[place].lstrip("-"))]
            if "=" not in words[place]:
                del words[place + 1]
            words[place] = f"{dashes}{name}={value}"
            made[field] = words
            return made
    return made


def is_kopf(container: Container) -> bool:
    """Whether a container runs `kopf run`."""
    words = _words(container)
    by_name = any(word == "kopf" or word.endswith("/kopf") for word in words)
    by_flags = words[:1] == ["run"] and any(word.partition("=")[0] in _KOPF_ONLY for word in words)
    return "run" in words and (by_name or by_flags)


def kopf_namespaces(container: Container) -> tuple[str, ...]:
    """Returns the namespaces that `kopf run` is given by -n; none for all of them."""
    words = _words(container)
    return tuple(
        dict.fromkeys(
            name
            for word, following in zip(words, [*words[1:], ""], strict=False)
            for name in _split(_kopf_name(word, following))
        )
    )


def _kopf_name(word: str, following: str) -> str:
    flag, equals, value = word.partition("=")
    if flag in _KOPF_ONE:
        return value if equals else following
    glued = word.startswith("-n") and not word.startswith("--") and len(word) > len("-n")
    return word.removeprefix("-n") if glued else ""


def _told_kopf(made: Container, namespaces: Sequence[str]) -> Container:
    flags = [f"--namespace={name}" for name in namespaces] or ["--all-namespaces"]
    for field in ("command", "args"):
        kept: list[str] = []
        words = [str(word) for word in made.get(field) or ()]
        skip = False
        for word in words:
            if skip or word in _KOPF_ALL or _kopf_name(word, ""):
                skip = False
                continue
            if word in _KOPF_ONE:
                skip = True
                continue
            kept.append(word)
        if "run" in kept:  # its options may follow at once
            place = kept.index("run") + 1
            kept[place:place] = flags
        if words:
            made[field] = kept
    return made


def _flags(words: Sequence[str]) -> Iterator[tuple[int, str, str]]:
    """Yields place, name and value of each flag that names namespaces."""
    for place, (word, following) in enumerate(zip(words, [*words[1:], ""], strict=False)):
        name, equals, value = word.lstrip("-").partition("=")
        if word.startswith("-") and name in FLAGS:
            yield place, name, value if equals else following


def _words(container: Container) -> list[str]:
    return [str(word) for key in ("command", "args") for word in container.get(key) or ()]


def _split(value: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(part.strip() for part in value.split(",") if part.strip()))
