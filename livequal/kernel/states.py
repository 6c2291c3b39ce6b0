"""States are data: a table of allowed moves."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import TypeVar

from .errors import WrongState
from .i18n import gettext

S = TypeVar("S", bound=StrEnum)


def move(current: S, target: S, moves: Mapping[S, frozenset[S]]) -> S:
    """Return `target` when the table allows the move.

    Raises: WrongState, which tells people to look again and names both states in its note, for the log.
    """
    if target not in moves.get(current, frozenset()):
        error = WrongState(gettext("This was changed meanwhile. Look at it again."))
        error.add_note(f"{current.value} → {target.value}")
        raise error
    return target
