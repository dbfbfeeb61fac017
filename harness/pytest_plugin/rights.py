"""What our own identity may not do decides nothing about the operator."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from harness.errors import ApiError, NotVerified

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["with_our_rights"]

_FORBIDDEN = 403
_OURS = (" cannot ", "attempting to grant RBAC permissions not currently held")
"""What the authorizer says of us; an admission plugin speaks of the object."""


@contextmanager
def with_our_rights(what: str) -> Iterator[None]:
    """Turns a refusal of our own identity into "not verified".

    Args:
        what: Is being done, for example "planting sentinels".

    Raises:
        NotVerified: We may not do that in this cluster.
    """
    try:
        yield
    except ApiError as error:
        if error.status == _FORBIDDEN and any(words in str(error) for words in _OURS):
            raise NotVerified(f"{what} is more than we may do in this cluster: {error}") from error
        raise
