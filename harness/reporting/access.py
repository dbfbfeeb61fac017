"""Stage 7: the operator's permissions as a matrix of resources and verbs."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import msgspec

from harness.model.access import GrantState, GrantUse, ProofState

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from harness.model.access import RbacReport

__all__ = [
    "PROOF_STATUS",
    "STATE_WORDS",
    "AccessCell",
    "AccessMatrix",
    "AccessRow",
    "access_matrix",
]

_VERBS = ("get", "list", "watch", "create", "update", "patch", "delete", "deletecollection")
_ALL = "*"

STATE_WORDS = {
    GrantState.USED: "used",
    GrantState.INDIRECT: "used indirectly",
    GrantState.DELEGATION: "held for delegation",
    GrantState.ADMISSION: "checked by admission",
    GrantState.UNOBSERVED: "not observed",
}
PROOF_STATUS = {
    ProofState.PROVEN: "pass",
    ProofState.REFUTED: "fail",
    ProofState.NOT_VERIFIED: "not_verified",
}
"""Which check's status a proof looks like."""

_STRENGTH = tuple(STATE_WORDS)  # the first one wins where several rules grant the same


class AccessCell(msgspec.Struct, frozen=True, kw_only=True):
    """One verb on one resource.

    Attributes:
        verb: As the rule has it.
        state: Of the grant that was used most, where several rules grant the same.
        dangers: Checks that call it dangerous.
    """

    verb: str
    state: GrantState
    dangers: tuple[str, ...] = ()

    @property
    def words(self) -> str:
        """For those who see neither shape nor colour."""
        danger = f", dangerous ({', '.join(self.dangers)})" if self.dangers else ""
        return f"{STATE_WORDS[self.state]}{danger}"


class AccessRow(msgspec.Struct, frozen=True, kw_only=True):
    """One resource or URL.

    Attributes:
        cells: One for each column; None where nothing is granted.
        uses: The grants behind them.
    """

    key: str
    cells: tuple[AccessCell | None, ...]
    uses: tuple[GrantUse, ...]

    @property
    def anchors(self) -> tuple[tuple[str, ...], ...]:
        """For each grant, the verbs whose cells lead to it: for a cell, where it was used most."""
        best: dict[str, int] = {}
        for number, use in enumerate(self.uses):
            for verb in use.grant.verbs:
                held = best.get(verb)
                if held is None or _rank(use, verb) < _rank(self.uses[held], verb):
                    best[verb] = number
        return tuple(
            tuple(verb for verb in use.grant.verbs if best[verb] == number)
            for number, use in enumerate(self.uses)
        )


class AccessMatrix(msgspec.Struct, frozen=True, kw_only=True):
    """All that one identity may do.

    Attributes:
        columns: Verbs; those that no rule grants are left out.
        granted, used, dangerous: How many cells.
    """

    identity: str
    columns: tuple[str, ...]
    rows: tuple[AccessRow, ...]
    granted: int
    used: int
    dangerous: int


def access_matrix(report: RbacReport | None) -> tuple[AccessMatrix, ...]:
    """Returns a matrix for each identity of the operator."""
    by_identity: dict[str, list[GrantUse]] = defaultdict(list)
    for use in report.uses if report else ():
        by_identity[use.grant.identity].append(use)
    return tuple(_matrix(identity, uses) for identity, uses in by_identity.items())


def _matrix(identity: str, uses: Sequence[GrantUse]) -> AccessMatrix:
    columns = _columns(uses)
    by_key: dict[str, list[GrantUse]] = defaultdict(list)
    for use in uses:
        by_key[use.grant.key].append(use)
    rows = tuple(
        AccessRow(
            key=key,
            cells=tuple(_cell(verb, found) for verb in columns),
            uses=tuple(found),
        )
        for key, found in by_key.items()
    )
    cells = [cell for row in rows for cell in row.cells if cell is not None]
    return AccessMatrix(
        identity=identity,
        columns=columns,
        rows=rows,
        granted=len(cells),
        used=sum(cell.state is GrantState.USED for cell in cells),
        dangerous=sum(bool(cell.dangers) for cell in cells),
    )


def _columns(uses: Iterable[GrantUse]) -> tuple[str, ...]:
    granted = {verb for use in uses for verb in use.grant.verbs}
    return tuple(verb for verb in _VERBS if verb in granted) + tuple(sorted(granted - set(_VERBS)))


def _cell(verb: str, uses: Iterable[GrantUse]) -> AccessCell | None:
    found = [use for use in uses if verb in use.grant.verbs]
    if not found:
        return None
    states = [_state(use, verb) for use in found]
    return AccessCell(
        verb=verb,
        state=min(states, key=_STRENGTH.index),
        dangers=tuple(sorted({check for use in found for check in use.dangers})),
    )


def _rank(use: GrantUse, verb: str) -> int:
    return _STRENGTH.index(_state(use, verb))


def _state(use: GrantUse, verb: str) -> GrantState:
    """Of a bundle of reads, the verbs that weren't asked for themselves are used with the rest."""
    if use.state is GrantState.USED and verb not in use.used_verbs and verb != _ALL:
        return GrantState.INDIRECT
    return use.state
