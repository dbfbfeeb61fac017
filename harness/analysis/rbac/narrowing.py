"""What to put in place of a dangerous rule: what a run saw of its use, and no more."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.model.access import GrantUse

__all__ = ["narrowed"]

_BY_NAME = frozenset({"get", "update", "patch", "delete"})
_FEW = 3
_SHOWN = 12


def narrowed(dangers: Sequence[tuple[GrantUse, tuple[str, ...]]]) -> str:
    """Returns YAML rules with what was used; a comment where nothing was.

    Args:
        dangers: Grants, each with its verbs that are dangerous.
    """
    kept: list[str] = []
    unused = []
    for use, verbs in dangers:
        grant = use.grant
        used = tuple(verb for verb in use.used_verbs if verb in verbs)
        if used:
            kept += _rule(use, used)
        else:
            unused.append(f"{', '.join(verbs)} {grant.key}")
    lines = []
    if kept:
        lines += ["# What this run used of it:", *kept]
    if unused:
        more = [f"# … and {len(unused) - _SHOWN} more"] if len(unused) > _SHOWN else []
        lines += ["# Not seen in use by this run, so the first to go:"]
        lines += [*(f"#   {words}" for words in unused[:_SHOWN]), *more]
    return "\n".join(lines)


def _rule(use: GrantUse, verbs: tuple[str, ...]) -> list[str]:
    grant = use.grant
    listed = _quoted(verbs)
    if grant.url:
        return [f'- nonResourceURLs: ["{grant.url}"]', f"  verbs: [{listed}]"]
    names = grant.names or (use.names if set(verbs) <= _BY_NAME and len(use.names) <= _FEW else ())
    where = ", ".join(place or "cluster-wide" for place in use.namespaces)
    return [
        f'- apiGroups: ["{grant.group}"]  # {where}',
        f'  resources: ["{grant.resource}"]',
        *([f"  resourceNames: [{_quoted(names)}]"] if names else []),
        f"  verbs: [{listed}]",
    ]


def _quoted(words: Sequence[str]) -> str:
    return ", ".join(f'"{word}"' for word in words)
